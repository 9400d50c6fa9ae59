package audittest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/nearest"
)

// model is what is known of the audited tables.
type model interface {
	// key names the key columns of an entity; an entity that is not audited is an
	// error.
	key(entity string) ([]string, error)
	// canonical is the form in which a column's value is recorded; a column that is
	// not there is an error.
	canonical(ctx context.Context, entity, column string, value any) (json.RawMessage, error)
}

// live asks the audited databases.
type live struct {
	aud      *auditor.Auditor
	entities map[string]annals.Entity
	tables   map[string]*liveTable
}

// liveTable is an audited table.
type liveTable struct {
	db      *sql.DB
	dialect dialect.Dialect
	table   *catalog.Table
}

func newLive(ctx context.Context, aud *auditor.Auditor) (*live, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	entities, err := aud.Entities(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the audited tables: %w", waiting(ctx, err))
	}
	l := &live{aud: aud, entities: map[string]annals.Entity{}, tables: map[string]*liveTable{}}
	for _, e := range entities {
		l.entities[e.Name] = e
	}
	return l, nil
}

func (l *live) entity(name string) (annals.Entity, error) {
	if e, ok := l.entities[name]; ok {
		return e, nil
	}
	var names []string
	for name := range l.entities {
		names = append(names, name)
	}
	slices.Sort(names)
	return annals.Entity{}, fmt.Errorf("entity %q is not audited; %s", name,
		nearest.DidYouMean(name, names))
}

func (l *live) key(entity string) ([]string, error) {
	e, err := l.entity(entity)
	return e.Key, err
}

func (l *live) canonical(
	ctx context.Context, entity, name string, value any,
) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t, err := l.table(ctx, entity)
	if err != nil {
		return nil, waiting(ctx, err)
	}
	c, ok := t.table.Column(name)
	if !ok {
		var names []string
		for _, c := range t.table.Columns {
			names = append(names, c.Name)
		}
		return nil, fmt.Errorf("%s has no column %q; %s", entity, name,
			nearest.DidYouMean(name, names))
	}
	if value == nil {
		return annals.Null, nil
	}
	v, err := t.store(ctx, c, value)
	if err != nil {
		return nil, fmt.Errorf("value of %s.%s: %w", entity, name, waiting(ctx, err))
	}
	return v, nil
}

func (l *live) table(ctx context.Context, entity string) (*liveTable, error) {
	if t := l.tables[entity]; t != nil {
		return t, nil
	}
	e, err := l.entity(entity)
	if err != nil {
		return nil, err
	}
	db, d, ok := l.aud.Database(l.aud.Config().Sources[e.Source].DSN)
	if !ok {
		return nil, fmt.Errorf("entity %q has no open database", entity)
	}
	t := &liveTable{db: db, dialect: d}
	if t.table, err = catalog.Load(ctx, db, d, e.Table); err != nil {
		return nil, fmt.Errorf("load the table of %s: %w", entity, err)
	}
	l.tables[entity] = t
	return t, nil
}

// store writes a value into a temporary column like the audited one and reads it
// back as captures do: driver, column type and codec do to it what they do to the
// program's own values.
func (t *liveTable) store(
	ctx context.Context, c dialect.Column, value any,
) (_ json.RawMessage, err error) {
	conn, err := t.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// A name of its own each time: drivers remember statements by their text.
	copied := t.dialect.Quote("annals_audittest_" + strings.ToLower(rand.Text()))
	col := t.dialect.Quote(c.Name)
	create := "CREATE TEMPORARY TABLE " + copied + " AS SELECT " + col + " FROM " +
		t.dialect.Table(t.table.Name) + " WHERE 1 = 0"
	if _, err := conn.ExecContext(ctx, create); err != nil {
		return nil, fmt.Errorf("make a temporary table: %w", err)
	}
	defer func() {
		_, dropped := conn.ExecContext(context.WithoutCancel(ctx), "DROP TABLE "+copied)
		err = errors.Join(err, dropped)
	}()
	_, err = conn.ExecContext(ctx, "INSERT INTO "+copied+" ("+col+") VALUES ("+
		t.dialect.Placeholder(1)+")", value)
	if err != nil {
		return nil, err
	}
	rows, err := conn.QueryContext(ctx, "SELECT "+t.dialect.ReadExpr(c, col)+" FROM "+copied)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var raw any
	for rows.Next() {
		if err := rows.Scan(&raw); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return t.dialect.Decode(c, raw)
}
