package conn_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// queryer runs queries.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// What a program reads of its session is the same with somebody bound and without.
func TestSessionIsTheProgramsOwn(t *testing.T) {
	questions := map[string][]string{
		dialect.PostgresName: {"SELECT lastval()"},
		dialect.MySQLName: {
			"SELECT LAST_INSERT_ID()", "SELECT ROW_COUNT()", "SELECT @@warning_count", "SHOW WARNINGS",
		},
		dialect.SQLiteName: {"SELECT last_insert_rowid()", "SELECT changes()"},
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		h := newHarness(t, db)
		h.must(h.Context(), db, "CREATE TABLE note (id integer, body varchar(20))")
		ask := func(c execer, q string) (answer string) {
			rows, err := c.(queryer).QueryContext(h.Context(), q)
			if err != nil {
				return err.Error()
			}
			defer rows.Close()
			for rows.Next() {
				values := make([]any, 3)
				for i := range values {
					values[i] = new(any)
				}
				columns, _ := rows.Columns()
				if err := rows.Scan(values[:len(columns)]...); err != nil {
					t.Fatal(err)
				}
				for _, v := range values[:len(columns)] {
					answer += fmt.Sprintf("%s ", *v.(*any))
				}
			}
			if err := rows.Err(); err != nil {
				t.Error(err)
			}
			return answer
		}
		// The sequences of ids are shared, so that the posts have their own.
		play := func(who string, first int) (answers []string) {
			ctx := h.Context()
			if who != "" {
				ctx = h.as(who)
			}
			c := h.conn()
			defer c.Close()
			step := func(on execer, query string) {
				h.must(ctx, on, query)
				for _, q := range questions[db.Dialect] {
					// The end of a bound transaction deletes a row of SQLite's (attribution.md).
					if _, in := on.(*sql.Tx); !in && q == "SELECT changes()" {
						continue
					}
					answers = append(answers, query+" | "+q+" | "+ask(on, q))
				}
			}
			insert := fmt.Sprintf("INSERT INTO post (id, title) VALUES (%d, 't')", first)
			if db.Dialect == dialect.PostgresName {
				insert = "INSERT INTO post (title) VALUES ('t')"
			}
			step(c, insert)
			step(c, "UPDATE post SET title = 'u'")
			step(c, "UPDATE post SET title = 'u' WHERE 1 = 0")
			step(c, "DELETE FROM post")
			tx, err := c.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			step(tx, "INSERT INTO note (id) VALUES (1), (2), (3)")
			step(tx, "UPDATE note SET id = 1")
			step(tx, "DELETE FROM note")
			h.commit(tx)
			return answers
		}
		h.must(h.Context(), db, "DELETE FROM post")
		without := play("", 100)
		with := play("ann", 100)
		if db.Dialect == dialect.PostgresName { // the trigger draws numbers too
			without, with = shape(without), shape(with)
		}
		for i := range without {
			if with[i] != without[i] {
				t.Errorf("bound: %s\nwithout: %s", with[i], without[i])
			}
		}
	})
}

// shape is what is left of answers whose numbers move on.
func shape(answers []string) (all []string) {
	for _, a := range answers {
		all = append(all, a[:strings.LastIndex(a, "|")])
	}
	return all
}

