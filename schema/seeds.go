package schema

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
)

// seeds are rows of a mirror's tables, as they are there.
type seeds struct {
	types   map[string]bool
	targets map[string]seededTarget
	// columns tells of which targets any column is known.
	columns map[string]bool
	rules   []seededRules
}

// seededTarget is a row of annals_target_entity.
type seededTarget struct {
	source, audit string
	table         annals.Table
	join          bool
	parent        sql.NullString
}

// seededRules is a row of annals_rules.
type seededRules struct {
	id   int64
	text string
}

// readSeeds reads the rows that are there, as far as their columns are.
func (p *planner) readSeeds(ctx context.Context) error {
	if !p.target.Mirror {
		return nil
	}
	s := seeds{
		types: map[string]bool{}, targets: map[string]seededTarget{}, columns: map[string]bool{},
	}
	defer func() { p.seeds = s }()
	err := p.readOwn(ctx, layout.RevisionTypeTable, []string{layout.ColName}, "",
		func(scan func(...any) error) error {
			var name sql.NullString
			err := scan(&name)
			s.types[name.String] = true
			return err
		})
	if err != nil {
		return err
	}
	err = p.readOwn(ctx, layout.TargetColumnTable, []string{layout.ColEntity}, "DISTINCT ",
		func(scan func(...any) error) error {
			var entity sql.NullString
			err := scan(&entity)
			s.columns[entity.String] = true
			return err
		})
	if err != nil {
		return err
	}
	err = p.readOwn(ctx, layout.RulesTable, []string{layout.ColID, layout.ColRules}, "",
		func(scan func(...any) error) error {
			var id sql.NullInt64
			var rules sql.NullString
			err := scan(&id, &rules)
			s.rules = append(s.rules, seededRules{id.Int64, rules.String})
			return err
		})
	if err != nil {
		return err
	}
	return p.readOwn(ctx, layout.TargetEntityTable, targetColumns(), "",
		func(scan func(...any) error) error {
			var name, source, schema, table, audit sql.NullString
			var t seededTarget
			var join sql.NullBool
			err := scan(&name, &source, &schema, &table, &join, &t.parent, &audit)
			t.source, t.audit, t.join = source.String, audit.String, join.Bool
			t.table = annals.Table{Schema: schema.String, Name: table.String}
			s.targets[name.String] = t
			return err
		})
}

func targetColumns() []string {
	return []string{
		layout.ColName, layout.ColSource, layout.ColTableSchema, layout.ColTableName,
		layout.ColIsJoinTable, layout.ColParent, layout.ColAuditEntity,
	}
}

// readOwn reads columns of one of annals' own tables, null for each that is not there;
// nothing where the table is not.
func (p *planner) readOwn(ctx context.Context, table string, columns []string, distinct string,
	row func(scan func(...any) error) error,
) error {
	name := annals.Table{Name: table}
	key := p.key(name)
	s := p.spaces[key.Schema]
	if p.target.Source || s == nil {
		return nil
	}
	live := s.relations[key.Name]
	if live == nil || live.kind != isTable {
		return nil
	}
	exprs := make([]string, len(columns))
	for i, c := range columns {
		exprs[i] = "NULL"
		if live.columns[c] {
			exprs[i] = p.d.Quote(c)
		}
	}
	query := "SELECT " + distinct + strings.Join(exprs, ", ") + " FROM " + p.d.Table(name)
	return eachRow(ctx, p.q, query, nil, row)
}

// planSeeds adds the rows that a mirror's triggers and readers count on. What
// triggers have recorded since is never changed: of a target that has columns
// already, "trigger create" keeps them.
func (p *planner) planSeeds() {
	if !p.target.Mirror {
		return
	}
	for _, name := range layout.RevisionTypes() {
		if !p.seeds.types[name] {
			p.purpose.entity = ""
			p.add("type of receipts "+name, p.insert(layout.RevisionTypeTable,
				[]string{layout.ColName}, []string{p.f.literal(name)}))
		}
	}
	for i := range p.tables {
		w := &p.tables[i]
		if w.copied == nil {
			continue
		}
		p.purpose.entity = w.entityName()
		p.seedTarget(w)
		if !p.seeds.columns[w.copied.Name] && len(w.copied.Columns) > 0 {
			p.seedColumns(w.copied)
		}
	}
}

