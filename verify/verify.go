// Package verify finds what is, or will be, missed: what is installed is held
// against what is wanted, and every hole is named with its remedy.
//
// A [Check] looks at one thing. [Run] runs checks and sorts what they find: an
// error means that something is or will be missed as things stand, a note is a
// limit that depends on what the database's clients do, or a thing worth knowing.
// Checks only read.
package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Severity of a finding.
type Severity string

// The severities.
const (
	// Error: something is or will be missed as things stand.
	Error Severity = "error"
	// Note: nothing is missed yet, or only by what clients may do.
	Note Severity = "note"
)

// The kinds of findings.
const (
	// KindNotBuilt: the configuration asks for what is not part of this version.
	KindNotBuilt = "not_built"
	// KindTableMissing: an entity's table, or one that a relation leads to, is not
	// there.
	KindTableMissing = "table_missing"
	// KindNoKey: a table without a key.
	KindNoKey = "no_key"
	// KindNotTransactional: a table whose engine cannot roll back.
	KindNotTransactional = "not_transactional"
	// KindRules: the rules do not fit the table.
	KindRules = "rules"
	// KindSchema: annals' own tables are missing or old.
	KindSchema = "schema"
	// KindConflict: something else stands where annals needs a table.
	KindConflict = "schema_conflict"
	// KindStampIndex: stamps without their index.
	KindStampIndex = "stamp_index"
	// KindNotAudited: a table that no rule covers.
	KindNotAudited = "not_audited"
	// KindUnseen: writers that the capture does not see.
	KindUnseen = "unseen_writers"
	// KindRawSQL: raw SQL that is not seen, or not in full.
	KindRawSQL = "raw_sql"
	// KindException: what a program may notice of annals.
	KindException = "exception"
	// KindTriggerMissing, KindTriggerDisabled and KindTriggerOutdated: a trigger that is
	// not there, does not always fire, or is not of today's rules and columns;
	// KindTriggerOrphaned: one that nothing asks for.
	KindTriggerMissing  = "trigger_missing"
	KindTriggerDisabled = "trigger_disabled"
	KindTriggerOutdated = "trigger_outdated"
	KindTriggerOrphaned = "trigger_orphaned"
	// KindDefinerMissing: triggers run as an account that is gone; KindOwnerRights: as
	// one that lacks rights.
	KindDefinerMissing = "definer_missing"
	KindOwnerRights    = "owner_rights"
	// KindRights: the account of the source can write what is recorded.
	KindRights = "rights"
	// KindPublication: logical replication carries annals' tables.
	KindPublication = "publication"
	// KindNotDurable: a crash empties a table of annals.
	KindNotDurable = "not_durable"
	// KindSchemaChanges: nothing makes triggers follow schema changes.
	KindSchemaChanges = "schema_changes"
	// KindCascade: a foreign key changes rows without their triggers.
	KindCascade = "cascade"
	// KindTruncate: TRUNCATE leaves no trace. KindReplace: REPLACE hides rows.
	KindTruncate = "truncate"
	KindReplace  = "replace"
	// KindBinlog: replicas run triggers again.
	KindBinlog = "binlog"
	// KindGrouping: unbound changes are revisions of less than a transaction.
	KindGrouping = "grouping"
	// KindContextLeft: a context outlived its transaction.
	KindContextLeft = "context_left"
	// KindIntegrity: what triggers wrote is not whole.
	KindIntegrity = "integrity"
	// KindReplay: history does not lead to the rows that are there.
	KindReplay = "replay"
	// KindNoBaseline: rows without history.
	KindNoBaseline = "no_baseline"
)

// Finding is one thing that a check found.
type Finding struct {
	Severity Severity `json:"severity"`
	// Source is the audited database, Entity what is concerned in it; "" where it is
	// all.
	Source string `json:"source"`
	Entity string `json:"entity"`
	// Kind is one of the constants, for programs.
	Kind string `json:"kind"`
	// Detail says what was found, Remedy what to do next. No value of a row and no
	// secret stands in them.
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

// Check looks at one thing. It reads, and changes nothing.
type Check interface {
	// Name says what is looked at, as in "audited tables of source app".
	Name() string
	// Run returns what is to be said. An error means that it could not look; what it
	// had found until then comes along.
	Run(ctx context.Context) ([]Finding, error)
}

// Run runs the checks one after the other and returns all findings: errors first,
// then by source, entity, kind and detail. A check that could not look does not keep
// the others from it; the errors of such are joined.
func Run(ctx context.Context, checks ...Check) ([]Finding, error) {
	var all []Finding
	var failed []error
	for _, c := range checks {
		if err := ctx.Err(); err != nil {
			failed = append(failed, err)
			break
		}
		found, err := c.Run(ctx)
		all = append(all, found...)
		if err != nil {
			failed = append(failed, fmt.Errorf("check %s: %w", c.Name(), err))
		}
	}
	slices.SortStableFunc(all, compare)
	return slices.Compact(all), errors.Join(failed...)
}

// Failed reports whether one of the findings is an error.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

func compare(a, b Finding) int {
	return cmp.Or(
		strings.Compare(string(a.Severity), string(b.Severity)), // error before note
		strings.Compare(a.Source, b.Source),
		strings.Compare(a.Entity, b.Entity),
		strings.Compare(a.Kind, b.Kind),
		strings.Compare(a.Detail, b.Detail),
	)
}

// parts are the errors that were joined, or the error itself.
func parts(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		// Only errors.Join makes a list of equals; other wrappers add to one cause.
		if reflect.TypeOf(e) == reflect.TypeOf(errors.Join(errors.ErrUnsupported)) {
			var all []error
			for _, part := range e.(interface{ Unwrap() []error }).Unwrap() {
				all = append(all, parts(part)...)
			}
			return all
		}
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
