package reader_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/schema"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// newStore makes a storage in db, its audit tables under a prefix of its own.
func newStore(tb testing.TB, db *testdb.DB, name string, entities ...string) *sqlstore.Store {
	tb.Helper()
	d, err := dialect.Detect(tb.Context(), db.DB, db.Dialect)
	if err != nil {
		tb.Fatal(err)
	}
	table := func(_ context.Context, entity string) (annals.Table, error) {
		return annals.Table{Name: name + "_" + entity}, nil
	}
	target := schema.Target{Name: name, DB: db.DB, Dialect: d}
	for _, e := range entities {
		audit, _ := table(tb.Context(), e)
		target.Entities = append(target.Entities, schema.EntityTable{
			Entity: annals.Entity{Name: e, Source: "app", Table: annals.Table{Name: e}}, Audit: audit,
		})
	}
	m, err := schema.New(schema.Config{Targets: []schema.Target{target}})
	if err != nil {
		tb.Fatal(err)
	}
	plans, err := m.Plan(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range plans[0].Statements {
		if _, err := db.ExecContext(tb.Context(), s.SQL); err != nil {
			tb.Fatalf("%s: %v", s.SQL, err)
		}
	}
	s, err := sqlstore.New(sqlstore.Config{Name: name, DB: db.DB, Dialect: d, AuditTable: table})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func hash(n int) string { return fmt.Sprintf("0199%04x%024x", n, n) }

func at(n int) time.Time { return time.Date(2026, 1, 2, 3, 4, n, 1000, time.UTC) }

// write stores one entry of revision rev under the number seq.
func write(tb testing.TB, s storage.Store, entity, id string, rev, seq int) {
	tb.Helper()
	err := s.Write(tb.Context(), storage.Batch{
		Revisions: []annals.Revision{{
			Source: "app", Hash: hash(rev), Managed: true, Comment: fmt.Sprintf("change %d", rev),
			Actor: annals.Actor{ID: "42", Name: "ann"}, CreatedAt: at(rev),
		}},
		Entries: []annals.Entry{{
			Entity: entity, Source: "app", Type: annals.Update, ObjectID: id, Seq: int64(seq),
			TransactionHash: hash(rev), CreatedAt: at(rev),
			Diffs: json.RawMessage(fmt.Sprintf(`{"changes":{"title":{"new":%d,"old":null}}}`, seq)),
		}},
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// set is a reader over two storages: orders lie in both, invoices in the second,
// and the second has an entity that is not configured any more.
func set(tb testing.TB, first, second *testdb.DB) (*reader.Reader, *sqlstore.Store, *sqlstore.Store) {
	tb.Helper()
	a, b := newStore(tb, first, "near", "order"), newStore(tb, second, "far", "order", "invoice", "gone")
	for n := 1; n <= 12; n++ {
		write(tb, b, "order", "1", n, n*10)
		if n > 4 {
			write(tb, a, "order", "1", n, n*10)
		}
		if n%3 == 0 {
			write(tb, b, "invoice", "7", n, n*10+1)
		}
	}
	write(tb, b, "gone", "1", 2, 25)
	r, err := reader.New(reader.Config{
		Stores: []reader.Named{{Name: "near", Store: a}, {Name: "far", Store: b}},
		Entities: func(context.Context) ([]reader.EntityInfo, error) {
			return []reader.EntityInfo{
				{Name: "order", Storages: []string{"near", "far"}, Audited: true},
				{Name: "invoice", Storages: []string{"far"}, Audited: true},
				{Name: "gone", Storages: []string{"far"}},
			}, nil
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return r, a, b
}

// each runs f over storages in two databases: of one kind, and SQLite beside it.
func each(t *testing.T, f func(t *testing.T, r *reader.Reader, a, b *sqlstore.Store)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		r, a, b := set(t, db, testdb.New(t, "sqlite"))
		f(t, r, a, b)
	})
}

func list(entries []annals.Entry) string {
	var parts []string
	for _, e := range entries {
		parts = append(parts, fmt.Sprintf("%s:%d@%s", e.Entity, e.Seq, e.Storage))
	}
	return strings.Join(parts, " ")
}

func TestPagesOverDatabases(t *testing.T) {
	each(t, func(t *testing.T, r *reader.Reader, _, _ *sqlstore.Store) {
		whole, err := r.Find(t.Context(), reader.Query{})
		if err != nil {
			t.Fatal(err)
		}
		if len(whole.Entries) != 17 || whole.Next != "" {
			t.Fatalf("got %s", list(whole.Entries))
		}
		if got := list(whole.Entries[:3]); got != "invoice:121@far order:120@near order:110@near" {
			t.Errorf("got %s", got)
		}
		if e := whole.Entries[0]; e.Revision == nil || e.Revision.Comment != "change 12" {
			t.Errorf("revision %+v", e.Revision)
		}
		for _, limit := range []int{1, 4, 16} {
			var got []annals.Entry
			q := reader.Query{Limit: limit}
			for {
				page, err := r.Find(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, page.Entries...)
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			if list(got) != list(whole.Entries) {
				t.Errorf("pages of %d: %s", limit, list(got))
			}
		}
		page, err := r.Find(t.Context(), reader.Query{
			Entity: "order", ObjectID: "1", Since: at(4), Until: at(6), Field: "title", Actor: "",
			Types: []annals.EntryType{annals.Update},
		})
		if err != nil || list(page.Entries) != "order:50@near order:40@far" {
			t.Errorf("got %s, %v", list(page.Entries), err)
		}
	})
}

func TestRevisionOverDatabases(t *testing.T) {
	each(t, func(t *testing.T, r *reader.Reader, _, _ *sqlstore.Store) {
		view, err := r.Revision(t.Context(), hash(9)[:8])
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, g := range view.Entities {
			got += g.Entity + "{" + list(g.Entries) + "}"
		}
		if got != "order{order:90@near}invoice{invoice:91@far}" || view.Comment != "change 9" {
			t.Errorf("got %s of %+v", got, view.Revision)
		}
		if strings.Join(view.Storages, " ") != "near far" || len(view.Unreadable) > 0 {
			t.Errorf("storages %v, unreadable %v", view.Storages, view.Unreadable)
		}
		page, err := r.Find(t.Context(), reader.Query{Transaction: hash(2)[:10]})
		if err != nil || list(page.Entries) != "gone:25@far order:20@far" {
			t.Errorf("got %s, %v", list(page.Entries), err)
		}
		for name, want := range map[string]error{
			"0199000": annals.ErrNotFound, hash(99): annals.ErrNotFound, "0199ffff": annals.ErrNotFound,
		} {
			if _, err := r.Revision(t.Context(), name); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	})
}

func TestHistoryOverDatabases(t *testing.T) {
	each(t, func(t *testing.T, r *reader.Reader, _, _ *sqlstore.Store) {
		n := 0
		for e, err := range r.History(t.Context(), "order", "1", reader.HistoryOptions{PageSize: 5}) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; e.Seq != int64(n*10) {
				t.Fatalf("entry %d is %d", n, e.Seq)
			}
		}
		if n != 12 {
			t.Errorf("%d entries", n)
		}
		oldest, err := r.Oldest(t.Context(), "invoice", "7")
		if err != nil || oldest.Seq != 31 {
			t.Errorf("oldest %d, %v", oldest.Seq, err)
		}
		newest, err := r.Newest(t.Context(), "invoice", "7")
		if err != nil || newest.Seq != 121 {
			t.Errorf("newest %d, %v", newest.Seq, err)
		}
		if _, err := r.Newest(t.Context(), "invoice", "8"); !errors.Is(err, annals.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFailuresNameTheStorage(t *testing.T) {
	each(t, func(t *testing.T, _ *reader.Reader, a, b *sqlstore.Store) {
		r, err := reader.New(reader.Config{
			Stores: []reader.Named{{Name: "near", Store: a}, {Name: "far", Store: b}},
			Entities: func(context.Context) ([]reader.EntityInfo, error) {
				return []reader.EntityInfo{{Name: "invoice", Storages: []string{"near", "far"}}}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Find(t.Context(), reader.Query{})
		if !errors.Is(err, annals.ErrSchema) {
			t.Fatalf("got %v, want ErrSchema", err)
		}
		for _, name := range []string{"storage near", "entity invoice", "annals schema update --force"} {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%q does not name %s", err, name)
			}
		}
	})
}

// A storage whose database does not answer is named, and the others do not hide
// it.
func TestUnreachableStorage(t *testing.T) {
	db := testdb.New(t, "sqlite")
	_, a, _ := set(t, db, testdb.New(t, "sqlite"))
	dead, err := sql.Open("pgx", "postgres://nobody:s3cret@127.0.0.1:1/none?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	gone, err := sqlstore.New(sqlstore.Config{
		Name: "dead", DB: dead, Dialect: dialect.Postgres(),
		AuditTable: func(_ context.Context, e string) (annals.Table, error) { return annals.Table{Name: e}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := reader.New(reader.Config{
		Stores: []reader.Named{{Name: "near", Store: a}, {Name: "dead", Store: gone}},
		Entities: func(context.Context) ([]reader.EntityInfo, error) {
			return []reader.EntityInfo{{Name: "order", Storages: []string{"near", "dead"}}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Find(t.Context(), reader.Query{})
	if !errors.Is(err, annals.ErrUnreachable) || !strings.Contains(err.Error(), "storage dead") {
		t.Errorf("got %v, want ErrUnreachable of storage dead", err)
	}
	if strings.Contains(fmt.Sprint(err), "s3cret") {
		t.Errorf("the error tells the password: %v", err)
	}
}
