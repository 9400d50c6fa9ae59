package chinook_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals/dialect"
)

// row is a row's kept columns that are not null, by name, with their values in the
// form of docs/formats/values.md. It is made here from plain SQL, not by annals.
type row map[string]string

// state is what is in the tables, or what entries say is there: rows by entity and
// id, and what is linked.
type state struct {
	rows  map[string]map[string]row
	links map[string]bool
}

func newState() state {
	s := state{map[string]map[string]row{}, map[string]bool{}}
	for _, t := range shop() {
		s.rows[t.entity] = map[string]row{}
	}
	return s
}

const masked = `{"masked":true}`

// live reads all tables.
func (w *world) live(t testing.TB) state {
	t.Helper()
	s := newState()
	for _, tab := range shop() {
		maps.Copy(s.rows[tab.entity], w.read(t, tab, "1 = 1"))
	}
	for _, l := range links() {
		for id, r := range s.rows[l.table] {
			owner, linked := r[w.names.ColumnName("", l.column)]
			if !linked {
				continue
			}
			if l.through == "" {
				s.links[fmt.Sprintf("%s %s.%s %s %s", l.owner, owner, fieldName(l.field), l.target, id)] = true
				continue
			}
			target := r[w.names.ColumnName("", l.through)]
			s.links[fmt.Sprintf("%s %s.%s %s %s", l.owner, owner, fieldName(l.field), l.target, target)] = true
			s.links[fmt.Sprintf("%s %s of %s %s", l.target, target, l.owner, owner)] = true
		}
	}
	return s
}

// fieldName is how annals calls a relation that it learnt from a model.
func fieldName(field string) string { return strings.ToLower(field) }

// read reads the rows of a table for which a condition holds, by id.
func (w *world) read(t testing.TB, tab table, where string) map[string]row {
	t.Helper()
	names := make([]string, len(tab.columns))
	asked := make([]string, len(tab.columns))
	for i, c := range tab.columns {
		names[i] = w.names.ColumnName("", c.field)
		asked[i] = names[i]
		if c.kind == instant && w.sql.Dialect == dialect.SQLiteName {
			asked[i] = "CAST(" + names[i] + " AS TEXT)" // the driver would make a time of it
		}
	}
	rows, err := w.sql.QueryContext(t.Context(), "SELECT "+strings.Join(asked, ", ")+" FROM "+
		w.names.TableName(tab.model)+" WHERE "+where)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]row{}
	for rows.Next() {
		values, dest := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		r := row{}
		for i, c := range tab.columns {
			switch {
			case values[i] == nil || c.ignored:
			case c.masked:
				r[names[i]] = masked
			default:
				r[names[i]] = form(t, c.kind, values[i])
			}
		}
		all[w.id(tab, r)] = r
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// id is a row's canonical key.
func (w *world) id(tab table, r row) string {
	var parts []string
	for _, k := range tab.key {
		parts = append(parts, r[w.names.ColumnName("", k)])
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// form is a value that a driver gave, in the form of docs/formats/values.md.
func form(t testing.TB, k kind, v any) string {
	t.Helper()
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64: // a decimal of SQLite
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return quoted(v.Format("2006-01-02T15:04:05.000000"))
	case string:
		switch {
		case k == number:
			return v
		case k == decimal && strings.Contains(v, "."):
			return quoted(strings.TrimRight(strings.TrimRight(v, "0"), "."))
		default:
			return quoted(v)
		}
	}
	t.Fatalf("the driver gave a %T", v)
	return ""
}

func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// same is JSON in one form, so that what databases do to it makes no difference.
func same(t testing.TB, raw json.RawMessage) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// entry is a row of an audit table, as plain SQL reads it.
type entry struct {
	entity, typ, id, previous, hash string
	blameID, user, fqdn, way, ip    string
	seq                             int64
	part                            int
	at                              time.Time
	diffs                           json.RawMessage
	diff                            diffs
}

// diffs is what diffs may have (docs/formats/diff.md).
type diffs struct {
	Changes map[string]struct{ Old, New json.RawMessage }
	Label   *string
	Soft    bool
	Cascade bool

	Subject, Target *end
	IsOwningSide    bool    `json:"is_owning_side"`
	JoinTable       *string `json:"join_table"`
}

type end struct {
	Entity string
	Table  string
	Key    map[string]json.RawMessage
	Label  *string
	Field  *string
}

// entries reads all audit tables, in the order of capture.
func (w *world) entries(t testing.TB) []entry {
	t.Helper()
	var all []entry
	for _, tab := range shop() {
		rows, err := w.sql.QueryContext(t.Context(), "SELECT type, object_id, previous_object_id, transaction_hash, seq, part,"+
			" diffs, blame_id, blame_user, blame_user_fqdn, blame_user_firewall, ip, created_at FROM "+
			w.names.TableName(tab.model)+"_audit")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			e := entry{entity: tab.entity}
			var texts [6]sql.NullString
			var at any
			var raw []byte
			if err := rows.Scan(&e.typ, &e.id, &texts[0], &e.hash, &e.seq, &e.part, &raw, &texts[1],
				&texts[2], &texts[3], &texts[4], &texts[5], &at); err != nil {
				t.Fatal(err)
			}
			e.previous, e.blameID, e.user = texts[0].String, texts[1].String, texts[2].String
			e.fqdn, e.way, e.ip, e.diffs = texts[3].String, texts[4].String, texts[5].String, raw
			e.at = instantOf(t, fmt.Sprint(at))
			if err := json.Unmarshal(raw, &e.diff); err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		if a.seq != b.seq {
			return int(a.seq - b.seq)
		}
		return a.part - b.part
	})
	return all
}

// instants are the ways in which drivers and programs write times.
var instants = []string{
	"2006-01-02 15:04:05.999999 -0700 MST", "2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05.999999",
	"2006-01-02T15:04:05.999999", "2006-01-02T15:04:05.999999Z",
}

func instantOf(t testing.TB, s string) time.Time {
	t.Helper()
	for _, layout := range instants {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC()
		}
	}
	t.Fatalf("no time: %q", s)
	return time.Time{}
}

