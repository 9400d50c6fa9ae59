package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/dialect"
)

// itemColumns are the table's, in order.
var itemColumns = []string{
	"id", "name", "code", "status", "body", "quantity", "position", "price", "active",
	"attributes", "created_at", "updated_at",
}

// variant is a way to record changes, or none.
type variant struct {
	title string
	// make makes tables and triggers.
	make func(ctx context.Context, c *contender) error
	// copied is the table that gets the images, if there is one, and emptied are the
	// tables that are emptied between rounds.
	copied  string
	emptied []string
	// annals tells annals' own, which know a context.
	annals bool
}

// contender is a variant in a database of its own, with one session.
type contender struct {
	*place
	variant
	dialect  dialect.Dialect
	conn     *sql.Conn
	probe    probe
	prepared [changes]*sql.Stmt
	// rows are the table's own; those that a slice makes have numbers above.
	rows int
	// images is how many the copy has to have.
	images, turns int
}

func newContender(ctx context.Context, e engine, v variant, rows int) (_ *contender, err error) {
	p, err := newPlace(ctx, e)
	if err != nil {
		return nil, err
	}
	c := &contender{place: p, variant: v}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close(ctx))
		}
	}()
	s := &side{place: p}
	if err := s.fill(ctx, work{op: opUpdate, rows: rows, ops: 1}); err != nil {
		return nil, err
	}
	c.rows = s.made
	if c.dialect, err = dialect.Detect(ctx, p.db, e.scheme()); err != nil {
		return nil, err
	}
	if err := v.make(ctx, c); err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	return c, c.connect(ctx)
}

// connect opens the session that is measured.
func (c *contender) connect(ctx context.Context) (err error) {
	if c.conn, err = c.db.Conn(ctx); err != nil {
		return err
	}
	if c.probe, err = c.engine.probe(ctx, c.place, c.conn); err != nil {
		return err
	}
	for ch := range changes {
		//nolint:sqlclosecheck // close closes it
		if c.prepared[ch], err = c.conn.PrepareContext(ctx, c.single(ch)); err != nil {
			return err
		}
	}
	return nil
}

func (c *contender) close(ctx context.Context) error {
	var faults []error
	if c.conn != nil {
		for _, s := range c.prepared {
			if s != nil {
				faults = append(faults, s.Close())
			}
		}
		faults = append(faults, c.conn.Close())
	}
	return errors.Join(append(faults, c.place.close(ctx))...)
}

// single is the statement that changes one row.
func (c *contender) single(ch change) string {
	n := 0
	mark := func() string { n++; return c.dialect.Placeholder(n) }
	switch ch {
	case inserted:
		marks := make([]string, len(itemColumns))
		for i := range marks {
			marks[i] = mark()
		}
		return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table,
			strings.Join(itemColumns, ", "), strings.Join(marks, ", "))
	case updated:
		return fmt.Sprintf("UPDATE %s SET quantity = %s, price = %s, updated_at = %s WHERE id = %s",
			table, mark(), mark(), mark(), mark())
	default:
		return fmt.Sprintf("DELETE FROM %s WHERE id = %s", table, mark())
	}
}

// many is the statement that changes many rows.
func (c *contender) many(ch change, s span) string {
	from, to := c.rows+s.first, c.rows+s.first+s.rows
	switch ch {
	case inserted:
		return fmt.Sprintf("INSERT INTO %s (%s) SELECT id + %d, %s FROM %s WHERE id <= %d", table,
			strings.Join(itemColumns, ", "), from, strings.Join(itemColumns[1:], ", "), copied, s.rows)
	case updated:
		return fmt.Sprintf("UPDATE %s SET quantity = quantity + 1, price = price + 1, "+
			"updated_at = CURRENT_TIMESTAMP WHERE id > %d AND id <= %d", table, from, to)
	default:
		return fmt.Sprintf("DELETE FROM %s WHERE id > %d AND id <= %d", table, from, to)
	}
}

// slice prepares changes and returns what runs them.
func (c *contender) slice(ctx context.Context, at cell, s span) func() error {
	c.turns++
	c.images += s.rows * at.images()
	work := func() error { return c.bulk(ctx, at.change, s) }
	if at.single() {
		args := c.args(at.change, s)
		work = func() error { return c.each(ctx, at.change, args) }
	}
	if !at.within() {
		return work
	}
	return func() error { return c.within(ctx, work) }
}

// within runs f in a transaction of somebody.
func (c *contender) within(ctx context.Context, f func() error) error {
	if err := execOn(ctx, c.conn, "BEGIN"); err != nil {
		return err
	}
	if c.annals {
		query, args := c.engine.bind(claim.Claim{Actor: ann})
		if _, err := c.conn.ExecContext(ctx, query, args...); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
	}
	if err := f(); err != nil {
		return err
	}
	if c.annals && c.engine.unbind() != "" {
		if err := execOn(ctx, c.conn, c.engine.unbind()); err != nil {
			return err
		}
	}
	return execOn(ctx, c.conn, "COMMIT")
}

func (c *contender) bulk(ctx context.Context, ch change, s span) error {
	res, err := c.conn.ExecContext(ctx, c.many(ch, s))
	if err != nil {
		return err
	}
	return affected(res, s.rows)
}

func (c *contender) each(ctx context.Context, ch change, args [][]any) error {
	for _, a := range args {
		res, err := c.prepared[ch].ExecContext(ctx, a...)
		if err != nil {
			return err
		}
		if err := affected(res, 1); err != nil {
			return err
		}
	}
	return nil
}

// affected makes sure that the work was done.
func affected(res sql.Result, want int) error {
	n, err := res.RowsAffected()
	if err == nil && n != int64(want) {
		err = fmt.Errorf("%d rows affected, want %d", n, want)
	}
	return err
}

// args are the values of statements of one row each.
func (c *contender) args(ch change, s span) [][]any {
	all := make([][]any, s.rows)
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i, row := range newItems(c.rows+s.first, s.rows) {
		id := int64(c.rows + s.first + i + 1)
		switch ch {
		case inserted:
			all[i] = []any{
				id, row.Name, row.Code, row.Status, row.Body, int64(row.Quantity),
				int64(row.Position), row.Price, row.Active, row.Attributes, now, now,
			}
		case updated:
			all[i] = []any{int64(c.turns), fmt.Sprintf("%d.25", c.turns), now, id}
		default:
			all[i] = []any{id}
		}
	}
	return all
}

// check makes sure that every image was copied since the tables were emptied.
func (c *contender) check(ctx context.Context) error {
	if c.copied == "" {
		return nil
	}
	var n int
	if err := countRows(ctx, c.db, c.copied, &n); err != nil {
		return err
	}
	if n != c.images {
		return fmt.Errorf("%d images were copied, want %d", n, c.images)
	}
	return nil
}

// settle empties what grows, clears dead rows away and warms up what the database
// plans anew.
func (c *contender) settle(ctx context.Context) error {
	for _, t := range c.emptied {
		if err := c.exec(ctx, c.engine.empty(t)); err != nil {
			return err
		}
	}
	c.images = 0
	if err := c.exec(ctx, c.engine.settle(table)...); err != nil {
		return err
	}
	const warm = 8
	for ch := range changes {
		if err := c.slice(ctx, cell{alone, ch}, span{0, warm})(); err != nil {
			return err
		}
	}
	return nil
}
