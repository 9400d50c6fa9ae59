package sqlstore

import (
	"context"
	"database/sql"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// Registered is an entity that the storage has an audit table for, also one that
// is no longer configured.
type Registered struct {
	Entity, Source string
	Table          annals.Table
}

// Registered lists the storage's registry by entity name. A storage without one
// gives an error that matches annals.ErrSchema.
func (s *Store) Registered(ctx context.Context) ([]Registered, error) {
	return s.registered(ctx, s.cfg.DB)
}

func (s *Store) registered(ctx context.Context, q dialect.Queryer) ([]Registered, error) {
	b := &builder{d: s.cfg.Dialect}
	b.text("SELECT r.name, r.source, r.table_schema, r.table_name FROM ")
	b.table(annals.Table{Name: layout.AuditEntityTable})
	b.text(" AS r ORDER BY r.name")
	var out []Registered
	err := query(ctx, q, b, func(scan func(...any) error) error {
		var r Registered
		var schema sql.NullString
		err := scan(&r.Entity, &r.Source, &schema, &r.Table.Name)
		r.Table.Schema = schema.String
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, s.failRead("read the registry", "", err)
	}
	return out, nil
}
