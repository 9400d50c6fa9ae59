package storagetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

// tied returns entries of both entities, most of which share their instant, in
// the order of pages read backwards.
func tied(in Instance) []annals.Entry {
	var list []annals.Entry
	for _, at := range []time.Time{start(), start().Add(time.Microsecond)} {
		for _, source := range []string{"App", "app", "b"} {
			for seq := range int64(4) {
				for part := range 2 {
					e := entry(in.Entities[(int(seq)+part)%2], seq+1)
					e.Source, e.Part, e.CreatedAt = source, part, at
					if at.After(start()) {
						e.Seq += 9 // 9 before 10: numbers do not compare as texts
					}
					list = append(list, e)
				}
			}
		}
	}
	return list
}

func testOrder(t *testing.T, in Instance) {
	list := tied(in)
	shuffled := slices.Clone(list)
	for i := range shuffled {
		j := i * 7 % len(shuffled)
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
	}
	for i := range shuffled {
		shuffled[i].TransactionHash = hashOf(int(shuffled[i].Source[0]))
	}
	for i := range list {
		list[i].TransactionHash = hashOf(int(list[i].Source[0]))
	}
	write(t, in, shuffled...)
	same(t, find(t, in, storage.Query{}), reversed(list))
	same(t, find(t, in, storage.Query{Ascending: true}), list)
	same(t, find(t, in, storage.Query{Limit: 5}), reversed(list)[:5])
	same(t, find(t, in, storage.Query{Limit: 5, Ascending: true}), list[:5])
}

func testPages(t *testing.T, in Instance) {
	list := tied(in)
	for i := range list {
		list[i].TransactionHash = hashOf(int(list[i].Source[0]))
	}
	write(t, in, list...)
	for _, limit := range []int{1, 2, 5, 7, len(list)} {
		for _, q := range []storage.Query{
			{},
			{Ascending: true},
			{ObjectIDs: []string{"1"}},
			{Actors: []string{"42"}, Ascending: true},
			{Entities: in.Entities[:1]},
		} {
			want := find(t, in, q)
			q.Limit = limit
			same(t, allPages(t, in, q), want)
		}
	}
	middle := list[10].Cursor()
	same(t, find(t, in, storage.Query{After: middle, Ascending: true}), list[11:])
	same(t, find(t, in, storage.Query{After: middle}), reversed(list[11:]))
	same(t, find(t, in, storage.Query{Before: middle}), reversed(list[:10]))
	same(t, find(t, in, storage.Query{After: list[3].Cursor(), Before: middle, Ascending: true}),
		list[4:10])
}

// allPages follows the keyset to its end.
func allPages(t *testing.T, in Instance, q storage.Query) []annals.Entry {
	t.Helper()
	var out []annals.Entry
	for {
		page := find(t, in, q)
		if len(page) > q.Limit {
			t.Fatalf("a page of %d entries, limit %d", len(page), q.Limit)
		}
		out = append(out, page...)
		if len(page) < q.Limit {
			return out
		}
		last := page[len(page)-1].Cursor()
		if q.Ascending {
			q.After = last
		} else {
			q.Before = last
		}
	}
}

