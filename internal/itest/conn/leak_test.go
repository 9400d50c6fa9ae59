package conn_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// scenario is something that happens on the one connection of a pool. Between two of
// them others write, with and without an actor.
type scenario struct {
	name string
	// on are the databases that it is for; all where there are none.
	on   []string
	run  func(h *harness)
	want []string
	// wantOn is what is wanted on one database instead.
	wantOn map[string][]string
}

// Nobody inherits what was said of another's transaction, whatever became of it.
func TestNothingIsInherited(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		h := newHarness(t, db)
		for _, s := range scenarios() {
			if len(s.on) > 0 && !contains(s.on, db.Dialect) {
				continue
			}
			t.Run(s.name, func(t *testing.T) {
				h := &harness{T: t, db: h.db, plain: h.plain, read: h.read}
				h.seen()
				s.run(h)
				if want, ok := s.wantOn[db.Dialect]; ok {
					h.want(want...)
				} else {
					h.want(s.want...)
				}
				h.insert(h.Context(), h.db, s.name+" nobody")
				h.insert(h.as("bob"), h.db, s.name+" bob")
				tx := h.begin(h.Context())
				h.insert(h.Context(), tx, s.name+" nobody again")
				h.commit(tx)
				h.want(s.name+" nobody:", s.name+" bob:bob", s.name+" nobody again:")
			})
		}
	})
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

func scenarios() []scenario {
	return append(endings(), []scenario{
		{
			name: "autocommit",
			run: func(h *harness) {
				h.insert(h.as("ann"), h.db, "a1")
				h.must(h.as("ann"), h.db, "UPDATE post SET title = 'a2' WHERE title = 'a1'")
				h.must(h.as("ann"), h.db, "DELETE FROM post WHERE title = 'a2'")
			},
			want: []string{"a1:ann", "a2:ann", "a2:ann"},
		},
		{
			name: "prepared",
			run: func(h *harness) {
				st, err := h.db.PrepareContext(h.Context(), h.sql("INSERT INTO post (title) VALUES (?)"))
				if err != nil {
					h.Fatal(err)
				}
				defer st.Close()
				for _, c := range []struct {
					ctx   context.Context
					title string
				}{{h.as("ann"), "p1"}, {h.Context(), "p2"}, {h.as("cy"), "p3"}} {
					if _, err := st.ExecContext(c.ctx, c.title); err != nil {
						h.Fatal(err)
					}
				}
				tx := h.begin(h.as("ann"))
				if _, err := tx.StmtContext(h.Context(), st).ExecContext(h.Context(), "p4"); err != nil {
					h.Fatal(err)
				}
				h.commit(tx)
			},
			want: []string{"p1:ann", "p2:", "p3:cy", "p4:ann"},
		},
		{
			name: "error in autocommit",
			run: func(h *harness) {
				h.insert(h.as("ann"), h.db, "e1")
				if _, err := h.db.ExecContext(h.as("ann"), "INSERT INTO post (title) VALUES ('e1')"); err == nil {
					h.Error("no error")
				}
			},
			want: []string{"e1:ann"},
		},
		{
			name: "never prepared",
			run: func(h *harness) {
				_, err := h.db.ExecContext(h.as("ann"), h.sql("INSERT INTO post (nothing) VALUES (?)"), 1)
				if err == nil {
					h.Error("no error")
				}
				h.insert(h.Context(), h.db, "np1")
				h.insert(h.as("cy"), h.db, "np2")
			},
			want: []string{"np1:", "np2:cy"},
		},
		{
			name: "begun twice",
			run: func(h *harness) {
				c := h.conn()
				h.must(h.Context(), c, "BEGIN")
				h.insert(h.as("ann"), c, "bt1")
				tx, err := c.BeginTx(h.as("cy"), nil)
				if h.plain.Dialect == dialect.SQLiteName {
					if err == nil {
						h.Error("no error")
					}
					h.must(h.Context(), c, "ROLLBACK")
				} else {
					h.insert(h.Context(), tx, "bt2")
					h.commit(tx)
				}
				if err := c.Close(); err != nil {
					h.Error(err)
				}
			},
			want:   []string{"bt1:ann", "bt2:cy"},
			wantOn: map[string][]string{dialect.SQLiteName: nil},
		},
		{
			name: "late",
			run: func(h *harness) {
				tx := h.begin(h.Context())
				var n int
				if err := tx.QueryRowContext(h.Context(), "SELECT count(*) FROM post").Scan(&n); err != nil {
					h.Fatal(err)
				}
				h.insert(h.as("ann"), tx, "l1")
				h.insert(h.as("cy"), tx, "l2") // the first write has said who it is
				h.commit(tx)
			},
			want: []string{"l1:ann", "l2:ann"},
		},
		{
			name: "savepoints",
			run: func(h *harness) {
				tx := h.begin(h.Context())
				h.must(h.Context(), tx, "SAVEPOINT a")
				h.insert(h.as("ann"), tx, "s1")
				h.must(h.Context(), tx, "ROLLBACK TO SAVEPOINT a")
				h.insert(h.as("ann"), tx, "s2")
				h.must(h.Context(), tx, "SAVEPOINT b")
				h.insert(h.Context(), tx, "s3")
				h.must(h.Context(), tx, "ROLLBACK TO SAVEPOINT b")
				h.insert(h.Context(), tx, "s4")
				h.must(h.Context(), tx, "RELEASE SAVEPOINT a")
				h.insert(h.Context(), tx, "s5")
				h.commit(tx)
			},
			want: []string{"s2:ann", "s4:ann", "s5:ann"},
		},
		{
			name: "write in a WITH",
			on:   []string{dialect.PostgresName, dialect.SQLiteName},
			run: func(h *harness) {
				h.must(h.as("ann"), h.db,
					"WITH w AS (SELECT 'w1' AS t) INSERT INTO post (title) SELECT t FROM w")
			},
			want: []string{"w1:ann"},
		},
	}...)
}