// A write by itself gives what it gives without annals: rows, their types, numbers
// and errors.
func TestResultsAreUnchanged(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		h := newHarness(t, db)
		play := func(on *sql.DB, ctx context.Context) (all []string) {
			say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
			rows, err := on.QueryContext(ctx, "INSERT INTO post (id, title) VALUES (500, 'a'), (501, NULL) "+
				"RETURNING id, title")
			if err != nil {
				t.Fatal(err)
			}
			types, err := rows.ColumnTypes()
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range types {
				length, hasLength := c.Length()
				null, hasNull := c.Nullable()
				precision, scale, has := c.DecimalSize()
				say("%s %s %v %d %t %t %t %d %d %t", c.Name(), c.DatabaseTypeName(), c.ScanType(),
					length, hasLength, null, hasNull, precision, scale, has)
			}
			for rows.Next() {
				var id int64
				var title sql.NullString
				if err := rows.Scan(&id, &title); err != nil {
					t.Fatal(err)
				}
				say("%d %v", id, title)
			}
			say("%v %v", rows.Err(), rows.Close())
			var id int64
			err = on.QueryRowContext(ctx, h.sql("DELETE FROM post WHERE id = ? RETURNING id"), 500).Scan(&id)
			say("%d %v", id, err)
			res, err := on.ExecContext(ctx, "DELETE FROM post")
			if err != nil {
				t.Fatal(err)
			}
			n, err := res.RowsAffected()
			say("%d %v", n, err)
			_, err = on.ExecContext(ctx, "INSERT INTO post (nothing) VALUES (1)")
			say("%T %v", err, err)
			err = on.QueryRowContext(ctx, "INSERT INTO post (id, title) VALUES (1, 'x'), (1, 'y') RETURNING id").
				Scan(&id)
			say("%T %v", err, err)
			err = on.QueryRowContext(ctx, "DELETE FROM post RETURNING id").Scan(&id)
			say("%v %t", err, errors.Is(err, sql.ErrNoRows))
			return all
		}
		with, without := play(h.db, h.as("ann")), play(db.DB, h.Context())
		if !slices.Equal(with, without) {
			t.Errorf("with:\n%s\nwithout:\n%s", strings.Join(with, "\n"), strings.Join(without, "\n"))
		}
	})
}

// A comment belongs to the first transaction that writes and commits.
func TestComments(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		h := newHarness(t, db)
		ctx := annals.WithComment(h.as("ann"), "ticket 7")
		tx := h.begin(ctx) // writes nothing
		h.commit(tx)
		h.must(ctx, h.db, "UPDATE post SET title = 'x'") // changes nothing
		var id int64
		err := h.db.QueryRowContext(ctx, "DELETE FROM post RETURNING id").Scan(&id)
		if !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
		tx = h.begin(ctx)
		h.insert(ctx, tx, "rolled back")
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if _, err := h.db.ExecContext(ctx, "INSERT INTO post (nothing) VALUES (1)"); err == nil {
			t.Fatal("no error")
		}
		tx = h.begin(ctx)
		h.insert(ctx, tx, "c1")
		h.insert(ctx, tx, "c2")
		h.commit(tx)
		h.insert(ctx, h.db, "c3")
		h.insert(annals.WithComment(ctx, "alone"), h.db, "c4")
		h.want("c1:ann:ticket 7", "c2:ann:ticket 7", "c3:ann", "c4:ann:alone")
	})
}

// The program is asked who acts once a transaction, and only where nobody says.
func TestActorIsAsked(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		asked, answer := 0, func() (annals.Actor, error) { return annals.Actor{Name: "eve"}, nil }
		h := newHarness(t, db, func(o *conn.Options) {
			o.Actor = func(context.Context) (annals.Actor, error) {
				asked++
				return answer()
			}
		})
		tx := h.begin(h.Context())
		h.insert(h.Context(), tx, "q1")
		h.insert(h.Context(), tx, "q2")
		h.commit(tx)
		h.insert(h.Context(), h.db, "q3")
		h.insert(h.as("ann"), h.db, "q4")
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
		answer = func() (annals.Actor, error) { return annals.Actor{}, errors.New("nobody home") }
		if _, err := h.db.ExecContext(h.Context(), "DELETE FROM post"); !errors.Is(err, annals.ErrCapture) {
			t.Errorf("no answer: %v", err)
		}
		answer = func() (annals.Actor, error) { panic("no") }
		if _, err := h.db.ExecContext(h.Context(), "DELETE FROM post"); !errors.Is(err, annals.ErrCapture) {
			t.Errorf("a panic: %v", err)
		}
		long := annals.WithActor(h.Context(), annals.Actor{ID: strings.Repeat("x", 256)})
		if _, err := h.db.ExecContext(long, "DELETE FROM post"); !errors.Is(err, annals.ErrCapture) {
			t.Errorf("a long id: %v", err)
		}
		answer = func() (annals.Actor, error) { return annals.Actor{}, nil }
		h.insert(h.Context(), h.db, "q5")
		h.want("q1:eve", "q2:eve", "q3:eve", "q4:ann", "q5:")
	})
}

