package gorm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

// stored returns every entry of the world's audit tables in (seq, part) order,
// read by plain SQL.
func (w *world) stored() []annals.Entry {
	w.tb.Helper()
	names := slices.Sorted(maps.Keys(rules()))
	var all []annals.Entry
	for _, name := range names {
		all = append(all, w.storedIn(name, rules()[name].Table+"_audit")...)
	}
	slices.SortFunc(all, func(a, b annals.Entry) int {
		if a.Seq != b.Seq {
			return int(a.Seq - b.Seq)
		}
		return a.Part - b.Part
	})
	return all
}

func (w *world) storedIn(entity, table string) []annals.Entry {
	w.tb.Helper()
	rows, err := w.sql.QueryContext(context.Background(),
		"SELECT type, object_id, COALESCE(previous_object_id, ''), transaction_hash, seq, part,"+
			" diffs, COALESCE(blame_id, ''), COALESCE(ip, ''), COALESCE(discriminator, '') FROM "+
			w.quote(table))
	if err != nil {
		w.tb.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all []annals.Entry
	for rows.Next() {
		e := annals.Entry{Entity: entity}
		var diffs []byte
		err := rows.Scan(&e.Type, &e.ObjectID, &e.PreviousObjectID, &e.TransactionHash, &e.Seq,
			&e.Part, &diffs, &e.Blame.ID, &e.Blame.IP, &e.Discriminator)
		if err != nil {
			w.tb.Fatal(err)
		}
		e.Diffs = diffs
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		w.tb.Fatal(err)
	}
	return all
}

// story renders entries, a line each:
//
//	update post 1<-2 soft cascade: title="a">"b" views=1>2
//	associate post 1.tags tag 3
func story(tb testing.TB, entries []annals.Entry) []string {
	tb.Helper()
	var lines []string
	for i := range entries {
		lines = append(lines, line(tb, &entries[i]))
	}
	return lines
}

func line(tb testing.TB, e *annals.Entry) string {
	tb.Helper()
	d, err := diff.Parse(e.Diffs)
	if err != nil {
		tb.Fatalf("entry %s of %s %s: %v", e.Type, e.Entity, e.ObjectID, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", e.Type, e.Entity, e.ObjectID)
	if e.PreviousObjectID != "" {
		b.WriteString("<-" + e.PreviousObjectID)
	}
	if a := d.Association; a != nil {
		if a.Subject.Field != "" {
			b.WriteString("." + a.Subject.Field)
		}
		fmt.Fprintf(&b, " %s", a.Target.Entity)
		for _, p := range a.Target.Key {
			b.WriteString(" " + unquoted(p.Value))
		}
		if a.IsOwningSide {
			b.WriteString(" owning")
		}
		if a.Cascade {
			b.WriteString(" cascade")
		}
		return b.String()
	}
	if st := d.Statement; st != nil {
		if d.Cascade {
			b.WriteString(" cascade")
		}
		affected := "?"
		if st.Affected != nil {
			affected = fmt.Sprint(*st.Affected)
		}
		fmt.Fprintf(&b, " %s %s", st.Operation, affected)
		if st.Unclear {
			b.WriteString(" unclear")
		}
		return b.String() + ": " + placeholders.ReplaceAllString(st.SQL, "?")
	}
	if d.Soft {
		b.WriteString(" soft")
	}
	if d.Cascade {
		b.WriteString(" cascade")
	}
	b.WriteByte(':')
	for _, c := range d.Changes {
		fmt.Fprintf(&b, " %s=%s>%s", c.Column, plain(c.Column, c.Old), plain(c.Column, c.New))
	}
	return b.String()
}

// plain is a value without what changes from run to run.
func plain(column string, v json.RawMessage) string {
	switch {
	case annals.IsNull(v):
		return ""
	case strings.HasSuffix(column, "_at"):
		return "T"
	case diff.IsMasked(v):
		return "***"
	case column == "gone" && len(v) > 9:
		return "N" // milliseconds
	}
	return unquoted(v)
}

// placeholders are PostgreSQL's.
var placeholders = regexp.MustCompile(`\$\d+`)

func unquoted(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}
