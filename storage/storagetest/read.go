package storagetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/storage"
)

// Filled is a storage that something else than Write fills, with what it holds.
type Filled struct {
	Store storage.Store
	// Entities of the storage, two or more.
	Entities []string
	// All entries, oldest first.
	All []annals.Entry
	// Missing is an entity that the storage does not know.
	Missing string
}

// RunRead runs every case that needs no Write, on one storage.
func RunRead(t *testing.T, f Filled) {
	t.Helper()
	in := Instance{Store: f.Store, Entities: [2]string(f.Entities[:2])}
	for _, c := range []struct {
		name string
		run  func(t *testing.T, f Filled, in Instance)
	}{
		{"whole", readWhole},
		{"pages without gaps or doubles", readPages},
		{"filters alone and together", readFilters},
		{"conditions", readConditions},
		{"counting", readCounts},
		{"revisions and receipts", readRevisions},
		{"changes of key", readMoves},
		{"how far entries reach", readReach},
		{"what is not there", readNothing},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, f, in) })
	}
}

// every asks for entries of all entities unless q says otherwise.
func (f *Filled) every(q storage.Query) storage.Query {
	if len(q.Entities) == 0 {
		q.Entities = f.Entities
	}
	return q
}

func readWhole(t *testing.T, f Filled, in Instance) {
	same(t, find(t, in, f.every(storage.Query{Ascending: true, Limit: len(f.All) + 1})), bared(f.All))
	same(t, find(t, in, f.every(storage.Query{Limit: len(f.All) + 1})), bared(reversed(f.All)))
	for _, e := range find(t, in, f.every(storage.Query{Limit: 50})) {
		if e.Revision == nil || e.Revision.Hash != e.TransactionHash {
			t.Errorf("entry %d has no revision of its own", e.Seq)
		}
	}
}

// samples are queries of one field each, made of what the entries have.
func (f *Filled) samples() []storage.Query {
	n := len(f.All)
	some := func(at int) *annals.Entry { return &f.All[at%n] }
	var former, changed annals.Entry
	for _, e := range f.All {
		if e.PreviousObjectID != "" {
			former = e
		}
		if d, err := diff.Parse(e.Diffs); err == nil && len(d.Changes) > 1 {
			changed = e
		}
	}
	d, _ := diff.Parse(changed.Diffs)
	queries := []storage.Query{
		{Entities: f.Entities[:1]},
		{Entities: f.Entities[1:]},
		{ObjectIDs: []string{some(n / 2).ObjectID}},
		{ObjectIDs: []string{some(n / 3).ObjectID, some(n / 4).ObjectID, some(3).ObjectID}},
		{ObjectIDs: []string{former.ObjectID, former.PreviousObjectID}},
		{Hashes: []string{some(n / 2).TransactionHash}},
		{Hashes: []string{some(7).TransactionHash, some(n / 3).TransactionHash, "ff"}},
		{Since: some(n / 3).CreatedAt},
		{Until: some(2 * n / 3).CreatedAt},
		{Before: some(n / 2).Cursor()},
		{After: some(n / 2).Cursor()},
		{Fields: []string{d.Changes[0].Column}},
		{Fields: []string{d.Changes[1].Column, "no such"}},
		{Sources: []string{some(0).Source}},
	}
	for _, typ := range annals.EntryTypes() {
		queries = append(queries, storage.Query{Types: []annals.EntryType{typ}})
	}
	queries = append(queries, storage.Query{Types: []annals.EntryType{annals.Remove, annals.Dissociate}})
	var actors []string
	for _, e := range f.All {
		if e.Blame.ID != "" && !slices.Contains(actors, e.Blame.ID) {
			actors = append(actors, e.Blame.ID)
		}
	}
	for i := range actors {
		queries = append(queries, storage.Query{Actors: actors[:i+1]})
	}
	return queries
}

// wants compares with the filter that is written down in Go.
func (f *Filled) wants(t *testing.T, in Instance, q storage.Query) {
	t.Helper()
	q = f.every(q)
	q.Limit = len(f.All) + 1
	wantFound(t, in, f.All, q)
}

func readFilters(t *testing.T, f Filled, in Instance) {
	samples := f.samples()
	for i, q := range samples {
		f.wants(t, in, q)
		for j, with := range samples[i+1:] {
			if (i+j)%3 > 0 { // a third of the pairs, each sample with many
				continue
			}
			both := combine(q, with)
			both.Ascending = i%2 == 0
			f.wants(t, in, both)
		}
	}
}

