package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
)

// Journal checks what capture by triggers depends on besides the triggers: rights,
// settings, other objects of the database. It notes the limits that the database sets.
type Journal struct {
	Journal *journal.Journal
	// DB is the source, StorageDB where its mirror is.
	DB, StorageDB dialect.Queryer
	Dialect       dialect.Dialect
}

var _ Check = Journal{}

// Name implements Check.
func (c Journal) Name() string { return "capture by triggers of source " + c.Journal.Source() }

// Run implements Check.
func (c Journal) Run(ctx context.Context) ([]Finding, error) {
	e, err := c.look(ctx)
	if told(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, check := range e.checks() {
		failed = append(failed, check(ctx))
	}
	return e.found, errors.Join(failed...)
}

func (c Journal) look(ctx context.Context) (*looker, error) {
	targets, err := c.Journal.Targets(ctx)
	if err != nil {
		return nil, err
	}
	own, err := c.Journal.Own(ctx)
	if err != nil {
		return nil, err
	}
	return &looker{Journal: c, targets: targets, own: own}, nil
}

// looker looks at one source.
type looker struct {
	Journal
	targets []journal.Target
	own     func(name string) annals.Table
	found   []Finding
}

// checks are those of the database.
func (e *looker) checks() []func(context.Context) error {
	switch e.Dialect.Name() {
	case dialect.MySQLName:
		return mysqlChecks(e)
	case dialect.SQLiteName:
		return sqliteChecks(e)
	}
	return postgresChecks(e)
}

func (e *looker) add(severity Severity, entity, kind, detail, remedy string) {
	e.found = append(e.found, Finding{
		Severity: severity, Source: e.Journal.Journal.Source(), Entity: entity, Kind: kind,
		Detail: detail, Remedy: remedy,
	})
}

// tables are annals' own tables that triggers write, then the copies.
func (e *looker) tables() []annals.Table {
	tables := []annals.Table{e.own(layout.RevisionTable), e.own(layout.RevisionEntityTable)}
	for i := range e.targets {
		tables = append(tables, e.targets[i].Copy)
	}
	return tables
}

// each runs a query and calls f for each row.
func each(
	ctx context.Context, q dialect.Queryer, what, query string, args []any,
	f func(scan func(...any) error) error,
) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return fmt.Errorf("read %s: %w", what, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}
