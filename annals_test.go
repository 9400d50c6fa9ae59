package annals_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
)

func TestObjectIDOfLongKeys(t *testing.T) {
	t.Parallel()
	fits := strings.Repeat("ž", annals.MaxObjectID)
	if got := annals.ObjectID(quoted(fits)); got != fits {
		t.Errorf("a key of %d characters became %q", annals.MaxObjectID, got)
	}
	long := annals.ObjectID(quoted(fits + "x"))
	if !strings.HasPrefix(long, "sha256:") || len(long) != len("sha256:")+64 {
		t.Errorf("a longer key became %q, want its digest", long)
	}
	if other := annals.ObjectID(quoted(fits + "y")); other == long {
		t.Error("two long keys have one object id")
	}
}

// A text that reads like a digest is not taken for the key whose digest it is.
func TestObjectIDOfDigests(t *testing.T) {
	t.Parallel()
	digest := annals.ObjectID(quoted(strings.Repeat("x", annals.MaxObjectID+1)))
	if got := annals.ObjectID(quoted(digest)); got == digest || len(got) != len(digest) {
		t.Errorf("the key %q has the object id %q", digest, got)
	}
	for _, text := range []string{digest[1:], strings.ToUpper(digest), digest + "0", "sha256:"} {
		if got := annals.ObjectID(quoted(text)); got != text {
			t.Errorf("the key %q has the object id %q", text, got)
		}
	}
}

// One column gives its text, so a number and a text may look alike; a composite
// key keeps them apart.
func TestObjectIDKeepsTypesApartInCompositeKeys(t *testing.T) {
	t.Parallel()
	number := annals.ObjectID(json.RawMessage(`1`), json.RawMessage(`2`))
	text := annals.ObjectID(json.RawMessage(`"1"`), json.RawMessage(`2`))
	if number == text {
		t.Errorf("both keys have object id %s", number)
	}
}

func quoted(s string) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestHashesSortByTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	last := ""
	for i := range 1000 {
		h := annals.NewHash(now.Add(time.Duration(i) * time.Millisecond))
		if len(h) != 32 || strings.Trim(h, "0123456789abcdef") != "" {
			t.Fatalf("hash %q is not 32 lower-case hex digits", h)
		}
		if seen[h] || h <= last {
			t.Fatalf("hash %q comes after %q", h, last)
		}
		seen[h], last = true, h
	}
}

func TestPositionOrder(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	ordered := []annals.Position{
		{CreatedAt: at, Source: "a", Seq: 1, Part: 0},
		{CreatedAt: at, Source: "a", Seq: 1, Part: 1},
		{CreatedAt: at, Source: "a", Seq: 2, Part: 0},
		{CreatedAt: at, Source: "b", Seq: 1, Part: 0},
		{CreatedAt: at.Add(time.Microsecond), Source: "a", Seq: 0, Part: 0},
	}
	for i := range ordered {
		for j := range ordered {
			if got := ordered[i].Before(ordered[j]); got != (i < j) {
				t.Errorf("%+v before %+v: %v", ordered[i], ordered[j], got)
			}
		}
	}
}

func TestErrorsTellFamilySubjectAndRemedy(t *testing.T) {
	t.Parallel()
	cases := []struct {
		err      error
		families []error
		text     string
	}{
		{
			&annals.Error{
				Op: "store", Subject: "entity post", Err: annals.ErrSchema,
				Remedy: "run annals schema update --force",
			},
			[]error{annals.ErrSchema},
			"store entity post: audit schema is not in place; run annals schema update --force",
		},
		{
			&annals.ConfigError{Faults: []annals.Fault{
				{Path: "entities.post.label", Problem: "no such column", Remedy: "name one of id, title"},
				{Problem: "no sources"},
			}},
			[]error{annals.ErrConfig},
			"entities.post.label: no such column; name one of id, title\nno sources",
		},
		{
			&annals.LockedError{Lock: "annals schema", Holder: "host, pid 7"},
			[]error{annals.ErrLocked},
			`lock "annals schema" is held by host, pid 7; wait for that run to end`,
		},
		{annals.ErrEntryTooLarge, []error{annals.ErrCapture}, ""},
		{annals.ErrNoKey, []error{annals.ErrConfig}, ""},
	}
	for _, c := range cases {
		wrapped := fmt.Errorf("outer: %w", c.err)
		for _, family := range c.families {
			if !errors.Is(wrapped, family) {
				t.Errorf("%v is no %v", c.err, family)
			}
		}
		if c.text != "" && c.err.Error() != c.text {
			t.Errorf("text is %q, want %q", c.err.Error(), c.text)
		}
	}
}

func TestCommentIsUsedOnce(t *testing.T) {
	t.Parallel()
	c := annals.CommentFrom(annals.WithComment(t.Context(), "why"))
	first, second := new(int), new(int)
	if text, ok := c.Reserve(first); !ok || text != "why" {
		t.Fatalf("reserve: %q, %v", text, ok)
	}
	c.Free(second)
	if _, ok := c.Reserve(second); ok {
		t.Error("a comment was taken from the transaction that holds it")
	}
	c.Use(first)
	c.Free(first)
	if _, ok := c.Reserve(second); ok {
		t.Error("a comment was used twice")
	}
	var none *annals.Comment
	if _, ok := none.Reserve(first); ok {
		t.Error("no comment was reserved")
	}
}

func FuzzParseTable(f *testing.F) {
	for _, s := range []string{"a", "a.b", `"a.b".c`, `"a""b"`, `".`, ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		table := annals.ParseTable(s)
		if table.Name != "" && annals.ParseTable(table.String()) != table {
			t.Errorf("%q became %+v, written as %s", s, table, table)
		}
		if !strings.ContainsAny(s, `".`) && (table.Schema != "" || table.Name != s) {
			t.Errorf("%q became %+v", s, table)
		}
	})
}
