package gormcapture

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/dialect"
)

// update captures an UPDATE, a soft delete included.
type update struct {
	rows     *capture.Rows
	keys     capture.Rekey
	cascades *capture.Cascades
}

func (u *update) before(ctx context.Context, s *statement) error {
	assigned := s.assignedKeys()
	locks := capture.Locks{Before: s.lock(len(assigned) > 0), After: s.engine.lockAgain()}
	rows, err := s.preread(ctx, locks.Before, assigned)
	if err != nil {
		return err
	}
	u.rows = rows
	if len(assigned) > 0 {
		all, err := rows.All()
		if err != nil {
			return err
		}
		u.keys = newKeys(all, assigned)
	}
	u.cascades, err = capture.Updating(ctx, s.source, s.raw, s.reader, rows,
		capture.Moved{Columns: s.assignedColumns(), Keys: u.keys}, locks)
	return err
}

// newKeys works out the keys that rows get; a row that keeps its key has none.
func newKeys(rows []capture.Row, assigned []assignment) capture.Rekey {
	keys := capture.Rekey{}
	for _, row := range rows {
		key := slices.Clone(row.Key)
		extra := row.Extra
		for _, a := range assigned {
			key[a.position] = a.value
			if a.computed {
				key[a.position], extra = extra[0], extra[1:]
			}
		}
		if keyText(key) != keyText(row.Key) {
			keys[row.ID] = key
		}
	}
	return keys
}

func (u *update) after(ctx context.Context, s *statement) error {
	if s.affected > int64(u.rows.Len()) {
		return concurrent(s, int(s.affected)-u.rows.Len())
	}
	for rows, err := range u.rows.Chunks(capture.Chunk) {
		if err != nil {
			return err
		}
		changes, err := capture.Compare(ctx, s.raw, s.reader, rows,
			capture.Again{Keys: u.keys, Lock: s.engine.lockAgain()})
		if err != nil {
			return err
		}
		for _, c := range changes {
			if c.After == nil {
				return fmt.Errorf("row %s is not there after its update; a trigger of the "+
					"database changed its key: %w", c.Before.ID, annals.ErrCapture)
			}
		}
		if err := s.record(ctx, s.reader.Table(), changes, false); err != nil {
			return err
		}
	}
	return s.cascaded(ctx, u.cascades)
}

// Close implements io.Closer.
func (u *update) Close() error { return u.rows.Close() }

// remove captures a DELETE.
type remove struct {
	rows     *capture.Rows
	cascades *capture.Cascades
}

func (r *remove) before(ctx context.Context, s *statement) error {
	locks := capture.Locks{Before: s.lock(true), After: s.engine.lockAgain()}
	rows, err := s.preread(ctx, locks.Before, nil)
	if err != nil {
		return err
	}
	r.rows = rows
	r.cascades, err = capture.Deleting(ctx, s.source, s.raw, s.reader, rows, locks)
	return err
}

func (r *remove) after(ctx context.Context, s *statement) error {
	if s.affected > int64(r.rows.Len()) {
		return concurrent(s, int(s.affected)-r.rows.Len())
	}
	for rows, err := range r.rows.Chunks(capture.Chunk) {
		if err != nil {
			return err
		}
		changes, err := r.gone(ctx, s, rows)
		if err != nil {
			return err
		}
		if err := s.record(ctx, s.reader.Table(), changes, false); err != nil {
			return err
		}
	}
	return s.cascaded(ctx, r.cascades)
}

// gone are the rows that the statement removed: all of them, unless it says that
// they were fewer or does not say.
func (r *remove) gone(
	ctx context.Context, s *statement, rows []capture.Row,
) ([]capture.Change, error) {
	if s.affected == int64(r.rows.Len()) {
		changes := make([]capture.Change, 0, len(rows))
		for i := range rows {
			changes = append(changes, capture.Change{Before: &rows[i]})
		}
		return changes, nil
	}
	changes, err := capture.Compare(ctx, s.raw, s.reader, rows, capture.Again{})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(changes, func(c capture.Change) bool { return c.After != nil }), nil
}

// Close implements io.Closer.
func (r *remove) Close() error { return r.rows.Close() }

func concurrent(s *statement, n int) error {
	return &annals.Error{
		Op:      "capture " + strings.ToLower(s.verb()),
		Subject: fmt.Sprintf("of %d rows of table %s", n, s.table),
		Err:     annals.ErrConcurrentChange,
		Remedy: "another transaction made them match meanwhile, or they have a key that the " +
			"database drew again; run the transaction again",
	}
}

// lock is the locking clause of the pre-read; strong where rows go or get other
// keys. Where the database locks as a whole (SQLite), the lock is taken here.
func (s *statement) lock(strong bool) string {
	f := s.source.Dialect().Features()
	switch {
	case !f.RowLocks:
		return ""
	case f.KeyLocks && !strong:
		return "FOR NO KEY UPDATE"
	}
	return "FOR UPDATE"
}

// takeWriteLock makes the transaction the writer of a database that knows only
// one, before it reads: a reader that turns writer later could fail at once.
func (s *statement) takeWriteLock(ctx context.Context) error {
	if s.source.Dialect().Features().RowLocks || !s.unit.LockOnce() {
		return nil
	}
	t := s.reader.Table()
	d := s.source.Dialect()
	key := d.Quote(t.Key[0])
	_, err := s.raw.ExecContext(ctx,
		"UPDATE "+d.Table(t.Live.Name)+" SET "+key+" = "+key+" WHERE 0")
	if err != nil {
		return fmt.Errorf("take the write lock: %w", err)
	}
	return nil
}

