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
	// What limits waits stays with the sessions, so that they are nobody else's.
	db, err := c.open("", nil)
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var conns [2]*sql.Conn
	for i := range conns {
		if conns[i], err = db.Conn(ctx); err != nil {
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
	for turn, open := range []string{"SELECT 1", many, many} {
		if err := execOn(ctx, conns[0], "BEGIN", open); err != nil {
			return err
		}
		if err := c.turn(ctx, conns[0], 2*turn, w); err != nil {
			return err
		}
		if err := c.turn(ctx, conns[1], 2*turn+1, w); err != nil {
			return err
		}
		if err := execOn(ctx, conns[0], "COMMIT"); err != nil {
			return err
		}
	}
	return nil
}

// turn inserts a row, updates it and one that was there, and deletes it. No turn has
// the rows of another: a row that is inserted once more waits without any trigger.
func (c *contender) turn(ctx context.Context, conn *sql.Conn, n int, w *waiting) error {
	for _, step := range []struct {
		change
		first int
	}{{inserted, n}, {updated, n}, {updated, -1 - n%(c.rows/4)}, {deleted, n}} {
		args := c.args(step.change, span{step.first, 1})[0]
		_, err := conn.ExecContext(ctx, c.single(step.change), args...)
		w.statements++
		if err != nil && c.dialect.Classify(err) == dialect.ClassRetryable {
			w.refused++
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// together lets both work, and looks meanwhile who waits.
func (c *contender) together(ctx context.Context, conns [2]*sql.Conn, n int, w *waiting) error {
	var both [2]waiting
	var faults [2]error
	var wait sync.WaitGroup
	const first = 10
	for i, conn := range conns {
		wait.Go(func() {
			for turn := range n {
				faults[i] = c.turn(ctx, conn, first+2*turn+i, &both[i])
				if faults[i] != nil {
					return
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
