package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"
)

// change is what a statement does to rows of the table.
type change int

const (
	inserted change = iota
	updated
	deleted
	changes
)

func (c change) String() string { return [...]string{"insert", "update", "delete"}[c] }

// images is how many rows a copy of both images gets of a changed row.
func (c change) images() int {
	if c == updated {
		return 2
	}
	return 1
}

// mode is how changes reach the database.
type mode int

const (
	// alone: statements of one row, each its own transaction.
	alone mode = iota
	// bound: statements of one row, many of them in a transaction, with an actor.
	bound
	// bulk: one statement of many rows in a transaction with an actor.
	bulk
	// console: the same without an actor, as somebody at the console writes.
	console
	modes
)

func (m mode) String() string {
	return [...]string{
		"one row a statement and transaction", "one row a statement, all in one transaction",
		"one statement", "one statement, nobody bound",
	}[m]
}

// within tells whether the changes are in a transaction that knows who acts.
func (m mode) within() bool { return m == bound || m == bulk }

// single tells whether each row has a statement of its own.
func (m mode) single() bool { return m == alone || m == bound }

// better is the quantile of slices that counts.
const better = 0.1

// volume is how much is measured.
type volume struct {
	rounds int
	// slices of so many statements of one row each, alone or in one transaction, and
	// the rows of one statement.
	slices, statements, together, rows int
	revisions                          int
}

// parts is the number of slices, of is the number of rows in each.
func (v volume) parts(m mode) int {
	if m.single() {
		return v.slices
	}
	return 1
}

func (v volume) of(m mode) int {
	return [...]int{alone: v.statements, bound: v.together, bulk: v.rows, console: v.rows}[m]
}

// triggered is how much the options ask for: capture by triggers costs little of
// each row, and so takes many.
func (o options) triggered() volume {
	if o.quick {
		return volume{
			rounds: o.rounds, slices: 3, statements: 5, together: 20, rows: o.rows / 5, revisions: 5 * o.rows,
		}
	}
	return volume{
		rounds: (o.rounds + 1) / 2, slices: 30, statements: 25, together: 100, rows: 20_000,
		revisions: manyRevisions,
	}
}

// span are rows that are changed: those after first.
type span struct{ first, rows int }

// cost is what a row of one slice took: nanoseconds, and bytes of the log.
type cost struct{ took, cpu, log float64 }

// cell is a mode and a change.
type cell struct {
	mode
	change
}

// triggering is what capture by triggers showed on one database.
type triggering struct {
	variants []variant
	volume   volume
	// costs are by cell and by variant; the same index is the same round.
	costs map[cell][][]cost
	// what follows is of annals' own triggers
	stored map[cell][]float64
	cliff  cliff
	waits  waiting
	trips  []trips
	epochs epochs
	storm  storm
}

func measureTriggers(ctx context.Context, e engine, o options) (t triggering, err error) {
	t = triggering{variants: variants(e), volume: o.triggered(), costs: map[cell][][]cost{}}
	var all []*contender
	defer func() {
		for _, c := range all {
			err = errors.Join(err, c.close(ctx))
		}
	}()
	for _, v := range t.variants {
		c, err := newContender(ctx, e, v, t.volume.rows)
		if err != nil {
			return t, fmt.Errorf("%s: %w", v.title, err)
		}
		all = append(all, c)
	}
	for round := range t.volume.rounds + 1 {
		if err := t.round(ctx, all, round > 0); err != nil {
			return t, err
		}
		progress("%s: triggers: round %d of %d", e.kind(), round, t.volume.rounds)
	}
	return t, t.own(ctx, all, o)
}

