package track

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
)

// Canonical returns the one name under which the registry knows a table, so that
// no spelling leads past the rules: another case where the database does not tell
// it apart, the own schema named or not, a partition of an audited table. A table
// of the rules has the rules' spelling, any other the catalogue's. A table that
// is not there keeps its name.
func (r *Registry) Canonical(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (annals.Table, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.canonical(ctx, q, name)
}

func (r *Registry) canonical(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (annals.Table, error) {
	ruled := r.ruledTables()
	if slices.Contains(ruled, name) {
		return name, nil
	}
	if known, ok := r.aliases[name]; ok {
		return known, nil
	}
	stored, err := catalog.Identify(ctx, q, r.dialect, name)
	if errors.Is(err, catalog.ErrNoTable) {
		return name, nil
	}
	if err != nil {
		return name, fmt.Errorf("find table %s of source %s: %w", name, r.rules.Source, err)
	}
	spelled := stored
	for _, table := range ruled {
		if table == stored || !strings.EqualFold(table.Name, stored.Name) {
			continue
		}
		same, err := catalog.Identify(ctx, q, r.dialect, table)
		if err != nil && !errors.Is(err, catalog.ErrNoTable) {
			return name, fmt.Errorf("find table %s of source %s: %w", table, r.rules.Source, err)
		}
		if err == nil && same == stored {
			spelled = table
		}
	}
	r.aliases[name] = spelled
	return spelled, nil
}

// ruledTables are the tables that rules name.
func (r *Registry) ruledTables() []annals.Table {
	var tables []annals.Table
	for _, e := range r.rules.Entities {
		tables = append(tables, e.Table)
	}
	for _, rel := range r.relations() {
		if rel.IsJoin() {
			tables = append(tables, rel.Through)
		}
	}
	return tables
}

// References returns the foreign keys that lead to a table, whatever schema the
// referencing tables are in, read once for all tables.
func (r *Registry) References(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) ([]Reference, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refs == nil {
		refs, err := r.references(ctx, q)
		if err != nil {
			return nil, err
		}
		r.refs = refs
	}
	name, err := r.canonical(ctx, q, name)
	return r.refs[name], err
}

func (r *Registry) references(
	ctx context.Context, q dialect.Queryer,
) (map[annals.Table][]Reference, error) {
	var schemas []string
	for _, table := range r.ruledTables() {
		schemas = append(schemas, table.Schema)
	}
	names, err := catalog.Referrers(ctx, q, r.dialect, schemas...)
	if err != nil {
		return nil, fmt.Errorf("list foreign keys of source %s: %w", r.rules.Source, err)
	}
	refs := map[annals.Table][]Reference{}
	for _, name := range names {
		t, err := catalog.Load(ctx, q, r.dialect, name)
		if errors.Is(err, catalog.ErrNoTable) {
			continue // dropped meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read tables of source %s: %w", r.rules.Source, err)
		}
		if t.Name, err = r.canonical(ctx, q, name); err != nil {
			return nil, err
		}
		for _, fk := range t.ForeignKeys {
			target, err := r.canonical(ctx, q, fk.References)
			if err != nil {
				return nil, err
			}
			refs[target] = append(refs[target], Reference{t, fk})
		}
	}
	return refs, nil
}
