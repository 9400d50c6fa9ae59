package reader_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/reader"
)

func open(t testing.TB, a, b *memory) *reader.Reader {
	t.Helper()
	r, err := reader.New(reader.Config{
		Stores: []reader.Named{{Name: "a", Store: a}, {Name: "b", Store: b}}, Entities: known,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// spread puts 20 entries of post into a, the last 12 of them also into b, and 8
// of tag and gone beside them.
func spread() (a, b *memory, want []string) {
	a, b = &memory{}, &memory{}
	for seq := 27; seq >= 0; seq-- {
		name := "post"
		switch seq % 7 {
		case 3:
			name = "tag"
		case 5:
			name = "gone"
		}
		e := entry(name, seq)
		e.Storage = "a"
		if name != "tag" {
			fill(a, e)
		}
		e.Storage = "b"
		if name == "tag" || name == "post" && seq > 12 {
			fill(b, e)
		}
		want = append(want, fmt.Sprintf("%s%d", name, seq))
	}
	return a, b, want
}

func names(entries []annals.Entry) string {
	parts := make([]string, len(entries))
	for i, e := range entries {
		parts[i] = fmt.Sprintf("%s%d", e.Entity, e.Seq)
	}
	return strings.Join(parts, " ")
}

func TestFindMergesStoragesIntoPages(t *testing.T) {
	a, b, want := spread()
	r := open(t, a, b)
	for _, limit := range []int{1, 3, 7, 28, 50} {
		for _, ascending := range []bool{false, true} {
			q := reader.Query{Limit: limit, Ascending: ascending}
			var got []annals.Entry
			for {
				page, err := r.Find(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, page.Entries...)
				if page.Next == "" {
					break
				}
				if len(page.Entries) != limit {
					t.Fatalf("a page of %d before the last, limit %d", len(page.Entries), limit)
				}
				q.Cursor = page.Next
			}
			expect := strings.Join(want, " ")
			if ascending {
				expect = names(reverse(got))
				if expect != strings.Join(want, " ") {
					t.Errorf("limit %d, ascending: %s", limit, names(got))
				}
				continue
			}
			if names(got) != expect {
				t.Errorf("limit %d:\n got %s\nwant %s", limit, names(got), expect)
			}
			for _, e := range got {
				if e.Entity == "post" && e.Storage != "a" {
					t.Errorf("%s%d is shown from storage %s", e.Entity, e.Seq, e.Storage)
				}
			}
		}
	}
}

func reverse(list []annals.Entry) []annals.Entry {
	out := make([]annals.Entry, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		out = append(out, list[i])
	}
	return out
}

// A source that went from one capture to another has two sequences of numbers: the
// same number in two revisions is two entries, in one revision it is one.
func TestFindTellsNumbersApartByRevision(t *testing.T) {
	a, b := &memory{}, &memory{}
	first := entry("post", 1)
	second := first
	second.TransactionHash = "ff" + first.TransactionHash[2:]
	fill(a, first)
	fill(b, second)
	fill(b, first)
	r := open(t, a, b)
	page, err := r.Find(t.Context(), reader.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var hashes []string
	for _, e := range page.Entries {
		hashes = append(hashes, e.TransactionHash)
	}
	if want := []string{first.TransactionHash, second.TransactionHash}; !slices.Equal(hashes, want) {
		t.Errorf("revisions %q, want %q", hashes, want)
	}
}

func TestFindAsksOnlyStoragesWithTheEntity(t *testing.T) {
	a, b, _ := spread()
	page, err := open(t, a, b).Find(t.Context(), reader.Query{Entity: "gone"})
	if err != nil || names(page.Entries) != "gone26 gone19 gone12 gone5" {
		t.Errorf("got %s, %v", names(page.Entries), err)
	}
	if b.asked != 0 {
		t.Error("storage b was asked for an entity that it does not hold")
	}
}

func TestFindFaults(t *testing.T) {
	for _, c := range []struct {
		query reader.Query
		want  error
		names []string
	}{
		{reader.Query{Entity: "pots"}, annals.ErrUnknownEntity, []string{`"pots"`, `known: "post"`}},
		{reader.Query{Entities: []string{"post", "x"}}, annals.ErrUnknownEntity, []string{`"x"`}},
		{reader.Query{Limit: 10_001}, annals.ErrConfig, []string{"10001", "10000"}},
		{reader.Query{Limit: -1}, annals.ErrConfig, nil},
		{reader.Query{Types: []annals.EntryType{"upsert"}}, annals.ErrConfig, []string{"upsert"}},
		{reader.Query{Cursor: "x"}, annals.ErrCursor, []string{"damaged", "first page"}},
		{reader.Query{Transaction: "0199aab"}, annals.ErrNotFound, []string{"0199aab"}},
		{reader.Query{Transaction: "0199aabb"}, reader.ErrAmbiguous, []string{hash(1), hash(2)}},
	} {
		a, b, _ := spread()
		_, err := open(t, a, b).Find(t.Context(), c.query)
		if !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.query, err, c.want)
			continue
		}
		for _, name := range c.names {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%+v: %q does not name %s", c.query, err, name)
			}
		}
	}
}

func TestFindNamesTheFailingStorage(t *testing.T) {
	a, b, _ := spread()
	b.err = errors.New("disk on fire")
	_, err := open(t, a, b).Find(t.Context(), reader.Query{})
	if !errors.Is(err, b.err) || !strings.Contains(err.Error(), "storage b") {
		t.Errorf("got %v", err)
	}
}

func TestCursorBelongsToItsQuery(t *testing.T) {
	a, b, _ := spread()
	r := open(t, a, b)
	first, err := r.Find(t.Context(), reader.Query{Entity: "post", Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	same := []reader.Query{
		{Entity: "post"},
		{Entities: []string{"post", "post"}, Limit: 3},
		{Entity: "post", Since: time.Unix(1, 0), Until: time.Now()},
	}
	for _, q := range same {
		q.Cursor = first.Next
		if page, err := r.Find(t.Context(), q); err != nil || page.Entries[0].Seq != 23 {
			t.Errorf("%+v: %s, %v", q, names(page.Entries), err)
		}
	}
	foreign := []reader.Query{
		{},
		{Entity: "tag"},
		{Entity: "post", Ascending: true},
		{Entity: "post", ObjectID: "1"},
		{Entity: "post", Actor: "1"},
		{Entity: "post", Field: "a"},
		{Entity: "post", Types: []annals.EntryType{annals.Update}},
		{Entity: "post", Transaction: hash(1)},
	}
	for _, q := range foreign {
		q.Cursor = first.Next
		if _, err := r.Find(t.Context(), q); !errors.Is(err, annals.ErrCursor) {
			t.Errorf("%+v: %v, want ErrCursor", q, err)
		}
	}
}

func TestDamagedCursorsAreRefused(t *testing.T) {
	a, b, _ := spread()
	r := open(t, a, b)
	first, err := r.Find(t.Context(), reader.Query{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(first.Next)
	for i := range raw {
		raw[i] ^= 1
		q := reader.Query{Limit: 1, Cursor: base64.RawURLEncoding.EncodeToString(raw)}
		if _, err := r.Find(t.Context(), q); !errors.Is(err, annals.ErrCursor) {
			t.Errorf("byte %d changed: %v, want ErrCursor", i, err)
		}
		raw[i] ^= 1
	}
	for _, text := range []string{first.Next[1:], first.Next + "A", first.Next + "=", "é", "AAAAAAAA"} {
		if _, err := r.Find(t.Context(), reader.Query{Cursor: text}); !errors.Is(err, annals.ErrCursor) {
			t.Errorf("%q: %v, want ErrCursor", text, err)
		}
	}
}

// A cursor that is whole and names a place that cannot be is refused before a
// database sees it.
func TestForgedCursorsAreRefused(t *testing.T) {
	a, b, _ := spread()
	r := open(t, a, b)
	first, err := r.Find(t.Context(), reader.Query{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(first.Next)
	forged := func(key string, value any) string {
		var members map[string]any
		if err := json.Unmarshal(raw[:len(raw)-4], &members); err != nil {
			t.Fatal(err)
		}
		members[key] = value
		text, _ := json.Marshal(members)
		sum := sha256.Sum256(text)
		return base64.RawURLEncoding.EncodeToString(append(text, sum[:4]...))
	}
	if _, err := r.Find(t.Context(), reader.Query{Limit: 1, Cursor: forged("p", 7)}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key   string
		value int64
	}{
		{"p", 1 << 40},
		{"p", -1},
		{"p", math.MaxInt32},
		{"n", -1},
		{"t", math.MinInt64},
		{"t", math.MaxInt64},
		{"t", -62135596800_000001},
		{"t", 253402300800_000000},
	} {
		q := reader.Query{Limit: 1, Cursor: forged(c.key, c.value)}
		if _, err := r.Find(t.Context(), q); !errors.Is(err, annals.ErrCursor) {
			t.Errorf("%s %d: %v, want ErrCursor", c.key, c.value, err)
		}
	}
}

// Of what lies in two storages, one that is named gives its own alone.
func TestFindInOneStorage(t *testing.T) {
	a, b, _ := spread()
	r := open(t, a, b)
	page, err := r.Find(t.Context(), reader.Query{Storages: []string{"b"}, Limit: 100})
	if err != nil || a.asked != 0 || len(page.Entries) != len(b.entries) {
		t.Errorf("%d entries, %v; storage a was asked %d times", len(page.Entries), err, a.asked)
	}
	_, err = r.Find(t.Context(), reader.Query{
		Storages: []string{"b"}, Sources: []string{"app"}, Entities: []string{"nope", "post"},
	})
	if !errors.Is(err, annals.ErrUnknownEntity) {
		t.Errorf("an entity that is none: %v", err)
	}
}

func TestTooManyValues(t *testing.T) {
	a, b, _ := spread()
	r := open(t, a, b)
	many := make([]string, reader.MaxValues)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	if _, err := r.Find(t.Context(), reader.Query{ObjectIDs: many}); err != nil {
		t.Error(err)
	}
	for name, q := range map[string]reader.Query{
		"one more": {ObjectIDs: many, ObjectID: "x"},
		"together": {ObjectIDs: many, Entities: []string{"post"}},
		"left out": {Not: reader.Exclusion{Actors: many}, To: []string{"1"}},
		"compared": {To: many[:reader.MaxCompared], From: []string{"1"}},
		"extra":    {Extra: []reader.Extra{{Path: "a", Values: many[:reader.MaxCompared]}}},
	} {
		_, err := r.Find(t.Context(), q)
		if !errors.Is(err, annals.ErrConfig) || !strings.Contains(err.Error(), "the most are 100") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	a, b, _ := spread()
	r := open(f, a, b)
	first, err := r.Find(f.Context(), reader.Query{Limit: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(first.Next)
	f.Add("")
	f.Add("e30AAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := r.Find(t.Context(), reader.Query{Cursor: text})
		if err != nil && !errors.Is(err, annals.ErrCursor) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func TestHistory(t *testing.T) {
	a, b, _ := spread()
	r := open(t, a, b)
	story := func(o reader.HistoryOptions) string {
		var got []annals.Entry
		for e, err := range r.History(t.Context(), "tag", "1", o) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e)
		}
		return names(got)
	}
	for _, size := range []int{0, 1, 3, 4} {
		if got := story(reader.HistoryOptions{PageSize: size}); got != "tag3 tag10 tag17 tag24" {
			t.Errorf("oldest first, pages of %d: %s", size, got)
		}
		got := story(reader.HistoryOptions{PageSize: size, NewestFirst: true})
		if got != "tag24 tag17 tag10 tag3" {
			t.Errorf("newest first, pages of %d: %s", size, got)
		}
	}
	for _, err := range r.History(t.Context(), "tag", "1", reader.HistoryOptions{PageSize: 1}) {
		if err != nil {
			t.Error(err)
		}
		break // must not be called again
	}
	oldest, err := r.Oldest(t.Context(), "tag", "1")
	if err != nil || oldest.Seq != 3 {
		t.Errorf("oldest %d, %v", oldest.Seq, err)
	}
	newest, err := r.Newest(t.Context(), "tag", "1")
	if err != nil || newest.Seq != 24 {
		t.Errorf("newest %d, %v", newest.Seq, err)
	}
	if _, err := r.Newest(t.Context(), "tag", "2"); !errors.Is(err, annals.ErrNotFound) {
		t.Errorf("no entry: %v", err)
	}
	for _, err := range r.History(t.Context(), "x", "1", reader.HistoryOptions{}) {
		if !errors.Is(err, annals.ErrUnknownEntity) {
			t.Errorf("unknown entity: %v", err)
		}
	}
}

func TestRevision(t *testing.T) {
	a, b, _ := spread()
	r := open(t, a, b)
	view, err := r.Revision(t.Context(), strings.ToUpper(hash(3)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range view.Entities {
		got = append(got, g.Entity+": "+names(g.Entries))
	}
	const want = "tag: tag10; post: post11 post13 post14; gone: gone12"
	if strings.Join(got, "; ") != want || view.Hash != hash(3) {
		t.Errorf("got %s of %s, want %s", strings.Join(got, "; "), view.Hash, want)
	}
	if strings.Join(view.Storages, " ") != "a b" {
		t.Errorf("storages %v", view.Storages)
	}
	lost := entry("forgotten", 40)
	fill(a, lost)
	view, err = r.Revision(t.Context(), lost.TransactionHash)
	if err != nil || len(view.Entities) != 0 || strings.Join(view.Unreadable, "") != "forgotten" {
		t.Errorf("got %+v, %v", view, err)
	}
}

func TestRevisionByPrefix(t *testing.T) {
	a, b, _ := spread()
	fill(a, annals.Entry{Entity: "post", TransactionHash: "ffaabbccdd" + hash(1)[10:]})
	fill(a, annals.Entry{Entity: "post", TransactionHash: "eeaabbccdd"})
	fill(b, annals.Entry{Entity: "post", TransactionHash: "eeaabbccdd" + hash(1)[10:]})
	r := open(t, a, b)
	for prefix, want := range map[string]string{
		"ffaabbcc": "ffaabbccdd" + hash(1)[10:], " FFaabbccd ": "ffaabbccdd" + hash(1)[10:],
		"eeaabbccdd": "eeaabbccdd", // a whole hash is not ambiguous
	} {
		if view, err := r.Revision(t.Context(), prefix); err != nil || view.Hash != want {
			t.Errorf("%q: %s, %v", prefix, view.Hash, err)
		}
	}
	for prefix, want := range map[string]error{
		"ffaabbc": annals.ErrNotFound, "ffaabbc%": annals.ErrNotFound, "": annals.ErrNotFound,
		"dddddddd": annals.ErrNotFound, hash(99): annals.ErrNotFound,
		"0199aabb": reader.ErrAmbiguous, "eeaabbcc": reader.ErrAmbiguous,
	} {
		if _, err := r.Revision(t.Context(), prefix); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", prefix, err, want)
		}
	}
}

func TestNewFaults(t *testing.T) {
	for _, c := range []reader.Config{
		{},
		{Entities: known, Stores: []reader.Named{{Name: "a"}}},
		{Entities: known, Stores: []reader.Named{{"a", &memory{}}, {"a", &memory{}}}},
	} {
		if _, err := reader.New(c); !errors.Is(err, annals.ErrConfig) {
			t.Errorf("%+v: %v, want ErrConfig", c, err)
		}
	}
}

func TestNothingKnown(t *testing.T) {
	r, err := reader.New(reader.Config{
		Entities: func(context.Context) ([]reader.EntityInfo, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := r.Find(t.Context(), reader.Query{})
	if err != nil || page.Entries == nil || len(page.Entries) != 0 || page.Next != "" {
		t.Errorf("got %+v, %v", page, err)
	}
	if _, err := r.Revision(t.Context(), hash(1)); !errors.Is(err, annals.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func ExampleReader_Find() {
	a, b, _ := spread()
	r, _ := reader.New(reader.Config{
		Stores: []reader.Named{{Name: "a", Store: a}, {Name: "b", Store: b}}, Entities: known,
	})
	q := reader.Query{Entity: "tag", ObjectID: "1", Limit: 3}
	for {
		page, err := r.Find(context.Background(), q)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, e := range page.Entries {
			fmt.Println(e.Type, e.Entity, e.ObjectID, e.Seq)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return
		}
	}
	// Output:
	// update tag 1 24
	// update tag 1 17
	// update tag 1 10
	// update tag 1 3
}
