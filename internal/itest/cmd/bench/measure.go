package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"
)

// sample is one slice of work, per operation.
type sample struct {
	took          time.Duration
	bytes, allocs float64
}

// trail is what an operation leaves behind on the wire and in memory.
type trail struct {
	// counts are those of one operation, by variant of connecting.
	counts map[string]counts
	// total and spent are an operation's time and its time in the database.
	total time.Duration
	spent [classes]time.Duration
	// peak is the most live heap ahead of a statement, over that before.
	peak int64
}

// writing is what one work showed: samples of the same index are of one round.
type writing struct {
	work
	plain, audited   []sample
	without, through trail
}

func (m writing) ratio() spread {
	ratios := make([]float64, len(m.plain))
	for i := range m.plain {
		ratios[i] = float64(m.audited[i].took) / float64(m.plain[i].took)
	}
	return spreadOf(ratios)
}

func measureWork(ctx context.Context, e engine, w work, o options) (m writing, err error) {
	m.work = w
	var sides [2]*side
	for i := range sides {
		if sides[i], err = newSide(ctx, e, w, i == 1); err != nil {
			return m, err
		}
		defer func() { err = errors.Join(err, sides[i].close(ctx)) }()
	}
	samples := [2]*[]sample{&m.plain, &m.audited}
	for round := range o.rounds + 1 {
		for _, i := range rand.Perm(2) {
			s, err := sides[i].sample(ctx, w)
			if err != nil {
				return m, fmt.Errorf("audited %t: %w", sides[i].audited, err)
			}
			if round > 0 { // the first warms up
				*samples[i] = append(*samples[i], s)
			}
		}
	}
	trails := [2]*trail{&m.without, &m.through}
	for i, s := range sides {
		if *trails[i], err = s.trail(ctx, work{w.op, w.rows, 1}); err != nil {
			return m, fmt.Errorf("audited %t: trace: %w", s.audited, err)
		}
	}
	return m, nil
}

// sample runs one slice.
func (s *side) sample(ctx context.Context, w work) (sample, error) {
	run := s.slice(ctx, w)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := run()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	n := float64(w.ops)
	return sample{
		took:   took / time.Duration(w.ops),
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) / n,
		allocs: float64(after.Mallocs-before.Mallocs) / n,
	}, errors.Join(err, s.restore(ctx, w))
}

// trail traces single operations, on connections of their own.
func (s *side) trail(ctx context.Context, w work) (out trail, err error) {
	out.counts = map[string]counts{}
	for _, variant := range s.engine.variants() {
		err := s.traced(variant, func(t *tracer, s *side) error {
			return s.count(ctx, w, t, variant, &out)
		})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// traced gives f the side once more, on a traced connection.
func (s *side) traced(variant string, f func(t *tracer, s *side) error) (err error) {
	t := &tracer{}
	db, err := s.open(variant, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	again := *s
	if again.gorm, err = s.attach(db); err != nil {
		return err
	}
	err = f(t, &again)
	s.made, s.turns = again.made, again.turns
	return err
}

// count warms up, then counts one operation and times some.
func (s *side) count(ctx context.Context, w work, t *tracer, variant string, out *trail) error {
	const warm, timed = 2, 3
	var totals []float64
	var spent [classes][]float64
	for n := range warm + timed {
		run := s.slice(ctx, w)
		t.reset()
		start := time.Now()
		if err := run(); err != nil {
			return err
		}
		total := time.Since(start)
		c, times := t.reset()
		if err := s.restore(ctx, w); err != nil {
			return err
		}
		if n < warm {
			continue
		}
		if was, ok := out.counts[variant]; ok && was != c {
			return fmt.Errorf("the same operation gave %+v, then %+v", was, c)
		}
		out.counts[variant] = c
		totals = append(totals, float64(total))
		for i, d := range times {
			spent[i] = append(spent[i], float64(d))
		}
	}
	if variant != "" {
		return nil
	}
	out.total = time.Duration(spreadOf(totals).median)
	for i := range spent {
		out.spent[i] = time.Duration(spreadOf(spent[i]).median)
	}
	return s.peak(ctx, w, t, out)
}

// peak collects garbage ahead of each statement, and so sees live memory alone.
func (s *side) peak(ctx context.Context, w work, t *tracer, out *trail) error {
	run := s.slice(ctx, w)
	base := liveHeap()
	t.before = func() { out.peak = max(out.peak, liveHeap()-base) }
	defer func() { t.before = nil }()
	if err := run(); err != nil {
		return err
	}
	return s.restore(ctx, w)
}

// liveHeap collects twice: what a sync.Pool holds lives through the first time.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
