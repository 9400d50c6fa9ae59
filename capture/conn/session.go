package conn

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/claim"
)

// session is one connection. database/sql lets one goroutine use it at a time.
type session struct {
	raw driver.Conn
	own *connector
	// tx is the transaction that is open; nil while each statement is one.
	tx *transaction
	// left: what was bound is still in the session, and belongs to nobody.
	left bool
	// manual: the session commits nothing by itself (MySQL's autocommit = 0).
	manual bool
	// exposed: somebody may have begun a transaction unseen.
	exposed bool
	// unusable: what the connection is in is not known.
	unusable bool
}

var (
	_ driver.Pinger             = (*session)(nil)
	_ driver.ExecerContext      = (*session)(nil)
	_ driver.QueryerContext     = (*session)(nil)
	_ driver.ConnPrepareContext = (*session)(nil)
	_ driver.ConnBeginTx        = (*session)(nil)
	_ driver.SessionResetter    = (*session)(nil)
	_ driver.Validator          = (*session)(nil)
	_ driver.NamedValueChecker  = (*session)(nil)
)

// underlying returns the driver's own connection; see Underlying.
func (s *session) underlying() driver.Conn {
	s.exposed = true
	if s.tx == nil {
		if err := s.tidy(context.Background()); err != nil {
			s.unusable = true
		}
	}
	return s.raw
}

// Ping implements driver.Pinger.
func (s *session) Ping(ctx context.Context) error {
	if pinger, ok := s.raw.(driver.Pinger); ok {
		return pinger.Ping(ctx)
	}
	return nil
}

// CheckNamedValue implements driver.NamedValueChecker.
func (s *session) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.raw.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// ResetSession implements driver.SessionResetter: whoever used the connection before
// is not the one who does next. What a transaction left in the session is taken back
// by the first statement that is not bound itself, so that it costs nothing where
// all are.
func (s *session) ResetSession(ctx context.Context) error {
	s.exposed = false
	s.settle()
	if s.tx != nil {
		if err := s.disown(ctx); err != nil {
			return driver.ErrBadConn
		}
	}
	if resetter, ok := s.raw.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

// disown takes back what was said of a transaction that somebody left open.
func (s *session) disown(ctx context.Context) error {
	bound := s.tx.bound
	s.tx.said.RolledBack()
	s.tx = s.begun()
	s.tx.said.Ask = nil // of whoever left it
	if !bound {
		return nil
	}
	s.left = s.own.binder.lasts()
	return s.own.binder.unbind(ctx, s)
}

// IsValid implements driver.Validator.
func (s *session) IsValid() bool {
	if s.unusable {
		return false
	}
	if validator, ok := s.raw.(driver.Validator); ok {
		return validator.IsValid()
	}
	return true
}

// Close implements driver.Conn.
func (s *session) Close() error {
	if s.tx != nil {
		s.tx.said.RolledBack()
	}
	return s.raw.Close()
}

// Prepare implements driver.Conn.
func (s *session) Prepare(query string) (driver.Stmt, error) {
	return s.PrepareContext(context.Background(), query)
}

// PrepareContext implements driver.ConnPrepareContext.
func (s *session) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	look := s.own.syntax.look(query)
	// lib/pq is in the middle of a COPY as soon as it has prepared one.
	if s.tx != nil && look.writes && look.controls[0].Keyword == "COPY" {
		if err := s.bind(ctx); err != nil {
			return nil, err
		}
	}
	raw, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	st := &stmt{raw: raw, session: s, sent: look}
	if converter, ok := raw.(driver.ColumnConverter); ok { //nolint:staticcheck // drivers of that age
		return &convertingStmt{st, converter}, nil
	}
	return st, nil
}

func (s *session) prepare(ctx context.Context, query string) (driver.Stmt, error) {
	if preparer, ok := s.raw.(driver.ConnPrepareContext); ok {
		return preparer.PrepareContext(ctx, query)
	}
	raw, err := s.raw.Prepare(query)
	if err == nil && ctx.Err() != nil {
		_ = raw.Close() // as database/sql does
		return nil, ctx.Err()
	}
	return raw, err
}

// ExecContext implements driver.ExecerContext.
func (s *session) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (res driver.Result, err error) {
	_, execs := s.raw.(driver.ExecerContext)
	_, execsOld := s.raw.(driver.Execer) //nolint:staticcheck // drivers of that age
	if !execs && !execsOld {
		return nil, driver.ErrSkip
	}
	st := s.own.syntax.look(query)
	err = s.run(ctx, &st, func(bool) (int64, error) {
		res, err = s.exec(ctx, query, args)
		return affected(res, err), err
	})
	return res, err
}

// QueryContext implements driver.QueryerContext.
func (s *session) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (rows driver.Rows, err error) {
	_, queries := s.raw.(driver.QueryerContext)
	_, queriesOld := s.raw.(driver.Queryer) //nolint:staticcheck // drivers of that age
	if !queries && !queriesOld {
		return nil, driver.ErrSkip
	}
	st := s.own.syntax.look(query)
	err = s.run(ctx, &st, func(whole bool) (int64, error) {
		rows, err = s.query(ctx, query, args)
		if err != nil || !whole {
			return unknown, err
		}
		all, err := readAll(rows)
		if err != nil {
			return unknown, err
		}
		rows = all
		return all.count(), nil
	})
	return rows, err
}

func (s *session) exec(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	if execer, ok := s.raw.(driver.ExecerContext); ok {
		return execer.ExecContext(ctx, query, args)
	}
	execer, ok := s.raw.(driver.Execer) //nolint:staticcheck // drivers of that age
	if !ok {
		return nil, driver.ErrSkip
	}
	values, err := plain(ctx, args)
	if err != nil {
		return nil, err
	}
	return execer.Exec(query, values)
}

func (s *session) query(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	if queryer, ok := s.raw.(driver.QueryerContext); ok {
		return queryer.QueryContext(ctx, query, args)
	}
	queryer, ok := s.raw.(driver.Queryer) //nolint:staticcheck // drivers of that age
	if !ok {
		return nil, driver.ErrSkip
	}
	values, err := plain(ctx, args)
	if err != nil {
		return nil, err
	}
	return queryer.Query(query, values)
}

// say runs a statement of annals' own.
func (s *session) say(ctx context.Context, query string, args ...any) error {
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	_, err := s.exec(ctx, query, named)
	if !errors.Is(err, driver.ErrSkip) {
		return err
	}
	raw, err := s.prepare(ctx, query)
	if err != nil {
		return err
	}
	_, err = execStmt(ctx, raw, named)
	return errors.Join(err, raw.Close())
}

// plain are values for drivers that know no names.
func plain(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		if arg.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = arg.Value
	}
	return values, nil
}

// unknown is a number of rows that nobody counted.
const unknown = -1

func affected(res driver.Result, err error) int64 {
	if err != nil || res == nil {
		return unknown
	}
	n, err := res.RowsAffected()
	if err != nil {
		return unknown
	}
	return n
}

// refusal is the error for a text of which it cannot be said where a transaction
// ends.
func refusal() error {
	return &annals.Error{
		Op: "run", Subject: "a text of several statements in a bound transaction",
		Err:    fmt.Errorf("%w: %w", ErrSeveral, annals.ErrCapture),
		Remedy: "run its statements one by one, or without an actor in their context",
	}
}

// ErrSeveral means that a text of several statements cannot be bound to a transaction.
var ErrSeveral = errors.New("several statements in one text")

// newClaim returns the claim of a transaction that begins.
func (s *session) newClaim() *claim.Transaction { return &claim.Transaction{Ask: s.own.ask} }
