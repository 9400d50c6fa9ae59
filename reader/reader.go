package reader

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

// Config is what a reader reads.
type Config struct {
	// Stores are asked in any order. Where two hold the same entry, the first
	// one's is shown.
	Stores []Named
	// Entities tells what can be read: what is configured, and what the storages
	// hold besides. It is asked once for each question.
	Entities func(ctx context.Context) ([]EntityInfo, error)
	// Allow decides who may read an entity with roles. Entities without roles are
	// for everyone; without Allow nobody reads the others.
	Allow AllowFunc
	// Live reads a row of a source as it is now: its kept columns as canonical JSON,
	// masked ones as in entries. annals.ErrNotFound means that there is no such row,
	// nil that it cannot be told. Without Live nothing is asked.
	Live func(ctx context.Context, entity, objectID string) (map[string]json.RawMessage, error)
	// Shape tells what the source says of an entity's table now, the zero Shape where
	// that cannot be told. Without Shape, keys are those of EntityInfo alone.
	Shape func(ctx context.Context, entity string) (Shape, error)
	// Wait is called between two looks of Follow; nil waits a second.
	Wait func(ctx context.Context) error
}

// AllowFunc reports whether the caller, who is known by the context, may read an
// entity.
type AllowFunc func(ctx context.Context, e EntityInfo) (bool, error)

// AllowAll lets everyone read everything. It is for programs whose user has the
// database anyway.
func AllowAll(context.Context, EntityInfo) (bool, error) { return true, nil }

// Named is a store under its name in the configuration.
type Named struct {
	Name  string
	Store storage.Store
}

// EntityInfo is an entity that can be read.
type EntityInfo struct {
	Name, Source string
	// Table is the audited table; empty where it is not known any more.
	Table annals.Table
	// Storages name the stores that hold its entries.
	Storages []string
	// Audited is false for an entity that is no longer configured. What was
	// recorded stays readable.
	Audited bool
	// ViewRoles may read it; none means everyone. Config.Allow knows who has them.
	ViewRoles []string
	// Key names the key's columns in order, where that is known.
	Key []string
}

// Reader reads entries from several storages as if they were one. It is safe
// for concurrent use.
type Reader struct {
	cfg    Config
	stores []Named
	// mappers are shared with the readers that Allowing returns.
	mappers *mappers
}

// New returns a reader. Missing parts and names that are there twice give an
// error that matches annals.ErrConfig.
func New(c Config) (*Reader, error) {
	problem := ""
	if c.Entities == nil {
		problem = "the entities are missing"
	}
	seen := map[string]bool{}
	for _, s := range c.Stores {
		switch {
		case s.Store == nil:
			problem = fmt.Sprintf("storage %q is missing", s.Name)
		case seen[s.Name]:
			problem = fmt.Sprintf("storage %q is there twice", s.Name)
		}
		seen[s.Name] = true
	}
	if problem != "" {
		return nil, &annals.Error{
			Op: "open", Subject: "reader", Err: fmt.Errorf("%s: %w", problem, annals.ErrConfig),
		}
	}
	if c.Wait == nil {
		c.Wait = waitASecond
	}
	return &Reader{cfg: c, stores: slices.Clone(c.Stores), mappers: &mappers{}}, nil
}

// Page is a part of an answer.
type Page struct {
	// Entries are in the order that was asked for, each with its Revision.
	Entries []annals.Entry
	// Next is the cursor of the page behind this one, empty at the end.
	Next string
}

// Find returns one page. No match is a page without entries, not an error.
//
// Entities whose roles the caller lacks are left out; one that is asked for by
// name gives an error that matches annals.ErrForbidden.
func (r *Reader) Find(ctx context.Context, q Query) (Page, error) {
	asks, at, err := r.prepare(ctx, &q)
	if err != nil {
		return Page{}, err
	}
	at, end, err := bounded(ctx, asks, at, q.Scan)
	if err != nil {
		return Page{}, err
	}
	entries, more, err := r.page(ctx, asks, at)
	if err != nil {
		return Page{}, err
	}
	page := Page{Entries: entries}
	switch {
	case more:
		page.Next = writeCursor(entries[len(entries)-1].Cursor(), q.fingerprint())
	case !end.IsZero():
		page.Next = writeCursor(end, q.fingerprint())
	}
	return page, nil
}

