package storagetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

func runClean(t *testing.T, open func(t *testing.T) Instance, probe Instance) {
	t.Helper()
	if probe.Conn == nil {
		return
	}
	if _, ok := storage.As[storage.Cleaner](probe.Store); !ok {
		t.Fatal("the instance has a connection to clean on, but its store is no storage.Cleaner")
	}
	for _, c := range cleanCases() {
		t.Run("clean/"+c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

func cleanCases() []testCase {
	return []testCase{
		{"what is at the cut-off stays", testCleanBoundary},
		{"the oldest go first", testCleanOrder},
		{"marks move forward", testCleanMarks},
		{"revisions go with their last entry", testCleanRevisions},
		{"revisions without entries", testCleanEmptyRevisions},
		{"a dry run changes nothing", testCleanDryRun},
		{"an unknown entity has nothing", testCleanUnknown},
	}
}

func cleaning(t *testing.T, in Instance) (storage.Cleaner, storage.Cleaning) {
	t.Helper()
	cleaner, _ := storage.As[storage.Cleaner](in.Store)
	c, err := cleaner.Cleaning(t.Context(), in.Conn)
	if err != nil {
		t.Fatal(err)
	}
	return cleaner, c
}

// sweep removes all entries older than before, n at a time.
func sweep(t *testing.T, c storage.Cleaning, entity string, before time.Time, n int) (gone int) {
	t.Helper()
	s := storage.Sweep{Entity: entity, Before: before, Limit: n}
	for {
		swept, err := c.Remove(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if gone += swept.Entries; swept.Entries < n {
			return gone
		}
		s.From = swept.Last
	}
}

// sweepRevisions goes through all revisions, n numbers at a time.
func sweepRevisions(t *testing.T, c storage.Cleaning, s storage.RevisionSweep) (gone int) {
	t.Helper()
	for {
		swept, err := c.RemoveRevisions(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if gone += swept.Revisions; swept.Done {
			return gone
		}
		s.After = swept.Last
	}
}

func testCleanBoundary(t *testing.T, in Instance) {
	cutoff := start()
	offsets := []time.Duration{-time.Hour, -time.Microsecond, 0, time.Microsecond, time.Hour}
	list := entries(in.Entities[0], len(offsets), func(i int, e *annals.Entry) {
		e.CreatedAt = cutoff.Add(offsets[i])
	})
	write(t, in, list...)
	_, c := cleaning(t, in)
	for _, before := range []time.Time{
		cutoff, cutoff.In(time.FixedZone("east", 5*3600+45*60)), cutoff.Add(-500 * time.Nanosecond),
	} {
		if n, err := c.Count(t.Context(), in.Entities[0], before); n != 2 || err != nil {
			t.Errorf("counted %d, %v", n, err)
		}
	}
	if n, err := c.Count(t.Context(), in.Entities[0], cutoff.Add(time.Nanosecond)); n != 3 || err != nil {
		t.Errorf("counted %d up to the nanosecond behind, %v", n, err)
	}
	if gone := sweep(t, c, in.Entities[0], cutoff, 10); gone != 2 {
		t.Errorf("removed %d", gone)
	}
	same(t, find(t, in, storage.Query{Ascending: true}), list[2:])
}

// Many entries of one instant: whatever a batch takes, what is left is the end of
// the story.
func testCleanOrder(t *testing.T, in Instance) {
	list := entries(in.Entities[0], 17, func(i int, e *annals.Entry) {
		e.CreatedAt = start().Add(time.Duration(i/7) * time.Second)
		e.Part = i % 2
		e.Source = []string{"app", "zoo"}[i%7/4]
		e.TransactionHash = hashOf(i + 1)
	})
	slices.Reverse(list) // the order of storing is another
	write(t, in, list...)
	story := find(t, in, storage.Query{Ascending: true})
	_, c := cleaning(t, in)
	s := storage.Sweep{Entity: in.Entities[0], Before: start().Add(time.Hour), Limit: 2}
	for gone := 0; gone < len(story); {
		swept, err := c.Remove(t.Context(), s)
		if err != nil || swept.Entries == 0 {
			t.Fatalf("removed %d, %v", swept.Entries, err)
		}
		gone += swept.Entries
		if !swept.Last.Equal(story[gone-1].CreatedAt) {
			t.Errorf("last is %s, want %s", swept.Last, story[gone-1].CreatedAt)
		}
		same(t, find(t, in, storage.Query{Ascending: true}), bared(story[gone:]))
		s.From = swept.Last
	}
}

func bared(list []annals.Entry) []annals.Entry {
	out := make([]annals.Entry, len(list))
	for i, e := range list {
		out[i] = bare(e)
	}
	return out
}

func testCleanMarks(t *testing.T, in Instance) {
	cleaner, c := cleaning(t, in)
	if got, err := cleaner.Marks(t.Context()); err != nil || got == nil || len(got) > 0 {
		t.Errorf("marks of a storage that was never cleaned: %v, %v", got, err)
	}
	at := start().Add(time.Hour)
	mark := func(entity string, day int, actor string) storage.Mark {
		return storage.Mark{Entity: entity, Before: start().AddDate(0, 0, day), At: at, Actor: actor}
	}
	a, b := in.Entities[0], in.Entities[1]
	for _, m := range []storage.Mark{
		mark(a, 1, "ann@host"), mark(b, 5, ""), mark(a, 3, `o'neil \ "x"`), mark(a, 2, "late"), mark(a, 3, "again"),
	} {
		if err := c.Mark(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	all := []storage.Mark{mark(a, 1, "ann@host"), mark(b, 5, ""), mark(a, 3, `o'neil \ "x"`)}
	for _, q := range []struct {
		entities []string
		want     []storage.Mark
	}{
		{nil, all},
		{[]string{a}, []storage.Mark{all[0], all[2]}},
		{[]string{a, b}, all},
		{[]string{"nobody"}, []storage.Mark{}},
	} {
		got, err := cleaner.Marks(t.Context(), q.entities...)
		if err != nil || !slices.Equal(got, q.want) {
			t.Errorf("marks of %q: %v, %v\nwant %v", q.entities, got, err, q.want)
		}
	}
}

// revisionsLeft are the numbers of the revisions, from 1 to n, that are there.
func revisionsLeft(t *testing.T, in Instance, n int) (left []int) {
	t.Helper()
	for i := 1; i <= n; i++ {
		if _, err := in.Store.Revision(t.Context(), hashOf(i)); err == nil {
			left = append(left, i)
			continue
		}
		receipts, err := in.Store.Receipts(t.Context(), hashOf(i))
		if err != nil || len(receipts) > 0 {
			t.Errorf("receipts of a revision that is gone: %v, %v", receipts, err)
		}
	}
	return left
}

// stories stores: revision 1 old, in the first entity alone; 2 old, in both; 3 old,
// in the second alone; 4 begun before the cut-off with an entry behind it; 5 new.
func stories(t *testing.T, in Instance) (cutoff time.Time) {
	t.Helper()
	cutoff = start().Add(time.Hour)
	one := func(n int, seq int64, entity string, at time.Time) annals.Entry {
		e := entry(entity, seq)
		e.TransactionHash, e.CreatedAt = hashOf(n), at
		return e
	}
	old, a, b := start(), in.Entities[0], in.Entities[1]
	list := []annals.Entry{
		one(1, 1, a, old), one(2, 2, a, old), one(2, 3, b, old), one(3, 4, b, old),
		one(4, 5, a, old), one(4, 6, a, cutoff), one(5, 7, a, cutoff.Add(time.Second)),
	}
	list[2].Type, list[2].Part = annals.Associate, 1
	batch := batchOf(list...)
	for i := range batch.Revisions {
		batch.Revisions[i].CreatedAt = old
		if batch.Revisions[i].Hash == hashOf(5) {
			batch.Revisions[i].CreatedAt = cutoff.Add(time.Second)
		}
	}
	if err := in.Store.Write(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	return cutoff
}

func testCleanRevisions(t *testing.T, in Instance) {
	cutoff := stories(t, in)
	_, c := cleaning(t, in)
	for _, step := range []struct {
		entity string
		gone   int
		left   []int
	}{
		{"", 0, []int{1, 2, 3, 4, 5}},
		{in.Entities[0], 1, []int{2, 3, 4, 5}},
		{in.Entities[1], 2, []int{4, 5}},
	} {
		if step.entity != "" {
			sweep(t, c, step.entity, cutoff, 2)
		}
		gone := sweepRevisions(t, c, storage.RevisionSweep{Before: cutoff, Limit: 2})
		if left := revisionsLeft(t, in, 5); gone != step.gone || !slices.Equal(left, step.left) {
			t.Errorf("after %q: removed %d, left %v, want %d and %v",
				step.entity, gone, left, step.gone, step.left)
		}
		for _, e := range find(t, in, storage.Query{}) {
			if e.Revision == nil {
				t.Errorf("entry %d has lost its revision", e.Seq)
			}
		}
	}
}

func testCleanEmptyRevisions(t *testing.T, in Instance) {
	var b storage.Batch
	for i, at := range []time.Duration{-time.Microsecond, 0, time.Hour} {
		r := revision(i + 1)
		r.CreatedAt = start().Add(at)
		b.Revisions = append(b.Revisions, r)
	}
	if err := in.Store.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	_, c := cleaning(t, in)
	gone := sweepRevisions(t, c, storage.RevisionSweep{Before: start(), Limit: 1})
	if left := fmt.Sprint(revisionsLeft(t, in, 3)); gone != 1 || left != "[2 3]" {
		t.Errorf("removed %d, left %s", gone, left)
	}
}

func testCleanDryRun(t *testing.T, in Instance) {
	cutoff := stories(t, in)
	before := find(t, in, storage.Query{})
	_, c := cleaning(t, in)
	for _, d := range []struct {
		entities []string
		want     int
	}{
		{nil, 0}, {in.Entities[:1], 1}, {in.Entities[1:], 1}, {in.Entities[:], 3},
	} {
		gone := sweepRevisions(t, c, storage.RevisionSweep{
			Before: cutoff, Limit: 100, DryRun: true, Entities: d.entities,
		})
		if gone != d.want {
			t.Errorf("without %q %d revisions would go, want %d", d.entities, gone, d.want)
		}
	}
	same(t, find(t, in, storage.Query{}), bared(before))
	if left := revisionsLeft(t, in, 5); len(left) != 5 {
		t.Errorf("left %v", left)
	}
}

func testCleanUnknown(t *testing.T, in Instance) {
	_, c := cleaning(t, in)
	if n, err := c.Count(t.Context(), "nobody", start()); n != 0 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
	if gone := sweep(t, c, "nobody", start(), 1); gone != 0 {
		t.Errorf("removed %d", gone)
	}
}
