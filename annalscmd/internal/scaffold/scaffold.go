// Package scaffold makes a configuration of live tables: which of them can be
// audited, under which rules, and how they belong together.
package scaffold

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/layout"
)

// Result is what the tables suggest.
type Result struct {
	Entities  map[string]config.Entity
	Relations map[string]config.Relation
	// Skipped are tables that cannot be audited, with the reason.
	Skipped []Note
	// Notes are remarks about tables that can.
	Notes []Note
}

// Note is a remark about a table.
type Note struct {
	Table, Text string
}

// Masked counts the masked columns.
func (r *Result) Masked() int {
	n := 0
	for _, e := range r.Entities {
		n += len(e.Mask)
	}
	return n
}

// Propose makes a Result of the tables of one database. Those of other schemas than
// the connection's own are left out, as "*" leaves them out, and noted; annals' own
// tables are left out without a word.
func Propose(tables []*catalog.Table) *Result {
	p := &proposal{
		result: &Result{
			Entities: map[string]config.Entity{}, Relations: map[string]config.Relation{},
		},
		tables: map[string]*catalog.Table{},
	}
	for _, t := range tables {
		switch {
		case Own(t):
		case t.Name.Schema != "":
			p.elsewhere(t.Name)
		default:
			p.tables[t.Name.Name] = t
		}
	}
	names := slices.Sorted(maps.Keys(p.tables))
	for _, name := range names {
		p.entity(p.tables[name])
	}
	for _, name := range names {
		p.oneToMany(p.tables[name])
	}
	for _, name := range names {
		p.manyToMany(p.tables[name])
	}
	return p.result
}

type proposal struct {
	result *Result
	// tables by name.
	tables map[string]*catalog.Table
}

// Own reports whether a table is one that annals made.
func Own(t *catalog.Table) bool {
	if strings.HasPrefix(t.Name.Name, "annals_") {
		return true
	}
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool {
			_, ok := t.Column(name)
			return !ok
		})
	}
	return has("object_id", "transaction_hash", "diffs", "schema_version") ||
		has(layout.CopyColumns()...)
}

// ledgers are tables in which tools for migrations keep their state.
func ledgers() []string {
	return []string{
		"schema_migrations", "goose_db_version", "atlas_schema_revisions",
		"flyway_schema_history", "databasechangelog", "databasechangeloglock",
		"gorp_migrations", "_sqlx_migrations", "doctrine_migration_versions",
		"django_migrations", "alembic_version", "ar_internal_metadata", "knex_migrations",
		"knex_migrations_lock", "__efmigrationshistory", "_prisma_migrations",
	}
}

// unfit tells why a table cannot be audited, "" where it can.
func unfit(t *catalog.Table) string {
	switch {
	case t.View:
		return "not a base table"
	case slices.Contains(ledgers(), strings.ToLower(t.Name.Name)):
		return "keeps the state of migrations"
	case len(t.Key) == 0:
		return "no primary key: add one, and name it here"
	case !t.Transactional:
		return fmt.Sprintf("engine %s has no transactions: convert it to InnoDB", t.Engine)
	case strings.ContainsFunc(t.Name.Name, func(r rune) bool { return r < ' ' }):
		return "the name has control characters"
	}
	return ""
}

// elsewhere notes a table of another schema, and how to audit it.
func (p *proposal) elsewhere(t annals.Table) {
	text := qualified(t)
	p.result.Skipped = append(p.result.Skipped, Note{text, fmt.Sprintf(
		"in another schema; to audit it, name it: %s: {table: %s}", entityName(t.Name), text)})
}

// qualified writes a table's name with its schema so that annals.ParseTable reads
// it back.
func qualified(t annals.Table) string {
	if t.Schema == "" {
		return TableText(t.Name)
	}
	return TableText(t.Schema) + "." + TableText(t.Name)
}

func (p *proposal) entity(t *catalog.Table) {
	if reason := unfit(t); reason != "" {
		p.result.Skipped = append(p.result.Skipped, Note{t.Name.Name, reason})
		return
	}
	owner, target, ok := p.isJoin(t)
	if ok && len(t.Columns) == len(owner.Columns)+len(target.Columns) {
		return // the relation says it all
	}
	name := entityName(t.Name.Name)
	e := config.Entity{}
	if name != t.Name.Name || TableText(t.Name.Name) != t.Name.Name {
		e.Table = TableText(t.Name.Name)
	}
	e.Label = label(t)
	e.SoftDelete = softDelete(t)
	needed := append(slices.Clone(t.Key), e.Label, e.SoftDelete)
	for _, fk := range t.ForeignKeys {
		needed = append(needed, fk.Columns...)
	}
	for _, c := range t.Columns {
		switch {
		case !secret(c):
		case slices.Contains(t.Key, c.Name):
			p.result.Notes = append(p.result.Notes, Note{t.Name.Name, fmt.Sprintf(
				"key column %s looks like a secret, and a key stands in every entry", c.Name)})
		case !slices.Contains(needed, c.Name):
			e.Mask = append(e.Mask, c.Name)
		}
	}
	p.result.Entities[name] = e
}