// endings are the ways in which a transaction ends.
func endings() []scenario {
	return []scenario{
		{
			name: "commit",
			run: func(h *harness) {
				tx := h.begin(h.as("ann"))
				h.insert(h.Context(), tx, "c1")
				h.must(h.Context(), tx, "UPDATE post SET title = 'c2' WHERE title = 'c1'")
				h.commit(tx)
			},
			want: []string{"c1:ann", "c2:ann"},
		},
		{
			name: "rollback",
			run: func(h *harness) {
				tx := h.begin(h.as("ann"))
				h.insert(h.as("ann"), tx, "r1")
				if err := tx.Rollback(); err != nil {
					h.Error(err)
				}
			},
		},
		{
			name: "panic",
			run: func(h *harness) {
				defer func() { _ = recover() }()
				tx := h.begin(h.as("ann"))
				defer func() { _ = tx.Rollback() }()
				h.insert(h.as("ann"), tx, "n1")
				panic("as a program does")
			},
		},
		{
			name: "error",
			run: func(h *harness) {
				tx := h.begin(h.as("ann"))
				h.insert(h.as("ann"), tx, "d1")
				if _, err := tx.ExecContext(h.as("ann"), "INSERT INTO post (title) VALUES ('d1')"); err == nil {
					h.Error("no error")
				}
				_ = tx.Rollback()
			},
		},
		{
			name: "context cancelled",
			run: func(h *harness) {
				ctx, cancel := context.WithCancel(h.as("ann"))
				tx := h.begin(ctx)
				h.insert(h.as("ann"), tx, "x1")
				cancel()
				if err := tx.Commit(); !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
					h.Errorf("commit: %v", err)
				}
			},
		},
		{
			name: "raw commit",
			run: func(h *harness) {
				c := h.conn()
				h.must(h.Context(), c, "BEGIN")
				h.insert(h.as("ann"), c, "rc1")
				h.insert(h.Context(), c, "rc2")
				h.must(h.Context(), c, "/* done */ COMMIT")
				h.insert(h.Context(), c, "rc3")
				if err := c.Close(); err != nil {
					h.Error(err)
				}
			},
			want: []string{"rc1:ann", "rc2:ann", "rc3:"},
		},
		{
			name: "raw commit within",
			run: func(h *harness) {
				tx := h.begin(h.as("ann"))
				h.insert(h.as("ann"), tx, "rw1")
				h.must(h.Context(), tx, "COMMIT")
				h.insert(h.Context(), tx, "rw2")
				_ = tx.Rollback() // of nothing
			},
			want: []string{"rw1:ann", "rw2:"},
		},
		{
			name: "left open",
			run: func(h *harness) {
				c := h.conn()
				h.must(h.Context(), c, "BEGIN")
				h.insert(h.as("ann"), c, "lo1")
				if err := c.Close(); err != nil {
					h.Error(err)
				}
				c = h.conn()
				h.insert(h.Context(), c, "lo2")
				if h.plain.Dialect != dialect.PostgresName { // where pgx gives it up
					h.must(h.Context(), c, "COMMIT")
				}
				if err := c.Close(); err != nil {
					h.Error(err)
				}
			},
			want:   []string{"lo1:ann", "lo2:"},
			wantOn: map[string][]string{dialect.PostgresName: {"lo2:"}},
		},
		{
			name: "schema statement",
			run: func(h *harness) {
				tx := h.begin(h.as("ann"))
				h.insert(h.as("ann"), tx, "ds1")
				h.must(h.Context(), tx, "CREATE TABLE other (id integer)")
				h.must(h.Context(), tx, "DROP TABLE other")
				h.commit(tx)
			},
			want: []string{"ds1:ann"},
		},
		{
			name: "OR ROLLBACK",
			on:   []string{dialect.SQLiteName},
			run: func(h *harness) {
				tx := h.begin(h.Context())
				h.insert(h.as("ann"), tx, "or1")
				if _, err := tx.ExecContext(h.as("ann"),
					"INSERT OR ROLLBACK INTO post (title) VALUES ('or1')"); err == nil {
					h.Error("no error")
				}
				h.insert(h.Context(), tx, "or2")
				h.insert(h.as("cy"), tx, "or3")
				_ = tx.Rollback()
			},
			want: []string{"or2:", "or3:cy"},
		},
		{
			name: "autocommit off",
			on:   []string{dialect.MySQLName},
			run: func(h *harness) {
				c := h.conn()
				h.must(h.Context(), c, "SET autocommit = 0")
				h.insert(h.as("ann"), c, "ao1")
				h.insert(h.Context(), c, "ao2")
				h.must(h.Context(), c, "COMMIT")
				h.insert(h.Context(), c, "ao3")
				h.must(h.Context(), c, "SET autocommit = 1")
				if err := c.Close(); err != nil {
					h.Error(err)
				}
			},
			want: []string{"ao1:ann", "ao2:ann", "ao3:"},
		},
		{
			name: "savepoint as a transaction",
			on:   []string{dialect.SQLiteName},
			run: func(h *harness) {
				c := h.conn()
				h.must(h.Context(), c, "SAVEPOINT o")
				h.insert(h.as("ann"), c, "so1")
				h.must(h.Context(), c, "RELEASE o")
				if err := c.Close(); err != nil {
					h.Error(err)
				}
			},
			want: []string{"so1:ann"},
		},
	}
}

// A text of several statements is refused where it would be bound, since nobody could
// say where a transaction ends in it.
func TestSeveralStatements(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		if db.Dialect == dialect.MySQLName {
			db.DriverDSN += "&multiStatements=true"
		}
		h := newHarness(t, db)
		const text = "INSERT INTO post (title) VALUES ('m1'); INSERT INTO post (title) VALUES ('m2')"
		tx := h.begin(h.as("ann"))
		h.insert(h.as("ann"), tx, "m0")
		_, err := tx.ExecContext(h.Context(), text)
		if db.Dialect == dialect.PostgresName {
			if err != nil {
				t.Fatal(err)
			}
			h.commit(tx)
			h.want("m0:ann", "m1:ann", "m2:ann")
			return
		}
		var fault *annals.Error
		if !errors.Is(err, conn.ErrSeveral) || !errors.As(err, &fault) || fault.Remedy == "" {
			t.Fatalf("in a transaction: %v", err)
		}
		_ = tx.Rollback()
		if _, err := h.db.ExecContext(h.as("ann"), text); !errors.Is(err, conn.ErrSeveral) {
			t.Fatalf("alone: %v", err)
		}
		h.want()
		h.must(h.Context(), h.db, text)
		h.want("m1:", "m2:")
	})
}
