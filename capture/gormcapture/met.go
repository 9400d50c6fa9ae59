package gormcapture

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
)

// cell is what a statement inserts into one column of one row.
type cell struct {
	value any
	state state
}

// state is what is known of a cell before the statement runs.
type state int

const (
	// given: its value.
	given state = iota
	// apart: it is null, or the database makes a value that is new, such as a
	// number or a uuid. A unique key with it meets no row.
	apart
	// computed: the database works it out from the rest of the row.
	computed
)

// resolve works out what is inserted into the columns of unique keys: what the
// program gives, defaults, and expressions, which the database evaluates.
func (in *insert) resolve(ctx context.Context, s *statement, uniques [][]string) error {
	in.cells = map[string][]cell{}
	var pending []pendingCell
	for _, name := range slices.Concat(uniques...) {
		if _, done := in.cells[name]; done {
			continue
		}
		c, _ := s.reader.Table().Live.Column(name)
		cells := make([]cell, in.rowCount())
		for i := range cells {
			v, ok := in.written(i, name)
			if ok && isExpression(v) {
				pending = append(pending, pendingCell{&cells[i], c, v})
				continue
			}
			cells[i] = cellOf(c, v, ok)
		}
		in.cells[name] = cells
	}
	for part := range slices.Chunk(pending, 500) { // a query has so many columns at most
		if err := evaluate(ctx, s, part); err != nil {
			return err
		}
	}
	return nil
}

// written returns what the statement has for a column of row i; ok is false where
// it leaves the column to its default.
func (in *insert) written(i int, column string) (v any, ok bool) {
	if i >= len(in.values.Values) {
		return nil, false
	}
	at := slices.IndexFunc(in.values.Columns, func(c clause.Column) bool {
		return strings.EqualFold(c.Name, column)
	})
	if at < 0 || at >= len(in.values.Values[i]) {
		return nil, false
	}
	v = in.values.Values[i][at]
	if e, isExpr := v.(clause.Expr); isExpr {
		switch strings.ToUpper(strings.TrimSpace(e.SQL)) {
		case "DEFAULT":
			return nil, false
		case "NULL":
			return nil, true
		}
	}
	return v, true
}

func isExpression(v any) bool {
	switch v.(type) {
	case clause.Expression, gorm.Valuer, *gorm.DB:
		return !isNil(v)
	}
	return false
}

func cellOf(c dialect.Column, v any, written bool) cell {
	switch {
	case c.Generated && !c.AutoIncrement:
		return cell{state: computed}
	case !written:
		if value, ok := constant(c.Default); ok {
			return cell{value: value}
		}
		return cell{state: apart}
	case isNil(v):
		return cell{state: apart}
	}
	if valuer, ok := v.(driver.Valuer); ok {
		if value, err := valuer.Value(); err == nil && value == nil {
			return cell{state: apart}
		}
	}
	return cell{value: v}
}

var (
	numberDefault = regexp.MustCompile(`^[-+]?[0-9]+(\.[0-9]*)?$`)
	textDefault   = regexp.MustCompile(`^'((?:[^']|'')*)'(::[^()']+(\([0-9, ]+\))?)?$`)
)

// constant returns the value of a default that is the same for every row.
func constant(expression string) (value string, ok bool) {
	e := strings.TrimSpace(expression)
	for strings.HasPrefix(e, "(") && strings.HasSuffix(e, ")") {
		e = strings.TrimSpace(e[1 : len(e)-1])
	}
	if numberDefault.MatchString(e) {
		return e, true
	}
	if m := textDefault.FindStringSubmatch(e); m != nil {
		return strings.ReplaceAll(m[1], "''", "'"), true
	}
	switch strings.ToLower(e) {
	case "true":
		return "1", true
	case "false":
		return "0", true
	}
	return "", false
}

// pendingCell is a cell whose value is an expression.
type pendingCell struct {
	cell       *cell
	column     dialect.Column
	expression any
}

