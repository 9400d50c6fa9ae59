package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed-162b1470/annals/dialect"
)

// waiting is what two writers on different rows showed.
type waiting struct {
	// statements were written beside another's open transaction or beside its work;
	// refused are those that the database ended since they waited for a lock, seen
	// those that its own views showed to wait for one.
	statements, refused, seen int
}

// waits lets two sessions write to rows of their own: first while the other's
// transaction is open, then both as fast as they can.
func (c *contender) waits(ctx context.Context, n int) (w waiting, err error) {
	if !c.engine.wire() {
		return w, nil // one lock for all
	}
	var conns [2]*sql.Conn
	for i := range conns {
		if conns[i], err = c.db.Conn(ctx); err != nil {
			return w, err
		}
		defer func() { err = errors.Join(err, conns[i].Close()) }()
		if _, err := conns[i].ExecContext(ctx, limitWaits(c.dialect)); err != nil {
			return w, err
		}
	}
	if err := c.beside(ctx, conns, &w); err != nil {
		return w, err
	}
	if err := c.together(ctx, conns, n, &w); err != nil {
		return w, err
	}
	return w, nil
}

// beside lets the second session write while the first one's changes, many and few,
// are not committed.
func (c *contender) beside(ctx context.Context, conns [2]*sql.Conn, w *waiting) error {
	many := fmt.Sprintf("UPDATE %s SET quantity = quantity + 1 WHERE id <= %d", table, c.rows/4)
	for _, open := range [][]string{
		c.changesOf(0), {many}, append([]string{many}, c.changesOf(0)...),
	} {
		if err := execOn(ctx, conns[0], append([]string{"BEGIN"}, open...)...); err != nil {
			return err
		}
		for _, s := range c.changesOf(1) {
			if err := c.counted(ctx, conns[1], s, w); err != nil {
				return err
			}
		}
		if err := execOn(ctx, conns[0], "COMMIT"); err != nil {
			return err
		}
	}
	return nil
}

// changesOf are three changes of rows that are the session's own: of one that it
// inserts, updates and deletes.
func (c *contender) changesOf(session int) []string {
	id := c.rows + 1000*(session+1)
	columns := "name, code, status, body, quantity, position, price, active, attributes, " +
		"created_at, updated_at"
	return []string{
		fmt.Sprintf("INSERT INTO %s (id, %s) SELECT %d, %s FROM %s WHERE id = %d", table, columns, id,
			columns, copied, session+1),
		fmt.Sprintf("UPDATE %s SET quantity = quantity + 1 WHERE id = %d", table, id),
		fmt.Sprintf("UPDATE %s SET quantity = quantity + 1 WHERE id = %d", table,
			c.rows/2+500*session),
		fmt.Sprintf("DELETE FROM %s WHERE id = %d", table, id),
	}
}

// counted executes a statement and counts it, also where it waited too long.
func (c *contender) counted(ctx context.Context, conn *sql.Conn, s string, w *waiting) error {
	_, err := conn.ExecContext(ctx, s)
	w.statements++
	if err != nil && c.dialect.Classify(err) == dialect.ClassRetryable {
		w.refused++
		return nil
	}
	return err
}

// together lets both work, and looks meanwhile who waits.
func (c *contender) together(ctx context.Context, conns [2]*sql.Conn, n int, w *waiting) error {
	var both [2]waiting
	var faults [2]error
	var wait sync.WaitGroup
	for i, conn := range conns {
		wait.Go(func() {
			for range n {
				for _, s := range c.changesOf(i) {
					if faults[i] = c.counted(ctx, conn, s, &both[i]); faults[i] != nil {
						return
					}
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	err := c.watch(ctx, done, w)
	<-done
	for i := range both {
		w.statements += both[i].statements
		w.refused += both[i].refused
	}
	return errors.Join(err, faults[0], faults[1])
}

// watch asks the database who waits for a lock, until done.
func (c *contender) watch(ctx context.Context, done <-chan struct{}, w *waiting) error {
	query := c.engine.waiters()
	if query == "" {
		return nil
	}
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		var n int
		if err := c.db.QueryRowContext(ctx, query).Scan(&n); err != nil {
			return err
		}
		w.seen += n
		select {
		case <-done:
			return nil
		case <-ticker.C:
		}
	}
}

func execOn(ctx context.Context, conn *sql.Conn, statements ...string) error {
	for _, s := range statements {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}
