package conn_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/capture/pgxcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// audited is a database with annals' own triggers.
type audited struct {
	*harness
	aud    *auditor.Auditor
	schema string
	last   int64
}

// newAudited makes a table, its mirror and triggers, and a pool that binds.
func newAudited(t *testing.T, db *testdb.DB, how string) *audited {
	t.Helper()
	a := &audited{harness: &harness{T: t, plain: db}}
	a.must(t.Context(), db, fixtures[db.Dialect][0])
	var err error
	a.aud, err = auditor.New(auditor.Config{
		Sources: map[string]auditor.Source{
			"app": {DB: db.DB, Dialect: db.Dialect, Capture: config.CaptureTrigger, Context: how},
		},
		Entities: map[string]config.Entity{"post": {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	manager, err := a.aud.Schema(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := manager.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	j, err := a.aud.Journal("")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if a.schema, err = j.Schema(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.db = open(t, db, func(o *conn.Options) { o.Context, o.Schema = how, a.schema })
	return a
}

// revisions returns those since the last time: who, whether managed, the comment,
// and how many receipts.
func (a *audited) revisions() (all []string) {
	a.Helper()
	rows, err := a.plain.QueryContext(a.Context(), a.sql("SELECT r.id, r.user_name, r.managed, "+
		"COALESCE(r.comment, ''), (SELECT COUNT(*) FROM annals_revision_entity e WHERE e.revision = r.id) "+
		"FROM annals_revision r WHERE r.id > ? ORDER BY r.id"), a.last)
	if err != nil {
		a.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var who, why string
		var managed bool
		var receipts int
		if err := rows.Scan(&a.last, &who, &managed, &why, &receipts); err != nil {
			a.Fatal(err)
		}
		all = append(all, strings.TrimSuffix(fmt.Sprintf("%s %t %d %s", who, managed, receipts, why), " "))
	}
	if err := rows.Err(); err != nil {
		a.Fatal(err)
	}
	return all
}

func (a *audited) same(want ...string) {
	a.Helper()
	if got := a.revisions(); !slices.Equal(got, want) {
		a.Errorf("revisions: %q, want %q", got, want)
	}
}

// The triggers of annals find who acts, in either way of binding, and nobody where
// nobody is bound.
func TestTriggersFindWhoActs(t *testing.T) {
	for _, how := range []string{config.ContextSession, config.ContextRow} {
		t.Run(how, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				a := newAudited(t, db, how)
				ctx := annals.WithComment(a.as("ann"), "why")
				tx := a.begin(ctx)
				a.insert(ctx, tx, "1")
				a.must(ctx, tx, "UPDATE post SET title = '2'")
				a.commit(tx)
				a.same("ann true 2 why")
				a.insert(a.Context(), a.db, "3")
				a.insert(ctx, a.db, "4")
				a.insert(a.as("bob"), a.db, "5")
				a.same("not orm false 1", "ann true 1", "bob true 1")

				tx = a.begin(a.as("ann"))
				a.insert(a.Context(), tx, "gone")
				if err := tx.Rollback(); err != nil {
					t.Fatal(err)
				}
				tx = a.begin(a.as("ann")) // writes nothing
				a.commit(tx)
				tx = a.begin(a.Context())
				a.insert(a.Context(), tx, "6")
				a.must(a.Context(), tx, "SAVEPOINT s")
				a.must(a.Context(), tx, "DELETE FROM post WHERE title = '6'")
				a.must(a.Context(), tx, "ROLLBACK TO SAVEPOINT s")
				a.commit(tx)
				a.same("not orm false 1")

				tx = a.begin(a.Context())
				a.must(a.Context(), tx, "SAVEPOINT s")
				a.insert(a.as("ann"), tx, "gone")
				a.must(a.Context(), tx, "ROLLBACK TO SAVEPOINT s")
				a.insert(a.Context(), tx, "7")
				a.must(a.Context(), tx, "UPDATE post SET title = '8' WHERE title = '7'")
				a.commit(tx)
				a.same("ann true 2")
				a.insert(a.Context(), a.db, "9")
				a.same("not orm false 1")
			})
		})
	}
}

// Everything that a context says is in the revision; what the database knows itself
// is too, whoever writes.
func TestWhatARevisionHas(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		a := newAudited(t, db, config.ContextSession)
		ctx := annals.WithActor(a.Context(), annals.Actor{
			ID: "42", Name: "O'Brien \\ 日", Email: "o@example.org", Type: "User", Context: "api",
		})
		ctx = annals.WithOrigin(ctx, annals.Origin{IP: "10.1.2.3", UserAgent: "curl/8", RequestID: "r-1"})
		ctx = annals.WithExtra(ctx, []byte(`{"ticket":1187}`))
		a.insert(annals.WithComment(ctx, "price"), a.db, "1")
		const columns = "user_id, user_name, user_email, user_type, context, ip, user_agent, request_id, comment, extra"
		got, want := strings.ReplaceAll(row(a, columns), ": ", ":"),
			`42|O'Brien \ 日|o@example.org|User|api|10.1.2.3|curl/8|r-1|price|{"ticket":1187}`
		if got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		a.insert(a.Context(), db, "2")
		if got, want := row(a, columns), `-|not orm|-|-|-|-|-|-|-|-`; got != want {
			t.Errorf("outside: %s\nwant %s", got, want)
		}
		if db.Dialect == dialect.SQLiteName {
			return // which knows no accounts
		}
		facts := row(a, "db_user, client_addr")
		if !strings.HasPrefix(facts, "annals") || !strings.Contains(facts, "127.0.0.1") {
			t.Errorf("facts: %s", facts)
		}
	})
}

// row is the newest revision's.
func row(a *audited, columns string) string {
	a.Helper()
	names := strings.Split(columns, ", ")
	values, into := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	query := "SELECT " + columns + " FROM annals_revision WHERE id = (SELECT MAX(id) FROM annals_revision)"
	if err := a.plain.QueryRowContext(a.Context(), query).Scan(into...); err != nil {
		a.Fatal(err)
	}
	texts := make([]string, len(values))
	for i, v := range values {
		if texts[i] = v.String; !v.Valid {
			texts[i] = "-"
		}
	}
	return strings.Join(texts, "|")
}

// A connection of PostgreSQL says which program it is of.
func TestApplicationIsTold(t *testing.T) {
	db := testdb.New(t, dialect.PostgresName)
	a := newAudited(t, db, config.ContextSession)
	named := *db
	named.DriverDSN += "&application_name=shop"
	a.insert(a.Context(), open(t, &named), "1")
	if got := row(a, "application, managed"); got != "shop|false" {
		t.Error(got)
	}
}

// GORM and pgx on a source whose triggers capture.
func TestTriggersFindPrograms(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		for _, how := range []string{config.ContextSession, config.ContextRow} {
			t.Run(how, func(t *testing.T) {
				db := testdb.New(t, db.Kind)
				a := newAudited(t, db, how)
				for _, pool := range []*sql.DB{a.db, db.DB} {
					g := orm.Open(t, db.Dialect, pool, gorm.Config{})
					if err := g.Use(gormcapture.New(a.aud)); err != nil {
						t.Fatal(err)
					}
					playRevisions(a, g)
				}
			})
		}
	})
}