// Values reach the trigger as they are, except for what would end a field or a text.
func TestHostileValues(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		h := newHarness(t, db)
		for i, c := range [][2]string{
			{`O'Brien \'; DROP TABLE post; --`, `O'Brien \'; DROP TABLE post; --`},
			{"\\", "\\"},
			{`a"b$1?%s`, `a"b$1?%s`},
			{"日本 😀", "日本 😀"},
			{"x\x1fy\x00z", "x y z"},
			{"\xff\xfe!", "\uFFFD!"},
			{strings.Repeat("é", 300), strings.Repeat("é", 255)},
		} {
			title := fmt.Sprintf("h%d", i)
			h.insert(h.as(c[0]), h.db, title)
			h.want(title + ":" + c[1])
		}
	})
}

// Concurrent transactions of several actors on a small pool are each their own.
func TestConcurrentUse(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		h := newHarness(t, db)
		h.db.SetMaxOpenConns(3)
		h.db.SetMaxIdleConns(3)
		var wg sync.WaitGroup
		for worker := range 6 {
			wg.Go(func() {
				who := fmt.Sprintf("w%d", worker)
				for i := range 15 {
					ctx, name := h.as(who), who
					if i%5 == 4 {
						ctx, name = h.Context(), ""
					}
					title := fmt.Sprintf("%s-%d:%s", who, i, name)
					if err := write(ctx, h, i, title); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for _, line := range h.seen() {
			title, who, _ := strings.Cut(line, ":")
			name, got, _ := strings.Cut(who, ":")
			if name != got {
				t.Errorf("%s is bound to %q", title, got)
			}
		}
	})
}

func write(ctx context.Context, h *harness, i int, title string) error {
	const insert = "INSERT INTO post (title) VALUES (?)"
	if i%3 == 0 {
		_, err := h.db.ExecContext(ctx, h.sql(insert), title)
		return err
	}
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, h.sql(insert), title); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if i%3 == 1 {
		return tx.Rollback()
	}
	return tx.Commit()
}

// A deadlock ends a transaction of MySQL; what its program goes on to write belongs
// to its program still, and to nobody once it has ended.
func TestDeadlock(t *testing.T) {
	db := testdb.New(t, "mariadb")
	h := newHarness(t, db)
	h.must(h.Context(), db, "INSERT INTO post (id, title) VALUES (1, 'one'), (2, 'two')")
	h.seen()
	other, err := db.BeginTx(h.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// The smaller transaction is the one that is given up.
	h.must(h.Context(), other, "INSERT INTO post (title) VALUES ('a'), ('b'), ('c'), ('d'), ('e')")
	h.must(h.Context(), other, "UPDATE post SET title = 'x1' WHERE id = 1")
	tx := h.begin(h.as("ann"))
	h.must(h.Context(), tx, "UPDATE post SET title = 'x2' WHERE id = 2")
	done := make(chan error)
	go func() {
		_, err := other.ExecContext(t.Context(), "UPDATE post SET title = 'y2' WHERE id = 2")
		done <- err
	}()
	_, err = tx.ExecContext(h.Context(), "UPDATE post SET title = 'y1' WHERE id = 1")
	if second := <-done; err == nil || second != nil {
		t.Fatalf("%v, the other %v", err, second)
	}
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	h.seen()
	h.insert(h.Context(), tx, "after")
	_ = tx.Rollback() // of nothing: MySQL has committed what came after
	h.insert(h.Context(), h.db, "nobody")
	h.want("after:ann", "nobody:")
}

// A procedure that commits cannot run in a transaction; it runs as without annals.
func TestProcedureThatCommits(t *testing.T) {
	db := testdb.New(t, dialect.PostgresName)
	h := newHarness(t, db)
	h.must(h.Context(), db, `CREATE PROCEDURE twice() LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO post (title) VALUES ('p1'); COMMIT; INSERT INTO post (title) VALUES ('p2'); END $$`)
	h.must(h.Context(), db, `CREATE PROCEDURE once() LANGUAGE sql AS $$
		INSERT INTO post (title) VALUES ('p3') $$`)
	h.must(h.as("ann"), h.db, "CALL twice()")
	h.must(h.as("ann"), h.db, "CALL once()")
	h.want("p1:", "p2:", "p3:ann")
}

// The driver's own connection is at hand, and what runs on it is bound as the
// transaction that it runs in.
func TestUnderlying(t *testing.T) {
	db := testdb.New(t, dialect.PostgresName)
	h := newHarness(t, db)
	c := h.conn()
	tx, err := c.BeginTx(h.as("ann"), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Raw(func(driverConn any) error {
		raw := conn.Underlying(driverConn).(*stdlib.Conn).Conn()
		_, err := raw.Exec(h.Context(), "INSERT INTO post (title) VALUES ($1)", "u1")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.commit(tx)
	h.want("u1:ann")
	if binds, err := conn.Binds(h.Context(), db.DB); binds || err != nil {
		t.Errorf("a plain pool binds: %t, %v", binds, err)
	}
}

// A connection that the server has closed leaves nothing behind.
func TestConnectionLost(t *testing.T) {
	db := testdb.New(t, dialect.PostgresName)
	h := newHarness(t, db)
	ctx := annals.WithComment(h.as("ann"), "kept")
	tx := h.begin(ctx)
	h.insert(ctx, tx, "k1")
	var pid int
	if err := tx.QueryRowContext(h.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	h.must(h.Context(), testdb.Superuser(t, dialect.PostgresName), "SELECT pg_terminate_backend($1)", pid)
	if err := tx.Commit(); err == nil {
		t.Fatal("committed")
	}
	h.insert(h.Context(), h.db, "k2")
	h.insert(ctx, h.db, "k3")
	h.want("k2:", "k3:ann:kept")
}

// Faults in options are named.
func TestOptions(t *testing.T) {
	for _, o := range []conn.Options{{Dialect: "oracle"}, {Dialect: "mysql", Context: "magic"}} {
		if _, err := conn.Open(nil, "", o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// A text that controls transactions itself runs as it is (PostgreSQL).
func TestTextsThatControl(t *testing.T) {
	db := testdb.New(t, dialect.PostgresName)
	h := newHarness(t, db)
	h.must(h.as("ann"), h.db, "BEGIN; INSERT INTO post (title) VALUES ('t1'); COMMIT")
	h.must(h.as("ann"), h.db, "INSERT INTO post (title) VALUES ('t2'); INSERT INTO post (title) VALUES ('t3')")
	c := h.conn()
	h.must(h.Context(), c, "BEGIN; SELECT 1")
	h.insert(h.as("bob"), c, "t4")
	h.must(h.Context(), c, "COMMIT AND CHAIN")
	h.insert(h.Context(), c, "t5")
	h.must(h.Context(), c, "COMMIT")
	h.want("t1:", "t2:ann", "t3:ann", "t4:bob", "t5:")
}

// A driver that puts values into the text itself is bound likewise.
func TestInterpolatedParameters(t *testing.T) {
	db := testdb.New(t, "mariadb")
	db.DriverDSN += "&interpolateParams=true"
	h := newHarness(t, db)
	h.insert(h.as("ann"), h.db, "i1")
	h.insert(h.Context(), h.db, "i2")
	tx := h.begin(h.as("bob"))
	h.insert(h.Context(), tx, "i3")
	h.commit(tx)
	h.want("i1:ann", "i2:", "i3:bob")
}

// What a REPLACE of SQLite removes is seen on connections that bind.
func TestReplaceIsSeen(t *testing.T) {
	h := newHarness(t, testdb.New(t, "sqlite"))
	h.must(h.as("ann"), h.db, "INSERT INTO post (id, title) VALUES (1, 'r1')")
	h.must(h.as("ann"), h.db, "REPLACE INTO post (id, title) VALUES (1, 'r2')")
	h.want("r1:ann", "r1:ann", "r2:ann")
}
