package gormcapture

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/dialect"
)

// sqlite is SQLite: the transaction that writes is the only one.
type sqlite struct{}

var _ engine = sqlite{}

// syntax implements engine.
func (sqlite) syntax() conn.Syntax { return conn.SQLite() }

// scratch implements engine: GORM's migrator changes a table by copying it into
// one of this name, which then takes its place.
func (sqlite) scratch(t annals.Table) bool { return strings.HasSuffix(t.Name, "__temp") }

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