func testFilters(t *testing.T, in Instance) {
	types, actors := annals.EntryTypes(), []string{"1", "2", ""}
	list := entries(in.Entities[0], 120, func(i int, e *annals.Entry) {
		e.Entity = in.Entities[i%2]
		e.ObjectID = fmt.Sprint(i % 5)
		e.Type = types[i%len(types)]
		e.Blame.ID = actors[i%3]
		e.TransactionHash = hashOf(i / 10)
		e.Diffs = json.RawMessage(fmt.Sprintf(`{"changes":{"c%d":{"new":1,"old":null}}}`, i%4))
		if i%7 == 0 {
			e.PreviousObjectID = "9"
		}
	})
	write(t, in, list...)
	single := []storage.Query{
		{Entities: in.Entities[:1]},
		{ObjectIDs: []string{"3"}},
		{ObjectIDs: []string{"1", "9"}},
		{Types: []annals.EntryType{annals.Remove}},
		{Types: []annals.EntryType{annals.Remove, annals.Truncate}},
		{Actors: []string{"2"}},
		{Actors: []string{"2", "1", "2"}},
		{Hashes: []string{hashOf(4)}},
		{Hashes: []string{hashOf(4), hashOf(7), "ff"}},
		{Since: list[30].CreatedAt},
		{Until: list[30].CreatedAt},
		{Fields: []string{"c2"}},
		{Fields: []string{"c2", "c0", "none"}},
		{Before: list[50].Cursor()},
		{After: list[50].Cursor()},
	}
	for i, q := range single {
		wantFound(t, in, list, q)
		for _, with := range single[i+1:] {
			wantFound(t, in, list, combine(q, with))
		}
	}
	all := storage.Query{
		ObjectIDs: []string{"1", "3", "9"}, Types: types[:5], Actors: []string{"1", "2"},
		Since: list[10].CreatedAt, Until: list[110].CreatedAt, Fields: []string{"c1", "c3"},
		Before: list[100].Cursor(), After: list[20].Cursor(), Ascending: true,
	}
	wantFound(t, in, list, all)
}

// combine takes each field from x, and from y where x has none.
func combine(x, y storage.Query) storage.Query {
	v, w := reflect.ValueOf(&x).Elem(), reflect.ValueOf(y)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			v.Field(i).Set(w.Field(i))
		}
	}
	return x
}

// wantFound compares with a filter written down in Go.
func wantFound(t *testing.T, in Instance, list []annals.Entry, q storage.Query) {
	t.Helper()
	var want []annals.Entry
	for _, e := range list {
		if matches(e, q) {
			want = append(want, e)
		}
	}
	if !q.Ascending {
		want = reversed(want)
	}
	before := t.Failed()
	same(t, find(t, in, q), want)
	if t.Failed() && !before {
		t.Errorf("…with %+v", q)
	}
}

func matches(e annals.Entry, q storage.Query) bool {
	one := func(list []string, values ...string) bool {
		return len(list) == 0 || slices.ContainsFunc(values, func(v string) bool {
			return v != "" && slices.Contains(list, v)
		})
	}
	var diffs struct{ Changes map[string]any }
	_ = json.Unmarshal(e.Diffs, &diffs)
	field := len(q.Fields) == 0
	for _, f := range q.Fields {
		_, ok := diffs.Changes[f]
		field = field || ok
	}
	return field && one(q.Entities, e.Entity) && one(q.ObjectIDs, e.ObjectID, e.PreviousObjectID) &&
		(len(q.Types) == 0 || slices.Contains(q.Types, e.Type)) &&
		one(q.Actors, e.Blame.ID) && one(q.Hashes, e.TransactionHash) &&
		one(q.Sources, e.Source) && storage.Match(q.Where, &e) &&
		!e.CreatedAt.Before(q.Since) && (q.Until.IsZero() || e.CreatedAt.Before(q.Until)) &&
		(q.Before.IsZero() || e.Cursor().Before(q.Before)) &&
		(q.After.IsZero() || q.After.Before(e.Cursor()))
}

func testFields(t *testing.T, in Instance) {
	names := []string{
		"a.b", `a"b`, "it's", "A", "a", "ä ö", "$", "*", "[0]", `back\slash`, "emoji 🙂", "%_?", "",
		"tab\t", "new", "old",
	}
	list := entries(in.Entities[0], len(names), func(i int, e *annals.Entry) {
		key, err := json.Marshal(names[i])
		if err != nil {
			t.Fatal(err)
		}
		e.Diffs = json.RawMessage(`{"changes":{` + string(key) + `:{"new":1,"old":null}},"label":"title"}`)
	})
	link := entry(in.Entities[0], 99)
	link.Type = annals.Associate
	link.Diffs = json.RawMessage(`{"is_owning_side":true,"subject":{"field":"a"},"target":{}}`)
	write(t, in, append(list, link)...)
	for i, name := range names {
		got := find(t, in, storage.Query{Fields: []string{name}})
		if len(got) != 1 || got[0].Seq != list[i].Seq {
			t.Errorf("field %q finds %s, want seq %d", name, places(got), list[i].Seq)
		}
	}
	for _, name := range []string{"label", "changes", "subject", "B", "aa", "a\x00", "\xff"} {
		if got := find(t, in, storage.Query{Fields: []string{name}}); len(got) > 0 {
			t.Errorf("field %q finds %s", name, places(got))
		}
	}
}

