package storagetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

func testWhole(t *testing.T, in Instance) {
	rev := revision(1)
	full := entry(in.Entities[0], 7)
	full.Part, full.PreviousObjectID, full.Discriminator = 3, "0", "article"
	full.ExtraData = json.RawMessage(`{"a":[1,null,"x"]}`)
	full.Blame = annals.Blame{
		ID: "42", User: "ann", FQDN: "User", Firewall: "api", IP: "2001:db8::1",
	}
	empty := annals.Entry{
		Entity: in.Entities[1], Source: "app", Type: annals.Truncate, ObjectID: "*",
		TransactionHash: rev.Hash, Seq: 8, Diffs: json.RawMessage(`{}`),
		CreatedAt: start(), SchemaVersion: annals.SchemaVersion,
	}
	err := in.Store.Write(t.Context(), storage.Batch{
		Revisions: []annals.Revision{rev}, Entries: []annals.Entry{full, empty},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := find(t, in, storage.Query{})
	same(t, got, []annals.Entry{full, empty})
	for _, e := range got {
		switch {
		case e.ID == 0 || e.Storage == "":
			t.Errorf("id %d and storage %q are not filled", e.ID, e.Storage)
		case e.Revision == nil:
			t.Error("the revision is not filled")
		default:
			r := *e.Revision
			r.ID = 0
			if !reflect.DeepEqual(r, rev) {
				t.Errorf("revision\n got %+v\nwant %+v", r, rev)
			}
		}
	}
}

func testRepeat(t *testing.T, in Instance) {
	list := entries(in.Entities[0], 5, nil)
	twice := slices.Concat(list[:5], list)
	for range 3 {
		write(t, in, twice...)
	}
	same(t, find(t, in, storage.Query{}), reversed(list))
	wantReceipts(t, in, hashOf(1), storage.Receipt{
		Entity: in.Entities[0], Type: annals.Update, Entries: 5,
	})
}

func testRepeatInPart(t *testing.T, in Instance) {
	list := entries(in.Entities[0], 30, func(i int, e *annals.Entry) {
		e.TransactionHash = hashOf(i / 10)
		if i%2 == 1 {
			e.Entity, e.Type = in.Entities[1], annals.Insert
		}
	})
	write(t, in, list[:12]...)
	write(t, in, list[5:25]...)
	write(t, in, list[20:]...)
	same(t, find(t, in, storage.Query{}), reversed(list))
	for n := range 3 {
		wantReceipts(t, in, hashOf(n),
			storage.Receipt{Entity: in.Entities[0], Type: annals.Update, Entries: 5},
			storage.Receipt{Entity: in.Entities[1], Type: annals.Insert, Entries: 5})
	}
}

// wantReceipts compares receipts in any order.
func wantReceipts(t *testing.T, in Instance, hash string, want ...storage.Receipt) {
	t.Helper()
	got, err := in.Store.Receipts(t.Context(), hash)
	if err != nil {
		t.Fatalf("receipts: %v", err)
	}
	left := map[storage.Receipt]bool{}
	for _, r := range want {
		left[r] = true
	}
	for _, r := range got {
		if !left[r] {
			t.Errorf("receipt %+v is wrong; want %+v", r, want)
		}
		delete(left, r)
	}
	for r := range left {
		t.Errorf("receipt %+v is missing; got %+v", r, got)
	}
}

func testStoredRevision(t *testing.T, in Instance) {
	e := entry(in.Entities[0], 1)
	write(t, in, e)
	later := entry(in.Entities[0], 2)
	if err := in.Store.Write(t.Context(), storage.Batch{Entries: []annals.Entry{later}}); err != nil {
		t.Fatalf("write an entry of a stored revision: %v", err)
	}
	same(t, find(t, in, storage.Query{}), []annals.Entry{later, e})
	wantReceipts(t, in, hashOf(1), storage.Receipt{
		Entity: in.Entities[0], Type: annals.Update, Entries: 2,
	})
	lost := entry(in.Entities[0], 3)
	lost.TransactionHash = hashOf(99)
	err := in.Store.Write(t.Context(), storage.Batch{Entries: []annals.Entry{lost}})
	wantError(t, err, annals.ErrNotFound, hashOf(99))
	same(t, find(t, in, storage.Query{}), []annals.Entry{later, e})
}

func testAllOrNothing(t *testing.T, in Instance) {
	good, bad := entry(in.Entities[0], 1), entry(in.Entities[1], 2)
	bad.TransactionHash = hashOf(2)
	bad.Diffs = json.RawMessage(`{"changes":`)
	err := in.Store.Write(t.Context(), batchOf(good, bad))
	if err == nil {
		t.Fatal("diffs that are no JSON were stored")
	}
	if got := find(t, in, storage.Query{}); len(got) > 0 {
		t.Errorf("a failed batch left %s", places(got))
	}
	if _, err := in.Store.Revision(t.Context(), hashOf(1)); !errors.Is(err, annals.ErrNotFound) {
		t.Errorf("a failed batch left its revision: %v", err)
	}
}

func testEmptyBatch(t *testing.T, in Instance) {
	if err := in.Store.Write(t.Context(), storage.Batch{}); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
	alone := storage.Batch{Revisions: []annals.Revision{revision(1), revision(1)}}
	if err := in.Store.Write(t.Context(), alone); err != nil {
		t.Errorf("a revision without entries: %v", err)
	}
	if _, err := in.Store.Revision(t.Context(), hashOf(1)); err != nil {
		t.Error(err)
	}
}

func testHostileText(t *testing.T, in Instance) {
	long := strings.Repeat("ä", 300)
	rev := revision(1)
	rev.Comment = "a\x00b\xff"
	rev.Actor.Name, rev.Actor.Email, rev.Actor.Type, rev.Actor.Context = long, long, long, long
	rev.Origin = annals.Origin{
		IP: long, RequestID: long, UserAgent: strings.Repeat("\xf0\x9f", 1<<20),
	}
	e := entry(in.Entities[0], 1)
	e.Blame = annals.Blame{ID: "4\x002", User: long, FQDN: "\xff", Firewall: long, IP: long}
	e.Discriminator = long
	err := in.Store.Write(t.Context(), storage.Batch{
		Revisions: []annals.Revision{rev}, Entries: []annals.Entry{e},
	})
	if err != nil {
		t.Fatalf("hostile text fails the write: %v", err)
	}
	got := find(t, in, storage.Query{})
	if len(got) != 1 {
		t.Fatalf("got %d entries", len(got))
	}
	short := func(n int) string { return strings.Repeat("ä", n) }
	want := annals.Blame{
		ID: "4\uFFFD2", User: short(255), FQDN: "\uFFFD", Firewall: short(100), IP: short(45),
	}
	if got[0].Blame != want || got[0].Discriminator != short(255) {
		t.Errorf("got %+v, %q", got[0].Blame, got[0].Discriminator)
	}
	r := got[0].Revision
	if r.Comment != "a\uFFFDb\uFFFD" || r.Actor.Name != short(255) || r.Actor.Context != short(100) ||
		r.Origin.IP != short(45) || r.Origin.RequestID != short(255) {
		t.Errorf("got %+v", r)
	}
	same(t, find(t, in, storage.Query{Actors: []string{"4\x002"}}), got)
}

func testExtra(t *testing.T, in Instance) {
	e, none := entry(in.Entities[0], 2), entry(in.Entities[0], 1)
	e.ExtraData = json.RawMessage(` { "b" : 1.0, "a" : 12345678901234567890 } `)
	none.ExtraData = json.RawMessage("null")
	write(t, in, e, none)
	e.ExtraData = json.RawMessage(`{"a":12345678901234567890,"b":1}`)
	none.ExtraData = nil
	same(t, find(t, in, storage.Query{}), []annals.Entry{e, none})
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, bad := range []string{
		`{"a":"\u0000"}`, `{"\u0000":1}`, `{`, `x`, nested(29), nested(40),
		strings.Repeat("1", 16384), `{"a":` + strings.Repeat("1", 200_000) + "}", `[1e999999]`,
	} {
		e.Seq, e.ExtraData = 3, json.RawMessage(bad)
		wantError(t, in.Store.Write(t.Context(), batchOf(e)), annals.ErrCapture, "extra data")
	}
	fine := entry(in.Entities[0], 4)
	fine.ExtraData = json.RawMessage(`{"a":"\\u0000"}`)
	deep, exact := entry(in.Entities[0], 5), entry(in.Entities[0], 6)
	deep.ExtraData = json.RawMessage(nested(28))
	exact.ExtraData = json.RawMessage(`[0.` + strings.Repeat("1", 16381) + "]")
	write(t, in, fine, deep, exact)
	same(t, find(t, in, storage.Query{Limit: 2}), []annals.Entry{exact, deep})
}

// refusals are entries that would have to be changed to be stored.
func refusals(entity string) map[string]annals.Entry {
	out := map[string]annals.Entry{}
	add := func(name string, edit func(e *annals.Entry)) {
		e := entry(entity, 1)
		edit(&e)
		out[name] = e
	}
	long := strings.Repeat("x", 256)
	add("actor", func(e *annals.Entry) { e.Blame.ID = long })
	add("object id", func(e *annals.Entry) { e.ObjectID = long })
	add("previous object id", func(e *annals.Entry) { e.PreviousObjectID = long })
	add("type", func(e *annals.Entry) { e.Type = "upsert" })
	add("U+0000", func(e *annals.Entry) {
		e.Diffs = json.RawMessage(`{"changes":{"a":{"new":"\u0000"}}}`)
	})
	return out
}

func testRefused(t *testing.T, in Instance) {
	for name, e := range refusals(in.Entities[0]) {
		wantError(t, in.Store.Write(t.Context(), batchOf(e)), annals.ErrCapture, name)
	}
	rev := revision(1)
	rev.Actor.ID = strings.Repeat("x", 256)
	err := in.Store.Write(t.Context(), storage.Batch{Revisions: []annals.Revision{rev}})
	wantError(t, err, annals.ErrCapture, "actor")
}

func testTooLarge(t *testing.T, in Instance) {
	if in.MaxEntrySize == 0 {
		return
	}
	e := entry(in.Entities[0], 1)
	e.ObjectID = "big-one"
	e.Diffs = json.RawMessage(`{"changes":{"a":{"new":"` + strings.Repeat("x", in.MaxEntrySize) + `"}}}`)
	err := in.Store.Write(t.Context(), batchOf(e))
	wantError(t, err, annals.ErrEntryTooLarge, in.Entities[0], "big-one", fmt.Sprint(len(e.Diffs)))
	wantError(t, err, annals.ErrCapture)
}

func testMissingTable(t *testing.T, in Instance) {
	if in.Missing == "" {
		return
	}
	err := in.Store.Write(t.Context(), batchOf(entry(in.Missing, 1)))
	wantError(t, err, annals.ErrSchema, in.Missing, "annals schema update --force")
	_, err = in.Store.Find(t.Context(), storage.Query{
		Entities: []string{in.Entities[0], in.Missing}, Limit: 1,
	})
	wantError(t, err, annals.ErrSchema, in.Missing, "annals schema update --force")
	if strings.Contains(err.Error(), "entity "+in.Entities[0]) {
		t.Errorf("%q blames an entity that has its table", err)
	}
}

func testCancelled(t *testing.T, in Instance) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := in.Store.Write(ctx, batchOf(entry(in.Entities[0], 1))); !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v, want context.Canceled", err)
	}
	_, err := in.Store.Find(ctx, storage.Query{Entities: in.Entities[:], Limit: 1})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("find: %v, want context.Canceled", err)
	}
	if got := find(t, in, storage.Query{}); len(got) > 0 {
		t.Errorf("a cancelled write left %s", places(got))
	}
}

// testParallelWriters has several writers store the same batches at once, each
// in another order.
func testParallelWriters(t *testing.T, in Instance) {
	const writers, batches, size = 4, 6, 20
	list := entries(in.Entities[0], batches*size, func(i int, e *annals.Entry) {
		e.TransactionHash = hashOf(i / 15)
		e.Entity = in.Entities[i%2]
	})
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for n := range batches {
				at := (n + w) % batches * size
				if err := in.Store.Write(t.Context(), batchOf(list[at:at+size]...)); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wait.Wait()
	same(t, find(t, in, storage.Query{}), reversed(list))
	for n := range batches * size / 15 {
		got, err := in.Store.Receipts(t.Context(), hashOf(n))
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, r := range got {
			sum += r.Entries
		}
		if sum != 15 {
			t.Errorf("receipts of revision %d count %d entries, want 15: %+v", n, sum, got)
		}
	}
}
