package epoch

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// run is what Run does for one table.
type run struct {
	*plan
	source  Source
	options Options
	conn    *sql.Conn
	engine  engine

	state  state
	result Result
	done   int64
	total  int64
	size   int
}

// state is a row of annals_epoch.
type state struct {
	id    int64
	since int64
	// key is the last key that was looked at, in the form of engine.read; nil before
	// the first.
	key  []string
	done bool
}

// runs are named by a number, not by their source and entity: another one may be asked
// for. The newest counts.
func (p *plan) newest(ctx context.Context, on dialect.Queryer) (s state, found bool, err error) {
	q := &query{d: p.d}
	q.add("SELECT id, started_seq, last_key, done FROM ", p.own(layout.EpochTable), " WHERE source = ").
		add(q.arg(p.source)).add(" AND entity = ").add(q.arg(p.target.Name)).
		add(" ORDER BY id DESC LIMIT 1")
	var key sql.NullString
	switch err := one(ctx, on, q, &s.id, &s.since, &key, &s.done); {
	case errors.Is(err, errNoRow):
		return s, false, nil
	case err != nil:
		return s, false, fmt.Errorf("read how far the last run came: %w", err)
	}
	if key.Valid {
		if err := json.Unmarshal([]byte(key.String), &s.key); err != nil {
			return s, false, fmt.Errorf("read how far the last run came: %w", err)
		}
	}
	return s, true, nil
}

// run takes up the last run, or begins one.
func (r *run) run(ctx context.Context) (Result, error) {
	r.result = Result{
		Source: r.source.Name, Entity: r.target.Name, Table: r.target.Table.Live.Name,
	}
	r.size = r.options.Batch
	if err := r.keyed(ctx); err != nil {
		return r.result, err
	}
	s, found, err := r.newest(ctx, r.conn)
	switch {
	case err != nil:
		return r.result, err
	case !found:
		err = r.start(ctx, r.options.Again)
	case s.done && !r.options.Again:
		r.result.Already = true
		return r.result, nil
	case s.done:
		err = r.start(ctx, true)
	default:
		r.state = s
	}
	if err != nil {
		return r.result, err
	}
	if err := r.count(ctx); err != nil {
		return r.result, err
	}
	if err := r.walk(ctx, first, r.state.key); err != nil {
		return r.result, err
	}
	q := &query{d: r.d}
	r.anyMoved(q, bound(r.state.since))
	var moved int64
	if err := one(ctx, r.conn, q, &moved); err != nil {
		return r.result, fmt.Errorf("look for keys that changed: %w", err)
	}
	if moved > 0 {
		if err := r.walk(ctx, second, nil); err != nil {
			return r.result, err
		}
	}
	return r.result, r.finish(ctx)
}

// keyed refuses rows without a key, which SQLite has in primary keys that are not NOT
// NULL: they would be passed by, and have no name.
func (r *run) keyed(ctx context.Context) error {
	var null []string
	for _, c := range r.key {
		if c.Nullable {
			null = append(null, "s."+r.d.Quote(c.Name)+" IS NULL")
		}
	}
	if len(null) == 0 {
		return nil
	}
	q := (&query{d: r.d}).add("SELECT COUNT(*) FROM ", r.inTable(), " WHERE ", strings.Join(null, " OR "))
	var n int64
	if err := one(ctx, r.conn, q, &n); err != nil || n == 0 {
		return err
	}
	return &annals.Error{
		Op: "import epoch", Subject: "entity " + r.target.Name,
		Err:    fmt.Errorf("%d of its rows have null in their key: %w", n, annals.ErrNoKey),
		Remedy: "give them a key, and make its columns NOT NULL",
	}
}

// start remembers a new run. What counts as told is everything that was captured; for
// another baseline only what is captured from now on.
func (r *run) start(ctx context.Context, again bool) error {
	since := int64(0)
	if again {
		q := (&query{d: r.d}).add(r.engine.next(r.plan))
		if err := one(ctx, r.conn, q, &since); err != nil {
			return fmt.Errorf("read the last number: %w", err)
		}
	}
	q := &query{d: r.d}
	q.add("INSERT INTO ", r.own(layout.EpochTable),
		" (source, entity, started_seq, done, created_at) VALUES (").
		add(q.arg(r.plan.source)).add(", ").add(q.arg(r.target.Name)).
		add(", ").add(q.arg(since)).
		add(", ", r.engine.truth(false), ", ", r.engine.now(), ")")
	if _, err := r.conn.ExecContext(ctx, q.sql.String(), q.args...); err != nil {
		return fmt.Errorf("remember the run: %w", err)
	}
	s, _, err := r.newest(ctx, r.conn)
	r.state = s
	return err
}

func (r *run) finish(ctx context.Context) error {
	q := &query{d: r.d}
	q.add("UPDATE ", r.own(layout.EpochTable), " SET done = ", r.engine.truth(true), " WHERE id = ").
		add(q.arg(r.state.id))
	if _, err := r.conn.ExecContext(ctx, q.sql.String(), q.args...); err != nil {
		return fmt.Errorf("remember that the run is done: %w", err)
	}
	return nil
}

// count asks how many rows there are to look at.
func (r *run) count(ctx context.Context) error {
	from, err := r.exprs(r.state.key)
	if err != nil {
		return err
	}
	q := &query{d: r.d}
	q.add("SELECT COUNT(*) FROM ", r.inTable(), " WHERE ")
	r.within(q, r.engine, span{from: from})
	q.add("1 = 1")
	if err := one(ctx, r.conn, q, &r.total); err != nil {
		return fmt.Errorf("count rows: %w", err)
	}
	return nil
}