func (p *planner) seedTarget(w *wanted) {
	c := w.copied
	wanted := seededTarget{source: c.Source, audit: c.Name, table: c.Table, join: c.Join}
	if c.Parent != "" {
		wanted.parent = sql.NullString{String: c.Parent, Valid: true}
	}
	columns := targetColumns()
	values := []string{
		p.f.literal(c.Name), p.f.literal(c.Source), p.schemaLiteral(c.Table),
		p.f.literal(c.Table.Name), truth(c.Join), "NULL", p.f.literal(c.Name),
	}
	live, ok := p.seeds.targets[c.Name]
	if ok && !live.parent.Valid {
		// What had entries of its own has them still.
		wanted.parent = sql.NullString{}
	}
	if wanted.parent.Valid {
		values[5] = p.f.literal(wanted.parent.String)
	}
	switch {
	case !ok:
		p.add("target "+c.Name, p.insert(layout.TargetEntityTable, columns, values))
	case live != wanted:
		sets := make([]string, 0, len(columns)-1)
		for i, column := range columns[1:] {
			sets = append(sets, p.d.Quote(column)+" = "+values[i+1])
		}
		p.add("target "+c.Name, "UPDATE "+p.d.Table(annals.Table{Name: layout.TargetEntityTable})+
			" SET "+strings.Join(sets, ", ")+" WHERE "+p.d.Quote(layout.ColName)+" = "+values[0])
	}
}

// seedColumns says what the copy held from the beginning.
func (p *planner) seedColumns(c *Copy) {
	rows := make([][]string, 0, len(c.Columns))
	for _, column := range c.Columns {
		codec := "NULL"
		if column.Codec != "" {
			codec = p.f.literal(column.Codec)
		}
		rows = append(rows, []string{
			p.f.literal(c.Name), p.f.literal(column.Name), p.f.literal(column.Copy),
			p.f.literal(column.SourceType), codec, "0",
		})
	}
	p.add("columns of target "+c.Name, p.insert(layout.TargetColumnTable, []string{
		layout.ColEntity, layout.ColColumnName, layout.ColCopyColumn, layout.ColSourceType,
		layout.ColCodec, layout.ColFromSeq,
	}, rows...))
}

// insert adds rows of values.
func (p *planner) insert(table string, columns []string, values ...[]string) string {
	rows := make([]string, 0, len(values))
	for _, row := range values {
		rows = append(rows, "("+strings.Join(row, ", ")+")")
	}
	return "INSERT INTO " + p.d.Table(annals.Table{Name: table}) + " (" + quoteAll(p.d, columns) +
		") VALUES " + strings.Join(rows, ", ")
}

// renameTarget takes along what a mirror knows of an entity under its former name.
func (p *planner) renameTarget(former, name string) {
	from, to := p.f.literal(former), p.f.literal(name)
	for _, at := range []struct{ table, column string }{
		{layout.TargetEntityTable, layout.ColAuditEntity},
		{layout.TargetEntityTable, layout.ColName},
		{layout.TargetEntityTable, layout.ColParent},
		{layout.TargetColumnTable, layout.ColEntity},
		{layout.RulesTable, layout.ColEntity},
		{layout.EpochTable, layout.ColEntity},
	} {
		column := p.d.Quote(at.column)
		p.add(at.table+" of entity "+former, "UPDATE "+p.d.Table(annals.Table{Name: at.table})+
			" SET "+column+" = "+to+" WHERE "+column+" = "+from)
	}
	s := p.seeds
	slices.SortFunc(s.rules, func(a, b seededRules) int { return cmp.Compare(a.id, b.id) })
	for i := range s.rules {
		text, changed := renamedRules(s.rules[i].text, former, name)
		if !changed {
			continue
		}
		s.rules[i].text = text
		p.add("rules that name entity "+former, "UPDATE "+
			p.d.Table(annals.Table{Name: layout.RulesTable})+" SET "+p.d.Quote(layout.ColRules)+" = "+
			p.f.literal(text)+" WHERE "+p.d.Quote(layout.ColID)+" = "+strconv.FormatInt(s.rules[i].id, 10))
	}
	if t, ok := s.targets[former]; ok {
		t.audit = name
		s.targets[name] = t
	}
	for other, t := range s.targets {
		if t.parent.Valid && t.parent.String == former {
			t.parent.String = name
			s.targets[other] = t
		}
	}
	s.columns[name] = s.columns[name] || s.columns[former]
}

// renamedRules puts an entity's new name into rules: where they are its own, and at
// the ends of relations.
func renamedRules(text, former, name string) (string, bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var rules map[string]any
	if d.Decode(&rules) != nil {
		return text, false // nothing that annals wrote
	}
	changed := false
	rename := func(of any, key string) {
		if m, ok := of.(map[string]any); ok && m[key] == former {
			m[key], changed = name, true
		}
	}
	rename(rules["entity"], "name")
	links, _ := rules["links"].([]any)
	for _, l := range links {
		if link, ok := l.(map[string]any); ok {
			rename(link["owner"], "entity")
			rename(link["target"], "entity")
		}
	}
	if !changed {
		return text, false
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(rules); err != nil {
		return text, false // it was read from JSON
	}
	return strings.TrimSpace(b.String()), true
}

func truth(b bool) string {
	if b {
		return "TRUE"
	}
	return "FALSE"
}
