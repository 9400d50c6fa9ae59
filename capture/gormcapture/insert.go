package gormcapture

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/catalog"
)

// insert captures an INSERT: a plain one, one that meets existing rows (ON
// CONFLICT, ON DUPLICATE KEY, IGNORE), or a REPLACE.
type insert struct {
	values clause.Values
	// meets: the statement may meet rows that are there. harmless: it leaves
	// those as they are. replace: it deletes them.
	meets, harmless, replace bool
	// ignore: by IGNORE instead of a conflict clause. ruled: the table itself says
	// what becomes of rows that are met.
	ignore, ruled bool
	// mark is the engine's, asked for by the statement.
	mark string
	// existing are the rows that the statement may meet, by what it inserts into
	// their unique keys.
	existing []capture.Row
	tuples   []tuples
	// cells are what is inserted into the columns of unique keys, by column.
	cells    map[string][]cell
	cascades *capture.Cascades
	// returned is what the statement itself told of the rows that it touched;
	// nil where it was not asked.
	returned []returned
}

// returned is a row as RETURNING tells of it.
type returned struct {
	key []any
	// marked is the engine's mark, where there is one.
	marked bool
}

// tuples are what a statement inserts into one unique key, as far as it is known.
type tuples struct {
	unique, columns []string
	// rows are the positions of the rows that the keys belong to.
	rows []int
	keys [][]any
}

func newInsert(s *statement) *insert {
	in := &insert{replace: s.verb() == "REPLACE"}
	stmt := s.db.Statement
	in.values, _ = stmt.Clauses["VALUES"].Expression.(clause.Values)
	if ins, ok := stmt.Clauses["INSERT"].Expression.(clause.Insert); ok {
		modifier := strings.ToUpper(ins.Modifier)
		in.replace = in.replace || strings.Contains(modifier, "REPLACE")
		in.harmless = strings.Contains(modifier, "IGNORE")
		in.meets = in.harmless || strings.Contains(modifier, "OR ")
		in.ignore = in.harmless
	}
	if c, ok := stmt.Clauses["ON CONFLICT"]; ok && c.Expression != nil {
		in.ignore = false
		oc, _ := c.Expression.(clause.OnConflict)
		in.meets, in.harmless = true, in.harmless || harmless(oc)
	}
	in.meets = in.meets || in.replace
	in.harmless = in.harmless && !in.replace
	return in
}

// harmless reports whether an upsert leaves the rows that it meets as they are.
// GORM's MySQL dialect writes DO NOTHING as an assignment of a column to itself.
func harmless(oc clause.OnConflict) bool {
	for _, a := range oc.DoUpdates {
		c, ok := a.Value.(clause.Column)
		if !ok || c.Table != "" || c.Name != a.Column.Name {
			return false
		}
	}
	return oc.DoNothing || (len(oc.DoUpdates) > 0 && !oc.UpdateAll)
}

func (in *insert) before(ctx context.Context, s *statement) error {
	if err := in.rule(ctx, s); err != nil {
		return err
	}
	if !in.meets {
		return nil
	}
	live := s.reader.Table().Live
	if in.harmless && !in.ignore && s.engine.returnsMet() && triggered(live) {
		in.harmless = false // the assignment of a column to itself is an update
	}
	if err := in.checkConflict(s, live); err != nil {
		return err
	}
	if err := s.takeWriteLock(ctx); err != nil {
		return err
	}
	if in.tellsNew(s) {
		return nil
	}
	if !in.harmless && !in.replace {
		var err error
		if in.mark, err = s.engine.mark(ctx, s); err != nil {
			return err
		}
	}
	uniques := in.uniques(s, live)
	if err := in.resolve(ctx, s, uniques); err != nil {
		return err
	}
	var err error
	if in.tuples, err = in.uniqueTuples(s, uniques); err != nil {
		return err
	}
	rows, err := in.find(ctx, s, s.engine.lockMet(in.harmless))
	if err != nil {
		return err
	}
	in.existing = rows
	locks := capture.Locks{Before: s.lock(true), After: s.engine.lockAgain()}
	switch {
	case in.replace:
		in.cascades, err = capture.Deleting(ctx, s.source, s.raw, s.reader, s.reader.Hold(rows),
			locks)
	case !in.harmless:
		in.cascades, err = capture.Updating(ctx, s.source, s.raw, s.reader, s.reader.Hold(rows),
			in.moves(s, live), locks)
	}
	return err
}

// tellsNew reports whether RETURNING tells the new rows, and no others change.
func (in *insert) tellsNew(s *statement) bool {
	if !in.harmless || !s.source.Dialect().Features().Returning {
		return false
	}
	return in.ignore || !s.engine.returnsMet()
}

func triggered(live *catalog.Table) bool {
	return slices.ContainsFunc(live.Triggers, func(t catalog.Trigger) bool {
		return strings.Contains(strings.ToUpper(t.Event), "UPDATE")
	})
}

