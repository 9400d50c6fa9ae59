package reader

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/canonical"
)

// Alike returns what a value that a person wrote may stand for in an entry, as
// canonical JSON (docs/formats/values.md):
//
//   - null is null and nothing else; the text is written "null", with quotes
//   - JSON of any kind is that JSON: 1e2 is 100, {"b":1,"a":2} is {"a":2,"b":1}
//   - anything is also the text itself
//   - a number is also a decimal, which entries keep as text: 12.50 finds "12.5"
//   - a time is also the form in which entries keep times: an instant in any zone,
//     a time without zone, a time of day
//   - a UUID is the same in capitals
func Alike(text string) []json.RawMessage {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if text == "null" {
		return []json.RawMessage{annals.Null}
	}
	out := []json.RawMessage{quoted(text)}
	if plain, err := canonical.Canonical([]byte(strings.TrimPrefix(text, "+"))); err == nil {
		out = append(out, plain)
		if c := plain[0]; c == '-' || '0' <= c && c <= '9' {
			out = append(out, quoted(string(plain)))
		}
	}
	for _, form := range timeForms() {
		if t, err := time.Parse(form.read, text); err == nil {
			if form.zone {
				t = t.UTC()
			}
			out = append(out, quoted(t.Format(form.write)))
		}
	}
	if isUUID.MatchString(text) {
		out = append(out, quoted(strings.ToLower(text)))
	}
	slices.SortFunc(out, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	return slices.CompactFunc(out, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })
}

// values are what any of the texts may stand for.
func values(texts []string) (out []json.RawMessage) {
	for _, text := range both("", texts) {
		out = append(out, Alike(text)...)
	}
	return out
}

func quoted(text string) json.RawMessage { return canonical.AppendString(nil, text) }

var isUUID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

type timeForm struct {
	read, write string
	zone        bool
}

// timeForms are the forms that people write times in, and those of entries. A
// fraction of a second is read where the form has none, too.
func timeForms() []timeForm {
	const instant, local = "2006-01-02T15:04:05.000000Z", "2006-01-02T15:04:05.000000"
	return []timeForm{
		{"2006-01-02T15:04:05Z07:00", instant, true},
		{"2006-01-02 15:04:05Z07:00", instant, true},
		{"2006-01-02 15:04:05 Z07:00", instant, true},
		{"2006-01-02T15:04:05", local, false},
		{"2006-01-02 15:04:05", local, false},
		{"2006-01-02T15:04", local, false},
		{"2006-01-02 15:04", local, false},
		{"15:04:05", "15:04:05.000000", false},
	}
}
