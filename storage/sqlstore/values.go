package sqlstore

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
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

// jsonValue makes the canonical text of extra data; none and null are null. What one
// database's JSON type refuses is refused on all.
func jsonValue(op string, data json.RawMessage) (any, error) {
	if annals.IsNull(bytes.TrimSpace(data)) {
		return nil, nil
	}
	out, err := dialect.StorableJSON(data)
	if err != nil {
		return nil, refuse(op, "extra data", "%v", err)
	}
	return string(out), nil
}

// formatInstant is the text that every database's column is filled from, and
// compared with. Years have four digits in it: what lies before the year 1 becomes
// its first instant, what lies behind the year 9999 its last, so that a bound of
// time far off leaves out nothing that is stored.
func formatInstant(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	switch year := t.Year(); {
	case year < 1:
		t = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	case year > 9999:
		t = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	}
	return t.Format(layout.InstantFormat)
}

// parseInstant reads what the engines' instant expression gives, also where a driver
// has made a time of the text, which is printed in a zone of its choice then.
func parseInstant(s string) (time.Time, error) {
	t, err := time.Parse(layout.InstantFormat, s)
	if err != nil {
		if other, likewise := time.Parse(time.RFC3339Nano, s); likewise == nil {
			return other.UTC(), nil
		}
	}
	return t, err
}

// ceil is the first instant that a column can hold at or after t.
func ceil(t time.Time) time.Time {
	floor := t.Truncate(time.Microsecond)
	if floor.Before(t) {
		return floor.Add(time.Microsecond)
	}
	return floor
}