func readPages(t *testing.T, f Filled, in Instance) {
	for i, q := range append(f.samples(), storage.Query{}) {
		for _, limit := range []int{1, 3, 7, 40} {
			q := f.every(q)
			q.Ascending = (i+limit)%2 == 0
			q.Limit = len(f.All) + 1
			want := find(t, in, q)
			if len(want) > 30*limit { // small pages of few
				continue
			}
			q.Limit = limit
			same(t, allPages(t, in, q), bared(want))
		}
	}
	for _, at := range []int{0, 1, len(f.All) / 2, len(f.All) - 1} {
		p := f.All[at].Cursor()
		all := f.every(storage.Query{Limit: len(f.All) + 1})
		before, after := all, all
		before.Before, after.After, after.Ascending = p, p, true
		same(t, find(t, in, before), bared(reversed(f.All[:at])))
		same(t, find(t, in, after), bared(f.All[at+1:]))
		// Places that no entry has.
		for _, other := range []string{"", "\U0010FFFF"} {
			before.Before.Source, after.After.Source = other, other
			f.wants(t, in, before)
			f.wants(t, in, after)
		}
	}
}

func readConditions(t *testing.T, f Filled, in Instance) {
	on := func(c storage.Condition) { f.wants(t, in, storage.Query{Where: []storage.Condition{c}}) }
	tried := map[string]bool{}
	for i := range f.All {
		d, err := diff.Parse(f.All[i].Diffs)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range d.Changes {
			for _, sides := range [][2][]json.RawMessage{
				{nil, {c.New}}, {{c.Old}, nil}, {{c.Old}, {c.New}}, {nil, {c.New, json.RawMessage(`"no such"`)}},
			} {
				name := fmt.Sprintf("%s %q", c.Column, sides)
				if tried[name] || len(tried) > 24 {
					continue
				}
				tried[name] = true
				for _, paths := range [][]string{{c.Column}, nil, {"no such", c.Column}} {
					cond := storage.Condition{On: storage.OnChange, Paths: paths, Old: sides[0], New: sides[1]}
					on(cond)
				}
			}
		}
	}
	on(storage.Condition{On: storage.OnMove})
	on(storage.Condition{On: storage.OnMove, Not: true})
	e := f.All[len(f.All)/2]
	for _, not := range []bool{false, true} {
		on(storage.Condition{On: storage.OnObject, Not: not, Texts: storage.Texts(e.ObjectID)})
		on(storage.Condition{On: storage.OnActor, Not: not, Texts: storage.Texts(e.Blame.ID)})
		on(storage.Condition{On: storage.OnSource, Not: not, Texts: storage.Texts(e.Source)})
		on(storage.Condition{On: storage.OnType, Not: not, Texts: storage.Texts(string(e.Type))})
		on(storage.Condition{
			On: storage.OnComment, Not: not, Texts: []storage.Text{{Value: e.Revision.Comment, Part: true}},
		})
		on(storage.Condition{On: storage.OnChange, Not: not, Paths: []string{"id"}})
	}
}

func readCounts(t *testing.T, f Filled, in Instance) {
	counter, ok := storage.As[storage.Counter](f.Store)
	if !ok {
		t.Fatal("the store is no storage.Counter")
	}
	for _, q := range f.samples() {
		q = f.every(q)
		q.Limit = len(f.All) + 1
		want := len(find(t, in, q))
		for _, limit := range []int{1, 5, len(f.All) + 1} {
			q.Limit = limit
			got, err := counter.Count(t.Context(), q)
			if err != nil || got != min(limit, want) {
				t.Errorf("counted %d, %v, want %d with %+v", got, err, min(limit, want), q)
			}
		}
	}
}

