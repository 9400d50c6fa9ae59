package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/retention"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

const (
	// cleanWriters write a transaction each pause.
	cleanWriters = 4
	cleanPause   = 10 * time.Millisecond
	// calm is how long they write before the cleaning begins.
	calm = 5 * time.Second
	// longWait is what no writer may wait for a lock.
	longWait = 100 * time.Millisecond
)

// cleaning is what removing old entries showed.
type cleaning struct {
	// loaded is what it took to store the entries.
	loaded             time.Duration
	entries, revisions int64
	took               time.Duration
	batches            int
	held               []time.Duration
	// alone and beside are the writers' transactions before and meanwhile; waits are
	// those that the database ended because they waited for a lock.
	alone, beside []time.Duration
	waits         int
}

func measureCleaning(ctx context.Context, e engine, o options) (c cleaning, err error) {
	p, err := newPlace(ctx, e)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	h := newHistory(o.clean)
	if c.loaded, err = p.load(ctx, h); err != nil {
		return c, fmt.Errorf("load entries: %w", err)
	}
	progress("%s: loaded %d entries in %s", e.kind(), h.n, c.loaded.Round(time.Second))
	d, err := dialect.Detect(ctx, p.db, e.scheme())
	if err != nil {
		return c, err
	}
	store, err := sqlstore.New(sqlstore.Config{
		Name: auditor.DefaultStorage, DB: p.db, Dialect: d,
		AuditTable: func(context.Context, string) (annals.Table, error) {
			return annals.Table{Name: audit}, nil
		},
	})
	if err != nil {
		return c, err
	}
	w, err := startWriters(ctx, p.db, d, store)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	pause(ctx, min(calm, time.Duration(o.clean)*time.Millisecond/20))
	c.alone = w.take()
	began := time.Now()
	results, err := retention.Run(ctx, []retention.Target{{
		Storage: auditor.DefaultStorage, DB: p.db, Dialect: d, Cleaner: store,
		Entities: []string{entity},
	}}, retention.Options{
		Before: h.start.AddDate(1, 0, 1), Actor: "bench",
		Progress: func(b retention.Progress) {
			c.held = append(c.held, b.Held)
			if b.Entity != "" && b.Done%100_000 < int64(b.Removed) {
				progress("%s: %d entries removed", e.kind(), b.Done)
			}
		},
	})
	c.took, c.beside, c.waits = time.Since(began), w.take(), w.waited()
	if err != nil {
		return c, err
	}
	c.batches = len(c.held)
	c.entries, c.revisions = results[0].Entries(), results[0].Revisions
	progress("%s: %d entries and %d revisions removed in %s", e.kind(), c.entries, c.revisions,
		c.took.Round(time.Second))
	if c.entries != int64(o.clean) {
		return c, fmt.Errorf("%d entries were removed, not %d", c.entries, o.clean)
	}
	return c, nil
}