// checkConflict refuses an upsert that may update rows which cannot be found
// beforehand: those it meets by an index over expressions or a part of the rows.
func (in *insert) checkConflict(s *statement, live *catalog.Table) error {
	if live.OpaqueUniques == 0 || in.harmless {
		return nil
	}
	if !s.engine.targets() {
		return &annals.Error{
			Op: "capture upsert into", Subject: "table " + live.Name.String(),
			Err: annals.ErrCapture,
			Remedy: "rows met by a unique index over expressions or prefixes cannot be read " +
				"beforehand; insert and update by statements of their own",
		}
	}
	target := in.target(s)
	for _, unique := range append([][]string{live.Key}, live.Uniques...) {
		if len(target) > 0 && sameColumns(unique, target) {
			return nil
		}
	}
	return &annals.Error{
		Op: "capture upsert into", Subject: "table " + live.Name.String(),
		Err: annals.ErrCapture,
		Remedy: "name the columns of a plain unique key in the conflict clause: rows met by an " +
			"index over expressions or a predicate cannot be read beforehand",
	}
}

func sameColumns(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	sort.Strings(a)
	sort.Strings(b)
	return slices.Equal(a, b)
}

// literal returns row i's values for columns; ok is false where one is missing,
// null or an expression.
func (in *insert) literal(i int, columns []string) (key []any, ok bool) {
	if i >= len(in.values.Values) {
		return nil, false
	}
	for _, name := range columns {
		at := slices.IndexFunc(in.values.Columns, func(c clause.Column) bool {
			return strings.EqualFold(c.Name, name)
		})
		if at < 0 || at >= len(in.values.Values[i]) {
			return nil, false
		}
		v := in.values.Values[i][at]
		if isNil(v) {
			return nil, false
		}
		if isExpression(v) {
			return nil, false
		}
		key = append(key, v)
	}
	return key, len(key) > 0
}

func isNil(v any) bool {
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		return rv.IsNil()
	}
	return false
}

// find reads the rows that have one of the tuples.
func (in *insert) find(ctx context.Context, s *statement, lock string) ([]capture.Row, error) {
	var rows []capture.Row
	seen := map[string]bool{}
	for _, t := range in.tuples {
		read, err := lookup(ctx, s, t.columns, t.keys, lock)
		if err != nil {
			return nil, err
		}
		rows = appendNew(rows, seen, read)
	}
	return rows, nil
}

func appendNew(rows []capture.Row, seen map[string]bool, more []capture.Row) []capture.Row {
	for _, r := range more {
		if !seen[r.ID] {
			seen[r.ID] = true
			rows = append(rows, r)
		}
	}
	return rows
}

// rowCount is the number of rows that the statement names.
func (in *insert) rowCount() int { return max(len(in.values.Values), 1) }

func (in *insert) after(ctx context.Context, s *statement) error {
	if in.meets {
		return in.afterMeeting(ctx, s)
	}
	if s.affected == 0 {
		return nil
	}
	keys, err := in.keys(s)
	if err != nil {
		return err
	}
	rows, err := in.byKeys(ctx, s, keys)
	if err != nil {
		return err
	}
	if int64(len(rows)) != s.affected {
		return fmt.Errorf("%d rows were inserted but %d are found under their keys; give "+
			"all rows of a statement a key, or none: %w", s.affected, len(rows), annals.ErrCapture)
	}
	inOrder(rows, keys)
	return s.record(ctx, s.reader.Table(), inserted(rows), false)
}

// byKeys reads the rows with the keys that were returned, or else given.
func (in *insert) byKeys(ctx context.Context, s *statement, keys [][]any) ([]capture.Row, error) {
	if in.returned != nil {
		return s.reader.ByKeys(ctx, s.raw, keys, "")
	}
	return lookup(ctx, s, s.reader.Table().Key, keys, "")
}

func inserted(rows []capture.Row) []capture.Change {
	changes := make([]capture.Change, len(rows))
	for i := range rows {
		changes[i].After = &rows[i]
	}
	return changes
}

// inOrder puts rows in the order of keys, as far as the keys' text tells.
func inOrder(rows []capture.Row, keys [][]any) {
	order := make(map[string]int, len(keys))
	for i, k := range keys {
		order[keyText(k)] = i
	}
	sort.SliceStable(rows, func(i, j int) bool {
		return order[keyText(rows[i].Key)] < order[keyText(rows[j].Key)]
	})
}

func keyText(key []any) string {
	var b strings.Builder
	for _, v := range key {
		if raw, ok := v.([]byte); ok {
			v = string(raw)
		}
		_, _ = fmt.Fprint(&b, reflect.Indirect(reflect.ValueOf(v)), "\x00")
	}
	return b.String()
}
