package storage_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// statement is what a driver was given.
type statement struct {
	text string
	args []any
}

// recorder notes every statement that goes through its pool.
type recorder struct {
	driver driver.Driver
	dsn    string

	mu   sync.Mutex
	list []statement
}

// record opens db once more, with every statement noted.
func record(tb testing.TB, db *testdb.DB) (*sql.DB, *recorder) {
	tb.Helper()
	r := &recorder{driver: db.Driver(), dsn: db.DriverDSN}
	pool := sql.OpenDB(r)
	tb.Cleanup(func() { _ = pool.Close() })
	return pool, r
}

func (r *recorder) Connect(context.Context) (driver.Conn, error) {
	c, err := r.driver.Open(r.dsn)
	return &recordedConn{c, r}, err
}

// Driver implements driver.Connector.
func (r *recorder) Driver() driver.Driver { return r.driver }

func (r *recorder) note(text string, args []driver.NamedValue) {
	s := statement{text: text}
	for _, a := range args {
		s.args = append(s.args, a.Value)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, s)
}

// taken returns what was noted since the last time.
func (r *recorder) taken() []statement {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	return list
}

func (r *recorder) texts() []string {
	var out []string
	for _, s := range r.taken() {
		out = append(out, s.text)
	}
	return out
}

type recordedConn struct {
	driver.Conn
	r *recorder
}

func (c *recordedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o) //nolint:forcetypeassert // all three have it
}

func (c *recordedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *recordedConn) QueryContext(
	ctx context.Context, text string, args []driver.NamedValue,
) (driver.Rows, error) {
	//nolint:forcetypeassert // all three drivers have it
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, text, args)
	if !errors.Is(err, driver.ErrSkip) {
		c.r.note(text, args)
	}
	return rows, err
}

func (c *recordedConn) ExecContext(
	ctx context.Context, text string, args []driver.NamedValue,
) (driver.Result, error) {
	res, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, text, args) //nolint:forcetypeassert // all three have it
	if !errors.Is(err, driver.ErrSkip) {
		c.r.note(text, args)
	}
	return res, err
}

// PrepareContext is what database/sql falls back to; the statement it prepares
// runs once.
func (c *recordedConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, text) //nolint:forcetypeassert // all three have it
	return &recordedStmt{s, c.r, text}, err
}

type recordedStmt struct {
	driver.Stmt
	r    *recorder
	text string
}

func (s *recordedStmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (s *recordedStmt) QueryContext(
	ctx context.Context, args []driver.NamedValue,
) (driver.Rows, error) {
	s.r.note(s.text, args)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args) //nolint:forcetypeassert // all three have it
}

func (s *recordedStmt) ExecContext(
	ctx context.Context, args []driver.NamedValue,
) (driver.Result, error) {
	s.r.note(s.text, args)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args) //nolint:forcetypeassert // all three have it
}