// lockFirst takes the write lock ahead of the catalogue, which is read through the
// transaction the first time that a table is met. What cannot be deleted from, or
// is not there, locks nothing: the statement itself tells what is wrong with it.
func (s *statement) lockFirst(ctx context.Context) error {
	if s.source.Dialect().Features().RowLocks || s.source.Knows(s.table) {
		return nil
	}
	tx, ok := watched(s.tx)
	if !ok {
		return nil
	}
	unit := tx.Watcher().(*capture.Unit)
	if !unit.LockOnce() {
		return nil
	}
	d := s.source.Dialect()
	_, err := tx.Raw().ExecContext(ctx, "DELETE FROM "+d.Table(s.table)+" WHERE 0")
	switch {
	case err == nil:
		return nil
	case d.Classify(err) == dialect.ClassRetryable:
		return s.failed("take the write lock for", err)
	}
	unit.NotLocked()
	return nil
}

// assignment is a key column that an UPDATE sets.
type assignment struct {
	position int
	value    any
	// computed values are expressions, which the pre-read evaluates.
	computed bool
}

// assignedKeys returns the key columns that the statement sets, in key order.
func (s *statement) assignedKeys() []assignment {
	set, ok := s.db.Statement.Clauses["SET"].Expression.(clause.Set)
	if !ok {
		return nil
	}
	var found []assignment
	for i, column := range s.reader.Table().Key {
		for _, a := range set {
			if !strings.EqualFold(columnName(a.Column), column) {
				continue
			}
			_, computed := a.Value.(clause.Expression)
			_, valuer := a.Value.(gorm.Valuer)
			found = append(found, assignment{
				position: i, value: a.Value, computed: computed || valuer,
			})
		}
	}
	return found
}

// assignedColumns returns all columns that the statement sets, named as the live
// table has them.
func (s *statement) assignedColumns() []string {
	set, _ := s.db.Statement.Clauses["SET"].Expression.(clause.Set)
	var columns []string
	for _, c := range s.reader.Table().Live.Columns {
		if slices.ContainsFunc(set, func(a clause.Assignment) bool {
			return strings.EqualFold(columnName(a.Column), c.Name)
		}) {
			columns = append(columns, c.Name)
		}
	}
	return columns
}

// preread reads and locks the rows that the statement's own conditions select:
// its WHERE as GORM made it final, its ORDER BY and LIMIT where the dialect lets
// an UPDATE or DELETE have them, and the tables it is joined with.
func (s *statement) preread(
	ctx context.Context, lock string, assigned []assignment,
) (*capture.Rows, error) {
	if err := s.takeWriteLock(ctx); err != nil {
		return nil, err
	}
	stmt := s.db.Statement
	sel := &gorm.Statement{
		DB: s.db, ConnPool: s.tx, Schema: stmt.Schema, Table: stmt.Table,
		TableExpr: stmt.TableExpr, Model: stmt.Model, Context: ctx, Unscoped: stmt.Unscoped,
		ReflectValue: stmt.ReflectValue, Clauses: map[string]clause.Clause{},
	}
	joined := s.fromClause()
	qualifier := s.qualifier
	if joined != nil {
		qualifier = sel.Quote(clause.Table{Name: clause.CurrentTable})
	}
	_, _ = sel.WriteString("SELECT " + s.reader.Columns(qualifier))
	extra := 0
	for _, a := range assigned {
		if a.computed {
			_, _ = sel.WriteString(", ")
			sel.AddVar(sel, a.value)
			extra++
		}
	}
	_, _ = sel.WriteString(" FROM ")
	sel.WriteQuoted(clause.Table{Name: clause.CurrentTable})
	if joined != nil {
		_, _ = sel.WriteString(", ")
		joined.Build(sel)
	}
	for _, name := range []string{"WHERE", "ORDER BY", "LIMIT"} {
		c, ok := stmt.Clauses[name]
		if !ok || !slices.Contains(stmt.BuildClauses, name) {
			continue
		}
		sel.Clauses[name] = c
		_ = sel.WriteByte(' ')
		sel.Build(name)
	}
	if lock != "" {
		if joined != nil {
			lock += " OF " + qualifier
		}
		_, _ = sel.WriteString(" " + lock)
	}
	if s.db.Error != nil {
		return nil, fmt.Errorf("build the query of the rows to change: %w", s.db.Error)
	}
	rows, err := s.raw.QueryContext(ctx, sel.SQL.String(), sel.Vars...) //nolint:rowserrcheck // Scan checks it
	if err != nil {
		return nil, fmt.Errorf("read the rows to change: %w", err)
	}
	return s.reader.Gather(rows, extra, joined != nil || s.joined())
}

// fromClause is the FROM of an UPDATE … FROM, nil where there is none.
func (s *statement) fromClause() clause.Expression {
	stmt := s.db.Statement
	c, ok := stmt.Clauses["FROM"]
	if !ok || s.verb() != "UPDATE" || !slices.Contains(stmt.BuildClauses, "FROM") {
		return nil
	}
	return c.Expression
}
