package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// The storm: so many sessions update rows while columns come, are renamed and go.
const (
	stormSessions = 6
	stormAlters   = 40
	stormPause    = time.Millisecond
)

// storm is what it did.
type storm struct {
	updates, alters, failed, unrecorded int
	// cause is the first failure.
	cause error
}

func (c *contender) storm(ctx context.Context, updates int) (s storm, err error) {
	if err := c.settle(ctx); err != nil {
		return s, err
	}
	before := c.images
	var done, failed atomic.Int64
	var first atomic.Pointer[error]
	var wait sync.WaitGroup
	for n := range stormSessions {
		wait.Go(func() {
			for i := range updates / stormSessions {
				id := 1 + n + stormSessions*(i%(c.rows/stormSessions))
				if err := c.exec(ctx, fmt.Sprintf(
					"UPDATE %s SET quantity = quantity + 1 WHERE id = %d", table, id)); err != nil {
					failed.Add(1)
					first.CompareAndSwap(nil, &err)
				}
				done.Add(1)
			}
		})
	}
	// The changes are spread over the time that the updates take.
	for n := range stormAlters {
		for done.Load() < int64(updates/stormSessions*stormSessions*n/stormAlters) && ctx.Err() == nil {
			pause(ctx, stormPause)
		}
		err = errors.Join(err, c.exec(ctx, alter(n)))
	}
	wait.Wait()
	s = storm{updates: int(done.Load()), alters: stormAlters, failed: int(failed.Load())}
	if cause := first.Load(); cause != nil {
		s.cause = *cause
	}
	var recorded int
	err = errors.Join(err, countRows(ctx, c.db, audit, &recorded))
	s.unrecorded = s.updates - s.failed - (recorded-before)/2
	return s, err
}

func countRows(ctx context.Context, db *sql.DB, table string, n *int) error {
	return db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(n)
}

// alter adds a column with a default, renames it, and drops it.
func alter(n int) string {
	name := fmt.Sprintf("storm_%d", n/3)
	switch n % 3 {
	case 0:
		return "ALTER TABLE " + table + " ADD COLUMN " + name + " integer DEFAULT 7"
	case 1:
		return "ALTER TABLE " + table + " RENAME COLUMN " + name + " TO renamed_" + name
	default:
		return "ALTER TABLE " + table + " DROP COLUMN renamed_" + name
	}
}
