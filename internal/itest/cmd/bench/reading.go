package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

const pageSize = 50

// reading is what one question took.
type reading struct {
	question
	p50, p95 time.Duration
	// entries is the mean of an answer's, statements how many one asks.
	entries float64
	counts
}

// loading is what filling the history took.
type loading struct {
	entries int
	took    time.Duration
}

// question is what is asked; n counts the times. ready prepares it untimed.
type question struct {
	name   string
	target time.Duration
	query  func(h history, n int) reader.Query
	// within: behind a random place, by a cursor.
	within bool
	// revision: the whole of a transaction, in place of a page.
	revision bool
}

func questions() []question {
	const history5, page50 = 5 * time.Millisecond, 50 * time.Millisecond
	object := func(id func(h history, n int) string) func(history, int) reader.Query {
		return func(h history, n int) reader.Query {
			return reader.Query{Entity: entity, ObjectID: id(h, n)}
		}
	}
	typical := func(h history, n int) string {
		for ; ; n += 7919 {
			if id := h.object(n * 104729 % h.n); id != hotObject {
				return id
			}
		}
	}
	hot := func(history, int) string { return hotObject }
	actor := func(id string) func(history, int) reader.Query {
		return func(_ history, n int) reader.Query {
			q := reader.Query{Entity: entity, Actor: id}
			if id == "" {
				q.Actor = fmt.Sprintf("user-%d", 1+n%(actors-1))
			}
			return q
		}
	}
	stream := func(history, int) reader.Query { return reader.Query{Entity: entity} }
	hour := func(h history, n int) reader.Query {
		at := h.at(chance(n).IntN(h.n))
		return reader.Query{Entity: entity, Since: at, Until: at.Add(time.Hour)}
	}
	return []question{
		{name: "object, typical (about 10 entries)", target: history5, query: object(typical)},
		{name: "object, hot (1 %), newest", target: history5, query: object(hot)},
		{name: "object, hot, a page within", target: history5, query: object(hot), within: true},
		{name: "stream, newest", target: page50, query: stream},
		{name: "stream, a page within", target: page50, query: stream, within: true},
		{name: "actor, typical (0.08 %)", target: page50, query: actor("")},
		{name: "actor, hot (20 %), newest", target: page50, query: actor(hotActor)},
		{name: "actor, hot, a page within", target: page50, query: actor(hotActor), within: true},
		{name: "one hour, newest first", target: page50, query: hour},
		{name: "one revision, whole", target: page50, query: stream, revision: true},
	}
}

func measureReading(
	ctx context.Context, e engine, o options,
) (all []reading, l loading, err error) {
	p, err := newPlace(ctx, e)
	if err != nil {
		return nil, l, err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	h := newHistory(o.entries)
	if l, err = p.load(ctx, h); err != nil {
		return nil, l, fmt.Errorf("load entries: %w", err)
	}
	progress("%s: loaded %d entries in %s", e.kind(), l.entries, l.took.Round(time.Second))
	aud, err := newAuditor(p.db, e)
	if err != nil {
		return nil, l, err
	}
	t := &tracer{}
	traced, err := p.open("", t)
	if err != nil {
		return nil, l, err
	}
	defer func() { err = errors.Join(err, traced.Close()) }()
	counted, err := newAuditor(traced, e)
	if err != nil {
		return nil, l, err
	}
	for _, q := range questions() {
		r, err := q.ask(ctx, aud.Reader(), h, o.asks)
		if err != nil {
			return nil, l, fmt.Errorf("%s: %w", q.name, err)
		}
		if r.counts, err = q.count(ctx, counted.Reader(), h, t); err != nil {
			return nil, l, fmt.Errorf("%s: %w", q.name, err)
		}
		all = append(all, r)
		progress("%s: %s: %s / %s", e.kind(), q.name, r.p50, r.p95)
	}
	return all, l, nil
}

// load makes the tables and fills them by batches, as a relay would.
func (p *place) load(ctx context.Context, h history) (loading, error) {
	s := &side{place: p, audited: true}
	if err := s.fill(ctx, work{op: opUpdate, rows: 1, ops: 1}); err != nil {
		return loading{}, err
	}
	d, err := dialect.Detect(ctx, p.db, p.engine.scheme())
	if err != nil {
		return loading{}, err
	}
	store, err := sqlstore.New(sqlstore.Config{
		Name: auditor.DefaultStorage, DB: p.db, Dialect: d,
		AuditTable: func(context.Context, string) (annals.Table, error) {
			return annals.Table{Name: audit}, nil
		},
	})
	if err != nil {
		return loading{}, err
	}
	start := time.Now()
	for at := 0; at < h.n; at += batchSize {
		if err := store.Write(ctx, h.batch(at, min(at+batchSize, h.n))); err != nil {
			return loading{}, err
		}
	}
	l := loading{entries: h.n, took: time.Since(start)}
	return l, p.exec(ctx, p.engine.settle(audit, "annals_revision")...)
}

// ask times a question: a tenth more than n times, of which the first warm up.
func (q question) ask(
	ctx context.Context, r *reader.Reader, h history, n int,
) (reading, error) {
	out := reading{question: q}
	var times []time.Duration
	for i := range n + n/10 {
		run, err := q.prepare(ctx, r, h, i)
		if err != nil {
			return out, err
		}
		start := time.Now()
		found, err := run()
		if err != nil {
			return out, err
		}
		if i >= n/10 {
			times = append(times, time.Since(start))
			out.entries += float64(found) / float64(n)
		}
	}
	out.p50, out.p95 = percentiles(times)
	return out, nil
}

// prepare returns what asks the question for the n-th time, and how many entries
// the answer has.
func (q question) prepare(
	ctx context.Context, r *reader.Reader, h history, n int,
) (func() (int, error), error) {
	if q.revision {
		hash := h.hash(chance(n).IntN(h.n))
		return func() (int, error) {
			v, err := r.Revision(ctx, hash)
			found := 0
			for _, e := range v.Entities {
				found += len(e.Entries)
			}
			return found, err
		}, nil
	}
	query := q.query(h, n)
	if q.within {
		place := query
		place.Limit, place.Until = 1, h.at(h.n/10+chance(n).IntN(h.n-h.n/10))
		page, err := r.Find(ctx, place)
		if err != nil {
			return nil, err
		}
		query.Cursor = page.Next
	}
	query.Limit = pageSize
	return func() (int, error) {
		page, err := r.Find(ctx, query)
		return len(page.Entries), err
	}, nil
}

// count counts one asking.
func (q question) count(
	ctx context.Context, r *reader.Reader, h history, t *tracer,
) (c counts, err error) {
	for n := range 3 {
		run, err := q.prepare(ctx, r, h, n)
		if err != nil {
			return c, err
		}
		t.reset()
		if _, err := run(); err != nil {
			return c, err
		}
		c, _ = t.reset()
	}
	return c, nil
}
