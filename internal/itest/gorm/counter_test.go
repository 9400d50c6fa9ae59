package gorm_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
	"sync"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// counter counts the statements that reach a driver, each of which is a round
// trip (a driver that has to prepare first makes two, for everybody).
type counter struct {
	mu         sync.Mutex
	statements []string
}

func (c *counter) add(query string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements = append(c.statements, query)
}

// take returns what was counted since the last time.
func (c *counter) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.statements
	c.statements = nil
	return all
}

// counted opens the database again through a counting driver.
func counted(tb testing.TB, db *testdb.DB) (*testdb.DB, *counter) {
	tb.Helper()
	c := &counter{}
	pool := sql.OpenDB(&connector{driver: db.Driver(), dsn: db.DriverDSN, counter: c})
	tb.Cleanup(func() {
		if err := pool.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	again := *db
	again.DB = pool
	return &again, c
}

type connector struct {
	driver  driver.Driver
	dsn     string
	counter *counter
}

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	raw, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &countedConn{Conn: raw, counter: c.counter}, nil
}

func (c *connector) Driver() driver.Driver { return c.driver }

// countedConn passes everything on; the drivers used here have all of it.
type countedConn struct {
	driver.Conn
	counter *counter
}

func (c *countedConn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	res, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if err != driver.ErrSkip {
		c.counter.add(query)
	}
	return res, err
}

func (c *countedConn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	if err != driver.ErrSkip {
		c.counter.add(query)
	}
	return rows, err
}

func (c *countedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.counter.add("BEGIN")
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return &countedTx{tx, c.counter}, err
}

func (c *countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &countedStmt{stmt, query, c.counter}, nil
}

func (c *countedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *countedConn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.Conn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

type countedTx struct {
	driver.Tx
	counter *counter
}

func (t *countedTx) Commit() error {
	t.counter.add("COMMIT")
	return t.Tx.Commit()
}

type countedStmt struct {
	driver.Stmt
	query   string
	counter *counter
}

func (s *countedStmt) ExecContext(
	ctx context.Context, args []driver.NamedValue,
) (driver.Result, error) {
	s.counter.add(s.query)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *countedStmt) QueryContext(
	ctx context.Context, args []driver.NamedValue,
) (driver.Rows, error) {
	s.counter.add(s.query)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

func (s *countedStmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// listed shortens statements for a message.
func listed(statements []string) string {
	short := make([]string, len(statements))
	for i, s := range statements {
		short[i] = s[:min(len(s), 120)]
	}
	return strings.Join(short, "\n")
}