// bounded puts a bound on a page, behind which scan entries of each question lie:
// end, which the page includes. Without conditions there is no need for one.
func bounded(
	ctx context.Context, asks []ask, at place, scan int,
) (narrowed place, end annals.Position, err error) {
	if scan < 1 {
		return at, end, nil
	}
	ends := make([]annals.Position, len(asks))
	err = each(ctx, asks, func(ctx context.Context, i int, a ask) error {
		q := &a.query
		b, ok := storage.As[storage.Bounded](a.Store)
		if !ok || len(q.Where)+len(q.Fields)+len(q.Sources) == 0 && a.keep == nil {
			return nil
		}
		p, ok, err := b.Reach(ctx, at.of(*q, 1), max(1, scan/len(asks)))
		if ok {
			ends[i] = p
		}
		return inStorage(a.Name, err)
	})
	for _, p := range ends {
		if !p.IsZero() && (end.IsZero() || p.Before(end) == at.ascending) {
			end = p
		}
	}
	switch {
	case err != nil || end.IsZero():
	case at.ascending:
		at.before = behind(end)
	default:
		at.after = end
		at.after.Part-- // what lies there is part of the page
	}
	return at, end, err
}

// prepare checks a query and tells who is asked for what, and for which page.
func (r *Reader) prepare(ctx context.Context, q *Query) ([]ask, place, error) {
	sq, err := q.storage()
	if err != nil {
		return nil, place{}, err
	}
	at := place{limit: sq.Limit, ascending: sq.Ascending}
	if q.Cursor != "" {
		p, err := readCursor(q.Cursor, q.fingerprint())
		if err != nil {
			return nil, at, err
		}
		at.goOn(p)
	}
	if sq.Hashes, err = r.completeHashes(ctx, sq.Hashes); err != nil {
		return nil, at, err
	}
	asks, err := r.asks(ctx, q, sq)
	return asks, at, err
}

// place is where in the order of an answer a page lies.
type place struct {
	before, after annals.Position
	ascending     bool
	limit         int
}

// goOn continues behind an entry.
func (p *place) goOn(at annals.Position) {
	if p.ascending {
		p.after = at
	} else {
		p.before = at
	}
}

// of puts the place into a query, which may have bounds of its own.
func (p place) of(q storage.Query, limit int) storage.Query {
	if !p.before.IsZero() && (q.Before.IsZero() || p.before.Before(q.Before)) {
		q.Before = p.before
	}
	if q.After.Before(p.after) {
		q.After = p.after
	}
	q.Ascending, q.Limit = p.ascending, limit
	return q
}

// ask is what one store is asked.
type ask struct {
	Named
	query storage.Query
	// keep, where there is one, drops what the query cannot leave out.
	keep func(*annals.Entry) bool
}

