package storagetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

// values are JSON values that look alike to some database.
func values() []string {
	return []string{
		`12.5`, `"12.5"`, `12`, `"12"`, `1`, `true`, `"1"`, `"true"`, `0`, `false`, `""`, `" "`, `null`,
		`"null"`, `12345678901234567890`, `12345678901234567891`, `"12345678901234567890"`,
		`0.1`, `0.10000000000000000001`, `1000000000000000000000`, `"1e2"`, `100`,
		`"a"`, `"A"`, `"a "`, `"ä"`, `"ä"`, `"🙂"`, `"\\"`, `"\""`, `"/"`, `"line\nbreak"`, `"'; --"`,
		`{"a":1}`, `{"a":1,"b":[1,2]}`, `[]`, `[1]`, `[null]`, `{"masked":true}`,
		`"2026-01-02T03:04:05.000000Z"`, longDigits(),
	}
}

// longDigits is a number past every float.
func longDigits() string {
	digits := make([]byte, 400)
	for i := range digits {
		digits[i] = '7'
	}
	return string(digits)
}

// testValues asks for every value on each side: what the database leaves out must
// be what does not match.
func testValues(t *testing.T, in Instance) {
	all := values()
	list := entries(in.Entities[0], len(all), func(i int, e *annals.Entry) {
		was := all[(i*7+3)%len(all)]
		e.Diffs = json.RawMessage(fmt.Sprintf(
			`{"changes":{"%s":{"new":%s,"old":%s},"other":{"new":%s,"old":1}}}`,
			[]string{"a.b", "a"}[i%2], all[i], was, all[(i+1)%len(all)]))
		e.ExtraData = json.RawMessage(`{"a":{"b":` + all[i] + `},"l":[` + was + `],"x.y":` + was + `}`)
	})
	link := entry(in.Entities[0], 90)
	link.Type, link.Diffs = annals.Associate, json.RawMessage(`{"is_owning_side":true,"subject":{},"target":{}}`)
	list = append(list, link)
	write(t, in, list...)
	raw := func(texts ...string) (out []json.RawMessage) {
		for _, text := range texts {
			out = append(out, json.RawMessage(text))
		}
		return out
	}
	for i, v := range all {
		some := raw(v, all[(i+5)%len(all)])
		for _, c := range []storage.Condition{
			{On: storage.OnChange, New: some[:1]},
			{On: storage.OnChange, Old: some[:1]},
			{On: storage.OnChange, New: some, Paths: []string{"a"}},
			{On: storage.OnChange, Old: some, Paths: []string{"a.b", "other"}},
			{On: storage.OnChange, New: some[:1], Old: raw(all[(i*7+3)%len(all)])},
			{On: storage.OnChange, New: some[:1], Not: true},
			{On: storage.OnExtra, New: some[:1], Paths: []string{"a.b"}},
			{On: storage.OnExtra, New: some, Paths: []string{"x.y", "l.0"}},
		} {
			wantFound(t, in, list, storage.Query{Where: []storage.Condition{c}})
		}
	}
	for _, text := range []string{`"\u0000"`, `7`} {
		q := storage.Query{Where: []storage.Condition{{On: storage.OnChange, New: raw(text)}}}
		same(t, find(t, in, q), nil)
	}
}

