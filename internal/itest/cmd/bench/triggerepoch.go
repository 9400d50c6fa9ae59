package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/epoch"
)

// epochTarget is how fast baselines are at least, over rows that are only copied.
const epochTarget = 0.5

// epochs is what baselines of all rows take, all batches together, and an INSERT …
// SELECT of the same rows into a copy: seconds, the same index being the same round.
// whole is with what a run does once, whatever the number of rows.
type epochs struct {
	rows                       int
	ours, bare, indexed, whole []float64
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
	var held time.Duration
	works := []func() error{
		func() (err error) { held, err = ours.epoch(ctx); return err },
		func() error { return bare.copyAll(ctx) },
		func() error { return indexed.copyAll(ctx) },
	}
	times := []*[]float64{&e.whole, &e.bare, &e.indexed}
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
		if round > 0 {
			e.ours = append(e.ours, held.Seconds())
		}
	}
	return e, nil
}

// epoch gives every row its baseline, once more; held is the time of its batches.
func (c *contender) epoch(ctx context.Context) (held time.Duration, err error) {
	aud, err := triggerAuditor(c.db, c.engine)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, aud.Close()) }()
	j, err := aud.Journal("app")
	if err != nil {
		return 0, err
	}
	results, err := aud.Epoch(ctx, j, auditor.EpochOptions{
		Again: true, Progress: func(p epoch.Progress) { held += p.Held },
	})
	if err != nil {
		return 0, err
	}
	if len(results) != 1 || results[0].Rows != int64(c.rows) {
		return 0, fmt.Errorf("baselines of %d rows wanted: %+v", c.rows, results)
	}
	return held, nil
}

// copyAll copies the same rows.
func (c *contender) copyAll(ctx context.Context) error {
	return c.exec(ctx, "INSERT INTO "+copyTable+" ("+copyColumns()+") SELECT "+
		imageOf("i", "i.id", "after")+" FROM "+table+" i")
}
