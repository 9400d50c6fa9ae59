package schema_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
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

// newUser makes an account without rights that lives as long as the test.
func newUser(t *testing.T, db *testdb.DB) (user, password string) {
	t.Helper()
	user, password = "annals_"+strings.ToLower(rand.Text())[:10], rand.Text()
	admin := testdb.Superuser(t, db.Kind)
	create, drop := "CREATE USER '"+user+"'@'%' IDENTIFIED BY '"+password+"'", "DROP USER '"+user+"'@'%'"
	if db.Dialect == dialect.PostgresName {
		create, drop = "CREATE ROLE "+user+" LOGIN PASSWORD '"+password+"'", "DROP ROLE "+user
	}
	if _, err := admin.ExecContext(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if db.Dialect == dialect.PostgresName {
			if _, err := db.Exec("DROP OWNED BY " + user); err != nil {
				t.Error(err)
			}
		}
		if _, err := admin.Exec(drop); err != nil {
			t.Error(err)
		}
	})
	return user, password
}

func databaseName(t *testing.T, db *testdb.DB) (name string) {
	t.Helper()
	q := "SELECT DATABASE()"
	if db.Dialect == dialect.PostgresName {
		q = "SELECT current_database()"
	}
	if err := db.QueryRowContext(t.Context(), q).Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}

// grantee is an account with the rights of one role, and its store.
type grantee struct {
	db    *sql.DB
	store *sqlstore.Store
}

