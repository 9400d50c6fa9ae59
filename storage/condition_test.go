package storage_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

func raw(texts ...string) (out []json.RawMessage) {
	for _, t := range texts {
		out = append(out, json.RawMessage(t))
	}
	return out
}

func TestConditions(t *testing.T) {
	t.Parallel()
	e := annals.Entry{
		ObjectID: "2", PreviousObjectID: "1", Type: annals.Update, Source: "app",
		Diffs: json.RawMessage(`{"changes":{"a.b":{"new":1,"old":2},"s":{"new":{"x":{"y.z":1},"l":[1,2]},` +
			`"old":{"l":[1,3],"x":null}}}}`),
		ExtraData: json.RawMessage(`{"a":{"b":7},"l":["x"],"n":null}`),
		Revision:  &annals.Revision{Comment: "Ticket 7 ÄB"},
	}
	part := func(s string) []storage.Text { return []storage.Text{{Value: s, Part: true}} }
	for name, c := range map[string]struct {
		c    storage.Condition
		want bool
	}{
		"object":             {storage.Condition{On: storage.OnObject, Texts: storage.Texts("2")}, true},
		"former object":      {storage.Condition{On: storage.OnObject, Texts: storage.Texts("3", "1")}, true},
		"another object":     {storage.Condition{On: storage.OnObject, Texts: storage.Texts("12")}, false},
		"no actor":           {storage.Condition{On: storage.OnActor, Texts: storage.Texts("")}, false},
		"part":               {storage.Condition{On: storage.OnComment, Texts: part("tICKET 7")}, true},
		"part beyond A to Z": {storage.Condition{On: storage.OnComment, Texts: part("äb")}, false},
		"whole":              {storage.Condition{On: storage.OnComment, Texts: storage.Texts("Ticket")}, false},
		"agent of none":      {storage.Condition{On: storage.OnAgent, Texts: part("")}, false},
		"name with a dot":    {storage.Condition{On: storage.OnChange, Paths: []string{"a.b"}}, true},
		"no such column":     {storage.Condition{On: storage.OnChange, Paths: []string{"a", "b"}}, false},
		"one change":         {storage.Condition{On: storage.OnChange, Old: raw("2"), New: raw("1")}, true},
		"two changes":        {storage.Condition{On: storage.OnChange, Paths: []string{"s"}, New: raw("1")}, false},
		"path":               {storage.Condition{On: storage.OnChange, Paths: []string{"s.x.y.z"}, Old: raw("null")}, true},
		"element":            {storage.Condition{On: storage.OnChange, Paths: []string{"s.l.1"}, New: raw("2")}, true},
		"same element":       {storage.Condition{On: storage.OnChange, Paths: []string{"s.l.0"}}, false},
		"path into nothing":  {storage.Condition{On: storage.OnChange, Paths: []string{"s.l.9", "s.", "s..x"}}, false},
		"extra":              {storage.Condition{On: storage.OnExtra, Paths: []string{"a.b"}, New: raw("7")}, true},
		"extra, any":         {storage.Condition{On: storage.OnExtra, Paths: []string{"n"}}, true},
		"extra, element":     {storage.Condition{On: storage.OnExtra, Paths: []string{"l.0"}, New: raw(`"x"`)}, true},
		"extra, none":        {storage.Condition{On: storage.OnExtra, Paths: []string{"a.c", "l.x", "l.-1"}}, false},
		"unknown subject":    {storage.Condition{On: "what"}, false},
	} {
		if got := c.c.Matches(&e); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		c.c.Not = true
		if got := c.c.Matches(&e); got == c.want {
			t.Errorf("not %s: %v", name, got)
		}
	}
	// Many dots are no trap, and neither is what is no diff.
	dots := storage.Condition{On: storage.OnChange, Paths: []string{"s" + strings.Repeat(".", 5000)}}
	if dots.Matches(&e) {
		t.Error("dots match")
	}
	e.Diffs = json.RawMessage("no diff")
	if c := (storage.Condition{On: storage.OnChange}); c.Matches(&e) {
		t.Error("what is no diff has a change")
	}
}
