package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/reader"
)

const (
	pageSize = 50
	// scanned is the bound of a question that asks for one (reader.Query.Scan).
	scanned = 10_000
	// fewAsks and longAsk: a question is not asked again, once it was that often and
	// has taken that long in all.
	fewAsks = 20
	longAsk = 15 * time.Second
)

// reading is what one question took.
type reading struct {
	question
	p50, p95, longest time.Duration
	// entries is the mean of an answer's, statements how many one asks.
	entries float64
	counts
}

// The design's limits; none for what it does not name.
const (
	ofHistory = 5 * time.Millisecond
	ofPage    = 50 * time.Millisecond
	unnamed   = time.Duration(0)
)

// question is what is asked; n counts the times.
type question struct {
	name   string
	target time.Duration
	// most is how many statements it may take: one for the registry, and for the
	// page one of few tables and two of many. An object's former keys take one more,
	// a revision and its receipts one each, a bound one.
	most  int
	query func(c *corpus, n int) reader.Query
	// within: behind a random place, by a cursor.
	within bool
	// revision, where there is one, names a revision to read, in place of a page.
	revision func(c *corpus, n int) int
}

func questions() []question {
	all := func(*corpus, int) reader.Query { return reader.Query{} }
	object := func(c *corpus, n int) reader.Query {
		k, id := c.draw(chance(n))
		return reader.Query{Entity: entityName(k), ObjectID: id}
	}
	hot := func(*corpus, int) reader.Query {
		return reader.Query{Entity: entityName(hotHome), ObjectID: hotObject}
	}
	actor := func(id string) func(*corpus, int) reader.Query {
		return func(_ *corpus, n int) reader.Query {
			if id != "" {
				return reader.Query{Actor: id}
			}
			return reader.Query{Actor: fmt.Sprintf("user-%d", 1+n%(manyActors-1))}
		}
	}
	field := func(q reader.Query) func(*corpus, int) reader.Query {
		return func(*corpus, int) reader.Query { return q }
	}
	hour := func(c *corpus, n int) reader.Query {
		at := c.at(c.n/3 + chance(n).IntN(max(1, c.n/3)))
		return reader.Query{Since: at, Until: at.Add(time.Hour)}
	}
	small := func(c *corpus, n int) int { return chance(n).IntN(len(c.firsts)) }
	large := func(c *corpus, n int) int { return c.large[n%len(c.large)] }
	of := func(t annals.EntryType) func(*corpus, int) reader.Query {
		return func(*corpus, int) reader.Query { return reader.Query{Types: []annals.EntryType{t}} }
	}
	one := func(k int) func(*corpus, int) reader.Query {
		return func(*corpus, int) reader.Query { return reader.Query{Entity: entityName(k)} }
	}
	return []question{
		{name: "object, typical (about 10 entries)", target: ofHistory, most: 3, query: object},
		{name: "object, hot (1 %), newest", target: ofHistory, most: 3, query: hot},
		{name: "object, hot, a page within", target: ofHistory, most: 3, query: hot, within: true},
		{name: "largest entity, newest", target: ofPage, most: 2, query: one(0)},
		{name: "smallest entity, newest", target: ofPage, most: 2, query: one(manyEntities - 1)},
		{name: "stream, newest", target: ofPage, most: 3, query: all},
		{name: "stream, a page within", target: ofPage, most: 3, query: all, within: true},
		{name: "actor, typical (1.6 %)", target: ofPage, most: 3, query: actor("")},
		{name: "actor, hot (20 %), newest", target: ofPage, most: 3, query: actor(hotActor)},
		{name: "actor, hot, a page within", target: ofPage, most: 3, query: actor(hotActor), within: true},
		{name: "actor, rare, all", target: ofPage, most: 3, query: actor(rareActor)},
		{name: "one hour, newest first", target: ofPage, most: 3, query: hour},
		{name: "one revision, whole", target: ofPage, most: 4, revision: small},
		{name: "one revision of 5,000 entries, whole", target: ofPage, most: 4, revision: large},
		{name: "type remove (5 %), newest", target: ofPage, most: 3, query: of(annals.Remove)},
		{name: "type truncate (3 in 100,000), all", target: ofPage, most: 3, query: of(rareType)},
		{name: "field, common (1 in 3), newest", most: 3, query: field(reader.Query{Field: plainField})},
		{
			name: "field, rare, looking at 10,000 entries", most: 4,
			query: field(reader.Query{Field: rareField, Scan: scanned}),
		},
		{
			name: "field, rare (1 in 20,000), a page", most: 3,
			query: field(reader.Query{Field: rareField}),
		},
	}
}