// own measures what is asked of annals' triggers alone.
func (t *triggering) own(ctx context.Context, all []*contender, o options) (err error) {
	ours := all[t.index(theMirror)]
	if t.waits, err = ours.waits(ctx, 10*t.volume.statements); err != nil {
		return fmt.Errorf("two writers: %w", err)
	}
	if t.trips, err = ours.trips(ctx); err != nil {
		return fmt.Errorf("round trips: %w", err)
	}
	if ours.engine.statementTriggers() {
		if t.cliff, err = ours.cliff(ctx, t.volume.rounds); err != nil {
			return fmt.Errorf("sessions: %w", err)
		}
	}
	t.epochs, err = measureEpochs(ctx, ours, all[t.index(bareCopy)], all[t.index(indexedCopy)],
		t.volume.rounds)
	if err != nil {
		return fmt.Errorf("epoch: %w", err)
	}
	again, err := newContender(ctx, ours.engine, ours.variant, t.volume.rows)
	if err != nil {
		return err
	}
	err = t.measureStored(ctx, ours, again, t.volume.revisions)
	if err == nil && o.storm > 0 && ours.engine.statementTriggers() {
		t.storm, err = ours.storm(ctx, o.storm)
	}
	return errors.Join(err, again.close(ctx))
}

// round gives every contender every cell; what is inserted is updated, then deleted,
// so that a round leaves the table as it was. The first round only warms up.
func (t *triggering) round(ctx context.Context, all []*contender, counts bool) error {
	for m := range modes {
		for _, c := range all {
			if err := c.settle(ctx); err != nil {
				return fmt.Errorf("%s: settle: %w", c.title, err)
			}
		}
		if err := t.cells(ctx, all, m, counts); err != nil {
			return err
		}
		for _, c := range all {
			if err := c.check(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.title, err)
			}
		}
	}
	return nil
}

// cells are those of one mode. Single rows are changed in many short slices, each of
// which all contenders have their turn at: what else the machine does meets them alike.
func (t *triggering) cells(ctx context.Context, all []*contender, m mode, counts bool) error {
	for ch := range changes {
		at := cell{m, ch}
		parts := make([][]cost, len(all))
		for part := range t.volume.parts(m) {
			runtime.GC()
			for _, i := range rand.Perm(len(all)) {
				spent, err := all[i].measure(ctx, at, span{part * t.volume.of(m), t.volume.of(m)})
				if err != nil {
					return fmt.Errorf("%s: %s, %s: %w", all[i].title, m, ch, err)
				}
				parts[i] = append(parts[i], spent)
			}
		}
		if !counts {
			continue
		}
		if t.costs[at] == nil {
			t.costs[at] = make([][]cost, len(all))
		}
		for i := range all {
			t.costs[at][i] = append(t.costs[at][i], typical(parts[i]))
		}
	}
	return nil
}

// typical is a round's figure. Whatever else runs only ever adds to the time on a
// processor, so of that the better slices count; of the log the mean, since its pages
// are written by some and serve all.
func typical(parts []cost) cost {
	c := cost{
		took: spreadOf(each(parts, tookOf)).median, cpu: quantileOf(each(parts, cpuOf), better),
	}
	for _, p := range parts {
		c.log += p.log / float64(len(parts))
	}
	return c
}

// measure runs one slice.
func (c *contender) measure(ctx context.Context, at cell, s span) (cost, error) {
	run := c.slice(ctx, at, s)
	before, err := c.probe.read(ctx)
	if err != nil {
		return cost{}, err
	}
	start := time.Now()
	err = run()
	took := time.Since(start)
	after, err2 := c.probe.read(ctx)
	rows := float64(s.rows)
	return cost{
		took: float64(took) / rows,
		cpu:  float64(after.cpu-before.cpu) / rows,
		log:  float64(after.log-before.log) / rows,
	}, errors.Join(err, err2)
}

// added are a variant's figures over those of the variant without a trigger, round
// by round.
func (t *triggering) added(at cell, i int, figure func(cost) float64) []float64 {
	all := t.costs[at]
	out := make([]float64, len(all[i]))
	for round := range out {
		out[round] = figure(all[i][round]) - figure(all[0][round])
	}
	return out
}

// speed is how fast a variant is to the variant without a trigger, 1 being as fast.
func (t *triggering) speed(at cell, i int) spread {
	all := t.costs[at]
	out := make([]float64, len(all[i]))
	for round := range out {
		out[round] = all[0][round].took / all[i][round].took
	}
	return spreadOf(out)
}

// index finds a variant by title.
func (t *triggering) index(title string) int {
	for i, v := range t.variants {
		if v.title == title {
			return i
		}
	}
	return -1
}

func tookOf(c cost) float64 { return c.took }
func cpuOf(c cost) float64  { return c.cpu }
func logOf(c cost) float64  { return c.log }
