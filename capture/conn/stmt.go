package conn

import (
	"context"
	"database/sql/driver"
)

// stmt is a prepared statement.
type stmt struct {
	raw     driver.Stmt
	session *session
	sent    sent
}

var (
	_ driver.StmtExecContext   = (*stmt)(nil)
	_ driver.StmtQueryContext  = (*stmt)(nil)
	_ driver.NamedValueChecker = (*stmt)(nil)
)

// convertingStmt is that of a driver that converts by column.
type convertingStmt struct {
	*stmt
	driver.ColumnConverter
}

// Close implements driver.Stmt.
func (s *stmt) Close() error { return s.raw.Close() }

// NumInput implements driver.Stmt.
func (s *stmt) NumInput() int { return s.raw.NumInput() }

// Exec implements driver.Stmt; database/sql asks for the one below.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), name(args))
}

// Query implements driver.Stmt; database/sql asks for the one below.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), name(args))
}

// ExecContext implements driver.StmtExecContext.
func (s *stmt) ExecContext(
	ctx context.Context, args []driver.NamedValue,
) (res driver.Result, err error) {
	err = s.session.run(ctx, &s.sent, func(bool) (int64, error) {
		res, err = execStmt(ctx, s.raw, args)
		return affected(res, err), err
	})
	return res, err
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(
	ctx context.Context, args []driver.NamedValue,
) (rows driver.Rows, err error) {
	err = s.session.run(ctx, &s.sent, func(whole bool) (int64, error) {
		rows, err = queryStmt(ctx, s.raw, args)
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

// CheckNamedValue implements driver.NamedValueChecker: the statement's, else the
// connection's, as database/sql asks them.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.raw.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return s.session.CheckNamedValue(v)
}

func execStmt(
	ctx context.Context, raw driver.Stmt, args []driver.NamedValue,
) (driver.Result, error) {
	if execer, ok := raw.(driver.StmtExecContext); ok {
		return execer.ExecContext(ctx, args)
	}
	values, err := plain(ctx, args)
	if err != nil {
		return nil, err
	}
	return raw.Exec(values) //nolint:staticcheck // drivers of that age
}

func queryStmt(
	ctx context.Context, raw driver.Stmt, args []driver.NamedValue,
) (driver.Rows, error) {
	if queryer, ok := raw.(driver.StmtQueryContext); ok {
		return queryer.QueryContext(ctx, args)
	}
	values, err := plain(ctx, args)
	if err != nil {
		return nil, err
	}
	return raw.Query(values) //nolint:staticcheck // drivers of that age
}

func name(args []driver.Value) []driver.NamedValue {
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return named
}
