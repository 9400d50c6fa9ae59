package config_test

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed-162b1470/annals/config"
)

func TestMatchRoute(t *testing.T) {
	routes := []config.Route{
		{Match: config.Patterns{"billing.*", "tag:fin*"}, Storages: []string{"a"}},
		{Match: config.Patterns{"pos?"}, Storages: []string{"b"}},
		{Match: config.Patterns{"*"}, Storages: []string{"c"}},
	}
	for _, c := range []struct {
		entity  string
		tags    []string
		index   int
		pattern string
	}{
		{"billing.invoice", nil, 0, "billing.*"},
		{"post", []string{"x", "financial"}, 0, "tag:fin*"},
		{"post", nil, 1, "pos?"},
		{"posts", nil, 2, "*"},
		{"Post", nil, 2, "*"},
	} {
		i, p, ok := config.MatchRoute(routes, c.entity, c.tags)
		if i != c.index || p != c.pattern || !ok {
			t.Errorf("MatchRoute(%q, %v) = %d, %q, %v", c.entity, c.tags, i, p, ok)
		}
	}
	if _, _, ok := config.MatchRoute(routes[:2], "tag", nil); ok {
		t.Error("tag matched without a route for it")
	}
}

func FuzzMatchGlob(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add("***", "")
	f.Add("ä?", "äö")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if strings.ContainsAny(pattern, `[]\/`) || strings.Contains(name, "/") ||
			!utf8.ValidString(pattern) || !utf8.ValidString(name) {
			return
		}
		want, err := path.Match(pattern, name)
		if err != nil {
			return
		}
		if got := config.MatchGlob(pattern, name); got != want {
			t.Fatalf("MatchGlob(%q, %q) = %v, want %v", pattern, name, got, want)
		}
	})
}

// A storage that says nothing has the layout that all of its sources fill.
func TestDefaultLayout(t *testing.T) {
	for name, c := range map[string]struct {
		changes map[string]string
		want    map[string]string
	}{
		"orm": {nil, map[string]string{"default": config.LayoutEntries}},
		"trigger": {map[string]string{
			"sources": `{app: {dsn: "${PG}", capture: trigger}}`,
		}, map[string]string{"default": config.LayoutMirror}},
		"trigger, no storage": {map[string]string{
			"sources": `{app: {dsn: "${PG}", capture: trigger}}`, "storages": "",
		}, map[string]string{"default": config.LayoutMirror}},
		"relay": {map[string]string{
			"sources": `{app: {dsn: "${PG}", capture: trigger, delivery: relay}}`,
		}, map[string]string{"default": config.LayoutEntries}},
		"two sources": {map[string]string{
			"sources":  `{a: {dsn: "${PG}"}, b: {dsn: "${PG}", capture: trigger}}`,
			"storages": `{d: {dsn: "${PG}"}, e: {dsn: "${PG}?search_path=e"}}`,
			"entities": `{post: {source: a}, tag: {source: b}}`,
			"routes":   `[{match: tag, storages: [e]}, {match: "*", storages: [d]}]`,
		}, map[string]string{"d": config.LayoutEntries, "e": config.LayoutMirror}},
		"not reached": {map[string]string{
			"sources":  `{app: {dsn: "${PG}", capture: trigger}}`,
			"storages": `{d: {dsn: "${PG}"}, e: {dsn: "${PG}"}}`,
			"routes":   `[{match: "*", storages: [d]}]`,
		}, map[string]string{"d": config.LayoutMirror, "e": config.LayoutMirror}},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := config.Parse([]byte(with(c.changes)), caseEnv)
			if err != nil {
				t.Fatal(err)
			}
			for storage, layout := range c.want {
				if got := file.WithDefaults().Storages[storage].Layout; got != layout {
					t.Errorf("storage %s: layout %q, want %q", storage, got, layout)
				}
			}
		})
	}
}

func TestLostRows(t *testing.T) {
	file, err := config.Parse([]byte(with(map[string]string{
		"sources": `{app: {dsn: "${PG}", capture: trigger}}`, "storages": "",
		"entities": `{post: {truncate: rows}, tag: {}}`,
	})), caseEnv)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"post": true, "tag": false} {
		e := file.WithDefaults().Entities[name].Entity(name)
		if e.LostRows != want {
			t.Errorf("entity %s: lost rows %t, want %t", name, e.LostRows, want)
		}
	}
}
