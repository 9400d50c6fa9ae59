package journal

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/track"
)

// CopyTable is a target and the shape of its copy.
type CopyTable struct {
	Target Target
	Shape  layout.Table
}

// Targets returns every table that needs triggers: entities by name, then tables
// that only link entities. Their columns are mapped as the storage has it now
// (annals_target_column), or as trigger create will record it.
func (j *Journal) Targets(ctx context.Context) ([]Target, error) {
	return j.targets(ctx, j.open())
}

func (j *Journal) targets(ctx context.Context, q queryers) ([]Target, error) {
	tables, err := j.cfg.Registry.Tracked(ctx, q.source)
	if err != nil {
		return nil, err
	}
	home, err := j.gen.home(ctx, q.source)
	if err != nil {
		return nil, fmt.Errorf("read schema of source %s: %w", j.cfg.Source, err)
	}
	own, err := j.gen.home(ctx, q.storage)
	if err != nil {
		return nil, fmt.Errorf("read schema of storage %s: %w", j.cfg.Storage, err)
	}
	known, err := ReadTargetColumns(ctx, q.storage, j.cfg.Dialect,
		annals.Table{Name: layout.TargetColumnTable})
	if err != nil {
		return nil, err
	}
	former, err := j.registered(ctx, q.storage, own)
	if err != nil {
		return nil, err
	}
	targets := make([]Target, 0, len(tables))
	for _, t := range tables {
		target := j.target(t)
		target.Source = within(home, t.Live.Name)
		target.Copy = within(own, j.cfg.CopyTable(t))
		if len(target.Columns) == 0 {
			return nil, &annals.Error{
				Op: "audit", Subject: "entity " + target.Name, Err: errNoColumns,
				Remedy: "keep its key at least",
			}
		}
		rows := known[target.Name]
		if name, ok := former[target.Copy]; ok && name != target.Name && len(rows) == 0 {
			target.former, rows = name, known[name]
		}
		newMapper(j.cfg.Dialect, j.gen, rows).fill(target.Columns)
		targets = append(targets, target)
	}
	return targets, nil
}

// registered tells under which name each copy is registered.
func (j *Journal) registered(
	ctx context.Context, q dialect.Queryer, own string,
) (map[annals.Table]string, error) {
	names := map[annals.Table]string{}
	d := j.cfg.Dialect
	columns := []string{layout.ColName, layout.ColTableSchema, layout.ColTableName}
	for i, c := range columns {
		columns[i] = d.Quote(c)
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " +
		d.Table(annals.Table{Name: layout.AuditEntityTable})
	err := scan(ctx, q, query, nil, func(scan func(...any) error) error {
		var name string
		var schema sql.NullString
		var t annals.Table
		err := scan(&name, &schema, &t.Name)
		t.Schema = schema.String
		names[within(own, t)] = name
		return err
	})
	if err != nil && d.Classify(err) != dialect.ClassMissingTable {
		return nil, fmt.Errorf("read %s: %w", layout.AuditEntityTable, err)
	}
	return names, nil
}

// checkRenamed refuses triggers of targets that the storage knows by another name: what
// they record would stand apart from what was recorded before.
func checkRenamed(targets []Target) error {
	for i := range targets {
		if t := &targets[i]; t.former != "" {
			return &annals.Error{
				Op: "generate triggers for", Subject: "entity " + t.Name,
				Err:    fmt.Errorf("%w: its copy is registered for entity %s", annals.ErrSchema, t.former),
				Remedy: "run annals schema update --force first",
			}
		}
	}
	return nil
}

// within puts a name that has no schema into the one that it means.
func within(schema string, t annals.Table) annals.Table {
	if t.Schema == "" {
		t.Schema = schema
	}
	return t
}

func (j *Journal) target(t *track.Table) Target {
	target := Target{Name: t.Live.Name.String(), Table: t}
	if t.Entity != nil {
		target.Name = t.Entity.Name
		target.LostRows = j.cfg.LostRows(t.Entity.Name)
	}
	for i := range t.Links {
		if l := &t.Links[i]; l.JoinTable != "" {
			target.Join, target.Parent = true, l.Owner.Entity
			break
		}
	}
	for _, i := range t.Kept() {
		c := t.Live.Columns[i]
		target.Columns = append(target.Columns, Column{Column: c, Masked: t.Masked(c.Name)})
	}
	return target
}

// Shapes returns the targets with the shapes of their copies, whose names are as
// Config.CopyTable gives them.
func (j *Journal) Shapes(ctx context.Context) ([]CopyTable, error) {
	targets, err := j.Targets(ctx)
	if err != nil {
		return nil, err
	}
	shapes := make([]CopyTable, len(targets))
	for i := range targets {
		t := &targets[i]
		shapes[i] = CopyTable{Target: *t, Shape: layout.Copy(layout.CopyOf{
			Name: j.cfg.CopyTable(t.Table), Columns: shapeColumns(t), Key: t.Key(), Finders: t.finders(),
		}, j.cfg.Dialect.Limits())}
	}
	return shapes, nil
}

func shapeColumns(t *Target) []layout.Column {
	columns := make([]layout.Column, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		columns[i] = layout.Column{Name: c.Copy, Type: layout.Raw, SQL: c.SQL, Null: true}
		if c.Masked {
			columns[i] = layout.Column{Name: c.Copy, Type: layout.Boolean, Null: true}
		}
	}
	return columns
}

// finders are the copy's columns with the keys of objects that its rows link, each
// set once.
func (t *Target) finders() [][]string {
	var finders [][]string
	add := func(columns []string) {
		found := t.copied(columns)
		known := slices.ContainsFunc(finders, func(f []string) bool { return slices.Equal(f, found) })
		if len(found) == len(columns) && !known {
			finders = append(finders, found)
		}
	}
	for i := range t.Table.Links {
		l := &t.Table.Links[i]
		add(l.Owner.Columns)
		if l.JoinTable != "" {
			add(l.Target.Columns)
		}
	}
	return finders
}