func readRevisions(t *testing.T, f Filled, _ Instance) {
	finder, _ := storage.As[storage.HashFinder](f.Store)
	counts := map[string]map[storage.Receipt]int{}
	for _, e := range f.All {
		if counts[e.TransactionHash] == nil {
			counts[e.TransactionHash] = map[storage.Receipt]int{}
		}
		counts[e.TransactionHash][storage.Receipt{Entity: e.Entity, Type: e.Type}]++
	}
	for hash, want := range counts {
		got, err := f.Store.Receipts(t.Context(), hash)
		if err != nil || len(got) != len(want) {
			t.Errorf("receipts of %s: %v, %v, want %v", hash, got, err, want)
		}
		for _, r := range got {
			if want[storage.Receipt{Entity: r.Entity, Type: r.Type}] != r.Entries {
				t.Errorf("receipts of %s: %v, want %v", hash, got, want)
			}
		}
		if r, err := f.Store.Revision(t.Context(), hash); err != nil || r.Hash != hash {
			t.Errorf("revision %s: %+v, %v", hash, r, err)
		}
		if found, err := finder.Hashes(t.Context(), hash, 2); err != nil || !slices.Equal(found, []string{hash}) {
			t.Errorf("hashes of %s: %v, %v", hash, found, err)
		}
	}
}

func readMoves(t *testing.T, f Filled, in Instance) {
	mover, ok := storage.As[storage.Mover](f.Store)
	if !ok {
		t.Fatal("the store is no storage.Mover")
	}
	for i := 0; i < len(f.All); i += 3 {
		q := f.every(storage.Query{ObjectIDs: []string{f.All[i].ObjectID}})
		got, err := mover.Moves(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(x, y annals.Entry) int {
			return map[bool]int{true: -1, false: 1}[x.Cursor().Before(y.Cursor())]
		})
		q.Where, q.Ascending, q.Limit = []storage.Condition{{On: storage.OnMove}}, true, len(f.All)+1
		same(t, got, bared(find(t, in, q)))
	}
}

func readReach(t *testing.T, f Filled, in Instance) {
	bounded, ok := storage.As[storage.Bounded](f.Store)
	if !ok {
		t.Fatal("the store is no storage.Bounded")
	}
	for _, ascending := range []bool{false, true} {
		q := f.every(storage.Query{Ascending: ascending, Limit: len(f.All) + 1})
		if _, ok, err := bounded.Reach(t.Context(), q, len(f.All)+1); ok || err != nil {
			t.Errorf("more entries reach further than there are: %v, %v", ok, err)
		}
		at, ok, err := bounded.Reach(t.Context(), q, 10)
		if !ok || err != nil {
			t.Fatalf("ten entries reach nowhere: %v", err)
		}
		if ascending {
			q.Before = at
		} else {
			q.After = at
		}
		if n := len(find(t, in, q)); n == 0 || n == len(f.All) {
			t.Errorf("ten entries reach over %d of %d", n, len(f.All))
		}
	}
}

func readNothing(t *testing.T, f Filled, in Instance) {
	for _, q := range []storage.Query{
		{ObjectIDs: []string{"no such"}},
		{ObjectIDs: []string{"1\x00"}},
		{ObjectIDs: []string{`["x"]`}},
		{ObjectIDs: []string{"-1"}},
		{ObjectIDs: []string{"99999999999999999999"}},
		{ObjectIDs: []string{""}},
		{ObjectIDs: []string{"'; --"}},
		{ObjectIDs: []string{"null"}},
		{Actors: []string{"nobody"}},
		{Actors: []string{"a\x00"}},
		{Hashes: []string{"00"}},
		{Sources: []string{"elsewhere"}},
		{Types: []annals.EntryType{annals.Statement}},
	} {
		f.wants(t, in, q)
	}
	_, err := f.Store.Find(t.Context(), storage.Query{Entities: []string{f.Missing}, Limit: 1})
	wantError(t, err, annals.ErrSchema, f.Missing)
	for _, q := range []storage.Query{{Limit: 1}, {Entities: f.Entities}} {
		if _, err := f.Store.Find(t.Context(), q); !errors.Is(err, annals.ErrConfig) {
			t.Errorf("find without entity or limit: %v, want annals.ErrConfig", err)
		}
	}
	_, err = f.Store.Revision(t.Context(), "00")
	wantError(t, err, annals.ErrNotFound, "00")
	if got, err := f.Store.Receipts(t.Context(), "00"); got == nil || len(got) > 0 || err != nil {
		t.Errorf("receipts of no revision: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Store.Find(ctx, f.every(storage.Query{Limit: 1})); !errors.Is(err, context.Canceled) {
		t.Errorf("find with a context that is done: %v", err)
	}
	if err := f.Store.Write(t.Context(), batchOf(f.All[0])); err == nil {
		t.Error("an entry was written")
	}
}
