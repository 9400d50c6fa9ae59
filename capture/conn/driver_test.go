package conn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// oldDriver has what drivers had to have in the beginning and nothing else, or a few
// abilities more. It notes what it is asked.
type oldDriver struct {
	log []string
	// wrap gives a connection more abilities.
	wrap func(*oldConn) driver.Conn
	// commit is what a commit answers.
	commit error
}

// Open implements driver.Driver.
func (d *oldDriver) Open(string) (driver.Conn, error) {
	c := &oldConn{d}
	if d.wrap != nil {
		return d.wrap(c), nil
	}
	return c, nil
}

func (d *oldDriver) note(format string, args ...any) {
	d.log = append(d.log, fmt.Sprintf(format, args...))
}

type oldConn struct{ d *oldDriver }

// Prepare implements driver.Conn.
func (c *oldConn) Prepare(query string) (driver.Stmt, error) { return &oldStmt{c.d, query}, nil }

// Close implements driver.Conn.
func (c *oldConn) Close() error { return nil }

// Begin implements driver.Conn.
func (c *oldConn) Begin() (driver.Tx, error) {
	c.d.note("begin")
	return oldTx{c.d}, nil
}

type oldTx struct{ d *oldDriver }

// Commit implements driver.Tx.
func (t oldTx) Commit() error {
	t.d.note("commit")
	return t.d.commit
}

// Rollback implements driver.Tx.
func (t oldTx) Rollback() error {
	t.d.note("rollback")
	return nil
}

type oldStmt struct {
	d     *oldDriver
	query string
}

// Close implements driver.Stmt.
func (s *oldStmt) Close() error { return nil }

// NumInput implements driver.Stmt.
func (s *oldStmt) NumInput() int { return -1 }

// ColumnConverter implements driver.ColumnConverter.
func (s *oldStmt) ColumnConverter(int) driver.ValueConverter { return driver.String }

// Exec implements driver.Stmt.
func (s *oldStmt) Exec(args []driver.Value) (driver.Result, error) {
	s.d.note("exec %.12s %v", s.query, args)
	return driver.RowsAffected(1), nil
}

// Query implements driver.Stmt.
func (s *oldStmt) Query(args []driver.Value) (driver.Rows, error) {
	s.d.note("query %.12s %v", s.query, args)
	return oldRows{}, nil
}

type oldRows struct{}

// Columns implements driver.Rows.
func (oldRows) Columns() []string { return []string{"a"} }

// Close implements driver.Rows.
func (oldRows) Close() error { return nil }

// Next implements driver.Rows.
func (oldRows) Next([]driver.Value) error { return io.EOF }

func openOld(t *testing.T, d *oldDriver, name string) *sql.DB {
	t.Helper()
	db, err := Open(d, "", Options{Dialect: name})
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func ann(t *testing.T) context.Context {
	return annals.WithActor(t.Context(), annals.Actor{ID: "1", Name: "ann"})
}

// A driver with few abilities works as it does without the connector.
func TestOldDriver(t *testing.T) {
	d := &oldDriver{}
	db := openOld(t, d, dialect.PostgresName)
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE t SET a = ?", 1); err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(t.Context(), "SELECT a FROM t")
	if err != nil {
		t.Fatal(err)
	}
	if rows.Next() || rows.Err() != nil || rows.Close() != nil {
		t.Error("rows")
	}
	for _, opts := range []sql.TxOptions{{ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
		if _, err := db.BeginTx(ann(t), &opts); err == nil {
			t.Errorf("%+v is begun", opts)
		}
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE t SET a = :a", sql.Named("a", 1)); err == nil {
		t.Error("named parameters are taken")
	}
	if _, err := db.ExecContext(ann(t), "UPDATE t SET a = 2"); err != nil {
		t.Fatal(err)
	}
	// Bound by a statement of its own, since how to begin with one is not known.
	want := []string{
		"exec UPDATE t SET [1]", "query SELECT a FRO []", "begin", "exec SELECT pg_ca []",
		"exec UPDATE t SET []", "commit",
	}
	if !slices.Equal(d.log, want) {
		t.Errorf("%q", d.log)
	}
}

// pqConn is as lib/pq's: it runs texts, and is its own transaction.
type pqConn struct{ *oldConn }

// ExecContext implements driver.ExecerContext.
func (c pqConn) ExecContext(
	_ context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	c.d.note("text %.60s %v", query, args)
	return driver.RowsAffected(1), nil
}

// Commit implements driver.Tx.
func (c pqConn) Commit() error { return oldTx{c.d}.Commit() }

// Rollback implements driver.Tx.
func (c pqConn) Rollback() error { return oldTx{c.d}.Rollback() }

// A connection that is its own transaction, as lib/pq's, begins with the claim, and
// ends as the driver has it.
func TestConnectionThatIsItsTransaction(t *testing.T) {
	d := &oldDriver{wrap: func(c *oldConn) driver.Conn { return pqConn{c} }}
	db := openOld(t, d, dialect.PostgresName)
	tx, err := db.BeginTx(ann(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "UPDATE t SET a = 1"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"text BEGIN; SELECT pg_catalog.set_config('annals.context', extrac []",
		"text UPDATE t SET a = 1 []", "commit",
	}
	if !slices.Equal(d.log, want) {
		t.Errorf("%q", d.log)
	}
}

// A COPY is bound before it is prepared: lib/pq takes no other statement from then on.
func TestCopyIsBoundFirst(t *testing.T) {
	d := &oldDriver{wrap: func(c *oldConn) driver.Conn { return pqConn{c} }}
	db := openOld(t, d, dialect.PostgresName)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	st, err := tx.PrepareContext(ann(t), "COPY t FROM STDIN")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.ExecContext(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"begin", "text SELECT pg_catalog.set_config('annals.context', extract(epoch []",
		"exec COPY t FROM  [a]", "commit",
	}
	if !slices.Equal(d.log, want) {
		t.Errorf("%q", d.log)
	}
}

// A connection that breaks in the commit of a statement does not make database/sql
// run the statement again.
func TestBrokenCommit(t *testing.T) {
	d := &oldDriver{
		wrap: func(c *oldConn) driver.Conn { return pqConn{c} }, commit: driver.ErrBadConn,
	}
	db := openOld(t, d, dialect.PostgresName)
	_, err := db.ExecContext(ann(t), "UPDATE t SET a = 1")
	var fault *annals.Error
	if !errors.As(err, &fault) || errors.Is(err, driver.ErrBadConn) {
		t.Errorf("%v", err)
	}
	if n := len(d.log); n != 3 {
		t.Errorf("%d statements: %q", n, d.log)
	}
}
