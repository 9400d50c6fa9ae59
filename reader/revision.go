package reader

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

// MinPrefix is how much of a hash names a revision, at least.
const MinPrefix = 8

// fullHash is the length of the hashes that annals makes. Shorter ones are
// looked up as beginnings.
const fullHash = 32

// revisionPage is how many entries of a revision are asked for at a time: many,
// since storages have to sort a revision's entries for each page.
const revisionPage = 5000

// ErrAmbiguous means that several revisions begin like that.
var ErrAmbiguous = fmt.Errorf("ambiguous hash: %w", annals.ErrConfig)

// RevisionView is one revision with everything that it changed.
type RevisionView struct {
	annals.Revision
	// Storages hold it, in the order of the configuration.
	Storages []string
	// Entities are in the order of their first entries.
	Entities []EntityEntries
	// Unreadable are entities that the revision touched but that no storage
	// knows a table for any more.
	Unreadable []string
}

// EntityEntries are a revision's entries of one entity, in the order in which
// they were captured.
type EntityEntries struct {
	Entity  string
	Entries []annals.Entry
}

// Revision returns the revision of that hash, or of the only hash that begins
// like that (MinPrefix characters or more), with all its entries from all
// storages. annals.ErrNotFound where there is none, ErrAmbiguous where there are
// several.
func (r *Reader) Revision(ctx context.Context, hash string) (RevisionView, error) {
	hashes, err := r.completeHashes(ctx, []string{hash})
	if err != nil {
		return RevisionView{}, err
	}
	known, err := r.Entities(ctx)
	if err != nil {
		return RevisionView{}, err
	}
	found := make([]inStore, len(r.stores))
	err = each(ctx, r.stores, func(ctx context.Context, i int, s Named) error {
		var err error
		found[i], err = r.revisionIn(ctx, s, hashes[0], known)
		return inStorage(s.Name, err)
	})
	if err != nil {
		return RevisionView{}, err
	}
	view, ok := r.assemble(found)
	if !ok {
		return view, notFound(hash)
	}
	return view, nil
}

// inStore is what one storage has of a revision.
type inStore struct {
	revision *annals.Revision
	touched  []string
	readable []string
	entries  []annals.Entry
}

func (r *Reader) revisionIn(
	ctx context.Context, s Named, hash string, known []EntityInfo,
) (inStore, error) {
	rev, err := s.Store.Revision(ctx, hash)
	if errors.Is(err, annals.ErrNotFound) {
		return inStore{}, nil
	}
	if err != nil {
		return inStore{}, err
	}
	out := inStore{revision: &rev}
	receipts, err := s.Store.Receipts(ctx, hash)
	if err != nil {
		return out, err
	}
	for _, receipt := range receipts {
		out.touched = append(out.touched, receipt.Entity)
		// Storages may share a database, and then its receipts.
		here := slices.ContainsFunc(known, func(e EntityInfo) bool {
			return e.Name == receipt.Entity && slices.Contains(e.Storages, s.Name)
		})
		if here && !slices.Contains(out.readable, receipt.Entity) {
			out.readable = append(out.readable, receipt.Entity)
		}
	}
	if len(out.readable) == 0 {
		return out, nil
	}
	q := storage.Query{
		Entities: out.readable, Hashes: []string{hash}, Ascending: true, Limit: revisionPage,
	}
	for {
		page, err := s.Store.Find(ctx, q)
		if err != nil {
			return out, err
		}
		out.entries = append(out.entries, page...)
		if len(page) < q.Limit {
			return out, nil
		}
		goOn(&q, page[len(page)-1].Cursor())
	}
}

// assemble puts together what the storages have; ok is false where none has the
// revision.
func (r *Reader) assemble(found []inStore) (view RevisionView, ok bool) {
	lists := make([][]annals.Entry, len(found))
	readable, touched := map[string]bool{}, map[string]bool{}
	for i, f := range found {
		if f.revision == nil {
			continue
		}
		if !ok {
			view.Revision, ok = *f.revision, true
		}
		view.Storages = append(view.Storages, r.stores[i].Name)
		lists[i] = f.entries
		for _, name := range f.readable {
			readable[name] = true
		}
		for _, name := range f.touched {
			touched[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		if !readable[name] {
			view.Unreadable = append(view.Unreadable, name)
		}
	}
	view.Entities = group(merge(lists, true))
	return view, ok
}

// group sorts entries by capture and puts those of an entity together.
func group(entries []annals.Entry) []EntityEntries {
	slices.SortStableFunc(entries, func(x, y annals.Entry) int {
		return cmp.Or(strings.Compare(x.Source, y.Source), cmp.Compare(x.Seq, y.Seq),
			cmp.Compare(x.Part, y.Part))
	})
	at := map[string]int{}
	var out []EntityEntries
	for _, e := range entries {
		n, ok := at[e.Entity]
		if !ok {
			n = len(out)
			at[e.Entity] = n
			out = append(out, EntityEntries{Entity: e.Entity})
		}
		out[n].Entries = append(out[n].Entries, e)
	}
	return out
}

// completeHashes makes whole hashes of beginnings.
func (r *Reader) completeHashes(ctx context.Context, hashes []string) ([]string, error) {
	out := make([]string, len(hashes))
	for i, hash := range hashes {
		out[i] = strings.ToLower(strings.TrimSpace(hash))
		if len(out[i]) >= fullHash {
			continue
		}
		var err error
		if out[i], err = r.complete(ctx, out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// complete finds the one hash that begins like that.
func (r *Reader) complete(ctx context.Context, prefix string) (string, error) {
	if len(prefix) < MinPrefix || strings.Trim(prefix, "0123456789abcdef") != "" {
		return "", notFound(prefix)
	}
	found := make([][]string, len(r.stores))
	err := each(ctx, r.stores, func(ctx context.Context, i int, s Named) error {
		finder, ok := storage.As[storage.HashFinder](s.Store)
		if !ok {
			return nil
		}
		var err error
		found[i], err = finder.Hashes(ctx, prefix, 2)
		return inStorage(s.Name, err)
	})
	if err != nil {
		return "", err
	}
	all := slices.Concat(found...)
	slices.Sort(all)
	all = slices.Compact(all)
	switch {
	case len(all) == 0:
		return "", notFound(prefix)
	case len(all) > 1 && all[0] != prefix:
		return "", &annals.Error{
			Op: "read", Subject: "revision " + prefix, Err: ErrAmbiguous,
			Remedy: "write more of it; there are " + all[0] + " and " + all[1],
		}
	}
	return all[0], nil
}

func notFound(hash string) error {
	return &annals.Error{
		Op: "read", Subject: "revision " + hash,
		Err: fmt.Errorf("no such revision: %w", annals.ErrNotFound),
		Remedy: fmt.Sprintf("a hash is %d hexadecimal digits, its first %d are enough",
			fullHash, MinPrefix),
	}
}
