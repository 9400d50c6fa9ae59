package mirror_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

func tag(id int, name string) map[string]any { return map[string]any{"id": id, "name": name} }

// places are the numbers of entries.
func places(entries []annals.Entry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = fmt.Sprintf("%d.%d", e.Seq, e.Part)
	}
	return out
}

// pages follows a query to its end.
func (m *mirror) pages(q storage.Query) (out []annals.Entry) {
	m.t.Helper()
	for {
		page := m.find(q)
		out = append(out, page...)
		if len(page) < q.Limit {
			return out
		}
		if last := page[len(page)-1].Cursor(); q.Ascending {
			q.After = last
		} else {
			q.Before = last
		}
	}
}

// Rows of statements that ran at once may have numbers between each other, in the
// same instant even: pages are in the order of numbers.
func TestNumbersBetweenEachOther(t *testing.T) {
	t.Parallel()
	h := newByHand(t, testdb.New(t, "postgres"), shopRules())
	h.revision("ann", "", start)
	// Receipts 1, 2 and 3 of one instant: 1 has 1, 4, 7 …, 2 has 2, 5, 8 …
	var all []annals.Entry
	for n := range 3 {
		h.insert(layout.RevisionEntityTable, map[string]any{
			layout.ColID: n + 1, layout.ColRevision: 1, layout.ColEntity: []string{"tag", "author", "tag"}[n],
			layout.ColType: "insert", layout.ColEntries: 700, layout.ColCreatedAt: h.instant(start),
		})
	}
	for i := range 2100 {
		h.seq = int64(i + 1)
		target := []string{"tag", "author", "tag"}[i%3]
		h.row(target, int64(i%3+1), i/3, layout.ImageAfter, change{after: tag(i+1, "x")})
		h.note(target, annals.OpInsert, start, change{after: tag(i+1, "x")})
	}
	all = h.all()
	for _, entities := range [][]string{{"tag", "author"}, {"tag"}, {"author"}} {
		want := slices.DeleteFunc(slices.Clone(all), func(e annals.Entry) bool {
			return !slices.Contains(entities, e.Entity)
		})
		for _, limit := range []int{37, 500, 1100} {
			for _, ascending := range []bool{true, false} {
				got := h.pages(storage.Query{Entities: entities, Limit: limit, Ascending: ascending})
				if !ascending {
					slices.Reverse(got)
				}
				if !slices.Equal(places(got), places(want)) {
					t.Errorf("pages of %d of %v, ascending %v: %d entries, not as they were written",
						limit, entities, ascending, len(got))
				}
			}
		}
	}
}

// A receipt of many rows is read a page at a time, wherever the page begins. It is
// alone: what it measures is the whole process.
func TestLargeReceipt(t *testing.T) {
	const rows = 50_000
	m := triggered(t, testdb.New(t, "postgres"), shopRules(), shop...)
	m.exec("INSERT INTO tags (id, name) VALUES (0, 'first')",
		fmt.Sprintf("INSERT INTO tags (id, name) SELECT g, 'tag ' || g FROM generate_series(1, %d) g", rows),
		"INSERT INTO tags (id, name) VALUES (-1, 'last')", "ANALYZE")
	all := []string{"tag"}
	newest := m.find(storage.Query{Entities: all, Limit: 3})
	got := []string{newest[0].ObjectID, newest[1].ObjectID, newest[2].ObjectID}
	if !slices.Equal(got, []string{"-1", "50000", "49999"}) {
		t.Fatalf("newest are %q", got)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	middle := m.find(storage.Query{Entities: all, ObjectIDs: []string{"25000"}})[0]
	q := storage.Query{Entities: all, Limit: 50, Before: middle.Cursor()}
	for i := 0; i < 20; i++ {
		page := m.find(q)
		for n, e := range page {
			if want := fmt.Sprint(24_999 - 50*i - n); e.ObjectID != want {
				t.Fatalf("page %d, entry %d is %s, want %s", i, n, e.ObjectID, want)
			}
		}
		q.Before = page[len(page)-1].Cursor()
	}
	q = storage.Query{Entities: all, Limit: 50, After: middle.Cursor(), Ascending: true}
	if page := m.find(q); page[0].ObjectID != "25001" || page[49].ObjectID != "25050" {
		t.Errorf("behind the middle are %s to %s", page[0].ObjectID, page[49].ObjectID)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 64<<20 {
		t.Errorf("22 pages take %d MB", grown>>20)
	}
	receipts, err := m.store.Receipts(t.Context(), middle.TransactionHash)
	want := storage.Receipt{Entity: "tag", Type: annals.Insert, Entries: rows}
	if err != nil || len(receipts) != 1 || receipts[0] != want {
		t.Errorf("receipts %v, %v", receipts, err)
	}
}

// A tail sees what is committed late, each entry once.
func TestTail(t *testing.T) {
	t.Parallel()
	for _, kind := range testdb.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			h := newByHand(t, testdb.New(t, kind), shopRules())
			story(h)
			tail, err := h.store.Tail(t.Context(), storage.Query{Entities: everything})
			if err != nil {
				t.Fatal(err)
			}
			next := func(want int) {
				t.Helper()
				got, err := tail.Next(t.Context())
				if err != nil || got == nil {
					t.Fatal(got, err)
				}
				wanted := h.all()[len(h.all())-want:]
				same(t, "tail", withLabels(got), withLabels(wanted))
			}
			next(0)
			written := len(h.entries)
			if kind == "postgres" {
				// Revisions are found by their transaction.
				h.exec("ALTER TABLE annals_revision ALTER xid SET DEFAULT txid_current()")
			}
			at := start.Add(time.Hour)
			h.revision("ann", "", at)
			h.fire("tag", annals.OpInsert, at, change{after: tag(90, "a")}, change{after: tag(91, "b")})
			if kind == "postgres" {
				h.exec("UPDATE annals_revision SET xid = txid_current() WHERE id = 13")
			}
			next(len(h.entries) - written)
			next(0)
		})
	}
}

// What a late transaction wrote comes when it commits, though others came before.
func TestTailLate(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		if db.Kind == "sqlite" {
			return // one writer at a time
		}
		m := triggered(t, db, shopRules(), shop...)
		m.exec("INSERT INTO tags (id, name) VALUES (1, 'old')")
		tail, err := m.store.Tail(t.Context(), storage.Query{Entities: everything})
		if err != nil {
			t.Fatal(err)
		}
		next := func(want ...string) {
			t.Helper()
			got, err := tail.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ids := []string{}
			for _, e := range got {
				ids = append(ids, e.ObjectID)
			}
			if !slices.Equal(ids, append([]string{}, want...)) {
				t.Errorf("next are %q, want %q", ids, want)
			}
		}
		late, err := m.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		exec(t, late, "INSERT INTO tags (id, name) VALUES (10, 'late')")
		m.exec("INSERT INTO tags (id, name) VALUES (11, 'early')")
		next("11")
		exec(t, late, "INSERT INTO tags (id, name) VALUES (12, 'later')")
		next()
		m.exec("INSERT INTO tags (id, name) VALUES (13, 'early')")
		if err := late.Commit(); err != nil {
			t.Fatal(err)
		}
		next("10", "12", "13")
		next()
	})
}
