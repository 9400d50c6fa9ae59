package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
)

// manyRevisions are stored before rows are changed once more.
const manyRevisions = 1_000_000

// storedTarget is how many times as long a statement may take with them.
const storedTarget = 1.2

// measureStored compares two of annals, one of which has got n revisions.
func (t *triggering) measureStored(ctx context.Context, empty, full *contender, n int) error {
	t.stored = map[cell][]float64{}
	if err := execOn(ctx, full.conn, full.engine.revisions(n)); err != nil {
		return fmt.Errorf("store revisions: %w", err)
	}
	both := [2]*contender{empty, full}
	for round := range t.volume.rounds + 1 {
		for _, m := range []mode{bulk, console} {
			if err := t.storedRound(ctx, both, m, round > 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *triggering) storedRound(ctx context.Context, both [2]*contender, m mode, counts bool) error {
	for _, c := range both {
		if err := c.settle(ctx); err != nil {
			return err
		}
	}
	for ch := range changes {
		var took [2]float64
		for _, i := range rand.Perm(2) {
			spent, err := both[i].measure(ctx, cell{m, ch}, span{0, t.volume.rows})
			if err != nil {
				return err
			}
			took[i] = spent.cpu
			if spent.cpu == 0 {
				took[i] = spent.took
			}
		}
		if at := (cell{m, ch}); counts {
			t.stored[at] = append(t.stored[at], took[1]/took[0])
		}
	}
	return errors.Join(both[0].check(ctx), both[1].check(ctx))
}
