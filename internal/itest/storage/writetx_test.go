package storage_test

import (
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
	"github.com/seed-162b1470/annals/schema"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

func hash(n int) string { return fmt.Sprintf("0199%028x", n) }

func revision(n int) annals.Revision {
	return annals.Revision{
		Source: "app", Hash: hash(n), Managed: true, Actor: annals.Actor{ID: "42", Name: "ann"},
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

// changes are n mutations, spread over the entities.
func changes(n int, entities ...string) []annals.Entry {
	out := make([]annals.Entry, n)
	for i := range out {
		out[i] = annals.Entry{
			Entity: entities[i%len(entities)], Type: annals.Update, ObjectID: fmt.Sprint(i % 100),
			Seq: int64(i + 1), Diffs: json.RawMessage(`{"changes":{"a":{"new":1,"old":2}}}`),
			Blame: annals.Blame{ID: fmt.Sprint(i % 7)},
		}
	}
	return out
}

// store writes changes in a transaction of their own.
func store(
	tb testing.TB, s *sqlstore.Store, db *sql.DB, rev annals.Revision, list []annals.Entry,
) {
	tb.Helper()
	tx, err := db.BeginTx(tb.Context(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.WriteTx(tb.Context(), tx, &rev, list); err != nil {
		tb.Fatal(errors.Join(err, tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		tb.Fatal(err)
	}
}

// The numbers of statements are what DESIGN 9 asks for.
func TestStatementsPerTransaction(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := dialectOf(t, db)
		install(t, db.DB, d, "post", "tag")
		pool, rec := record(t, db)
		s := open(t, pool, d)
		own := map[string]int{"postgres": 1, "mariadb": 2, "sqlite": 5}[db.Kind]
		texts := map[string]bool{}
		for n, c := range []struct {
			changes int
			into    []string
			tables  int
		}{
			{1, []string{"post"}, 1},
			{100, []string{"post"}, 1},
			{1000, []string{"post"}, 1},
			{10, []string{"post", "tag"}, 2},
			{2000, []string{"post", "tag"}, 2},
		} {
			if db.Kind == "sqlite" && c.tables > 1 {
				break // there texts are few, not statements
			}
			rec.taken()
			store(t, s, pool, revision(n), changes(c.changes, c.into...))
			got := rec.texts()
			want := own + c.tables
			if n == 0 && db.Kind == "sqlite" {
				want += 2 // the sequence has no row yet
			}
			if len(got) != want {
				t.Errorf("%d changes of %d tables: %d statements, want %d\n%s",
					c.changes, c.tables, len(got), want, short(got))
			}
			for _, text := range got {
				texts[text] = true
			}
		}
		if db.Kind == "postgres" && len(texts) != 4 {
			t.Errorf("%d different texts, want 4: one for revisions, one for each table, and one "+
				"for batches of several actors", len(texts))
		}
	})
}

func short(texts []string) string {
	var b strings.Builder
	for _, text := range texts {
		b.WriteString(text[:min(len(text), 80)] + "\n")
	}
	return b.String()
}

// The application may ask for its own last id in SQL after its write.
func TestLastInsertIDIsPutBack(t *testing.T) {
	db := testdb.New(t, "mariadb")
	d := dialectOf(t, db)
	install(t, db.DB, d, "post", "tag")
	exec(t, db.DB, "CREATE TABLE own (id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT)")
	exec(t, db.DB, "INSERT INTO own (v) VALUES (1), (2), (3)")
	exec(t, db.DB, "ALTER TABLE own AUTO_INCREMENT = 9007199254740993")
	for n, list := range [][]annals.Entry{
		changes(1, "post"), changes(3, "post", "tag"), changes(1200, "post", "tag"), nil,
	} {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		exec(t, tx, "INSERT INTO own (v) VALUES (4)")
		var before, after int64
		if err := tx.QueryRow("SELECT LAST_INSERT_ID()").Scan(&before); err != nil {
			t.Fatal(err)
		}
		rev := revision(n)
		if err := open(t, db.DB, d).WriteTx(t.Context(), tx, &rev, list); err != nil {
			t.Fatal(err)
		}
		if err := tx.QueryRow("SELECT LAST_INSERT_ID()").Scan(&after); err != nil {
			t.Fatal(err)
		}
		if before != after || before < 9007199254740993 {
			t.Errorf("%d entries: LAST_INSERT_ID() was %d and is %d", len(list), before, after)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

// The database's own facts are stored, not the program's claims about them.
func TestDatabaseFacts(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := dialectOf(t, db)
		install(t, db.DB, d, "post")
		s := open(t, db.DB, d)
		rev := revision(1)
		rev.DBUser, rev.Application, rev.ClientAddr = "liar", "liar", "liar"
		store(t, s, db.DB, rev, changes(1, "post"))
		got, err := s.Revision(t.Context(), rev.Hash)
		if err != nil {
			t.Fatal(err)
		}
		switch db.Kind {
		case "postgres":
			user := value[string](t, db.DB, "SELECT session_user::text")
			if got.DBUser != user || got.ClientAddr != "127.0.0.1" {
				t.Errorf("got %+v", got)
			}
			if value[int64](t, db.DB, "SELECT xid FROM annals_revision") == 0 {
				t.Error("the transaction's number is missing")
			}
		case "sqlite":
			if got.DBUser != "" || got.Application != "" || got.ClientAddr != "" {
				t.Errorf("got %+v", got)
			}
		default:
			user := value[string](t, db.DB, "SELECT USER()")
			if got.DBUser != user || !strings.HasSuffix(user, "@"+got.ClientAddr) {
				t.Errorf("got %+v, want %s", got, user)
			}
		}
	})
}

// More data than MariaDB takes in a packet is sent in parts.
func TestLargeTransactions(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := dialectOf(t, db)
		install(t, db.DB, d, "post")
		s := open(t, db.DB, d)
		list := changes(10, "post")
		for i := range list {
			list[i].Diffs = json.RawMessage(`{"label":"` + strings.Repeat(`\"`, 1_200_000) + `"}`)
		}
		store(t, s, db.DB, revision(1), list)
		got, err := s.Find(t.Context(), storage.Query{Entities: []string{"post"}, Limit: 20})
		if err != nil || len(got) != 10 || len(got[0].Diffs) != len(list[0].Diffs) {
			t.Errorf("got %d entries, %v", len(got), err)
		}
	})
}

// A role needs no more than what schema grants it.
func TestRolesAreEnough(t *testing.T) {
	for _, kind := range []string{"postgres", "mariadb"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := testdb.New(t, kind)
			d := dialectOf(t, db)
			install(t, db.DB, d, "post")
			root := testdb.Superuser(t, kind)
			as := map[schema.Role]*sql.DB{}
			for _, role := range []schema.Role{
				schema.RoleApplication, schema.RoleRelay, schema.RoleReader,
			} {
				as[role] = account(t, db, root, d, role)
			}
			app := open(t, as[schema.RoleApplication], d)
			store(t, app, as[schema.RoleApplication], revision(1), changes(3, "post"))
			relay := open(t, as[schema.RoleRelay], d)
			list := changes(4, "post")
			for i := range list {
				list[i].Source, list[i].TransactionHash, list[i].Seq = "far", hash(2), int64(i+1)
				list[i].CreatedAt = revision(1).CreatedAt
			}
			for range 2 {
				err := relay.Write(t.Context(), storage.Batch{
					Revisions: []annals.Revision{revision(2)}, Entries: list,
				})
				if err != nil {
					t.Fatal(err)
				}
				list = list[:3]
			}
			got, err := open(t, as[schema.RoleReader], d).Find(t.Context(),
				storage.Query{Entities: []string{"post"}, Limit: 20})
			if err != nil || len(got) != 7 {
				t.Errorf("the reader got %d entries, %v", len(got), err)
			}
			rev := revision(3)
			tx, err := as[schema.RoleReader].Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			err = open(t, as[schema.RoleReader], d).WriteTx(t.Context(), tx, &rev, changes(1, "post"))
			if !errors.Is(err, annals.ErrCapture) || d.Classify(err) != dialect.ClassAccess {
				t.Errorf("the reader writes: %v", err)
			}
		})
	}
}

// account makes a user with the rights of a role on the audit tables alone.
func account(
	t *testing.T, db *testdb.DB, root *sql.DB, d dialect.Dialect, role schema.Role,
) *sql.DB {
	t.Helper()
	name := strings.ToLower(fmt.Sprintf("h_%s_%d", role, time.Now().UnixNano()%1e9))
	create, drop := "CREATE USER "+name+" PASSWORD 'x'", "DROP OWNED BY "+name+"; DROP USER "+name
	grantee := name
	if db.Kind == "mariadb" {
		create, drop = "CREATE USER "+name+"@'%' IDENTIFIED BY 'x'", "DROP USER "+name+"@'%'"
		grantee = name + "@%"
	}
	exec(t, root, create)
	t.Cleanup(func() {
		for _, s := range strings.Split(drop, "; ") {
			where := root
			if strings.HasPrefix(s, "DROP OWNED") {
				where = db.DB
			}
			if _, err := where.Exec(s); err != nil {
				t.Errorf("%s: %v", s, err)
			}
		}
	})
	audit, _ := auditTable(t.Context(), "post")
	m, err := schema.New(schema.Config{Targets: []schema.Target{{
		Name: "default", DB: db.DB, Dialect: d, Entities: []schema.EntityTable{{
			Entity: annals.Entity{Name: "post", Source: "app", Table: annals.Table{Name: "Order post"}},
			Audit:  audit,
		}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	plans, err := m.Grants(t.Context(), map[schema.Role]string{role: grantee})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range plans[0].Statements {
		exec(t, db.DB, s.SQL)
	}
	return db.OpenAs(t, name, "x")
}
