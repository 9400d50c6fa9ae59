package sqlstore

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/canonical"
	"github.com/seed-162b1470/annals/layout"
)

// maxText bounds free texts (comment, user agent), whose columns have no length
// of their own everywhere: that many characters fit into MySQL's TEXT.
const maxText = 16_000

// clean replaces what no database takes, NUL and invalid UTF-8, by U+FFFD.
func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

// cut returns the first n characters of s.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// longer reports whether s has more than n characters.
func longer(s string, n int) bool {
	return len(s) > n && utf8.RuneCountInString(s) > n
}

// text makes a claim of the program fit its column; empty is null.
func text(s string, n int) any {
	if s == "" {
		return nil
	}
	return cut(clean(s), n)
}

// jsonValue makes the canonical text of extra data; none and null are null.
func jsonValue(op string, data json.RawMessage) (any, error) {
	if annals.IsNull(bytes.TrimSpace(data)) {
		return nil, nil
	}
	out, err := canonical.Canonical(data)
	if err != nil {
		return nil, refuse(op, "extra data", "%v", err)
	}
	if canonical.HasNUL(out) {
		return nil, refuse(op, "extra data", "holds the character U+0000, which JSON columns refuse")
	}
	return string(out), nil
}

// formatInstant is the text that every database's column is filled from.
func formatInstant(t time.Time) string {
	return t.UTC().Truncate(time.Microsecond).Format(layout.InstantFormat)
}

// parseInstant reads what the engines' instant expression gives.
func parseInstant(s string) (time.Time, error) {
	return time.Parse(layout.InstantFormat, s)
}

// ceil is the first instant that a column can hold at or after t.
func ceil(t time.Time) time.Time {
	floor := t.Truncate(time.Microsecond)
	if floor.Before(t) {
		return floor.Add(time.Microsecond)
	}
	return floor
}
