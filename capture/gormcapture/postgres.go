package gormcapture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/dialect"
)

// postgres is PostgreSQL.
type postgres struct{}

var _ engine = postgres{}

// ended implements engine: a transaction waits for its end, come what may.
func (postgres) ended(context.Context, dialect.Execer, dialect.Class, error) bool { return false }

// syntax implements engine.
func (postgres) syntax() conn.Syntax { return conn.Postgres() }

// scratch implements engine.
func (postgres) scratch(annals.Table) bool { return false }

// mark implements engine: ON CONFLICT DO UPDATE locks the row that it met, and
// the row's new version carries that lock; a new row carries none. The rows of a
// partitioned table do not tell.
func (postgres) mark(ctx context.Context, s *statement) (string, error) {
	const mark = "(xmax = 0)"
	t := s.reader.Table().Live.Name
	if known, ok := s.plugin.partitioned.Load(t); ok {
		if known == true {
			return "", nil
		}
		return mark, nil
	}
	rows, err := s.raw.QueryContext(ctx, "SELECT relkind = 'p' FROM pg_catalog.pg_class "+
		"WHERE oid = pg_catalog.to_regclass($1)", s.source.Dialect().Table(t))
	if err != nil {
		return "", fmt.Errorf("ask whether table %s is partitioned: %w", t, err)
	}
	partitioned, err := isTrue(rows)
	if err != nil {
		return "", fmt.Errorf("ask whether table %s is partitioned: %w", t, err)
	}
	s.plugin.partitioned.Store(t, partitioned)
	if partitioned {
		return "", nil
	}
	return mark, nil
}

// isTrue reads the answer of a query for one boolean; no row means false.
func isTrue(rows *sql.Rows) (answer bool, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := rows.Scan(&answer); err != nil {
			return false, err
		}
	}
	return answer, rows.Err()
}

// returnsMet implements engine.
func (postgres) returnsMet() bool { return false }

// lockMet implements engine.
func (postgres) lockMet(harmless bool) string {
	if harmless {
		return ""
	}
	return "FOR UPDATE"
}

// lockAgain implements engine: each statement sees what was committed before it,
// or fails where it may not.
func (postgres) lockAgain() string { return "" }

// lockInner implements engine.
func (postgres) lockInner() string { return "" }

// targets implements engine.
func (postgres) targets() bool { return true }

// rewrites implements engine.
func (postgres) rewrites() bool { return true }

// typed implements engine.
func (postgres) typed(c dialect.Column) (before, after string) {
	return "CAST((", ") AS " + c.Type + ")"
}

// stored implements engine.
func (postgres) stored(c dialect.Column, placeholder string) string {
	switch c.Kind {
	case dialect.KindDecimal, dialect.KindTime, dialect.KindTimeTZ, dialect.KindTimestamp,
		dialect.KindInstant, dialect.KindInterval:
		return "CAST(" + placeholder + " AS " + c.Type + ")"
	}
	return placeholder
}

// rule implements engine.
func (postgres) rule(context.Context, *statement) (string, error) { return "", nil }

// errNoLastInsertID is what PostgreSQL's drivers say to LastInsertId.
var errNoLastInsertID = errors.New("LastInsertId is not supported by this driver")

// result implements engine.
func (postgres) result(
	_ context.Context, _ dialect.Queryer, _ *insert, s *statement,
) (sql.Result, error) {
	return counted{affected: s.affected, err: errNoLastInsertID}, nil
}

// bind implements engine.
func (postgres) bind(b *binding, c claim.Claim) (string, []any) {
	if b.row {
		return claim.PostgresBind(b.schema, c), nil
	}
	return claim.PostgresSet(c), nil
}

// unbind implements engine: PostgreSQL forgets by itself.
func (postgres) unbind(*binding) string { return "" }

// lasts implements engine.
func (postgres) lasts(*binding) bool { return false }