// evaluate asks the database for the values of expressions.
func evaluate(ctx context.Context, s *statement, cells []pendingCell) error {
	sel := &gorm.Statement{
		DB: s.db, ConnPool: s.tx, Schema: s.db.Statement.Schema, Table: s.db.Statement.Table,
		Context: ctx, Clauses: map[string]clause.Clause{},
	}
	_, _ = sel.WriteString("SELECT ")
	for i, p := range cells {
		if i > 0 {
			_, _ = sel.WriteString(", ")
		}
		before, after := s.engine.typed(p.column)
		_, _ = sel.WriteString(before)
		sel.AddVar(sel, p.expression)
		_, _ = sel.WriteString(after)
	}
	if s.db.Error != nil {
		return fmt.Errorf("build the query of the values to insert: %w", s.db.Error)
	}
	rows, err := s.raw.QueryContext(ctx, sel.SQL.String(), sel.Vars...)
	if err != nil {
		return fmt.Errorf("evaluate the values to insert: %w", &capture.QueryError{Err: err})
	}
	return scanCells(rows, cells)
}

func scanCells(rows *sql.Rows, cells []pendingCell) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	dest := make([]any, len(cells))
	for i, p := range cells {
		dest[i] = &p.cell.value
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return fmt.Errorf("evaluate the values to insert: %w", err)
		}
	}
	for _, p := range cells {
		if raw, ok := p.cell.value.([]byte); ok && p.column.Kind != dialect.KindBytes {
			p.cell.value = string(raw)
		}
		if p.cell.value == nil {
			p.cell.state = apart
		}
	}
	return rows.Err()
}

// uniques are the unique keys by which the statement may meet rows: the one that
// its conflict clause names, else all of them.
func (in *insert) uniques(s *statement, live *catalog.Table) [][]string {
	all := append([][]string{s.reader.Table().Key}, live.Uniques...)
	target := in.target(s)
	if len(target) == 0 || in.replace || in.ruled || !s.engine.targets() {
		return all
	}
	for _, unique := range all {
		if sameColumns(unique, target) {
			return [][]string{unique}
		}
	}
	return all
}

// target names the columns of the conflict clause.
func (in *insert) target(s *statement) []string {
	oc, _ := s.db.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	target := make([]string, len(oc.Columns))
	for i, c := range oc.Columns {
		target[i] = c.Name
	}
	return target
}

// uniqueTuples lists what is inserted into each unique key that may meet a row. A
// column that the database computes is left out: the others find more rows than
// the statement meets, never fewer.
func (in *insert) uniqueTuples(s *statement, uniques [][]string) ([]tuples, error) {
	var found []tuples
	for _, unique := range uniques {
		for i := range in.rowCount() {
			key, columns, meets := in.tuple(i, unique)
			if !meets {
				continue
			}
			if len(key) == 0 {
				if in.harmless {
					continue
				}
				return nil, &annals.Error{
					Op: "capture upsert into", Subject: "table " + s.table.String(),
					Err: annals.ErrCapture,
					Remedy: "the rows met by " + strings.Join(unique, ", ") + " cannot be read " +
						"beforehand, because the database computes it; meet them by another unique key",
				}
			}
			at := slices.IndexFunc(found, func(t tuples) bool {
				return slices.Equal(t.unique, unique) && slices.Equal(t.columns, columns)
			})
			if at < 0 {
				at = len(found)
				found = append(found, tuples{unique: unique, columns: columns})
			}
			found[at].rows = append(found[at].rows, i)
			found[at].keys = append(found[at].keys, key)
		}
	}
	return found, nil
}

// tuple is what row i has in a unique key, as far as it is known; meets is false
// where no other row can have the same.
func (in *insert) tuple(i int, unique []string) (key []any, columns []string, meets bool) {
	for _, name := range unique {
		switch c := in.cells[name][i]; c.state {
		case apart:
			return nil, nil, false
		case given:
			key, columns = append(key, c.value), append(columns, name)
		}
	}
	return key, columns, true
}