func measureReading(ctx context.Context, e engine, o options) (all []reading, err error) {
	p, err := newPlace(ctx, e)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	c := newCorpus(o.entries)
	begun := time.Now()
	if err := p.fill(ctx, c); err != nil {
		return nil, fmt.Errorf("store entries: %w", err)
	}
	progress("%s: %d entries stored in %s", e.kind(), c.n, time.Since(begun).Round(time.Second))
	r, err := p.reader(nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	t := &tracer{}
	counted, err := p.reader(t)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, counted.close()) }()
	for _, q := range questions() {
		m, err := q.ask(ctx, r.Reader, c, o.asks)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		if m.counts, err = q.count(ctx, counted.Reader, c, t); err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		all = append(all, m)
		progress("%s: %s: %s / %s / %s, %d statements", e.kind(), q.name, m.p50, m.p95, m.longest,
			m.statements)
	}
	return all, nil
}

// pooled is a reader with connections of its own.
type pooled struct {
	*reader.Reader
	close func() error
}

// reader opens the database for reading, by a configuration that names no entity, as
// one of so many would.
func (p *place) reader(t *tracer) (pooled, error) {
	db, err := p.open("", t)
	if err != nil {
		return pooled{}, err
	}
	aud, err := auditor.New(auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: db, Dialect: p.engine.scheme()}},
		Entities: map[string]config.Entity{config.Wildcard: {}},
	})
	if err != nil {
		return pooled{}, errors.Join(err, db.Close())
	}
	return pooled{aud.Reader(), db.Close}, nil
}

// ask times a question: a tenth more than n times, of which the first warm up.
func (q question) ask(
	ctx context.Context, r *reader.Reader, c *corpus, n int,
) (reading, error) {
	out := reading{question: q}
	var times []time.Duration
	begun := time.Now()
	for i := range n + n/10 {
		run, err := q.prepare(ctx, r, c, i)
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
			out.entries += float64(found)
		}
		if len(times) >= fewAsks && time.Since(begun) > longAsk {
			break
		}
	}
	out.entries /= float64(max(1, len(times)))
	out.p50, out.p95 = percentiles(times)
	out.longest = longest(times)
	return out, nil
}

// prepare returns what asks the question for the n-th time, and how many entries
// the answer has.
func (q question) prepare(
	ctx context.Context, r *reader.Reader, c *corpus, n int,
) (func() (int, error), error) {
	if q.revision != nil {
		hash := c.hash(q.revision(c, n))
		return func() (int, error) {
			v, err := r.Revision(ctx, hash)
			found := 0
			for _, e := range v.Entities {
				found += len(e.Entries)
			}
			return found, err
		}, nil
	}
	query := q.query(c, n)
	if q.within {
		place := query
		place.Limit, place.Until = 1, c.at(c.n/10+chance(n).IntN(c.n-c.n/10))
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

// count counts one asking, the one of three that takes the most.
func (q question) count(
	ctx context.Context, r *reader.Reader, c *corpus, t *tracer,
) (most counts, err error) {
	for n := range 3 {
		run, err := q.prepare(ctx, r, c, n)
		if err != nil {
			return most, err
		}
		t.reset()
		if _, err := run(); err != nil {
			return most, err
		}
		if got, _ := t.reset(); got.statements > most.statements {
			most = got
		}
	}
	return most, nil
}
