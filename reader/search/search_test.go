package search_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/reader/search"
)

func options(t testing.TB) search.Options {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return search.Options{Now: time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC), Zone: zone}
}

func part(values ...string) (out []reader.Text) {
	for _, v := range values {
		out = append(out, reader.Text{Value: v, Part: true})
	}
	return out
}

func day(month time.Month, day, hour int) time.Time {
	return time.Date(2026, month, day, hour, 0, 0, 0, time.UTC)
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]reader.Query{
		"":       {},
		" \t\n ": {},
		"entity:invoice actor:42 field:total type:update,remove": {
			Entities: []string{"invoice"}, Actors: []string{"42"}, Fields: []string{"total"},
			Types: []annals.EntryType{annals.Remove, annals.Update},
		},
		"type:update type:remove type:update": {Types: []annals.EntryType{annals.Remove, annals.Update}},
		"after:2026-01-01 before:2026-07-01T12:00": {
			Since: time.Date(2025, 12, 31, 23, 0, 0, 0, time.UTC), Until: day(7, 1, 10),
		},
		"since:P1M until:PT1H":           {Since: day(2, 28, 13), Until: day(3, 31, 11)},
		`after:"2026-01-02 03:00"`:       {Since: day(1, 2, 2)},
		"after:2026-01-02T03:00:00Z":     {Since: day(1, 2, 3)},
		`from:"12.50" to:null`:           {From: []string{"12.50"}, To: []string{"null"}},
		`to:"null",""`:                   {To: []string{"", `"null"`}},
		`to:"a, \"b\" \\",c\,d\ e`:       {To: []string{`a, "b" \`, "c,d e"}},
		`extra.order.id:7 extra.x:*`:     {Extra: []reader.Extra{{Path: "order.id", Values: []string{"7"}}, {Path: "x"}}},
		`extra.a\:b:"*" extra.a\:b:null`: {Extra: []reader.Extra{{Path: "a:b", Values: []string{"*", "null"}}}},
		"-type:insert -entity:tag,post -field:x": {Not: reader.Exclusion{
			Types: []annals.EntryType{annals.Insert}, Entities: []string{"post", "tag"},
			Fields: []string{"x"},
		}},
		`comment:ticket -comment:"a b" agent:=curl/8 comment:="whole text",\=x`: {
			Comments: []reader.Text{{Value: "ticket", Part: true}, {Value: "whole text"}, {Value: "x"}},
			Agents:   []reader.Text{{Value: "curl/8"}}, Not: reader.Exclusion{Comments: part("a b")},
		},
		`comment:"=x"`:             {Comments: part("=x")},
		"1001 -5 id:7":             {ObjectIDs: []string{"-5", "1001", "7"}},
		`object:"[7, \"b\" ]"`:     {ObjectIDs: []string{`[7, "b" ]`, `[7,"b"]`}},
		"after:P3000Y":             {Since: time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)},
		`""`:                       {ObjectIDs: []string{""}},
		"tx:0199AABB ip:::1":       {Hashes: []string{"0199aabb"}, IPs: []string{"::1"}},
		"kind:news request:r-1":    {Discriminators: []string{"news"}, Requests: []string{"r-1"}},
		"source:a -storage:b":      {Sources: []string{"a"}, Not: reader.Exclusion{Storages: []string{"b"}}},
		"order:oldest related:yes": {Ascending: true, Related: true},
		"user:żółć field:a.b op:epoch": {
			Actors: []string{"żółć"}, Fields: []string{"a.b"}, Types: []annals.EntryType{annals.Epoch},
		},
	} {
		got, err := search.Parse(text, options(t))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", text, got, err, want)
			continue
		}
		again, err := search.Parse(search.String(got), search.Options{})
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s: written as %s, read as %+v, %v", text, search.String(got), again, err)
		}
	}
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"entiti:post":               `character 1: unknown key "entiti"; did you mean "entity"?`,
		"actor:1 type:updat":        `character 14: unknown type "updat"; did you mean "update"?`,
		"żó type:":                  `character 9: unknown type ""`,
		"actor:":                    `character 7: a value is missing; write one; the empty text is ""`,
		"actor:1,,2":                "character 9: a value is missing",
		`actor:""`:                  "character 7: a value is missing",
		"after:soon":                `character 7: "soon" is no time; write 2006-01-02`,
		"after:P1D after:P2D":       "character 11: after stands there twice",
		"after:P1D before:P2D":      "nothing can be found",
		"after:P1D,P2D":             "character 11: after takes one time",
		"-after:P1D":                "after cannot be left out; write before",
		"-to:x":                     "to cannot be left out; drop the minus",
		"-extra.x:1":                "cannot be left out",
		`to:"x`:                     `character 4: a quote is not closed; end the value with "`,
		`to:"x"y`:                   "character 7: something follows a closing quote",
		`to:x"y"`:                   "character 5: a quote stands within a value",
		`to:x\`:                     "character 5: a backslash stands at the end",
		"extra.:1":                  "a path is missing",
		"extra.x:*,1":               "any value stands beside others",
		"order:newst":               `did you mean "newest"?`,
		"order:oldest order:oldest": "order stands there twice",
		"related:no":                "related takes one of its words",
		"http://example.org":        `unknown key "http"`,
		"\xff":                      "not valid UTF-8",
	} {
		_, err := search.Parse(text, options(t))
		var fault *search.Error
		if !errors.As(err, &fault) || !errors.Is(err, annals.ErrConfig) {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestBoth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ x, y, want string }{
		{"entity:a,b type:update", "entity:b,c", "entity:b type:update"},
		{"after:2026-01-01 before:2026-03-01", "after:2026-02-01", "after:2026-01-31T23:00:00Z before:2026-02-28T23:00:00Z"},
		{"-type:insert", "type:insert,update", "type:insert,update -type:insert"},
		{"comment:a", "-comment:b", "comment:a -comment:b"},
		{"entity:a", "entity:b", "!entity [a] and entity [b] exclude each other"},
		{"after:2026-03-01", "before:2026-01-01", "!exclude each other"},
		{"type:update", "-type:update,insert", "!type and -type exclude"},
		{"field:a", "-field:a", "field:a -field:a"},
		{"order:oldest", "related:yes 1", "object:1 order:oldest related:yes"},
	} {
		x, err := search.Parse(c.x, options(t))
		if err != nil {
			t.Fatal(err)
		}
		y, err := search.Parse(c.y, options(t))
		if err != nil {
			t.Fatal(err)
		}
		q, err := search.Both(x, y)
		if fault, ok := strings.CutPrefix(c.want, "!"); ok {
			if !errors.Is(err, annals.ErrConfig) || !strings.Contains(err.Error(), fault) {
				t.Errorf("%s & %s: %v, want %s", c.x, c.y, err, fault)
			}
			continue
		}
		if err != nil || search.String(q) != c.want {
			t.Errorf("%s & %s: %s, %v; want %s", c.x, c.y, search.String(q), err, c.want)
		}
	}
}

func TestKeysAreRead(t *testing.T) {
	t.Parallel()
	for _, key := range search.Keys() {
		value := map[string]string{
			"type": "insert", "order": "oldest", "related": "yes", "after": "P1D", "before": "P1D",
		}[key]
		if strings.HasSuffix(key, ".") {
			key += "x"
		}
		if value == "" {
			value = "v"
		}
		q, err := search.Parse(key+":"+value, options(t))
		if err != nil || reflect.DeepEqual(q, reader.Query{}) {
			t.Errorf("%s: %+v, %v", key, q, err)
		}
	}
}

// FuzzParse: nothing makes it panic, and what it reads it reads again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`entity:a,b -type:insert from:"x\"y" to:null extra.a\:b:7 after:P7D`, `comment:="a b",\=c`, `"[1, 2]" -5`,
		"type:\x00", "to:\"null\" extra.é:*", "after:0001-01-01 before:9999-12-31T23:59:59.999999999Z",
		"agent:=,x", "-", ":", `\`, "extra.", "a,b,c", "order:newest", "extra.a b:c", "comment:\u00a0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := search.Parse(text, options(t))
		if err != nil {
			var fault *search.Error
			if !errors.As(err, &fault) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		written := search.String(q)
		if len(written) > search.MaxLength {
			return // quotes and times in full have made it too long
		}
		again, err := search.Parse(written, search.Options{})
		if err != nil || !reflect.DeepEqual(again, q) {
			t.Fatalf("%q: written %q, read\n%+v, %v\nwant\n%+v", text, written, again, err, q)
		}
		if third := search.String(again); third != written {
			t.Fatalf("%q: %q and %q", text, written, third)
		}
	})
}

func ExampleParse() {
	q, err := search.Parse(`entity:invoice field:total to:"12.50" -type:insert after:2026-01-01`,
		search.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(q.Entities, q.Fields, q.To, q.Not.Types, q.Since)
	fmt.Println(search.String(q))
	_, err = search.Parse("actor:42 typ:update", search.Options{})
	fmt.Println(err)
	// Output:
	// [invoice] [total] [12.50] [insert] 2026-01-01 00:00:00 +0000 UTC
	// entity:invoice field:total to:12.50 -type:insert after:2026-01-01T00:00:00Z
	// query, character 10: unknown key "typ"; did you mean "type"?
}