// storing is a dialect whose placeholders make of a parameter what its column
// would hold: rounded as the column rounds.
type storing struct {
	dialect.Dialect
	engine  engine
	columns []dialect.Column
}

// Placeholder implements dialect.Dialect.
func (d storing) Placeholder(n int) string {
	return d.engine.stored(d.columns[(n-1)%len(d.columns)], d.Dialect.Placeholder(n))
}

// lookup reads the rows whose columns would hold one of these values.
func lookup(
	ctx context.Context, s *statement, columns []string, keys [][]any, lock string,
) ([]capture.Row, error) {
	live := s.reader.Table().Live
	d := storing{Dialect: s.source.Dialect(), engine: s.engine}
	for _, name := range columns {
		c, _ := live.Column(name)
		d.columns = append(d.columns, c)
	}
	var all []capture.Row
	for chunk := range slices.Chunk(keys, capture.Chunk) {
		size := 1
		for size < len(chunk) {
			size *= 10
		}
		args := make([]any, 0, size*len(columns))
		for i := range size {
			args = append(args, chunk[min(i, len(chunk)-1)]...)
		}
		query := "SELECT " + s.reader.Columns("") + " FROM " + d.Table(live.Name) +
			" WHERE " + capture.In(d, columns, size, 1)
		if lock != "" {
			query += " " + lock
		}
		rows, err := s.raw.QueryContext(ctx, query, args...) //nolint:rowserrcheck // Scan checks it
		if err != nil {
			return nil, fmt.Errorf("read rows of %s: %w", live.Name, &capture.QueryError{Err: err})
		}
		read, err := s.reader.Scan(rows, 0)
		if err != nil {
			return nil, fmt.Errorf("read rows of %s: %w", live.Name, err)
		}
		all = append(all, read...)
	}
	return all, nil
}

// checkFound refuses an upsert of which a row is not there afterwards under what
// it gave: the database, or a trigger, made another key of it. lost are the rows
// that were met and have another key now.
func (in *insert) checkFound(ctx context.Context, s *statement, found, lost int) error {
	rows := map[int]bool{}
	for _, t := range in.tuples {
		for _, i := range t.rows {
			rows[i] = true
		}
	}
	if found+lost >= len(rows) {
		return nil
	}
	missing := 0
	for i := range in.rowCount() {
		there := !rows[i]
		for _, t := range in.tuples {
			at := slices.Index(t.rows, i)
			if at < 0 || there {
				continue
			}
			read, err := lookup(ctx, s, t.columns, t.keys[at:at+1], "")
			if err != nil {
				return err
			}
			there = len(read) > 0
		}
		if !there {
			missing++
		}
	}
	if missing <= lost {
		return nil
	}
	return &annals.Error{
		Op:      "capture upsert into",
		Subject: fmt.Sprintf("table %s: %d rows are not there as they were given", s.table, missing),
		Err:     annals.ErrCapture,
		Remedy: "the database or a trigger changes their keys; give the keys in the form in which " +
			"they are stored",
	}
}

// checkCount holds the new and the met rows against the number that the database
// counts: one for a new row, two for a changed one. More means that a row which
// counts as new was there: another transaction stored it meanwhile.
func (in *insert) checkCount(s *statement, fresh, met int) error {
	if in.returned != nil || s.affected < 0 || !s.engine.returnsMet() || in.replace {
		return nil
	}
	again := max(0, in.rowCount()-fresh-met)
	if s.affected > int64(fresh+2*(met+again)) {
		return concurrent(s, 1)
	}
	if in.harmless && s.affected < int64(fresh) {
		return concurrent(s, fresh-int(s.affected))
	}
	return nil
}

