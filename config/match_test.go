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
