package storage_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/itest/wire"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// fill writes n entries of source app, four to a revision, into the entities;
// every eight share an instant.
func fill(tb testing.TB, s *sqlstore.Store, n int, entities ...string) {
	tb.Helper()
	list := changes(n, entities...)
	for i := range list {
		e := &list[i]
		e.Source, e.TransactionHash = "app", hash(i/4)
		e.CreatedAt = revision(1).CreatedAt.Add(time.Duration(i/8) * time.Millisecond)
	}
	for at := 0; at < n; at += 1000 {
		b := storage.Batch{Entries: list[at:min(at+1000, n)]}
		for i := range b.Entries {
			if i%4 == 0 {
				rev := revision((at + i) / 4)
				b.Revisions = append(b.Revisions, rev)
			}
		}
		if err := s.Write(tb.Context(), b); err != nil {
			tb.Fatal(err)
		}
	}
}

// Pages across many entities are the same as pages across one, and take two
// statements.
func TestManyEntities(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := dialectOf(t, db)
		var names []string
		for i := range 40 {
			names = append(names, fmt.Sprintf("e%d", i))
		}
		install(t, db.DB, d, names...)
		pool, rec := record(t, db)
		s := open(t, pool, d)
		fill(t, s, 240, names[:30]...)
		for _, q := range []storage.Query{
			{},
			{Ascending: true},
			{ObjectIDs: []string{"5", "6"}},
			{Actors: []string{"3"}},
			{Since: revision(1).CreatedAt.Add(20 * time.Millisecond), Ascending: true},
		} {
			q.Entities, q.Limit = names, 1000
			want, err := s.Find(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, limit := range []int{7, 64} {
				q.Limit = limit
				texts := map[string]bool{}
				got := pages(t, s, rec, q, texts)
				// Two for the first page, two for those behind it, one for the last: drivers
				// keep a plan of 200 tables for each, in the memory of the server.
				if db.Kind == "postgres" && len(texts) > 5 {
					t.Errorf("%+v: %d texts of statements for %d entries", q, len(texts), len(got))
				}
				if len(got) != len(want) {
					t.Fatalf("%+v: %d entries, want %d", q, len(got), len(want))
				}
				for i := range got {
					got[i].Revision, want[i].Revision = nil, nil
					if !reflect.DeepEqual(got[i], want[i]) {
						t.Fatalf("%+v: entry %d is\n%+v, want\n%+v", q, i, got[i], want[i])
					}
				}
			}
		}
	})
}

// pages follows a query to its end, counts statements and notes their texts.
func pages(
	t *testing.T, s *sqlstore.Store, rec *recorder, q storage.Query, texts map[string]bool,
) (all []annals.Entry) {
	t.Helper()
	for {
		rec.taken()
		page, err := s.Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		taken := rec.taken()
		if n := len(taken); n > 2 && len(page) == q.Limit {
			t.Errorf("%d statements for a page", n)
		}
		for _, statement := range taken {
			texts[statement.SQL] = true
		}
		all = append(all, page...)
		if len(page) < q.Limit {
			return all
		}
		if q.Ascending {
			q.After = page[len(page)-1].Cursor()
		} else {
			q.Before = page[len(page)-1].Cursor()
		}
	}
}