func (s *setup) grantee(t *testing.T, role schema.Role) grantee {
	t.Helper()
	user, password := newUser(t, s.DB)
	plans, err := s.manager(t).Grants(t.Context(), map[schema.Role]string{role: user})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // again changes nothing
		for _, st := range plans[0].Statements {
			s.exec(t, st.SQL)
		}
	}
	db := s.OpenAs(t, user, password)
	store, err := sqlstore.New(sqlstore.Config{
		Name: "default", DB: db, Dialect: s.d,
		AuditTable: func(context.Context, string) (annals.Table, error) {
			return annals.Table{Name: "posts_audit"}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return grantee{db, store}
}

func someRevision() annals.Revision {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return annals.Revision{Source: "app", Hash: annals.NewHash(now), CreatedAt: now}
}

func someEntry(rev annals.Revision, seq int64) annals.Entry {
	return annals.Entry{
		Entity: "posts", Source: "app", Type: annals.Insert, ObjectID: "1", Seq: seq,
		TransactionHash: rev.Hash, Diffs: json.RawMessage(`{"changes":{}}`),
		CreatedAt: rev.CreatedAt, SchemaVersion: annals.SchemaVersion,
	}
}

// mayNot checks that each statement is refused for want of a right.
func (g grantee) mayNot(t *testing.T, d dialect.Dialect, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := g.db.ExecContext(t.Context(), sql); d.Classify(err) != dialect.ClassAccess {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func (g grantee) writeTx(t *testing.T) error {
	t.Helper()
	tx, err := g.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	rev := someRevision()
	if err := g.store.WriteTx(t.Context(), tx, &rev, []annals.Entry{someEntry(rev, 1)}); err != nil {
		return err
	}
	return tx.Commit()
}

const (
	readEntries   = "SELECT diffs FROM posts_audit"
	readRevisions = "SELECT user_name FROM annals_revision"
	changeEntries = "UPDATE posts_audit SET diffs = '{}'"
	clearEntries  = "DELETE FROM posts_audit"
	clearRevision = "DELETE FROM annals_revision"
	changeName    = "UPDATE annals_revision SET user_name = 'x'"
	changeMark    = "UPDATE annals_clean SET actor = 'x'"
	clearMarks    = "DELETE FROM annals_clean"
	forgeMark     = "INSERT INTO annals_clean (entity) VALUES ('posts')"
)

func TestGrants(t *testing.T) {
	for _, kind := range testdb.Kinds() {
		if kind == dialect.SQLiteName {
			continue // has its own test
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t, testdb.New(t, kind), "posts")
			s.update(t)
			t.Run("application", func(t *testing.T) {
				g := s.grantee(t, schema.RoleApplication)
				if err := g.writeTx(t); err != nil {
					t.Error(err)
				}
				g.mayNot(t, s.d, readEntries, changeEntries, clearEntries, clearRevision, changeName,
					forgeMark)
				if s.d.Name() == dialect.PostgresName {
					g.mayNot(t, s.d, readRevisions) // MariaDB asks for that right
				}
			})
			t.Run("relay", func(t *testing.T) {
				g := s.grantee(t, schema.RoleRelay)
				rev := someRevision()
				batch := storage.Batch{Revisions: []annals.Revision{rev}, Entries: []annals.Entry{someEntry(rev, 1000)}}
				for range 2 {
					if err := g.store.Write(t.Context(), batch); err != nil {
						t.Error(err)
					}
				}
				g.mayNot(t, s.d, changeEntries, clearEntries, clearRevision, changeName, forgeMark)
			})
			t.Run("reader", func(t *testing.T) {
				g := s.grantee(t, schema.RoleReader)
				found, err := g.store.Find(t.Context(), storage.Query{Entities: []string{"posts"}, Limit: 10})
				if err != nil || len(found) != 2 {
					t.Errorf("found %d entries, %v", len(found), err)
				}
				g.mayNot(t, s.d, changeEntries, clearEntries, clearRevision, changeName, forgeMark)
				if err := g.writeTx(t); s.d.Classify(err) != dialect.ClassAccess {
					t.Errorf("wrote: %v", err)
				}
			})
			t.Run("retention", func(t *testing.T) {
				g := s.grantee(t, schema.RoleRetention)
				g.mayNot(t, s.d, changeEntries, changeName, changeMark, clearMarks)
				for _, sql := range []string{clearEntries + " WHERE source = 'app'", clearRevision} {
					if _, err := g.db.ExecContext(t.Context(), sql); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

func TestGrantsOfOddNames(t *testing.T) {
	s := newSetup(t, testdb.New(t, "mariadb"), "posts")
	s.update(t)
	admin := testdb.Superuser(t, "mariadb")
	for _, sql := range []string{"CREATE USER `it's``odd`@`localhost`", "CREATE ROLE `annals role`"} {
		if _, err := admin.ExecContext(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, sql := range []string{"DROP USER `it's``odd`@`localhost`", "DROP ROLE `annals role`"} {
			if _, err := admin.Exec(sql); err != nil {
				t.Error(err)
			}
		}
	})
	plans, err := s.manager(t).Grants(t.Context(), map[schema.Role]string{
		schema.RoleReader: "it's`odd@localhost", schema.RoleRelay: "annals role",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range plans[0].Statements {
		s.exec(t, st.SQL)
	}
}

func TestGrantsRefused(t *testing.T) {
	for kind, accounts := range map[string]map[schema.Role]string{
		"sqlite":   {schema.RoleReader: "ann"},
		"postgres": {schema.RoleReader: ""},
		"mariadb":  {"king": "ann"},
	} {
		s := newSetup(t, testdb.New(t, kind), "posts")
		var fault *annals.Error
		_, err := s.manager(t).Grants(t.Context(), accounts)
		if !errors.Is(err, annals.ErrConfig) || !errors.As(err, &fault) || fault.Remedy == "" {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestCreateDatabase(t *testing.T) {
	for _, kind := range testdb.Kinds() {
		t.Run(kind, func(t *testing.T) {
			name := `annals "odd" ` + strings.ToLower(rand.Text())[:8]
			admin := testdb.New(t, kind)
			if kind == dialect.SQLiteName {
				var err error
				if admin.DB, err = sql.Open(admin.DriverName, t.TempDir()+"/new.db"); err != nil {
					t.Fatal(err)
				}
				defer admin.Close()
			}
			d := newSetup(t, admin).d
			t.Cleanup(func() {
				if kind != dialect.SQLiteName {
					if _, err := testdb.Superuser(t, kind).Exec("DROP DATABASE " + d.Quote(name)); err != nil {
						t.Error(err)
					}
				}
			})
			for i, want := range []bool{true, false} {
				created, err := schema.CreateDatabase(t.Context(), admin.DB, d, name)
				if err != nil || created != want {
					t.Errorf("call %d: created %t, %v", i+1, created, err)
				}
			}
		})
	}
}

func TestDatabaseInAnotherEncoding(t *testing.T) {
	admin := testdb.Superuser(t, "postgres")
	name := "annals_" + strings.ToLower(rand.Text())[:10]
	create := "CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
	if _, err := admin.ExecContext(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + name); err != nil {
			t.Error(err)
		}
	})
	_, err := schema.CreateDatabase(t.Context(), admin, dialect.Postgres(), name)
	if !errors.Is(err, annals.ErrConfig) {
		t.Errorf("got %v", err)
	}
}
