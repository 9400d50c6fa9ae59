package conn

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// FailedRow is what QueryRowContext returns when there is no row because of err.
func FailedRow(ctx context.Context, err error) *sql.Row {
	db := sql.OpenDB(failure{err})
	defer func() { _ = db.Close() }()
	return db.QueryRowContext(ctx, "")
}

// failure connects to nothing.
type failure struct{ err error }

// Connect implements driver.Connector.
func (f failure) Connect(context.Context) (driver.Conn, error) { return nil, f.err }

// Driver implements driver.Connector.
func (f failure) Driver() driver.Driver { return f }

// Open implements driver.Driver.
func (f failure) Open(string) (driver.Conn, error) { return nil, f.err }