// load makes the tables and fills them by batches, as a relay would.
func (p *place) load(ctx context.Context, h history) (took time.Duration, err error) {
	s := &side{place: p, audited: true}
	if err := s.fill(ctx, work{op: opUpdate, rows: 1, ops: 1}); err != nil {
		return 0, err
	}
	d, err := dialect.Detect(ctx, p.db, p.engine.scheme())
	if err != nil {
		return 0, err
	}
	store, err := sqlstore.New(sqlstore.Config{
		Name: auditor.DefaultStorage, DB: p.db, Dialect: d,
		AuditTable: func(context.Context, string) (annals.Table, error) {
			return annals.Table{Name: audit}, nil
		},
	})
	if err != nil {
		return 0, err
	}
	start := time.Now()
	for at := 0; at < h.n; at += batchSize {
		if err := store.Write(ctx, h.batch(at, min(at+batchSize, h.n))); err != nil {
			return 0, err
		}
	}
	took = time.Since(start)
	return took, p.exec(ctx, p.engine.settle(audit, "annals_revision")...)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// busy are writers that go on until they are stopped.
type busy struct {
	store  *sqlstore.Store
	d      dialect.Dialect
	cancel context.CancelFunc
	wait   sync.WaitGroup
	mu     sync.Mutex
	times  []time.Duration
	waits  int
	err    error
}

func startWriters(
	ctx context.Context, db *sql.DB, d dialect.Dialect, store *sqlstore.Store,
) (*busy, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &busy{store: store, d: d, cancel: cancel}
	for n := range cleanWriters {
		conn, err := db.Conn(ctx)
		if err == nil && limitWaits(d) != "" {
			_, err = conn.ExecContext(ctx, limitWaits(d))
		}
		if err != nil {
			return nil, errors.Join(err, w.stop())
		}
		w.wait.Go(func() { w.work(ctx, conn, n) })
	}
	return w, nil
}

// limitWaits makes the database end a statement that waits for a lock for too long:
// on MariaDB, which counts in seconds, one that waits at all.
func limitWaits(d dialect.Dialect) string {
	switch d.Name() {
	case dialect.PostgresName:
		return fmt.Sprintf("SET lock_timeout = %d", longWait.Milliseconds())
	case dialect.MySQLName:
		return "SET innodb_lock_wait_timeout = 0"
	}
	return ""
}

func (w *busy) work(ctx context.Context, conn *sql.Conn, n int) {
	ticker := time.NewTicker(cleanPause)
	defer ticker.Stop()
	for turn := 0; ctx.Err() == nil; turn++ {
		start := time.Now()
		err := w.write(context.WithoutCancel(ctx), conn, strconv.Itoa(n)+"-"+strconv.Itoa(turn%1000))
		w.mu.Lock()
		switch {
		case err == nil:
			w.times = append(w.times, time.Since(start))
		case w.d.Classify(err) == dialect.ClassRetryable:
			w.waits++
		default:
			w.err = errors.Join(w.err, err)
		}
		failed := w.err != nil
		w.mu.Unlock()
		if failed {
			break
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = errors.Join(w.err, conn.Close())
}

// write stores a revision with one entry, as direct delivery does.
func (w *busy) write(ctx context.Context, conn *sql.Conn, object string) (err error) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	rev := annals.Revision{Source: "live", Hash: annals.NewHash(now), CreatedAt: now}
	e := newHistory(1).entry(0)
	e.Source, e.ObjectID, e.TransactionHash, e.CreatedAt = "live", object, rev.Hash, now
	e.Seq = 1
	if err := w.store.WriteTx(ctx, tx, &rev, []annals.Entry{e}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// take returns the times since the call before.
func (w *busy) take() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	times := w.times
	w.times = nil
	return times
}

func (w *busy) waited() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waits
}

func (w *busy) stop() error {
	w.cancel()
	w.wait.Wait()
	return w.err
}

// cleaning writes the section of the report.
func (r report) cleaning(p *page) {
	if r.options.clean == 0 {
		return
	}
	p.text("## Removing old entries: %s under writers\n", count(r.options.clean))
	p.text("`annals clean` removes all entries of a year, and their revisions, while %d writers store",
		cleanWriters)
	p.text("a revision with an entry every %d ms each: their transactions in milliseconds, p50 / p95 /",
		cleanPause.Milliseconds())
	p.text("longest, before and meanwhile. *Held* is how long a batch had locks, p95 / longest.")
	p.text("*Lock waits* are statements of writers that the database itself ended for waiting: on")
	p.text("PostgreSQL longer than %d ms (`lock_timeout`), on MariaDB at all", longWait.Milliseconds())
	p.text("(`innodb_lock_wait_timeout=0`); `make bench` fails when there is one. SQLite has one lock")
	p.text("for all writers, for which they wait in turn.\n")
	p.head("database", "seconds", "entries/s", "revisions", "batches", "held, ms",
		"writers alone, ms", "meanwhile, ms", "lock waits")
	for _, res := range r.results {
		c := res.cleaned
		waits := count(c.waits)
		if !res.engine.wire() {
			waits = "–"
		}
		_, held := percentiles(c.held)
		p.row(res.engine.title(), fmt.Sprintf("%.1f", c.took.Seconds()),
			rate(int(c.entries), c.took.Seconds()), count(int(c.revisions)), count(c.batches),
			millis(held.Seconds())+" / "+millis(longest(c.held).Seconds()),
			latency(c.alone), latency(c.beside), waits)
	}
	p.text("")
	for _, res := range r.results {
		p.text("%s took in these %s entries in %s by batches of %s: %s a second.",
			res.engine.title(), count(r.options.clean),
			res.cleaned.loaded.Round(100*time.Millisecond), count(batchSize),
			rate(r.options.clean, res.cleaned.loaded.Seconds()))
	}
	p.text("")
}

func latency(times []time.Duration) string {
	p50, p95 := percentiles(times)
	return millis(p50.Seconds()) + " / " + millis(p95.Seconds()) + " / " +
		millis(longest(times).Seconds())
}

func longest(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return slices.Max(times)
}
