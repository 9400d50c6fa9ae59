package gormcapture

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	rows *capture.Rows
	keys capture.Rekey
	// taken are the ids of rows that have one of the new keys already.
	taken    map[string]bool
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
		if err := u.look(ctx, s); err != nil {
			return err
		}
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
	seen := int64(0)
	size := capture.Chunk
	if len(u.keys) > 0 {
		size = max(1, u.rows.Len()) // rows may take each other's keys
	}
	for rows, err := range u.rows.Chunks(size) {
		if err != nil {
			return err
		}
		changes, err := capture.Compare(ctx, s.raw, s.reader, rows,
			capture.Again{Keys: u.keys, Lock: s.engine.lockAgain()})
		if err != nil {
			return err
		}
		if err := u.settle(ctx, s, changes); err != nil {
			return err
		}
		seen += visible(changes)
		if err := s.record(ctx, s.reader.Table(), changes, false); err != nil {
			return err
		}
	}
	if err := s.prove(u.rows, seen); err != nil {
		return err
	}
	return s.cascaded(ctx, u.cascades)
}

// look notes which of the new keys are in use.
func (u *update) look(ctx context.Context, s *statement) error {
	if len(u.keys) == 0 {
		return nil
	}
	keys := slices.Collect(maps.Values(u.keys))
	rows, err := s.reader.ByKeys(ctx, s.raw, keys, "")
	if err != nil {
		return err
	}
	u.taken = make(map[string]bool, len(rows))
	for i := range rows {
		u.taken[rows[i].ID] = true
	}
	return nil
}

// settle makes certain which row is which where keys were to change: a row that
// still has its old key did not move (IGNORE, a trigger), and what has its new key
// is then another row.
func (u *update) settle(ctx context.Context, s *statement, changes []capture.Change) error {
	if err := u.stayed(ctx, s, changes); err != nil {
		return err
	}
	for _, c := range changes {
		switch {
		case c.After == nil:
			return fmt.Errorf("row %s is not there after its update; a trigger of the "+
				"database changed its key, or it was computed otherwise: %w",
				c.Before.ID, annals.ErrCapture)
		case c.After.ID == c.Before.ID || !u.taken[c.After.ID]:
		case u.keys[c.After.ID] == nil:
			return fmt.Errorf("row %s cannot be told from row %s, whose key it was to get: %w",
				c.Before.ID, c.After.ID, annals.ErrCapture)
		}
	}
	return nil
}

// stayed corrects the changes of rows that still have their old keys.
func (u *update) stayed(ctx context.Context, s *statement, changes []capture.Change) error {
	var old [][]any
	index := map[string]int{}
	claims := map[string]int{} // which row is taken to have a key now
	for i, c := range changes {
		if u.keys[c.Before.ID] == nil {
			continue
		}
		old = append(old, c.Before.Key)
		index[c.Before.ID] = i
		if c.After != nil {
			claims[c.After.ID] = i
		}
	}
	there, err := s.reader.ByKeys(ctx, s.raw, old, "")
	if err != nil {
		return err
	}
	if lock := s.engine.lockAgain(); lock != "" && len(there) > 0 {
		// Only rows that are there, so that no gap is locked.
		old = old[:0]
		for i := range there {
			old = append(old, there[i].Key)
		}
		if there, err = s.reader.ByKeys(ctx, s.raw, old, lock); err != nil {
			return err
		}
	}
	for again := true; again; {
		again = false
		for n := range there {
			i, ok := index[there[n].ID]
			if _, claimed := claims[there[n].ID]; !ok || claimed {
				continue
			}
			if after := changes[i].After; after != nil && after.ID != there[n].ID {
				delete(claims, after.ID)
			}
			changes[i].After = &there[n]
			delete(index, there[n].ID)
			again = true
		}
	}
	return nil
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
	gone := int64(0)
	for rows, err := range r.rows.Chunks(capture.Chunk) {
		if err != nil {
			return err
		}
		changes, err := r.gone(ctx, s, rows)
		if err != nil {
			return err
		}
		gone += removed(changes)
		if err := s.record(ctx, s.reader.Table(), changes, false); err != nil {
			return err
		}
	}
	if s.affected > gone {
		return concurrent(s, int(s.affected-gone))
	}
	if err := s.prove(r.rows, gone); err != nil {
		return err
	}
	return s.cascaded(ctx, r.cascades)
}

// gone tells what became of the rows. They are all gone where the statement,
// which could choose no others, says that they were as many; else they are read
// again: a trigger or rule may have made an update of it.
func (r *remove) gone(
	ctx context.Context, s *statement, rows []capture.Row,
) ([]capture.Change, error) {
	if s.affected == int64(r.rows.Len()) && !s.proven {
		changes := make([]capture.Change, 0, len(rows))
		for i := range rows {
			changes = append(changes, capture.Change{Before: &rows[i]})
		}
		return changes, nil
	}
	changes, err := capture.Compare(ctx, s.raw, s.reader, rows, capture.Again{})
	lock := s.engine.lockAgain()
	if err == nil && lock != "" && removed(changes) < int64(len(changes)) {
		// Gone rows are looked for without a lock, which would lock the gaps that they
		// leave; what is there may be newer than a plain read shows.
		return capture.Compare(ctx, s.raw, s.reader, rows, capture.Again{Lock: lock})
	}
	return changes, err
}

// removed counts the rows that are gone.
func removed(changes []capture.Change) (n int64) {
	for _, c := range changes {
		if c.After == nil {
			n++
		}
	}
	return n
}

// visible counts the rows that differ.
func visible(changes []capture.Change) (n int64) {
	for _, c := range changes {
		if _, ok := c.Mutation(); ok {
			n++
		}
	}
	return n
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
		return fmt.Errorf("take the write lock: %w", &capture.QueryError{Err: err})
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
		return err // as the statement itself would have met it
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
	sel := s.blank()
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
		s.write(sel, name)
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
	query, anew := s.lockInner(sel.SQL.String())
	rows, err := s.raw.QueryContext(ctx, query, sel.Vars...) //nolint:rowserrcheck // Scan checks it
	if err != nil {
		return nil, fmt.Errorf("read the rows to change: %w", s.ownFault(&capture.QueryError{Err: err}))
	}
	several := joined != nil || s.joined()
	found, err := s.reader.Gather(rows, extra, several)
	if err != nil {
		return nil, s.ownFault(err)
	}
	if err := s.narrow(found, anew || several); err != nil {
		return nil, errors.Join(err, found.Close())
	}
	return found, nil
}

// ownFault marks what the database said to the statement's own conditions: the
// statement would have failed by it too. A missing right to read is no such fault.
func (s *statement) ownFault(err error) error {
	var said *capture.QueryError
	if errors.As(err, &said) && s.source.Dialect().Classify(said.Err) != dialect.ClassAccess {
		return &ownFault{said.Err}
	}
	return err
}

// ownFault is the error of a statement that would fail without its capture too.
type ownFault struct{ error }

// Unwrap returns the database's own error.
func (e *ownFault) Unwrap() error { return e.error }

// fromClause is the FROM of an UPDATE … FROM, nil where there is none.
func (s *statement) fromClause() clause.Expression {
	stmt := s.db.Statement
	c, ok := stmt.Clauses["FROM"]
	if !ok || s.verb() != "UPDATE" || !slices.Contains(stmt.BuildClauses, "FROM") {
		return nil
	}
	return c.Expression
}
