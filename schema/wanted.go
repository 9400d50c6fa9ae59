package schema

import (
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
)

// wanted is a table that a target needs.
type wanted struct {
	shape layout.Table
	// entity whose audit table it is; nil for annals' own.
	entity *EntityTable
	// copied is what it is a copy of, in the mirror layout; entity is set, too.
	copied *Copy
	// stamped is the entity whose own table it is, where indexes for its stamps are
	// wanted; else nil.
	stamped *annals.Entity
	// key is the table's folded schema and name.
	key annals.Table
}

// label names the table in comments and errors.
func (w *wanted) label() string {
	if w.stamped != nil {
		return fmt.Sprintf("table %s of entity %s", w.shape.Name, w.stamped.Name)
	}
	if w.entity == nil {
		return "table " + w.shape.Name.String()
	}
	if w.copied != nil {
		return fmt.Sprintf("copy %s of table %s", w.shape.Name, w.copied.Table)
	}
	return fmt.Sprintf("audit table %s of entity %s", w.shape.Name, w.entity.Entity.Name)
}

// entityName is the entity that the table is for; "" where it is for all.
func (w *wanted) entityName() string {
	switch {
	case w.stamped != nil:
		return w.stamped.Name
	case w.copied != nil && w.copied.Parent != "":
		return w.copied.Parent
	case w.entity != nil:
		return w.entity.Entity.Name
	}
	return ""
}

// wantedTables lists what the target needs. Two of one name are a conflict:
// entities must not write into each other's tables, nor into annals' own.
func (p *planner) wantedTables() ([]wanted, error) {
	if p.target.Source {
		return nil, nil
	}
	lim := p.d.Limits()
	own := layout.Own(lim)
	switch {
	case p.target.Mirror:
		own = layout.MirrorOwn(lim)
	case !p.d.Features().Sequences:
		own = append(own, layout.Seq().Ticket)
	}
	tables := make([]wanted, 0, len(own)+len(p.target.Entities)+len(p.target.Copies))
	for _, shape := range own {
		tables = append(tables, wanted{shape: shape, key: p.key(shape.Name)})
	}
	for i := range p.target.Entities {
		e := &p.target.Entities[i]
		shape := layout.Entries(e.Audit, p.target.Indexes, lim)
		tables = append(tables, wanted{shape: shape, entity: e, key: p.key(e.Audit)})
	}
	for i := range p.target.Copies {
		c := &p.target.Copies[i]
		shape := p.f.room(c.Shape)
		tables = append(tables, wanted{
			shape: shape, copied: c, key: p.key(shape.Name), entity: &EntityTable{
				Entity: annals.Entity{Name: c.Name, Source: c.Source, Table: c.Table}, Audit: shape.Name,
			},
		})
	}
	return tables, p.checkNames(tables)
}

func (p *planner) checkNames(tables []wanted) error {
	owners := map[annals.Table]string{}
	for _, name := range []string{layout.SequenceName, layout.LockTable} {
		owners[p.key(annals.Table{Name: name})] = "annals itself"
	}
	for _, w := range tables {
		owner := "annals itself"
		if w.entity != nil {
			owner = "entity " + w.entity.Entity.Name
		}
		if first, ok := owners[w.key]; ok && w.entity != nil {
			return conflict(p.target, w.label(), "the table belongs to "+first,
				"tell them apart with audit_table, table_prefix or table_suffix")
		}
		owners[w.key] = owner
	}
	return nil
}

// key resolves and folds a table's name.
func (p *planner) key(t annals.Table) annals.Table {
	if t.Schema == "" {
		t.Schema = p.home
	}
	return annals.Table{Schema: p.fold(t.Schema), Name: p.fold(t.Name)}
}
