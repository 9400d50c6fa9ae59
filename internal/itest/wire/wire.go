// Package wire records what reaches a database: each statement once, in order,
// with what was bound to it, as the driver is given it.
package wire

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// Statement is one that ran; transaction control is BEGIN, COMMIT and ROLLBACK.
type Statement struct {
	SQL  string
	Args []driver.NamedValue
}

// Recorder keeps statements. It is safe for concurrent use.
type Recorder struct {
	mu         sync.Mutex
	statements []Statement
}

func (r *Recorder) add(query string, args []driver.NamedValue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements = append(r.statements, Statement{query, args})
}

// Take returns what was recorded since the last time.
func (r *Recorder) Take() []Statement {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.statements
	r.statements = nil
	return all
}

// Open opens the database again through a recording driver.
func Open(tb testing.TB, db *testdb.DB) (*testdb.DB, *Recorder) {
	tb.Helper()
	c, r := Connector(db)
	pool := sql.OpenDB(c)
	tb.Cleanup(func() {
		if err := pool.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	again := *db
	again.DB = pool
	return &again, r
}

// Connector returns a recording connector to the database.
func Connector(db *testdb.DB) (driver.Connector, *Recorder) {
	r := &Recorder{}
	return &connector{driver: db.Driver(), dsn: db.DriverDSN, recorder: r}, r
}

type connector struct {
	driver   driver.Driver
	dsn      string
	recorder *Recorder
}

// Connect implements driver.Connector.
func (c *connector) Connect(context.Context) (driver.Conn, error) {
	raw, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: raw, recorder: c.recorder}, nil
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return c.driver }

// conn passes everything on; the drivers used here have all of it.
type conn struct {
	driver.Conn
	recorder *Recorder
}

// ExecContext implements driver.ExecerContext. A driver that prefers to prepare
// is recorded then.
func (c *conn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	res, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if !errors.Is(err, driver.ErrSkip) {
		c.recorder.add(query, args)
	}
	return res, err
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	if !errors.Is(err, driver.ErrSkip) {
		c.recorder.add(query, args)
	}
	return rows, err
}

// BeginTx implements driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.recorder.add("BEGIN", nil)
	raw, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &tx{raw, c.recorder}, nil
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	raw, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &stmt{raw, query, c.recorder}, nil
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// ResetSession implements driver.SessionResetter.
func (c *conn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.Conn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

type tx struct {
	driver.Tx
	recorder *Recorder
}

// Commit implements driver.Tx.
func (t *tx) Commit() error {
	t.recorder.add("COMMIT", nil)
	return t.Tx.Commit()
}

// Rollback implements driver.Tx.
func (t *tx) Rollback() error {
	t.recorder.add("ROLLBACK", nil)
	return t.Tx.Rollback()
}

type stmt struct {
	driver.Stmt
	query    string
	recorder *Recorder
}

// ExecContext implements driver.StmtExecContext.
func (s *stmt) ExecContext(
	ctx context.Context, args []driver.NamedValue,
) (driver.Result, error) {
	s.recorder.add(s.query, args)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(
	ctx context.Context, args []driver.NamedValue,
) (driver.Rows, error) {
	s.recorder.add(s.query, args)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// CheckNamedValue implements driver.NamedValueChecker.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}
