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
	// Withheld is how many entries of it the caller may not read.
	Withheld int
}

// EntityEntries are a revision's entries of one entity, in the order in which
// they were captured.
type EntityEntries struct {
	Entity  string
	Entries []annals.Entry
}

// Revision returns the revision of that hash, or of the only hash that begins
// like that (MinPrefix characters or more), with all its entries from all
// storages; those of entities that the caller may not read are counted alone.
// annals.ErrNotFound where there is none, ErrAmbiguous where there are
// several.
func (r *Reader) Revision(ctx context.Context, hash string) (RevisionView, error) {
	return r.RevisionIn(ctx, hash)
}

// RevisionIn is Revision of the storages named only; none means all.
func (r *Reader) RevisionIn(
	ctx context.Context, hash string, storages ...string,
) (RevisionView, error) {
	for _, name := range storages {
		if !slices.ContainsFunc(r.stores, func(s Named) bool { return s.Name == name }) {
			return RevisionView{}, r.unknownStorage(name)
		}
	}
	hashes, err := r.completeHashes(ctx, []string{hash})
	if err != nil {
		return RevisionView{}, err
	}
	known, err := r.look(ctx)
	if err != nil {
		return RevisionView{}, err
	}
	found := make([]inStore, len(r.stores))
	err = each(ctx, r.stores, func(ctx context.Context, i int, s Named) error {
		var err error
		if len(storages) > 0 && !slices.Contains(storages, s.Name) {
			return nil
		}
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
	// withheld counts the entries that may not be read, by entity.
	withheld map[string]int
}

func (r *Reader) revisionIn(
	ctx context.Context, s Named, hash string, known view,
) (inStore, error) {
	rev, err := s.Store.Revision(ctx, hash)
	if errors.Is(err, annals.ErrNotFound) {
		return inStore{}, nil
	}
	if err != nil {
		return inStore{}, err
	}
	out := inStore{revision: &rev, withheld: map[string]int{}}
	receipts, err := s.Store.Receipts(ctx, hash)
	if err != nil {
		return out, err
	}
	total := 0
	for _, receipt := range receipts {
		if known.forbidden[receipt.Entity] {
			out.withheld[receipt.Entity] += receipt.Entries
			continue
		}
		out.touched = append(out.touched, receipt.Entity)
		// Storages may share a database, and then its receipts.
		here := slices.ContainsFunc(known.allowed, func(e EntityInfo) bool {
			return e.Name == receipt.Entity && slices.Contains(e.Storages, s.Name)
		})
		if here {
			total += receipt.Entries
		}
		if here && !slices.Contains(out.readable, receipt.Entity) {
			out.readable = append(out.readable, receipt.Entity)
		}
	}
	if len(out.readable) == 0 {
		return out, nil
	}
	q := storage.Query{
		Entities: out.readable, Hashes: []string{hash}, Ascending: true,
		// One more than there are: no page follows to say so.
		Limit: min(max(total+1, revisionPage), 2*revisionPage),
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
		q.After = page[len(page)-1].Cursor()
	}
}

// assemble puts together what the storages have; ok is false where none has the
// revision.
func (r *Reader) assemble(found []inStore) (view RevisionView, ok bool) {
	lists := make([][]annals.Entry, len(found))
	readable, touched, withheld := map[string]bool{}, map[string]bool{}, map[string]int{}
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
		// Storages may hold the same entries, or share their receipts.
		for name, n := range f.withheld {
			withheld[name] = max(withheld[name], n)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		if !readable[name] {
			view.Unreadable = append(view.Unreadable, name)
		}
	}
	for _, n := range withheld {
		view.Withheld += n
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
