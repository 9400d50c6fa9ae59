package main

import (
	"context"
	"database/sql/driver"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// class says what a statement is for.
type class int

const (
	business  class = iota
	reads           // rows before and after, and SQLite's write lock
	revisions       // revision, receipts, numbers
	entries
	control // begin, commit
	classes
)

func (c class) String() string {
	return [...]string{
		"the statements themselves", "reading rows before and after",
		"revision, receipts, numbers", "entries", "begin and commit",
	}[c]
}

// classify tells by the text: the only audited table is items.
func classify(query string) class {
	verb := strings.ToUpper(firstWord(query))
	switch {
	case strings.Contains(query, "annals_"), strings.Contains(query, "NEXTVAL"):
		return revisions
	case strings.Contains(query, "items_audit"):
		return entries
	case verb == "SELECT", strings.HasSuffix(query, " WHERE 0"):
		return reads
	case verb == "BEGIN", verb == "COMMIT", verb == "START", verb == "ROLLBACK":
		return control
	}
	return business
}

func firstWord(query string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return word
}

// tracer counts what reaches the database.
type tracer struct {
	mu sync.Mutex
	counts
	spent [classes]time.Duration
	// before is called ahead of each statement.
	before func()
	// asked: something was written and no answer read since.
	asked bool
}

// counts are exact.
type counts struct {
	// statements executed, begin and commit included; prepares are further calls
	// that reach the server; trips are the times the client had to wait for it.
	statements, prepares, trips int
	byClass                     [classes]int
}

func (c counts) minus(o counts) counts {
	c.statements -= o.statements
	c.prepares -= o.prepares
	c.trips -= o.trips
	for i := range c.byClass {
		c.byClass[i] -= o.byClass[i]
	}
	return c
}

// reset begins anew and returns what was counted.
func (t *tracer) reset() (counts, [classes]time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, s := t.counts, t.spent
	t.counts, t.spent = counts{}, [classes]time.Duration{}
	return c, s
}

// begin is called ahead of a call to the database; what it returns, after it.
func (t *tracer) begin(c class, counted bool) func(reached bool) {
	if t.before != nil {
		t.before()
	}
	start := time.Now()
	return func(reached bool) {
		took := time.Since(start)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.spent[c] += took
		if counted && reached {
			t.statements++
			t.byClass[c]++
		}
	}
}

// tracedWire counts round trips: what is written after something was read is a
// new one.
type tracedWire struct {
	net.Conn
	t *tracer
}

func (w *tracedWire) Write(p []byte) (int, error) {
	w.t.mu.Lock()
	if !w.t.asked {
		w.t.asked = true
		w.t.trips++
	}
	w.t.mu.Unlock()
	return w.Conn.Write(p)
}

func (w *tracedWire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.t.mu.Lock()
		w.t.asked = false
		w.t.mu.Unlock()
	}
	return n, err
}

// tracedConnector puts the tracer between database/sql and a driver.
type tracedConnector struct {
	driver.Connector
	t *tracer
}

func (c tracedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &tracedConn{Conn: inner, t: c.t}, nil
}

// tracedConn passes on what each of the three drivers offers.
type tracedConn struct {
	driver.Conn
	t *tracer
}

var (
	_ driver.ExecerContext      = (*tracedConn)(nil)
	_ driver.QueryerContext     = (*tracedConn)(nil)
	_ driver.ConnPrepareContext = (*tracedConn)(nil)
	_ driver.ConnBeginTx        = (*tracedConn)(nil)
	_ driver.NamedValueChecker  = (*tracedConn)(nil)
)

func (c *tracedConn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	inner, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	end := c.t.begin(classify(query), true)
	res, err := inner.ExecContext(ctx, query, args)
	end(err != driver.ErrSkip) //nolint:errorlint // drivers return it as it is
	return res, err
}

func (c *tracedConn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	inner, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	kind := classify(query)
	end := c.t.begin(kind, true)
	rows, err := inner.QueryContext(ctx, query, args)
	end(err != driver.ErrSkip) //nolint:errorlint // drivers return it as it is
	if err != nil {
		return nil, err
	}
	return &tracedRows{Rows: rows, t: c.t, class: kind}, nil
}

func (c *tracedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	kind := classify(query)
	end := c.t.begin(kind, false)
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	end(true)
	if err != nil {
		return nil, err
	}
	c.t.mu.Lock()
	c.t.prepares++
	c.t.mu.Unlock()
	return &tracedStmt{Stmt: stmt, conn: c, class: kind}, nil
}

func (c *tracedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	end := c.t.begin(control, true)
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	end(true)
	if err != nil {
		return nil, err
	}
	return tracedTx{tx, c.t}, nil
}

// CheckNamedValue asks the driver, where it has a say.
func (c *tracedConn) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := c.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type tracedTx struct {
	driver.Tx
	t *tracer
}

func (tx tracedTx) Commit() error {
	end := tx.t.begin(control, true)
	err := tx.Tx.Commit()
	end(true)
	return err
}

func (tx tracedTx) Rollback() error {
	end := tx.t.begin(control, true)
	err := tx.Tx.Rollback()
	end(true)
	return err
}

type tracedStmt struct {
	driver.Stmt
	conn  *tracedConn
	class class
}

func (s *tracedStmt) ExecContext(
	ctx context.Context, args []driver.NamedValue,
) (driver.Result, error) {
	end := s.conn.t.begin(s.class, true)
	res, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	end(true)
	return res, err
}

func (s *tracedStmt) QueryContext(
	ctx context.Context, args []driver.NamedValue,
) (driver.Rows, error) {
	end := s.conn.t.begin(s.class, true)
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	end(true)
	if err != nil {
		return nil, err
	}
	return &tracedRows{Rows: rows, t: s.conn.t, class: s.class}, nil
}

// CheckNamedValue asks the driver's statement, then its connection.
func (s *tracedStmt) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}

// tracedRows adds the time of reading them.
type tracedRows struct {
	driver.Rows
	t     *tracer
	class class
}

func (r *tracedRows) Next(dest []driver.Value) error {
	start := time.Now()
	err := r.Rows.Next(dest)
	r.t.mu.Lock()
	r.t.spent[r.class] += time.Since(start)
	r.t.mu.Unlock()
	if err == io.EOF { //nolint:errorlint // database/sql compares it so
		return io.EOF
	}
	return err
}
