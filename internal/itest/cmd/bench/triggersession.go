package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// cliffRows are changed by one statement, after oneRows statements of one row, or as
// the first of their session.
const (
	cliffRows = 10_000
	oneRows   = 10
	// cliffTarget is how many times as long it may take.
	cliffTarget = 1.2
)

// cliff is what a session's history does to a statement of many rows: plans made for
// one row may be used for all of them.
type cliff struct {
	rows int
	// fresh and used are seconds; the same index is the same round.
	fresh, used []float64
}

func (c cliff) ratio() spread {
	ratios := make([]float64, len(c.used))
	for i := range ratios {
		ratios[i] = c.used[i] / c.fresh[i]
	}
	return spreadOf(ratios)
}

func (c *contender) cliff(ctx context.Context, rounds int) (out cliff, err error) {
	out.rows = min(cliffRows, c.rows)
	for range rounds {
		if err := c.settle(ctx); err != nil {
			return out, err
		}
		for _, first := range rand.Perm(2) {
			took, err := c.session(ctx, first*oneRows, out.rows)
			if err != nil {
				return out, err
			}
			if first == 0 {
				out.fresh = append(out.fresh, took.Seconds())
			} else {
				out.used = append(out.used, took.Seconds())
			}
		}
	}
	return out, nil
}

// session opens one, changes a row ones times, then n rows, which are timed.
func (c *contender) session(ctx context.Context, ones, n int) (took time.Duration, err error) {
	db, err := c.open("", nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	const update = "UPDATE " + table + " SET quantity = quantity + 1 WHERE id <= "
	for range ones {
		if _, err := db.ExecContext(ctx, update+"1"); err != nil {
			return 0, err
		}
	}
	if err := db.PingContext(ctx); err != nil {
		return 0, err
	}
	start := time.Now()
	res, err := db.ExecContext(ctx, fmt.Sprint(update, n))
	if err != nil {
		return 0, err
	}
	took = time.Since(start)
	c.images += 2 * (ones + n)
	return took, affected(res, n)
}
