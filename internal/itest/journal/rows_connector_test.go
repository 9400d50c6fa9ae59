package journal_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
)

// TestRowsConnector: what a connector binds is in the revision of its transaction, and
// in no other.
func TestRowsConnector(t *testing.T) {
	for _, c := range []struct{ name, kind, context string }{
		{"mariadb", "mariadb", conn.ContextSession},
		{"mariadb row", "mariadb", conn.ContextRow},
		{"sqlite", "sqlite", conn.ContextSession},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var options []option
			if c.context == conn.ContextRow {
				options = append(options, contextRow())
			}
			s := newRowScene(t, testdb.New(t, c.kind),
				[]string{"CREATE TABLE item (id int PRIMARY KEY, n int)"}, append(options, entities("item"))...)
			s.install()
			pool, err := conn.Open(s.Driver(), s.DriverDSN, conn.Options{
				Dialect: s.Dialect, Context: c.context, Schema: s.schema,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			pool.SetMaxOpenConns(1)
			ctx := annals.WithComment(annals.WithActor(t.Context(), annals.Actor{ID: "7", Name: "ann"}), "why")
			tx, err := pool.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			exec := func(ctx context.Context, on execContext, statements ...string) {
				t.Helper()
				for _, st := range statements {
					if _, err := on.ExecContext(ctx, st); err != nil {
						t.Fatalf("%s: %v", st, err)
					}
				}
			}
			exec(ctx, tx, "INSERT INTO item VALUES (1, 1)", "SAVEPOINT a", "UPDATE item SET n = 2", "ROLLBACK TO a",
				"UPDATE item SET n = 3")
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			exec(t.Context(), pool, "UPDATE item SET n = 4")
			s.same("revisions", s.revisions(), "1 ann why", "0 not orm -")
			s.same("receipts", s.receipts(), "1 item insert 1", "1 item update 1", "2 item update 1")
		})
	}
}

type execContext interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// TestMySQLLoad: LOAD DATA is one statement.
func TestMySQLLoad(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item"))
	s.install()
	name := "rows of " + s.schema
	mysql.RegisterReaderHandler(name, func() io.Reader { return strings.NewReader("1\ta\t1\n2\tb\t2\n1\tc\t3\n") })
	t.Cleanup(func() { mysql.DeregisterReaderHandler(name) })
	s.exec("LOAD DATA LOCAL INFILE 'Reader::" + name + "' REPLACE INTO TABLE item")
	s.same("receipts", s.receipts(), "1 item insert 1", "1 item insert 1", "1 item delete 1", "1 item insert 1")
	s.same("revisions", s.revisions(), "0 not orm -")
}

// TestMySQLDeadlock: a transaction that the server ended takes its context along.
func TestMySQLDeadlock(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item"))
	s.install()
	s.exec("INSERT INTO item VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', 4)")
	s.forget("item_audit")
	call := "CALL " + s.own("annals_context") + "('7', 'ann', 'why', NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
	a, b := s.session(), s.session()
	// The victim is the one that has changed less.
	a.exec("BEGIN", call, "UPDATE item SET price = 5 WHERE id = 1")
	b.exec("BEGIN", "UPDATE item SET price = 5 WHERE id > 1")
	done := make(chan error)
	go func() {
		_, err := b.ExecContext(t.Context(), "UPDATE item SET price = 6 WHERE id = 1")
		done <- err
	}()
	_, err := a.ExecContext(t.Context(), "UPDATE item SET price = 6 WHERE id = 2")
	var dead *mysql.MySQLError
	if !errors.As(err, &dead) || dead.Number != 1213 {
		t.Errorf("a was not the deadlock's victim: %v", err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b.exec("COMMIT")
	a.exec("UPDATE item SET price = 7 WHERE id = 3", "BEGIN", "UPDATE item SET price = 7 WHERE id = 4", "COMMIT")
	s.same("actors", s.rows("SELECT user_name, SUM(1) FROM "+s.own(layout.RevisionTable)+" GROUP BY user_name"), "not orm 4")
}
