package gormcapture

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/seed-162b1470/annals/dialect"
)

// sqlite is SQLite: the transaction that writes is the only one.
type sqlite struct{}

var _ engine = sqlite{}

// mark implements engine.
func (sqlite) mark(context.Context, *statement) (string, error) { return "", nil }

// returnsMet implements engine.
func (sqlite) returnsMet() bool { return false }

// lockMet implements engine.
func (sqlite) lockMet(bool) string { return "" }

// lockAgain implements engine.
func (sqlite) lockAgain() string { return "" }

// result implements engine.
func (sqlite) result(
	ctx context.Context, q dialect.Queryer, _ *insert, s *statement,
) (sql.Result, error) {
	rows, err := q.QueryContext(ctx, "SELECT last_insert_rowid()")
	if err != nil {
		return nil, fmt.Errorf("ask for the last insert id: %w", err)
	}
	defer func() { _ = rows.Close() }() // all rows are read below
	r := counted{affected: s.affected}
	for rows.Next() {
		if err := rows.Scan(&r.lastID); err != nil {
			return nil, fmt.Errorf("ask for the last insert id: %w", err)
		}
	}
	return r, rows.Err()
}
