package nearest_test

import (
	"testing"

	"github.com/seed-162b1470/annals/internal/nearest"
)

func TestName(t *testing.T) {
	known := []string{"post", "posts", "comment", "author", "tag"}
	for name, want := range map[string]string{
		"pots": "post", "Post": "post", "autho": "author", "comemnt": "comment", "gat": "",
		"": "", "invoice": "", "tga": "tag",
	} {
		got, ok := nearest.Name(name, known)
		if got != want || ok != (want != "") {
			t.Errorf("Name(%q) = %q, %v; want %q", name, got, ok, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	for _, c := range []struct {
		name  string
		known []string
		want  string
	}{
		{"pots", []string{"post"}, `did you mean "post"?`},
		{"invoice", []string{"tag", "post"}, `known: "post", "tag"`},
		{"x", nil, ""},
		{
			"zzzzz",
			[]string{"a", "b", "c", "d", "e", "f", "g", "h", "i"},
			`known: "a", "b", "c", "d", "e", "f", "g", "h", …`,
		},
	} {
		if got := nearest.DidYouMean(c.name, c.known); got != c.want {
			t.Errorf("DidYouMean(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}