// Every filter finds its page through an index: the lean set lacks nothing.
func TestFiltersUseIndexes(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := dialectOf(t, db)
		install(t, db.DB, d, "post")
		pool, rec := record(t, db)
		s := open(t, pool, d)
		fill(t, s, 20_000, "post")
		analyze := map[string]string{
			"postgres": "ANALYZE", "sqlite": "ANALYZE",
			"mariadb": "ANALYZE TABLE `Order post_audit`, annals_revision",
		}[db.Kind]
		exec(t, db.DB, analyze)
		at := revision(1).CreatedAt.Add(time.Second)
		place := annals.Position{CreatedAt: at, Source: "app", Seq: 8001}
		for name, q := range map[string]storage.Query{
			"newest": {}, "oldest": {Ascending: true}, "before": {Before: place},
			"after": {After: place, Ascending: true}, "since": {Since: at, Ascending: true},
			"range":  {Since: at, Until: at.Add(100 * time.Millisecond)},
			"object": {ObjectIDs: []string{"7"}}, "object before": {ObjectIDs: []string{"7"}, Before: place},
			"objects": {ObjectIDs: []string{"7", "8"}},
			"actor":   {Actors: []string{"3"}}, "actor before": {Actors: []string{"3"}, Before: place},
			"transaction": {Hashes: []string{hash(7)}},
			"rare type":   {Types: []annals.EntryType{annals.Truncate}},
			"types":       {Types: []annals.EntryType{annals.Truncate, annals.Update}, Before: place},
			"object and value": {ObjectIDs: []string{"7"}, Where: []storage.Condition{
				{On: storage.OnChange, Paths: []string{"title"}, New: []json.RawMessage{json.RawMessage(`"b"`)}},
			}},
			"actor, not a type": {Actors: []string{"3"}, Where: []storage.Condition{
				{On: storage.OnType, Not: true, Texts: storage.Texts("insert")},
			}},
			"time and path": {Since: at, Until: at.Add(100 * time.Millisecond), Where: []storage.Condition{
				{On: storage.OnChange, Paths: []string{"title.x"}},
			}},
			"newest, value": {Where: []storage.Condition{
				{On: storage.OnChange, New: []json.RawMessage{json.RawMessage(`"b"`)}},
			}},
			"newest, common comment": {Where: []storage.Condition{
				{On: storage.OnComment, Texts: []storage.Text{{Value: "PRICE", Part: true}}},
			}},
			"rare request": {Where: []storage.Condition{
				{On: storage.OnRequest, Texts: storage.Texts("r-none")},
			}},
			"newest, ip and source": {Sources: []string{"app"}, Where: []storage.Condition{
				{On: storage.OnIP, Not: true, Texts: storage.Texts("192.0.2.7")},
			}},
		} {
			q.Entities, q.Limit = []string{"post"}, 50
			rec.taken()
			if _, err := s.Find(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Count(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			for _, st := range rec.taken() {
				if plan := fullScan(t, db, st); plan != "" {
					t.Errorf("%s scans the table:\n%s\n%s", name, plan, st.SQL)
				}
			}
		}
		tail, err := s.Tail(t.Context(), storage.Query{Entities: []string{"post"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tail.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, st := range rec.taken() {
			if plan := fullScan(t, db, st); plan != "" {
				t.Errorf("following scans the table:\n%s\n%s", plan, st.SQL)
			}
		}
	})
}

// fullScan returns the plan of a statement that reads a whole table or sorts
// more than a page.
func fullScan(t *testing.T, db *testdb.DB, st wire.Statement) string {
	t.Helper()
	if strings.HasPrefix(st.SQL, "START TRANSACTION") {
		return ""
	}
	prefix := map[string]string{"sqlite": "EXPLAIN QUERY PLAN "}[db.Kind]
	if prefix == "" {
		prefix = "EXPLAIN "
	}
	args := make([]any, len(st.Args))
	for i, a := range st.Args {
		args[i] = a.Value
	}
	rows, err := db.Query(prefix+st.SQL, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	var plan []string
	bad := false
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		line := ""
		named := map[string]string{}
		for i, c := range cells {
			v := *c.(*any) //nolint:forcetypeassert // made above
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			named[columns[i]] = fmt.Sprint(v)
			line += fmt.Sprint(v) + " | "
		}
		plan = append(plan, line)
		switch db.Kind {
		case "postgres":
			bad = bad || strings.Contains(line, "Seq Scan on \"Order")
		case "sqlite":
			bad = bad || strings.Contains(line, "SCAN Order") && !strings.Contains(line, "INDEX")
		default:
			// What one transaction or one former id finds is sorted.
			few := strings.HasSuffix(named["key"], "_hash") ||
				strings.HasSuffix(named["key"], "_previous_object_id")
			bad = bad || named["table"] == "Order post_audit" && (named["type"] == "ALL" ||
				strings.Contains(named["Extra"], "filesort") && !few)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if !bad {
		return ""
	}
	return strings.Join(plan, "\n")
}