// testConditions compares every subject, turned round too, alone and in pairs.
func testConditions(t *testing.T, in Instance) {
	texts := []string{"a", "A", "a ", "ä", "Ä", "%", "_", `\`, "'", "", "tick et 7", "Ticket"}
	var b storage.Batch
	list := entries(in.Entities[0], 48, func(i int, e *annals.Entry) {
		e.Entity = in.Entities[i%2]
		e.ObjectID, e.Source = fmt.Sprint(i%4), []string{"app", "App"}[i%2]
		e.Blame.ID, e.Blame.IP = texts[i%len(texts)], texts[i%5]
		e.Discriminator = texts[i%7]
		e.Type = annals.EntryTypes()[i%8]
		e.TransactionHash = hashOf(i / 2)
		e.Diffs = json.RawMessage(fmt.Sprintf(`{"changes":{"s":{"new":{"theme":%d,"x":{"y":1}},`+
			`"old":{"theme":1}},"s.z":{"new":1,"old":2}}}`, i%3))
		if i%6 == 0 {
			e.PreviousObjectID = "9"
		}
		if i%2 == 0 {
			rev := revision(i / 2)
			rev.Source, rev.Comment = e.Source, texts[i/2%len(texts)]
			rev.Origin = annals.Origin{UserAgent: texts[i/3%len(texts)], RequestID: texts[i/4%len(texts)]}
			b.Revisions = append(b.Revisions, rev)
		}
	})
	b.Entries = list
	if err := in.Store.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i := range list {
		rev := b.Revisions[i/2]
		list[i].Revision = &rev
	}
	part := func(text string) []storage.Text { return []storage.Text{{Value: text, Part: true}} }
	conditions := []storage.Condition{
		{On: storage.OnObject, Texts: storage.Texts("1", "9")},
		{On: storage.OnMove},
		{On: storage.OnType, Texts: storage.Texts("insert", "remove")},
		{On: storage.OnActor, Texts: storage.Texts("a", "Ä")},
		{On: storage.OnSource, Texts: storage.Texts("App")},
		{On: storage.OnDiscriminator, Texts: storage.Texts("a ", "%")},
		{On: storage.OnIP, Texts: storage.Texts("ä")},
		{On: storage.OnComment, Texts: storage.Texts("Ticket", "_")},
		{On: storage.OnComment, Texts: part("tIcK")},
		{On: storage.OnComment, Texts: part("%")},
		{On: storage.OnComment, Texts: part("Ä")},
		{On: storage.OnAgent, Texts: append(part("T"), storage.Texts("'")...)},
		{On: storage.OnRequest, Texts: storage.Texts(`\`)},
		{On: storage.OnRequest, Texts: storage.Texts("none", "\x00")},
		{On: storage.OnChange, Paths: []string{"s.theme"}},
		{On: storage.OnChange, Paths: []string{"s.x.y", "s.none"}, Old: []json.RawMessage{annals.Null}},
		{On: storage.OnChange, Paths: []string{"s.z"}, New: []json.RawMessage{json.RawMessage("1")}},
	}
	for i := range conditions {
		c := conditions[i]
		c.Not = true
		conditions = append(conditions, c)
	}
	for i, c := range conditions {
		wantFound(t, in, list, storage.Query{Where: []storage.Condition{c}})
		for _, with := range conditions[i+1:] {
			wantFound(t, in, list, storage.Query{Where: []storage.Condition{c, with}, Ascending: true})
		}
		q := storage.Query{Where: []storage.Condition{c}, Limit: 3}
		if got, want := allPages(t, in, q), find(t, in, storage.Query{Where: q.Where}); places(got) != places(want) {
			t.Errorf("pages of %+v: %s, want %s", c, places(got), places(want))
		}
	}
	wantFound(t, in, list, storage.Query{Sources: []string{"App"}, Where: conditions[:1]})
}

// testCount compares Count with Find.
func testCount(t *testing.T, in Instance) {
	counter, ok := storage.As[storage.Counter](in.Store)
	if !ok {
		return
	}
	list := entries(in.Entities[0], 30, func(i int, e *annals.Entry) {
		e.Entity, e.ObjectID = in.Entities[i%2], fmt.Sprint(i%3)
		e.Blame.ID = fmt.Sprint(i % 4)
		if i%5 == 0 {
			e.PreviousObjectID = "9"
		}
	})
	write(t, in, list...)
	for _, q := range []storage.Query{
		{},
		{ObjectIDs: []string{"1", "9"}},
		{Actors: []string{"1", "2"}},
		{Types: []annals.EntryType{annals.Remove}},
		{Since: list[7].CreatedAt},
		{Before: list[9].Cursor()},
		{Hashes: []string{hashOf(1)}},
		{Where: []storage.Condition{{On: storage.OnChange, Paths: []string{"title"}}}},
		{Where: []storage.Condition{{On: storage.OnComment, Texts: storage.Texts("none")}}},
	} {
		want := len(find(t, in, q))
		for _, limit := range []int{1, 4, 1000} {
			q.Entities, q.Limit = in.Entities[:], limit
			if n, err := counter.Count(t.Context(), q); err != nil || n != min(want, limit) {
				t.Errorf("%+v counts %d, %v; want %d", q, n, err, min(want, limit))
			}
		}
	}
}

// testTail follows what is written after the tail began.
func testTail(t *testing.T, in Instance) {
	follower, ok := storage.As[storage.Follower](in.Store)
	if !ok {
		return
	}
	list := entries(in.Entities[0], 40, func(i int, e *annals.Entry) { e.Entity = in.Entities[i%2] })
	write(t, in, list[:10]...)
	tail, err := follower.Tail(t.Context(), storage.Query{Entities: in.Entities[:]})
	if err != nil {
		t.Fatal(err)
	}
	next := func(want []annals.Entry) {
		t.Helper()
		got, err := tail.Next(t.Context())
		if err != nil || got == nil {
			t.Fatalf("next: %v, %v", got, err)
		}
		same(t, got, want)
	}
	next(nil)
	write(t, in, list[20:23]...)
	next(list[20:23])
	write(t, in, list[10:20]...) // older ones, from a relay that was behind
	next(list[10:20])
	next(nil)
	some, err := follower.Tail(t.Context(), storage.Query{
		Entities: in.Entities[:1],
		Where:    []storage.Condition{{On: storage.OnObject, Texts: storage.Texts("1"), Not: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, in, list[30:]...)
	next(list[30:])
	if got, err := some.Next(t.Context()); err != nil || len(got) > 0 {
		t.Errorf("filtered: %v, %v", got, err)
	}
}

// testTailLate follows transactions that commit in another order than they wrote,
// one of which rolls back.
func testTailLate(t *testing.T, in Instance) {
	follower, ok := storage.As[storage.Follower](in.Store)
	if !ok || !in.Concurrent {
		return
	}
	ctx := context.WithoutCancel(t.Context())
	open := func(n int) (finish func(commit bool)) {
		t.Helper()
		tx, err := in.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		direct, _ := storage.As[storage.Direct](in.Store)
		rev, e := revision(n), entry(in.Entities[0], 1)
		e.ObjectID, e.TransactionHash, e.CreatedAt = fmt.Sprint(n), rev.Hash, rev.CreatedAt
		if err := direct.WriteTx(ctx, tx, &rev, []annals.Entry{e}); err != nil {
			t.Fatal(err)
		}
		return func(commit bool) {
			end := tx.Rollback
			if commit {
				end = tx.Commit
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := open(1) // runs when the tail begins
	open(2)(true)
	tail, err := follower.Tail(ctx, storage.Query{Entities: in.Entities[:]})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	look := func() {
		t.Helper()
		found, err := tail.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found {
			seen = append(seen, e.ObjectID)
		}
	}
	look()
	held, lost := open(3), open(4)
	open(5)(true)
	look()
	look()
	look()
	lost(false)
	before(true)
	open(6)(true)
	look()
	look()
	held(true)
	for range 4 {
		look()
	}
	if want := []string{"5", "1", "6", "3"}; !slices.Equal(seen, want) {
		t.Errorf("saw %v, want %v", seen, want)
	}
}
