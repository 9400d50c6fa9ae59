package schema

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
)

// registered is a row of annals_audit_entity.
type registered struct {
	name, source string
	table        annals.Table
}

// readRegistry reads the rows that are there, as far as their columns are: a
// column that somebody removed reads as empty.
func (p *planner) readRegistry(ctx context.Context) error {
	err := p.readOwn(ctx, layout.AuditEntityTable, []string{
		layout.ColName, layout.ColSource, layout.ColTableSchema, layout.ColTableName,
	}, "", func(scan func(...any) error) error {
		var entity, source, schema, table sql.NullString
		if err := scan(&entity, &source, &schema, &table); err != nil {
			return err
		}
		p.registry = append(p.registry, registered{
			name: entity.String, source: source.String,
			table: annals.Table{Schema: schema.String, Name: table.String},
		})
		return nil
	})
	slices.SortFunc(p.registry, func(x, y registered) int { return strings.Compare(x.name, y.name) })
	return err
}

func (p *planner) isRegistered(key annals.Table) bool {
	for _, r := range p.registry {
		if p.key(r.table) == key {
			return true
		}
	}
	return false
}

// planRegistry adds the entities that are missing, renames those that are configured
// under another name now, and corrects the rows of those whose source or table
// changed. A table that still exists is not given up: its entries would be out of
// every reader's sight. Nor is it shared: they would be shown under both names.
func (p *planner) planRegistry(ctx context.Context) error {
	rows := map[string]registered{}
	for _, r := range p.registry {
		rows[r.name] = r
	}
	var conflicts []error
	for i := range p.tables {
		w := &p.tables[i]
		if w.entity == nil {
			continue
		}
		row, ok := rows[w.entity.Entity.Name]
		former, err := p.formerName(w, ok)
		switch {
		case err != nil:
			conflicts = append(conflicts, err)
		case !ok && former != "":
			p.renameEntity(w, former)
		case !ok:
			p.insertEntity(w)
		case row.table == w.shape.Name && row.source == w.entity.Entity.Source:
		default:
			if p.key(row.table) != w.key {
				gone, err := p.isGone(ctx, row.table)
				if err != nil {
					return explain(p.target, "read tables of", p.target.subject(), err)
				}
				if !gone {
					conflicts = append(conflicts, p.moved(w, row))
					continue
				}
			}
			p.updateEntity(w)
		}
	}
	return errors.Join(conflicts...)
}

// formerName is that of the entity that the table is registered for, if it is no
// longer configured; listed tells that the entity itself is registered. There may be
// several, where they were registered before renaming was known: the first of them
// has the table, and the others are left alone.
func (p *planner) formerName(w *wanted, listed bool) (string, error) {
	former := ""
	for _, r := range p.registry {
		e := w.entity.Entity
		if r.name == e.Name || p.key(r.table) != w.key {
			continue
		}
		if p.target.configured[r.name] {
			return "", conflict(p.target, w.label(), "the table holds the entries of entity "+r.name,
				"set audit_table of entity "+e.Name+" to another name, or leave one of the two out")
		}
		if !listed && r.source != "" && r.source != e.Source {
			return "", conflict(p.target, w.label(),
				"the table holds the entries of entity "+r.name+" of source "+r.source,
				"set audit_table of entity "+e.Name+" to another name; where only the source has got a "+
					"new name, update under the entity's former name first")
		}
		if former == "" {
			former = r.name
		}
	}
	return former, nil
}

func (p *planner) moved(w *wanted, row registered) error {
	return conflict(p.target, w.label(), "its entries are in "+row.table.String(),
		"rename that table, or set audit_table to it")
}

// isGone reports whether a table that the registry names does not exist.
func (p *planner) isGone(ctx context.Context, t annals.Table) (bool, error) {
	if t.Name == "" {
		return true, nil
	}
	key := p.key(t)
	s := p.spaces[key.Schema]
	if s == nil {
		var err error
		w := window{schema: p.schemaOf(t), tables: []string{t.Name}, fold: p.fold}
		if s, err = p.f.read(ctx, p.q, w); err != nil {
			return false, err
		}
		p.spaces[key.Schema] = s
	}
	return s.relations[key.Name] == nil, nil
}

func (p *planner) insertEntity(w *wanted) {
	p.purpose.entity = w.entityName()
	columns := []string{
		layout.ColName, layout.ColSource, layout.ColTableSchema, layout.ColTableName,
	}
	e := w.entity.Entity
	values := []string{
		p.f.literal(e.Name), p.f.literal(e.Source),
		p.schemaLiteral(w.shape.Name), p.f.literal(w.shape.Name.Name),
	}
	p.add("entity "+e.Name, "INSERT INTO "+p.registryTable()+" ("+quoteAll(p.d, columns)+
		") VALUES ("+strings.Join(values, ", ")+")")
}

// renameEntity takes the entity's receipts along, and the marks of retention as new
// rows: what says how far an entity's story reaches must not be lost.
func (p *planner) renameEntity(w *wanted, former string) {
	p.purpose.entity = w.entityName()
	from, to := p.f.literal(former), p.f.literal(w.entity.Entity.Name)
	p.add("entity "+former+" is called "+w.entity.Entity.Name+" now", "UPDATE "+p.registryTable()+
		" SET "+p.d.Quote(layout.ColName)+" = "+to+
		", "+p.d.Quote(layout.ColTableSchema)+" = "+p.schemaLiteral(w.shape.Name)+
		", "+p.d.Quote(layout.ColTableName)+" = "+p.f.literal(w.shape.Name.Name)+
		" WHERE "+p.d.Quote(layout.ColName)+" = "+from)
	if p.target.Mirror {
		p.renameTarget(former, w.entity.Entity.Name)
	}
	entity := p.d.Quote(layout.ColEntity)
	p.add("receipts of entity "+former, "UPDATE "+
		p.d.Table(annals.Table{Name: layout.RevisionEntityTable})+
		" SET "+entity+" = "+to+" WHERE "+entity+" = "+from)
	marks, before := p.d.Table(annals.Table{Name: layout.CleanTable}), p.d.Quote(layout.ColBefore)
	rest := before + ", " + quoteAll(p.d, []string{layout.ColTime, layout.ColActor})
	p.add("marks of retention of entity "+former, "INSERT INTO "+marks+" ("+entity+", "+rest+
		") SELECT "+to+", "+rest+" FROM "+marks+" AS m WHERE "+entity+" = "+from+
		" AND NOT EXISTS (SELECT 1 FROM "+marks+" AS n WHERE n."+entity+" = "+to+
		" AND n."+before+" >= m."+before+")")
}

func (p *planner) updateEntity(w *wanted) {
	p.purpose.entity = w.entityName()
	e := w.entity.Entity
	p.add("entity "+e.Name, "UPDATE "+p.registryTable()+
		" SET "+p.d.Quote(layout.ColSource)+" = "+p.f.literal(e.Source)+
		", "+p.d.Quote(layout.ColTableSchema)+" = "+p.schemaLiteral(w.shape.Name)+
		", "+p.d.Quote(layout.ColTableName)+" = "+p.f.literal(w.shape.Name.Name)+
		" WHERE "+p.d.Quote(layout.ColName)+" = "+p.f.literal(e.Name))
}

func (p *planner) registryTable() string {
	return p.d.Table(annals.Table{Name: layout.AuditEntityTable})
}

func (p *planner) schemaLiteral(t annals.Table) string {
	if t.Schema == "" {
		return "NULL"
	}
	return p.f.literal(t.Schema)
}