// asks tells which store is asked for which entities; none named means all.
func (r *Reader) asks(ctx context.Context, q *Query, sq storage.Query) ([]ask, error) {
	seen, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	infos, err := seen.named(sq.Entities)
	if err != nil {
		return nil, err
	}
	infos = slices.DeleteFunc(infos, func(e EntityInfo) bool {
		return slices.Contains(q.Not.Entities, e.Name)
	})
	for _, name := range slices.Concat(q.Storages, q.Not.Storages) {
		if !slices.ContainsFunc(r.stores, func(s Named) bool { return s.Name == name }) {
			return nil, r.unknownStorage(name)
		}
	}
	out := r.spread(q, infos, sq)
	if len(sq.ObjectIDs) > 0 {
		more, err := r.elsewhere(ctx, q, infos, sq)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	if q.Related {
		more, err := r.related(ctx, q, seen, sq)
		return append(out, more...), err
	}
	return out, nil
}

// spread makes one question for each storage.
func (r *Reader) spread(q *Query, infos []EntityInfo, sq storage.Query) (out []ask) {
	for _, s := range r.stores {
		if len(q.Storages) > 0 && !slices.Contains(q.Storages, s.Name) ||
			slices.Contains(q.Not.Storages, s.Name) {
			continue
		}
		var entities []string
		for _, e := range infos {
			if slices.Contains(e.Storages, s.Name) {
				entities = append(entities, e.Name)
			}
		}
		if len(entities) > 0 {
			slices.Sort(entities)
			sq.Entities = slices.Compact(entities)
			out = append(out, ask{Named: s, query: sq})
		}
	}
	return out
}

// page asks every store for one entry more than the page takes.
func (r *Reader) page(
	ctx context.Context, asks []ask, at place,
) (entries []annals.Entry, more bool, err error) {
	found := make([][]annals.Entry, len(asks))
	err = each(ctx, asks, func(ctx context.Context, i int, a ask) error {
		var err error
		found[i], err = a.find(ctx, at)
		return inStorage(a.Name, err)
	})
	if err != nil {
		return nil, false, err
	}
	entries = merge(found, at.ascending)
	if len(entries) > at.limit {
		return entries[:at.limit], true, nil
	}
	return entries, false, nil
}

// find returns one entry more than the page takes, of those that are kept.
func (a *ask) find(ctx context.Context, at place) ([]annals.Entry, error) {
	want := at.limit + 1
	if a.keep == nil {
		return a.Store.Find(ctx, at.of(a.query, want))
	}
	var out []annals.Entry
	for {
		some, err := a.Store.Find(ctx, at.of(a.query, want))
		if err != nil {
			return nil, err
		}
		for i := range some {
			if a.keep(&some[i]) {
				out = append(out, some[i])
			}
		}
		if len(some) < want || len(out) >= want {
			return out, nil
		}
		at.goOn(some[len(some)-1].Cursor())
	}
}

// merge joins what several stores found, in order, each entry once: a source that
// changed its capture has two sequences of numbers, which its revisions tell apart.
func merge(found [][]annals.Entry, ascending bool) []annals.Entry {
	all := slices.Concat(found...)
	if all == nil {
		return []annals.Entry{}
	}
	// Stable: the first store's copy of an entry stays in front.
	slices.SortStableFunc(all, func(x, y annals.Entry) int {
		a, b := x.Cursor(), y.Cursor()
		switch {
		case a.Before(b) == ascending && a != b:
			return -1
		case b.Before(a) == ascending && a != b:
			return 1
		}
		return cmp.Or(cmp.Compare(x.Entity, y.Entity), cmp.Compare(x.TransactionHash, y.TransactionHash))
	})
	return slices.CompactFunc(all, func(x, y annals.Entry) bool {
		return x.Source == y.Source && x.Seq == y.Seq && x.Part == y.Part && x.Entity == y.Entity &&
			x.TransactionHash == y.TransactionHash
	})
}

// each runs do for every item at once and waits for all. The first failure
// cancels the others and is returned.
func each[T any](
	ctx context.Context, items []T, do func(ctx context.Context, i int, item T) error,
) error {
	if len(items) == 1 {
		return do(ctx, 0, items[0])
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errs := make([]error, len(items))
	var wait sync.WaitGroup
	var once sync.Once
	var first error
	for i, item := range items {
		wait.Go(func() {
			if errs[i] = do(ctx, i, item); errs[i] != nil {
				once.Do(func() { first = errs[i]; cancel(errs[i]) })
			}
		})
	}
	wait.Wait()
	return first
}

// inStorage says which storage an error comes from.
func inStorage(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("storage %s: %w", name, err)
}