func playRevisions(a *audited, g *gorm.DB) {
	a.Helper()
	ctx := annals.WithComment(a.as("ann"), "once")
	do := func(db *gorm.DB) {
		a.Helper()
		if db.Error != nil {
			a.Fatal(db.Error)
		}
	}
	do(g.WithContext(ctx).Create(&Post{Title: "g1"}))
	do(g.WithContext(a.Context()).Exec("UPDATE post SET title = 'g2'"))
	do(g.WithContext(ctx).Exec("UPDATE post SET title = 'g3'"))
	if err := g.WithContext(a.Context()).Transaction(func(tx *gorm.DB) error {
		do(tx.WithContext(a.as("bob")).Exec("DELETE FROM post"))
		return tx.Create(&Post{Title: "g4"}).Error
	}); err != nil {
		a.Fatal(err)
	}
	do(g.WithContext(a.Context()).Where("1 = 1").Delete(&Post{}))
	a.same("ann true 1 once", "not orm false 1", "ann true 1", "bob true 2", "not orm false 1")
}

// pgx without database/sql.
func TestTriggersFindPgx(t *testing.T) {
	for _, how := range []string{config.ContextSession, config.ContextRow} {
		t.Run(how, func(t *testing.T) {
			db := testdb.New(t, dialect.PostgresName)
			a := newAudited(t, db, how)
			pool, err := pgxpool.New(t.Context(), db.DSN)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			bound := pgxcapture.Wrap(pool, pgxcapture.Options{Row: how == config.ContextRow, Schema: a.schema})
			ctx := annals.WithExtra(a.as("ann"), []byte(`{"a": 1}`))
			for _, c := range []struct {
				ctx  context.Context
				want string
			}{{ctx, "ann true 1"}, {a.Context(), "not orm false 1"}, {a.as("bob"), "bob true 1"}} {
				for _, play := range pgxPlays() {
					if err := play.run(c.ctx, bound, play.name); err != nil {
						t.Fatalf("%s: %v", play.name, err)
					}
					a.same(c.want)
					a.must(t.Context(), db, "DELETE FROM post")
					a.same("not orm false 1")
				}
			}
		})
	}
}

// rowQueryer asks for one row.
type rowQueryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// What a program's session remembers is its own with annals' triggers too.
func TestSessionWithTriggers(t *testing.T) {
	for _, how := range []string{config.ContextSession, config.ContextRow} {
		t.Run(how, func(t *testing.T) {
			for kind, query := range map[string]string{
				"mariadb": "SELECT LAST_INSERT_ID()", "sqlite": "SELECT last_insert_rowid()",
			} {
				t.Run(kind, func(t *testing.T) {
					a := newAudited(t, testdb.New(t, kind), how)
					c := a.conn()
					ask := func(on rowQueryer, want int64) {
						t.Helper()
						var id int64
						if err := on.QueryRowContext(a.Context(), query).Scan(&id); err != nil || id != want {
							t.Errorf("%d, %v, want %d", id, err, want)
						}
					}
					a.must(a.Context(), a.plain, "INSERT INTO post (id, title) VALUES (76, 'first')")
					a.insert(a.as("ann"), c, "1")
					ask(c, 77)
					a.must(a.as("ann"), c, "UPDATE post SET title = 'x' WHERE id = 77")
					ask(c, 77)
					tx, err := c.BeginTx(a.as("bob"), nil)
					if err != nil {
						t.Fatal(err)
					}
					a.must(a.Context(), tx, "UPDATE post SET title = 'y' WHERE id = 77")
					ask(tx, 77)
					a.insert(a.Context(), tx, "2")
					ask(tx, 78)
					a.commit(tx)
					ask(c, 78)
				})
			}
		})
	}
}
