package sqlstore

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
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

// Rows reach PostgreSQL as JSON, whatever their texts hold.
func FuzzRowsJSON(f *testing.F) {
	f.Add("a", `{"a":1}`, int64(7))
	f.Add("\"\\\n\u2028🙂", `[]`, int64(-1))
	f.Fuzz(func(t *testing.T, s, diffs string, n int64) {
		if !json.Valid([]byte(diffs)) || !utf8.ValidString(diffs) {
			return
		}
		table := layout.Entries(annals.Table{Name: "a"}, layout.Lean, dialect.Postgres().Limits())
		columns := columnsOf(table)
		row := make([]any, len(columns))
		for i, c := range columns {
			switch c {
			case layout.ColObjectID:
				row[i] = clean(s)
			case layout.ColDiffs:
				row[i] = diffs
			case layout.ColSeq:
				row[i] = n
			}
		}
		var back []map[string]json.RawMessage
		if err := json.Unmarshal(rowsJSON(table, columns, [][]any{row, row}), &back); err != nil {
			t.Fatal(err)
		}
		var id string
		var seq int64
		if err := errors.Join(json.Unmarshal(back[1][layout.ColObjectID], &id),
			json.Unmarshal(back[1][layout.ColSeq], &seq)); err != nil || id != clean(s) || seq != n {
			t.Errorf("got %q and %d, %v; want %q and %d", id, seq, err, clean(s), n)
		}
		if len(back) != 2 || len(back[0]) != 3 {
			t.Errorf("got %v", back)
		}
	})
}

func TestNewFaults(t *testing.T) {
	if _, err := New(Config{Name: "x"}); !errors.Is(err, annals.ErrConfig) {
		t.Errorf("got %v, want ErrConfig", err)
	}
}
