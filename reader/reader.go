package reader

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
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
}

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
}

// Reader reads entries from several storages as if they were one. It is safe
// for concurrent use.
type Reader struct {
	stores   []Named
	entities func(ctx context.Context) ([]EntityInfo, error)
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
	return &Reader{stores: slices.Clone(c.Stores), entities: c.Entities}, nil
}

// Entities lists what can be read, by name.
func (r *Reader) Entities(ctx context.Context) ([]EntityInfo, error) {
	list, err := r.entities(ctx)
	if err != nil {
		return nil, err
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(x, y EntityInfo) int { return strings.Compare(x.Name, y.Name) })
	return list, nil
}

// Page is a part of an answer.
type Page struct {
	// Entries are in the order that was asked for, each with its Revision.
	Entries []annals.Entry
	// Next is the cursor of the page behind this one, empty at the end.
	Next string
}

// Find returns one page. No match is a page without entries, not an error.
func (r *Reader) Find(ctx context.Context, q Query) (Page, error) {
	sq, err := q.storage()
	if err != nil {
		return Page{}, err
	}
	if q.Cursor != "" {
		at, err := readCursor(q.Cursor, q.fingerprint())
		if err != nil {
			return Page{}, err
		}
		goOn(&sq, at)
	}
	parts, err := r.parts(ctx, sq.Entities)
	if err != nil {
		return Page{}, err
	}
	if sq.Hashes, err = r.completeHashes(ctx, sq.Hashes); err != nil {
		return Page{}, err
	}
	entries, more, err := r.page(ctx, parts, sq)
	if err != nil {
		return Page{}, err
	}
	page := Page{Entries: entries}
	if more {
		page.Next = writeCursor(entries[len(entries)-1].Cursor(), q.fingerprint())
	}
	return page, nil
}

// goOn continues behind a place in the order of the query.
func goOn(q *storage.Query, at annals.Position) {
	if q.Ascending {
		q.After = at
	} else {
		q.Before = at
	}
}

// part is what one store is asked for.
type part struct {
	Named
	entities []string
}

// parts tells which store is asked for which entities; none means all.
func (r *Reader) parts(ctx context.Context, names []string) ([]part, error) {
	known, err := r.Entities(ctx)
	if err != nil {
		return nil, err
	}
	at := map[string]*EntityInfo{}
	for i := range known {
		at[known[i].Name] = &known[i]
	}
	if len(names) == 0 {
		for _, e := range known {
			names = append(names, e.Name)
		}
	}
	byStore := map[string][]string{}
	for _, name := range names {
		info := at[name]
		if info == nil {
			return nil, unknownEntity(name, known)
		}
		for _, s := range info.Storages {
			byStore[s] = append(byStore[s], name)
		}
	}
	var parts []part
	for _, s := range r.stores {
		if entities := byStore[s.Name]; len(entities) > 0 {
			slices.Sort(entities)
			parts = append(parts, part{s, slices.Compact(entities)})
		}
	}
	return parts, nil
}

// page asks every store for one entry more than the page takes.
func (r *Reader) page(
	ctx context.Context, parts []part, q storage.Query,
) (entries []annals.Entry, more bool, err error) {
	found := make([][]annals.Entry, len(parts))
	err = each(ctx, parts, func(ctx context.Context, i int, p part) error {
		ask := q
		ask.Entities, ask.Limit = p.entities, q.Limit+1
		var err error
		found[i], err = p.Store.Find(ctx, ask)
		return inStorage(p.Name, err)
	})
	if err != nil {
		return nil, false, err
	}
	entries = merge(found, q.Ascending)
	if len(entries) > q.Limit {
		return entries[:q.Limit], true, nil
	}
	return entries, false, nil
}

// merge joins what several stores found, in order, each entry once.
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
		return cmp.Compare(x.Entity, y.Entity)
	})
	return slices.CompactFunc(all, func(x, y annals.Entry) bool {
		return x.Source == y.Source && x.Seq == y.Seq && x.Part == y.Part && x.Entity == y.Entity
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
