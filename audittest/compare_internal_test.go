package audittest

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
)

// paper is a model without a database: values are JSON as encoding/json has it.
type paper struct{}

func (paper) key(string) ([]string, error) { return []string{"id"}, nil }

func (paper) canonical(_ context.Context, _, _ string, v any) (json.RawMessage, error) {
	return json.Marshal(v)
}

func entry(kind annals.EntryType, id string, changes string) annals.Entry {
	return annals.Entry{
		Entity: "post", Type: kind, ObjectID: id, TransactionHash: "t",
		Diffs: json.RawMessage(`{"changes":{` + changes + `}}`),
	}
}

// fails is a test that may fail.
type fails struct {
	testing.TB
	text string
}

func (f *fails) Helper()           {}
func (f *fails) Error(args ...any) { f.text += fmt.Sprint(args...) }

func (f *fails) Fatalf(format string, args ...any) {
	f.text += fmt.Sprintf("fatal: "+format, args...)
	runtime.Goexit()
}

func check(t *testing.T, entries []annals.Entry, f func(*Expectation)) string {
	x := &fails{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(&Expectation{tb: x, entries: entries, given: true, model: paper{}})
	}()
	<-done
	return x.text
}

func TestColumns(t *testing.T) {
	const title, masked = `"title":{"new":"y","old":"x"}`, `"pin":{"new":{"masked":true},"old":null}`
	for _, c := range []struct {
		name    string
		changes string
		kind    annals.EntryType
		details []Detail
		differs string // a part of what is told
	}{
		{"as set", title, annals.Update, []Detail{Set("title", "y")}, ""},
		{"as changed", title, annals.Update, []Detail{Change("title", "x", "y")}, ""},
		{"as it was", title, annals.Update, []Detail{Was("title", "x")}, ""},
		{"whatever", title, annals.Update, []Detail{Changed("title")}, ""},
		{"of no interest", title, annals.Update, nil, ""},
		{
			"another old value", title, annals.Update,
			[]Detail{Change("title", "z", "y")},
			"-     title: \"z\" → \"y\"\n+     title: \"x\" → \"y\"",
		},
		{
			"one more", title + "," + masked, annals.Update,
			[]Detail{Set("title", "y")},
			`+     pin: null → {"masked":true}`,
		},
		{
			"one more, allowed", title + "," + masked, annals.Update,
			[]Detail{Set("title", "y"), AndMore()},
			"",
		},
		{"masked", masked, annals.Update, []Detail{Masked("pin")}, ""},
		{"not masked", title, annals.Update, []Detail{Masked("title")}, "-     title: masked"},
		{
			"absent", title, annals.Update,
			[]Detail{Set("title", "y"), Set("body", nil)},
			"-     body: → null",
		},
		{
			"null is left out of inserts", `"title":{"new":"y","old":null}`, annals.Insert,
			[]Detail{Set("title", "y"), Set("body", nil)},
			"",
		},
		{
			"null in removes", `"title":{"new":null,"old":null}`, annals.Remove,
			[]Detail{Was("body", nil)},
			"",
		},
		{
			"the key need not be said", `"id":{"new":1,"old":null},` + title, annals.Insert,
			[]Detail{Set("title", "y")},
			"",
		},
		{
			"the key is wrong", `"id":{"new":1,"old":null}`, annals.Insert,
			[]Detail{Set("id", 2)},
			"-     id: → 2\n+     id: null → 1",
		},
		{
			"ignored", title + `,"at":{"new":1,"old":2},"views":{"new":1,"old":2}`, annals.Update,
			[]Detail{Set("title", "y"), Set("at", 7)},
			"",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := check(t, []annals.Entry{entry(c.kind, "1", c.changes)}, func(x *Expectation) {
				x.Ignoring("at", "post.views", "tag.title").
					Exactly(EntryOf(c.kind, "post", "1", c.details...))
			})
			if (got == "") != (c.differs == "") || !strings.Contains(got, c.differs) {
				t.Errorf("told:\n%s\nwant:\n%s", got, c.differs)
			}
		})
	}
}

// The fewest differences are told, and what is far from them is counted.
func TestAlignment(t *testing.T) {
	var entries []annals.Entry
	var wants []Want
	for i := range 20 {
		entries = append(entries, entry(annals.Insert, fmt.Sprint(i), `"n":{"new":1,"old":null}`))
		if i != 9 {
			wants = append(wants, Insert("post", fmt.Sprint(i)))
		}
	}
	got := check(t, entries, func(x *Expectation) { x.Exactly(wants...) })
	const want = `audit entries differ: expected 19, got 20 (- expected, + got, ~ differs)
  … 7 as expected
  insert post 7
  insert post 8
+ insert post 9
+     n: null → 1
  insert post 10
  insert post 11
  … 8 as expected`
	if got != want {
		t.Errorf("told:\n%s\nwant:\n%s", got, want)
	}
}

// What fits one wanted entry alone is left to it, in whichever order they stand.
func TestAnyOrderMatches(t *testing.T) {
	entries := []annals.Entry{
		entry(annals.Update, "1", `"n":{"new":1,"old":0}`),
		entry(annals.Update, "1", `"n":{"new":2,"old":1}`),
		entry(annals.Update, "1", `"n":{"new":3,"old":2}`),
	}
	anyOne, second := Update("post", "1"), Update("post", "1", Set("n", 2))
	first := Update("post", "1", Set("n", 1))
	for _, wants := range [][]Want{
		{anyOne, second, first}, {second, anyOne, first}, {first, anyOne, second},
	} {
		if got := check(t, entries, func(x *Expectation) { x.InAnyOrder(wants...) }); got != "" {
			t.Errorf("told:\n%s", got)
		}
	}
	got := check(t, entries, func(x *Expectation) { x.InAnyOrder(second, first, second) })
	if !strings.Contains(got, "~ update post 1\n-     n: → 2\n+     n: 2 → 3") {
		t.Errorf("told:\n%s", got)
	}
}

func TestUnreadableEntry(t *testing.T) {
	broken := annals.Entry{Entity: "post", Type: annals.Update, ObjectID: "1", Diffs: []byte("{")}
	for name, f := range map[string]func(*Expectation){
		"expected":   func(x *Expectation) { x.Exactly(Update("post", "1")) },
		"unexpected": func(x *Expectation) { x.None() },
	} {
		got := check(t, []annals.Entry{broken}, f)
		if !strings.Contains(got, "not a diff") {
			t.Errorf("%s: told %q", name, got)
		}
	}
}

func TestActorsDiffer(t *testing.T) {
	a, b := Actor(t), Actor(t)
	if a.ID == b.ID || a.Name != t.Name() {
		t.Errorf("%+v, %+v", a, b)
	}
}
