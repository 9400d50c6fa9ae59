package gormcapture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/dialect"
)

// sqlite is SQLite: the transaction that writes is the only one.
type sqlite struct{}

var _ engine = sqlite{}

// syntax implements engine.
func (sqlite) syntax() conn.Syntax { return conn.SQLite() }

// ended implements engine: OR ROLLBACK, a full disk and others take the whole
// transaction. A BEGIN fails while there is one.
func (sqlite) ended(ctx context.Context, tx dialect.Execer, _ dialect.Class, err error) bool {
	var coded interface {
		error
		Code() int
	}
	if !errors.As(err, &coded) {
		return false // nothing that the database said
	}
	if _, err := tx.ExecContext(ctx, "BEGIN"); err != nil {
		return false
	}
	_, _ = tx.ExecContext(ctx, "ROLLBACK") // of nothing
	return true
}

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

// lockInner implements engine.
func (sqlite) lockInner() string { return "" }

// targets implements engine.
func (sqlite) targets() bool { return true }

// rewrites implements engine.
func (sqlite) rewrites() bool { return false }

// typed implements engine.
func (sqlite) typed(dialect.Column) (before, after string) { return "(", ")" }

// stored implements engine.
func (sqlite) stored(_ dialect.Column, placeholder string) string { return placeholder }

// ruleOf finds what a table's definition says of rows that are in the way. ABORT
// is what happens anyway, and of rows that IGNORE leaves out nothing is told.
var ruleOf = regexp.MustCompile(`(?i)\bON\s+CONFLICT\s+(REPLACE|FAIL|ROLLBACK)\b`)

// rule implements engine.
func (sqlite) rule(ctx context.Context, s *statement) (string, error) {
	t := s.reader.Table().Live.Name
	if known, ok := s.plugin.rules.Load(t); ok {
		return known.(string), nil
	}
	schema := ""
	if t.Schema != "" {
		schema = s.source.Dialect().Quote(t.Schema) + "."
	}
	rows, err := s.raw.QueryContext(ctx,
		"SELECT sql FROM "+schema+"sqlite_schema WHERE type = 'table' AND name = ?", t.Name)
	if err != nil {
		return "", fmt.Errorf("read the definition of table %s: %w", t, err)
	}
	defer func() { _ = rows.Close() }() // all rows are read below
	rule := ""
	for rows.Next() {
		var definition sql.NullString
		if err := rows.Scan(&definition); err != nil {
			return "", fmt.Errorf("read the definition of table %s: %w", t, err)
		}
		if m := ruleOf.FindStringSubmatch(definition.String); m != nil {
			rule = strings.ToUpper(m[1])
		}
	}
	if err := rows.Err(); err != nil {
		return "", fmt.Errorf("read the definition of table %s: %w", t, err)
	}
	s.plugin.rules.Store(t, rule)
	return rule, nil
}

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

// bind implements engine.
func (sqlite) bind(_ *binding, c claim.Claim) (string, []any) { return claim.SQLiteInsert(c) }

// unbind implements engine.
func (sqlite) unbind(*binding) string { return claim.SQLiteDelete() }

// lasts implements engine.
func (sqlite) lasts(*binding) bool { return false }