// exprs binds a key.
func (r *run) exprs(key []string) ([]expr, error) {
	if key == nil {
		return nil, nil
	}
	if len(key) != len(r.key) {
		return nil, fmt.Errorf("the last run came to a key of %d columns, the table's has %d", len(key), len(r.key))
	}
	out := make([]expr, len(key))
	for i, text := range key {
		c := r.key[i]
		v, err := r.engine.arg(c, text)
		if err != nil {
			return nil, err
		}
		out[i] = func(q *query) string { return r.engine.typed(c, q.arg(v)) }
	}
	return out, nil
}

// walk goes through the table from a key on.
func (r *run) walk(ctx context.Context, which pass, from []string) error {
	for end := false; !end; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("interrupted: %w", err)
		}
		next, err := r.step(ctx, which, from)
		if err != nil {
			return err
		}
		from, end = next, next == nil
	}
	return nil
}

// step does one batch, and tries again with a smaller one where a row is another
// transaction's. It returns the last key of the batch, nil behind the last.
func (r *run) step(ctx context.Context, which pass, from []string) ([]string, error) {
	for {
		began := time.Now()
		next, copied, err := r.batch(ctx, which, from)
		held := time.Since(began)
		if err == nil {
			if copied > 0 {
				r.result.Rows += copied
				r.result.Batches++
			}
			if which == first {
				r.done = min(r.done+int64(r.size), r.total)
				if next == nil {
					r.done = r.total
				}
			}
			r.tell(Progress{Copied: copied, Held: held})
			r.size = min(2*r.size, r.options.Batch)
			return next, nil
		}
		if r.d.Classify(err) != dialect.ClassRetryable || ctx.Err() != nil {
			return nil, err
		}
		if r.size > 1 {
			r.size /= 2
			continue
		}
		r.tell(Progress{Waiting: true})
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

func (r *run) tell(p Progress) {
	p.Source, p.Entity, p.Done, p.Total = r.result.Source, r.result.Entity, r.done, r.total
	r.options.Progress(p)
}

// again is how long a row is left to its transaction where the database does not wait.
const again = 20 * time.Millisecond

func pause(ctx context.Context) error {
	timer := time.NewTimer(again)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("interrupted: %w", ctx.Err())
	case <-timer.C:
		return nil
	}
}

// batch is one transaction.
func (r *run) batch(
	ctx context.Context, which pass, from []string,
) (next []string, copied int64, err error) {
	if err := r.engine.begin(ctx, r.conn); err != nil {
		return nil, 0, fmt.Errorf("begin a batch: %w", err)
	}
	next, copied, err = r.inside(ctx, which, from)
	end := "COMMIT"
	if err != nil {
		end = "ROLLBACK"
	}
	if _, failed := r.conn.ExecContext(context.WithoutCancel(ctx), end); failed != nil {
		return nil, 0, errors.Join(err, fmt.Errorf("end a batch: %w", failed))
	}
	return next, copied, err
}

func (r *run) inside(
	ctx context.Context, which pass, from []string,
) (next []string, copied int64, err error) {
	if err := r.engine.hold(ctx, r.conn, r.plan); err != nil {
		return nil, 0, fmt.Errorf("hold the table: %w", err)
	}
	stamp, err := r.columnStamp(ctx, r.conn)
	if err != nil {
		return nil, 0, err
	}
	if stamp != r.stamp {
		return nil, 0, ErrChanged
	}
	b := batch{
		plan: r.plan, since: r.state.since, which: which, size: r.size, wait: r.size == 1,
	}
	if b.from, err = r.exprs(from); err != nil {
		return nil, 0, err
	}
	if next, err = r.upTo(ctx, b.from); err != nil {
		return nil, 0, err
	}
	if b.to, err = r.exprs(next); err != nil {
		return nil, 0, err
	}
	if copied, err = r.engine.insert(ctx, r.conn, b); err != nil {
		return nil, 0, fmt.Errorf("copy a batch: %w", err)
	}
	if which == first && next != nil {
		err = r.remember(ctx, next)
	}
	return next, copied, err
}

// upTo is the last key of the batch, nil where it takes all the rest.
func (r *run) upTo(ctx context.Context, from []expr) ([]string, error) {
	q := &query{d: r.d}
	r.last(q, r.engine, span{from: from}, bound(r.size-1))
	key := make([]sql.NullString, len(r.key))
	dest := make([]any, len(key))
	for i := range key {
		dest[i] = &key[i]
	}
	switch err := one(ctx, r.conn, q, dest...); {
	case errors.Is(err, errNoRow):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("find the end of a batch: %w", err)
	}
	texts := make([]string, len(key))
	for i, k := range key {
		if !k.Valid {
			return nil, fmt.Errorf("column %q of the key is null in a row of %s",
				r.key[i].Name, r.target.Source)
		}
		texts[i] = k.String
	}
	return texts, nil
}

func (r *run) remember(ctx context.Context, key []string) error {
	text, err := json.Marshal(key)
	if err != nil {
		return fmt.Errorf("write the last key: %w", err)
	}
	q := &query{d: r.d}
	q.add("UPDATE ", r.own(layout.EpochTable), " SET last_key = ").add(q.arg(string(text))).
		add(" WHERE id = ").add(q.arg(r.state.id))
	if _, err := r.conn.ExecContext(ctx, q.sql.String(), q.args...); err != nil {
		return fmt.Errorf("remember how far the run came: %w", err)
	}
	return nil
}
