package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seed-162b1470/annals/auditor"
)

// epochTarget is how fast baselines are at least, over rows that are only copied.
const epochTarget = 0.5

// epochs is what baselines of all rows take, in batches, and an INSERT … SELECT of
// the same rows into a copy: seconds, the same index being the same round.
type epochs struct {
	rows                int
	ours, bare, indexed []float64
}

func (e epochs) speed(floor []float64) spread {
	ratios := make([]float64, len(floor))
	for i := range floor {
		ratios[i] = floor[i] / e.ours[i]
	}
	return spreadOf(ratios)
}

func measureEpochs(ctx context.Context, ours, bare, indexed *contender, rounds int) (epochs, error) {
	e := epochs{rows: ours.rows}
	works := []func() error{
		func() error { return ours.epoch(ctx) },
		func() error { return bare.copyAll(ctx) },
		func() error { return indexed.copyAll(ctx) },
	}
	times := []*[]float64{&e.ours, &e.bare, &e.indexed}
	for round := range rounds + 1 {
		for _, c := range []*contender{ours, bare, indexed} {
			if err := c.settle(ctx); err != nil {
				return e, err
			}
		}
		for _, i := range rand.Perm(len(works)) {
			start := time.Now()
			if err := works[i](); err != nil {
				return e, err
			}
			if round > 0 {
				*times[i] = append(*times[i], time.Since(start).Seconds())
			}
		}
	}
	return e, nil
}

// epoch gives every row its baseline, once more.
func (c *contender) epoch(ctx context.Context) (err error) {
	aud, err := triggerAuditor(c.db, c.engine)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, aud.Close()) }()
	j, err := aud.Journal("app")
	if err != nil {
		return err
	}
	results, err := aud.Epoch(ctx, j, auditor.EpochOptions{Again: true})
	if err != nil {
		return err
	}
	if len(results) != 1 || results[0].Rows != int64(c.rows) {
		return fmt.Errorf("baselines of %d rows wanted: %+v", c.rows, results)
	}
	return nil
}

// copyAll copies the same rows.
func (c *contender) copyAll(ctx context.Context) error {
	return c.exec(ctx, "INSERT INTO "+copyTable+" ("+copyColumns()+") SELECT "+
		imageOf("i", "i.id", "after")+" FROM "+table+" i")
}