// fit reports whether the table that a foreign key leads to can be audited.
func (p *proposal) fit(fk *catalog.ForeignKey) bool {
	t, ok := p.tables[fk.References.Name]
	return ok && fk.References.Schema == "" && unfit(t) == ""
}

// join returns the two foreign keys of a join table: together they are its
// primary key.
func join(t *catalog.Table) (owner, target *catalog.ForeignKey) {
	if len(t.ForeignKeys) != 2 {
		return nil, nil
	}
	a, b := &t.ForeignKeys[0], &t.ForeignKeys[1]
	both := slices.Concat(a.Columns, b.Columns)
	if len(both) != len(t.Key) {
		return nil, nil
	}
	for _, column := range t.Key {
		if !slices.Contains(both, column) {
			return nil, nil
		}
	}
	// The side whose column comes first in the key owns the relation.
	if !slices.Contains(a.Columns, t.Key[0]) {
		a, b = b, a
	}
	return a, b
}

// isJoin reports whether a table only joins others, with foreign keys that lead to
// what can be audited.
func (p *proposal) isJoin(t *catalog.Table) (owner, target *catalog.ForeignKey, ok bool) {
	owner, target = join(t)
	return owner, target, owner != nil && p.fit(owner) && p.fit(target)
}

func (p *proposal) oneToMany(t *catalog.Table) {
	if _, _, ok := p.isJoin(t); ok || unfit(t) != "" {
		return
	}
	for i := range t.ForeignKeys {
		fk := &t.ForeignKeys[i]
		if fk.References.Schema != "" {
			p.result.Notes = append(p.result.Notes, Note{t.Name.Name, fmt.Sprintf(
				"foreign key %s leads to %s, in another schema: no relation made of it",
				strings.Join(fk.Columns, ", "), qualified(fk.References))})
		}
		if !p.fit(fk) {
			continue
		}
		parent := p.tables[fk.References.Name]
		if !slices.Equal(fk.ReferencedColumns, parent.Key) {
			p.result.Notes = append(p.result.Notes, Note{t.Name.Name, fmt.Sprintf(
				"foreign key %s does not lead to the primary key of %s: no relation made of it",
				strings.Join(fk.Columns, ", "), parent.Name.Name)})
			continue
		}
		field := entityName(t.Name.Name)
		if leads(t, fk.References) > 1 || parent == t {
			field += "_by_" + strings.Join(fk.Columns, "_")
		}
		r := config.Relation{Entity: entityName(t.Name.Name), Column: fk.Columns[0]}
		if len(fk.Columns) > 1 {
			r.Column, r.Columns = "", fk.Columns
		}
		p.add(parent.Name.Name, field, r)
	}
}

func (p *proposal) manyToMany(t *catalog.Table) {
	owner, target, ok := p.isJoin(t)
	if !ok || unfit(t) != "" {
		return
	}
	r := config.Relation{
		Entity: entityName(target.References.Name), Through: TableText(t.Name.Name),
	}
	field := entityName(target.References.Name)
	if owner.References == target.References {
		r.OwnerColumns, r.TargetColumns = owner.Columns, target.Columns
		field += "_by_" + strings.Join(target.Columns, "_")
	}
	if _, taken := p.result.Relations[entityName(owner.References.Name)+"."+field]; taken {
		field += "_by_" + entityName(t.Name.Name)
	}
	p.add(owner.References.Name, field, r)
}

// add keeps a relation under a name of its own.
func (p *proposal) add(owner, field string, r config.Relation) {
	field = strings.ReplaceAll(field, ".", "_")
	name := entityName(owner) + "." + field
	for n := 2; ; n++ {
		if _, taken := p.result.Relations[name]; !taken {
			break
		}
		name = fmt.Sprintf("%s.%s_%d", entityName(owner), field, n)
	}
	p.result.Relations[name] = r
}

// leads counts the foreign keys that lead to a table.
func leads(t *catalog.Table, to annals.Table) int {
	n := 0
	for _, fk := range t.ForeignKeys {
		if fk.References == to {
			n++
		}
	}
	return n
}

// entityName is a table's name without what a pattern would be.
func entityName(table string) string {
	name := strings.NewReplacer("*", "_", "?", "_").Replace(table)
	return strings.Replace(name, "tag:", "tag_", 1)
}

// TableText writes a table's name so that annals.ParseTable reads it back.
func TableText(name string) string {
	if !strings.ContainsAny(name, `."`) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
