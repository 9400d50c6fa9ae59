package sqlstore

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed-162b1470/annals"
)

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a", "ä\x00\xff", strings.Repeat("🙂", 300), "\xf0\x9f\x99"} {
		f.Add(s, 45)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = n%300 + 300
		v := text(s, n)
		if v == nil {
			if s != "" {
				t.Errorf("%q became null", s)
			}
			return
		}
		got := textOf(v)
		if !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Errorf("%q became %q", s, got)
		}
		if utf8.RuneCountInString(got) > n {
			t.Errorf("%d characters of %d", utf8.RuneCountInString(got), n)
		}
		if clean(s) == s && utf8.RuneCountInString(s) <= n && got != s {
			t.Errorf("%q became %q without need", s, got)
		}
	})
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"äöüß", 3, "äöü"},
		{"🙂🙂", 1, "🙂"},
		{"abc", 0, ""},
	} {
		if got := cut(c.text, c.n); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

func TestCeil(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	if got := ceil(at); !got.Equal(at) {
		t.Errorf("got %v", got)
	}
	if got := ceil(at.Add(1)); !got.Equal(at.Add(time.Microsecond)) {
		t.Errorf("got %v", got)
	}
}

func TestChunks(t *testing.T) {
	whole := func(n int) []int { return []int{n} }
	row := func(size int) []any { return []any{strings.Repeat("x", size), int64(1)} }
	rows := func(n, size int) [][]any {
		out := make([][]any, n)
		for i := range out {
			out[i] = row(size)
		}
		return out
	}
	for name, c := range map[string]struct {
		rows  [][]any
		limit int
		sizes func(int) []int
		want  []int
	}{
		"none":            {nil, 0, whole, nil},
		"rows":            {rows(2500, 1), 0, whole, []int{1000, 1000, 500}},
		"parameters":      {rows(10, 1), 9, whole, []int{4, 4, 2}},
		"bytes":           {rows(5, 1_500_000), 0, whole, []int{2, 2, 1}},
		"one that is big": {rows(2, 9_000_000), 0, whole, []int{1, 1}},
		"few texts":       {rows(1234, 1), 0, sqlite{}.sizes, []int{1000, 100, 100, 10, 10, 10, 1, 1, 1, 1}},
	} {
		var got []int
		for _, part := range chunks(c.rows, c.limit, c.sizes) {
			got = append(got, len(part))
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", name, got, c.want)
				break
			}
		}
	}
}

// Texts reach PostgreSQL in arrays, whatever they hold.
func FuzzArrayText(f *testing.F) {
	f.Add("a", `{"a":1}`, int64(7))
	f.Add("\"\\\n\u2028🙂{},NULL", ``, int64(-1))
	f.Fuzz(func(t *testing.T, a, c string, n int64) {
		got := readArray(arrayText([][]any{{a}, {nil}, {n}, {c}}, 0))
		want := []string{`"` + a, "NULL", strconv.FormatInt(n, 10), `"` + c}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// readArray reads an array as the manual says: a backslash takes the next
// character as it is, quotes enclose. Quoted elements keep their first quote.
func readArray(s string) []string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "{"), "}")
	var out []string
	var element []byte
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
			element = append(element, s[i])
		case s[i] == '"':
			if !quoted {
				element = append(element, '"')
			}
			quoted = !quoted
		case s[i] == ',' && !quoted:
			out = append(out, string(element))
			element = nil
		default:
			element = append(element, s[i])
		}
	}
	return append(out, string(element))
}

func TestNewFaults(t *testing.T) {
	if _, err := New(Config{Name: "x"}); !errors.Is(err, annals.ErrConfig) {
		t.Errorf("got %v, want ErrConfig", err)
	}
}
