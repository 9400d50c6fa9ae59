package chinook_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// story tells entries in one form for all databases: a line each, those of a
// revision sorted, since the order of the rows of a statement is the database's.
// What differs is what docs/formats/values.md says: how SQLite, which has no types
// for them, keeps decimals and times, and the scripts' names of tables and columns.
func (w *world) story(t *testing.T, entries []entry) []string {
	t.Helper()
	var all, lines []string
	hash := ""
	for i := range entries {
		if entries[i].hash != hash {
			slices.Sort(lines)
			all, lines, hash = append(all, append(lines, "--")...), nil, entries[i].hash
		}
		lines = append(lines, w.line(t, &entries[i]))
	}
	slices.Sort(lines)
	return append(all, lines...)
}

func (w *world) line(t *testing.T, e *entry) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s<-%s %d", e.typ, e.entity, e.id, e.previous, e.part)
	for _, name := range slices.Sorted(maps.Keys(e.diff.Changes)) {
		c := e.diff.Changes[name]
		fmt.Fprintf(&b, " %s=%s>%s", snakeColumn(name), w.common(t, e.entity, name, c.Old), w.common(t, e.entity, name, c.New))
	}
	if e.diff.Label != nil {
		fmt.Fprintf(&b, " label %q", *e.diff.Label)
	}
	fmt.Fprint(&b, said(" soft", e.diff.Soft), said(" cascade", e.diff.Cascade))
	if e.diff.Subject != nil {
		join := ""
		if e.diff.JoinTable != nil {
			join = snakeColumn(*e.diff.JoinTable)
		}
		fmt.Fprintf(&b, " %s of %s owning %v through %q", ending(t, e.diff.Subject), ending(t, e.diff.Target),
			e.diff.IsOwningSide, join)
	}
	return b.String()
}

func said(word string, on bool) string {
	if on {
		return word
	}
	return ""
}

func ending(t *testing.T, e *end) string {
	t.Helper()
	text := fmt.Sprintf("%s %s", e.Entity, snakeColumn(e.Table))
	for _, name := range slices.Sorted(maps.Keys(e.Key)) {
		text += fmt.Sprintf(" %s=%s", snakeColumn(name), same(t, e.Key[name]))
	}
	for _, s := range []*string{e.Label, e.Field} {
		if s != nil {
			text += fmt.Sprintf(" %q", *s)
		}
	}
	return text
}

// common is a value in a form for all databases.
func (w *world) common(t *testing.T, entity, name string, raw json.RawMessage) string {
	t.Helper()
	v := same(t, raw)
	for _, tab := range shop() {
		for _, c := range tab.columns {
			if tab.entity != entity || w.names.ColumnName("", c.field) != name || v == "null" || v == masked {
				continue
			}
			switch c.kind {
			case decimal:
				return strings.Trim(v, `"`)
			case instant:
				return instantOf(t, strings.Trim(v, `"`)).String()
			case text, number:
			}
		}
	}
	return v
}

var words = regexp.MustCompile(`([a-z])([A-Z])`)

// snakeColumn is a name as the script for PostgreSQL has it.
func snakeColumn(name string) string {
	return strings.ToLower(words.ReplaceAllString(name, "${1}_${2}"))
}