// moves is what an upsert sets in the rows that it meets, and the keys that they
// so get, where one row is inserted.
func (in *insert) moves(s *statement, live *catalog.Table) capture.Moved {
	oc, _ := s.db.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	m := capture.Moved{Keys: capture.Rekey{}}
	for _, c := range live.Columns {
		set := slices.ContainsFunc(oc.DoUpdates, func(a clause.Assignment) bool {
			return strings.EqualFold(a.Column.Name, c.Name)
		})
		if set || len(oc.DoUpdates) == 0 {
			m.Columns = append(m.Columns, c.Name)
		}
	}
	if in.rowCount() != 1 {
		return m
	}
	for _, row := range in.existing {
		key := slices.Clone(row.Key)
		for i, name := range s.reader.Table().Key {
			for _, a := range oc.DoUpdates {
				if !strings.EqualFold(a.Column.Name, name) {
					continue
				}
				if c, own := a.Value.(clause.Column); own && strings.EqualFold(c.Table, "excluded") {
					if v, ok := in.written(0, c.Name); ok && !isExpression(v) {
						key[i] = v
					}
				} else if !own && !isExpression(a.Value) {
					key[i] = a.Value
				}
			}
		}
		if keyText(key) != keyText(row.Key) {
			m.Keys[row.ID] = key
		}
	}
	return m
}

// rule looks how the statement, or the table by itself, deals with rows that are
// in the way (SQLite's OR … and ON CONFLICT … of a key).
func (in *insert) rule(ctx context.Context, s *statement) error {
	ins, _ := s.db.Statement.Clauses["INSERT"].Expression.(clause.Insert)
	if err := s.checkModifier(ins.Modifier); err != nil {
		return err
	}
	rule, err := s.engine.rule(ctx, s)
	if err != nil || rule == "" || strings.Contains(strings.ToUpper(ins.Modifier), "OR ") {
		return err
	}
	if rule != "REPLACE" || in.meets && !in.replace {
		return s.conflictRefused(rule)
	}
	in.meets, in.replace, in.ruled = true, true, true
	return nil
}

// checkModifier refuses what leaves a part of a statement that failed: FAIL.
func (s *statement) checkModifier(modifier string) error {
	if words := strings.Fields(strings.ToUpper(modifier)); slices.Contains(words, "FAIL") {
		return s.conflictRefused("FAIL")
	}
	return nil
}

// checkUpdate refuses an UPDATE that may remove rows which are in its way, or stop
// half way.
func (s *statement) checkUpdate(ctx context.Context) error {
	up, _ := s.db.Statement.Clauses["UPDATE"].Expression.(clause.Update)
	if err := s.checkModifier(up.Modifier); err != nil {
		return err
	}
	words := strings.Fields(strings.ToUpper(up.Modifier))
	if slices.Contains(words, "REPLACE") {
		return s.conflictRefused("REPLACE")
	}
	if slices.Contains(words, "OR") {
		return nil // the statement's word goes before the table's
	}
	rule, err := s.engine.rule(ctx, s)
	if err != nil || rule == "" || !s.setsUnique() {
		return err
	}
	return s.conflictRefused(rule)
}

// setsUnique reports whether the statement sets a column of a unique key.
func (s *statement) setsUnique() bool {
	live := s.reader.Table().Live
	keyed := slices.Concat(append(slices.Clone(live.Uniques), s.reader.Table().Key)...)
	return live.OpaqueUniques > 0 || slices.ContainsFunc(s.assignedColumns(), func(c string) bool {
		return slices.Contains(keyed, c)
	})
}

func (s *statement) conflictRefused(rule string) error {
	return &annals.Error{
		Op: "capture " + strings.ToLower(s.verb()) + " of", Subject: "table " + s.table.String(),
		Err: annals.ErrCapture,
		Remedy: "the conflict rule " + rule + " would change or keep rows that cannot be told " +
			"afterwards; remove the rows that are in the way by a statement of their own",
	}
}