func testText(t *testing.T, in Instance) {
	ids := []string{
		"a", "A", "a ", " a", "ä", "a\u0308", "ß", "ss", "🙂", "'; --", `\`, `"`, "%", "1", "01", "1.0",
		strings.Repeat("🙂", 255), "line\nbreak", "",
	}
	list := entries(in.Entities[0], len(ids), func(i int, e *annals.Entry) {
		e.ObjectID, e.Blame.ID = ids[i], ids[i]
		e.Blame.User, e.Discriminator = ids[i], ids[i]
		e.Diffs = mustJSON(t, map[string]any{"label": ids[i]})
	})
	write(t, in, list...)
	same(t, find(t, in, storage.Query{Ascending: true}), list)
	for i, id := range ids {
		same(t, find(t, in, storage.Query{ObjectIDs: []string{id}}), list[i:i+1])
		if id != "" { // nobody is null and is not found by a name
			same(t, find(t, in, storage.Query{Actors: []string{id}}), list[i:i+1])
		}
	}
}

// mustJSON escapes no more than JSON has to.
func mustJSON(t *testing.T, v any) json.RawMessage {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return json.RawMessage(strings.TrimSpace(b.String()))
}

func testTime(t *testing.T, in Instance) {
	at := start()
	zone := time.FixedZone("odd", 5*3600+45*60)
	list := entries(in.Entities[0], 4, func(i int, e *annals.Entry) {
		e.CreatedAt = at.Add(time.Duration(i) * time.Microsecond)
	})
	written := slices.Clone(list)
	written[1].CreatedAt = written[1].CreatedAt.In(zone).Add(999 * time.Nanosecond)
	write(t, in, written...)
	same(t, find(t, in, storage.Query{Ascending: true}), list)
	for _, e := range find(t, in, storage.Query{}) {
		if e.CreatedAt.Location() != time.UTC || e.Revision.CreatedAt.Location() != time.UTC {
			t.Errorf("time %v is not in UTC", e.CreatedAt)
		}
	}
	up := storage.Query{Ascending: true}
	for n, q := range map[int]storage.Query{
		1: {Since: list[1].CreatedAt},
		2: {Since: list[1].CreatedAt.Add(time.Nanosecond)},
		3: {Since: list[2].CreatedAt.In(zone).Add(1)},
	} {
		same(t, find(t, in, combine(up, q)), list[n:])
	}
	for n, q := range map[int]storage.Query{
		1: {Until: list[1].CreatedAt},
		2: {Until: list[1].CreatedAt.Add(time.Nanosecond)},
		3: {Until: list[3].CreatedAt.In(zone)},
	} {
		same(t, find(t, in, combine(up, q)), list[:n])
	}
	old := entry(in.Entities[0], 50)
	old.CreatedAt = time.Date(1999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	write(t, in, old)
	same(t, find(t, in, storage.Query{Until: at}), []annals.Entry{old})
}

func testLargeDiff(t *testing.T, in Instance) {
	e := entry(in.Entities[0], 1)
	e.Diffs = mustJSON(t, map[string]any{"label": strings.Repeat(`"ä🙂\`+"\n", 100_000)})
	small := entry(in.Entities[0], 2)
	write(t, in, e, small)
	same(t, find(t, in, storage.Query{}), []annals.Entry{small, e})
}

func testKeys(t *testing.T, in Instance) {
	composite := annals.ObjectID(json.RawMessage(`"a,b"`), json.RawMessage(`7`))
	list := []annals.Entry{entry(in.Entities[0], 1), entry(in.Entities[0], 2), entry(in.Entities[0], 3)}
	list[0].ObjectID = composite
	list[1].ObjectID, list[1].PreviousObjectID = "2", composite
	list[2].ObjectID = "2"
	write(t, in, list...)
	same(t, find(t, in, storage.Query{ObjectIDs: []string{composite}}), reversed(list[:2]))
	same(t, find(t, in, storage.Query{ObjectIDs: []string{"2"}}), reversed(list[1:]))
	same(t, find(t, in, storage.Query{ObjectIDs: []string{"2", composite}}), reversed(list))
	same(t, find(t, in, storage.Query{ObjectIDs: []string{"2", composite}, Limit: 2}),
		reversed(list[1:]))
}

func testManyAlternatives(t *testing.T, in Instance) {
	list := entries(in.Entities[0], 100, func(i int, e *annals.Entry) {
		e.ObjectID, e.Blame.ID = fmt.Sprint(i), fmt.Sprint(i)
	})
	write(t, in, list...)
	ids := make([]string, 90)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	same(t, find(t, in, storage.Query{ObjectIDs: ids}), reversed(list[:90]))
	same(t, find(t, in, storage.Query{Actors: ids, ObjectIDs: ids[80:]}), reversed(list[80:90]))
}

func testEmptyResult(t *testing.T, in Instance) {
	same(t, find(t, in, storage.Query{}), nil)
	write(t, in, entry(in.Entities[0], 1))
	for _, q := range []storage.Query{
		{Entities: in.Entities[1:]},
		{ObjectIDs: []string{"2"}},
		{ObjectIDs: []string{"1\x00"}},
		{Actors: []string{"nobody"}},
		{Hashes: []string{"00"}},
	} {
		same(t, find(t, in, q), nil)
	}
	for _, q := range []storage.Query{{Limit: 1}, {Entities: in.Entities[:]}} {
		if _, err := in.Store.Find(t.Context(), q); !errors.Is(err, annals.ErrConfig) {
			t.Errorf("find without entity or limit: %v, want annals.ErrConfig", err)
		}
	}
}

func testRevisions(t *testing.T, in Instance) {
	rev := revision(1)
	bare := annals.Revision{Source: "app", Hash: hashOf(2), CreatedAt: start()}
	err := in.Store.Write(t.Context(), storage.Batch{Revisions: []annals.Revision{rev, bare}})
	if err != nil {
		t.Fatal(err)
	}
	bare.Actor.Name = annals.Unattributed
	for _, want := range []annals.Revision{rev, bare} {
		got, err := in.Store.Revision(t.Context(), want.Hash)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID == 0 {
			t.Error("the id is not filled")
		}
		got.ID = 0
		if !reflect.DeepEqual(got, want) {
			t.Errorf("revision\n got %+v\nwant %+v", got, want)
		}
	}
	_, err = in.Store.Revision(t.Context(), hashOf(3))
	wantError(t, err, annals.ErrNotFound, hashOf(3))
	wantReceipts(t, in, hashOf(1))
	wantReceipts(t, in, hashOf(3))
}

func testHashes(t *testing.T, in Instance) {
	finder, ok := storage.As[storage.HashFinder](in.Store)
	if !ok {
		return
	}
	var b storage.Batch
	for _, n := range []int{1, 0x10, 0x11, 0x12, 0xff} {
		b.Revisions = append(b.Revisions, revision(n))
	}
	if err := in.Store.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	stem := strings.TrimSuffix(hashOf(0x10), "0")
	for _, c := range []struct {
		prefix string
		limit  int
		want   []string
	}{
		{stem, 9, []string{hashOf(0x10), hashOf(0x11), hashOf(0x12)}},
		{stem, 2, []string{hashOf(0x10), hashOf(0x11)}},
		{hashOf(0xff), 9, []string{hashOf(0xff)}},
		{"0200", 9, []string{}},
		{"\x00%", 9, []string{}},
	} {
		got, err := finder.Hashes(t.Context(), c.prefix, c.limit)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("hashes of %q: %v, %v; want %v", c.prefix, got, err, c.want)
		}
	}
}