// apply makes what an entry says happen to a state. Whatever does not fit is an
// error: what was there, what changed, and what is linked already.
func (w *world) apply(t testing.TB, s state, e *entry) error {
	t.Helper()
	if e.diff.Subject != nil {
		return s.relate(t, e)
	}
	rows := s.rows[e.entity]
	from := e.id
	if e.previous != "" {
		from = e.previous
	}
	was, exists := rows[from]
	if exists == (e.typ == "insert") {
		return fmt.Errorf("%s is there: %v", from, exists)
	}
	is := maps.Clone(was)
	if is == nil {
		is = row{}
	}
	for name, c := range e.diff.Changes {
		before, after := same(t, c.Old), same(t, c.New)
		if had, ok := was[name]; before != "null" && had != before || before == "null" && ok {
			return fmt.Errorf("%s was %s, not %s", name, had, before)
		}
		if before == after && before != masked && e.typ != "remove" {
			return fmt.Errorf("%s did not change", name)
		}
		if is[name] = after; after == "null" {
			delete(is, name)
		}
	}
	delete(rows, from)
	if e.typ == "remove" {
		if len(is) > 0 || len(e.diff.Changes) != w.kept(e.entity) {
			return fmt.Errorf("the remove does not tell every column: %v is left", is)
		}
		return nil
	}
	if _, taken := rows[e.id]; taken {
		return fmt.Errorf("%s is there already", e.id)
	}
	rows[e.id] = is
	if e.previous != "" {
		s.rename(e)
	}
	return nil
}

// rename follows a change of key in the links by foreign keys: the row's own entry
// tells of it, its parents' do not. (Join tables have rows of their own, which tell.)
func (s *state) rename(e *entry) {
	for name := range s.links {
		if parent, was := strings.CutSuffix(name, fmt.Sprintf(" %s %s", e.entity, e.previous)); was && !strings.Contains(name, " of ") {
			delete(s.links, name)
			s.links[fmt.Sprintf("%s %s %s", parent, e.entity, e.id)] = true
		}
	}
}

// kept is how many columns of an entity are kept.
func (w *world) kept(entity string) (n int) {
	for _, tab := range shop() {
		for _, c := range tab.columns {
			if tab.entity == entity && !c.ignored {
				n++
			}
		}
	}
	return n
}

// relate links, or takes a link away.
func (s *state) relate(t testing.TB, e *entry) error {
	t.Helper()
	d := e.diff
	name := fmt.Sprintf("%s %s of %s %s", e.entity, e.id, d.Target.Entity, keyOf(t, d.Target))
	// A foreign key is told at the owner alone, a join table at both ends.
	if d.IsOwningSide || d.JoinTable == nil {
		if d.Subject.Field == nil {
			return fmt.Errorf("an owner without a field: %s", e.diffs)
		}
		name = fmt.Sprintf("%s %s.%s %s %s", e.entity, e.id, fieldName(*d.Subject.Field), d.Target.Entity, keyOf(t, d.Target))
	}
	if keyOf(t, d.Subject) != e.id || d.Subject.Entity != e.entity {
		return fmt.Errorf("the subject is not the object %s: %s", e.id, e.diffs)
	}
	if s.links[name] == (e.typ == "associate") {
		return fmt.Errorf("link %s is there: %v: %s", name, s.links[name], e.diffs)
	}
	if e.typ == "associate" {
		s.links[name] = true
	} else {
		delete(s.links, name)
	}
	return nil
}

// keyOf is the key of one end, all of which have one column.
func keyOf(t testing.TB, e *end) string {
	t.Helper()
	for _, v := range e.Key {
		return same(t, v)
	}
	return ""
}

// lines is a state as text, to compare.
func (s *state) lines() map[string]string {
	all := map[string]string{}
	for entity, rows := range s.rows {
		for id, r := range rows {
			all[entity+" "+id] = r.String()
		}
	}
	for l := range s.links {
		all["link "+l] = "linked"
	}
	return all
}

func (r row) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r)) {
		fmt.Fprintf(&b, "%s=%s ", name, r[name])
	}
	return b.String()
}
