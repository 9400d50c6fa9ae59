package schema

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// planner makes one plan.
type planner struct {
	target *Target
	q      dialect.Queryer
	d      dialect.Dialect
	f      flavour

	home   string
	fold   func(string) string
	tables []wanted
	// stamped are tables of a source, of which only indexes are wanted.
	stamped []wanted
	// spaces are the live schemas by folded name.
	spaces   map[string]*space
	registry []registered
	// seeds are the rows that a mirror has in its other tables.
	seeds seeds

	statements, alone []Statement
	// purpose is that of the statements that are being planned.
	purpose purpose
}

// purpose is what a statement is for.
type purpose struct {
	entity string
	stamps bool
}

func (p *planner) plan(ctx context.Context) error {
	if err := p.look(ctx); err != nil {
		return err
	}
	if err := p.planOwn(ctx); err != nil {
		return err
	}
	// Last: what is audited depends on none of it.
	for i := range p.stamped {
		p.planStamps(&p.stamped[i])
	}
	return nil
}

// planOwn plans annals' own tables.
func (p *planner) planOwn(ctx context.Context) error {
	if p.target.Source {
		return nil
	}
	if err := p.planSchemas(); err != nil {
		return err
	}
	p.reserveNames()
	conflicts := []error{p.planSequence()}
	for i := range p.tables {
		w := &p.tables[i]
		p.purpose = purpose{entity: w.entityName()}
		conflicts = append(conflicts, p.planTable(w))
	}
	p.purpose = purpose{}
	conflicts = append(conflicts, p.planRegistry(ctx))
	p.planSeeds()
	p.purpose = purpose{}
	return errors.Join(conflicts...)
}

// look reads all that the plan depends on.
func (p *planner) look(ctx context.Context) (err error) {
	if p.home, err = p.f.home(ctx, p.q); err != nil {
		return explain(p.target, "read", p.target.subject(), err)
	}
	if p.home == "" {
		return &annals.Error{
			Op: "plan", Subject: p.target.subject(),
			Err:    errors.New("the connection is in no schema"),
			Remedy: "name a database in the DSN, or set a search_path with an existing schema",
		}
	}
	if p.fold, err = p.f.folding(ctx, p.q); err != nil {
		return explain(p.target, "read", p.target.subject(), err)
	}
	if p.tables, err = p.wantedTables(); err != nil {
		return err
	}
	p.stamped = p.stampedTables()
	if err = p.readSpaces(ctx); err != nil {
		return explain(p.target, "read tables of", p.target.subject(), err)
	}
	if err = p.readRegistry(ctx); err == nil {
		err = p.readSeeds(ctx)
	}
	if err != nil {
		return explain(p.target, "read entities of", p.target.subject(), err)
	}
	return nil
}

func (p *planner) readSpaces(ctx context.Context) error {
	windows := map[string]*window{}
	for _, w := range slices.Concat(p.tables, p.stamped) {
		in := windows[w.key.Schema]
		if in == nil {
			in = &window{schema: p.schemaOf(w.shape.Name), fold: p.fold}
			windows[w.key.Schema] = in
		}
		// The catalogue is asked by the name as it would be stored.
		in.tables = append(in.tables, w.key.Name, w.shape.Name.Name)
		if w.stamped == nil {
			in.own = append(in.own, w.key.Name, w.shape.Name.Name)
		}
	}
	p.spaces = map[string]*space{}
	for key, w := range windows {
		slices.Sort(w.tables)
		w.tables = slices.Compact(w.tables)
		s, err := p.f.read(ctx, p.q, *w)
		if err != nil {
			return err
		}
		if w.tables = w.own; len(w.own) > 0 {
			err = p.f.readFit(ctx, p.q, *w, s)
		}
		if err != nil {
			return err
		}
		p.spaces[key] = s
	}
	return nil
}

func (p *planner) schemaOf(t annals.Table) string {
	if t.Schema == "" {
		return p.home
	}
	return t.Schema
}

func (p *planner) add(comment, sql string) {
	p.put(Statement{SQL: sql}, comment)
}

func (p *planner) planSchemas() error {
	planned := map[string]bool{}
	for _, w := range p.tables {
		if p.spaces[w.key.Schema].exists || planned[w.key.Schema] {
			continue
		}
		planned[w.key.Schema] = true
		sql, ok := p.f.createSchema(p.schemaOf(w.shape.Name))
		if !ok {
			return &annals.Error{
				Op: "plan", Subject: w.label() + " in " + p.target.subject(), Err: annals.ErrConfig,
				Remedy: "attach a database of that name, or set audit_table without a schema",
			}
		}
		p.add("schema of "+w.label(), sql)
	}
	return nil
}

func (p *planner) planSequence() error {
	if !p.d.Features().Sequences || p.target.Mirror && !p.f.drawsCopies() {
		return nil // the ticket table is one of the tables, or receipts number themselves
	}
	seq := layout.Seq()
	key := p.key(seq.Name)
	switch live := p.spaces[key.Schema].relations[key.Name]; {
	case live == nil:
		p.add("numbers of mutations", p.f.createSequence(seq.Name))
	case live.kind != isSequence:
		return conflict(p.target, "sequence "+seq.Name.Name, "a "+string(live.kind)+" has the name",
			"rename that "+string(live.kind))
	}
	return nil
}

func (p *planner) planTable(w *wanted) error {
	s := p.spaces[w.key.Schema]
	live := s.relations[w.key.Name]
	if live == nil {
		if other := s.implied[w.key.Name]; other != "" {
			return conflict(p.target, w.label(), "the database itself gives the name to a part of "+other,
				"choose another name with audit_table, table_prefix or table_suffix")
		}
		p.add(w.label(), p.createTable(w.shape))
		s.created(w.key.Name, "")
		for _, name := range p.f.implied(w.shape, s.isThere) {
			s.created(name, w.label())
		}
		p.planIndexes(w, s, nil)
		return nil
	}
	if err := p.checkLive(w, live); err != nil {
		return err
	}
	for _, c := range w.shape.Columns {
		name := p.f.column(c.Name)
		if !live.columns[name] {
			p.addColumn(w, c)
			continue
		}
		if sql, grows := p.f.widen(w.shape.Name, c, live.types[name]); grows {
			p.add("wider column "+c.Name+" of "+w.label(), sql)
		}
	}
	p.planIndexes(w, s, live)
	return nil
}

// reserveNames keeps indexes from taking the names of tables that are wanted.
func (p *planner) reserveNames() {
	reserve := func(key annals.Table) {
		if s := p.spaces[key.Schema]; s.taken != nil {
			s.taken[key.Name] = true
		}
	}
	for _, w := range p.tables {
		reserve(w.key)
	}
	for _, name := range []string{layout.SequenceName, layout.LockTable} {
		reserve(p.key(annals.Table{Name: name}))
	}
}

// checkLive refuses a table that is not the wanted one.
func (p *planner) checkLive(w *wanted, live *relation) error {
	const remedy = "choose another name with audit_table, table_prefix or table_suffix"
	if live.kind != isTable {
		return conflict(p.target, w.label(), "a "+string(live.kind)+" has the name", remedy)
	}
	if err := p.checkLayout(w, live); err != nil {
		return err
	}
	for _, c := range w.shape.Key {
		if !live.columns[c] {
			return conflict(p.target, w.label(), "a table without the key column "+c+" has the name",
				"restore that column if it is annals' table; otherwise "+remedy)
		}
	}
	if w.entity == nil || p.isRegistered(w.key) {
		return p.checkFit(w, live)
	}
	// Without an entry in the registry the columns have to tell.
	for _, c := range w.marks() {
		if !live.columns[c] {
			return conflict(p.target, w.label(), "a table that is no "+w.what()+" has the name", remedy)
		}
	}
	return p.checkFit(w, live)
}

func (p *planner) createTable(t layout.Table) string {
	lines := make([]string, 0, len(t.Columns)+1)
	inline := false
	for _, c := range t.Columns {
		sql := p.f.columnType(c)
		if len(t.Key) == 1 && t.IsKey(c.Name) {
			sql, inline = p.f.keyType(c)
		}
		lines = append(lines, strings.TrimSuffix(p.d.Quote(c.Name)+" "+sql, " "))
	}
	if !inline {
		lines = append(lines, "PRIMARY KEY ("+quoteAll(p.d, t.Key)+")")
	}
	return "CREATE TABLE " + p.d.Table(t.Name) + " (\n    " +
		strings.Join(lines, ",\n    ") + "\n)" + p.f.tableOptions()
}

// lostNumbers keeps the numbers that stand in for lost ones apart from those
// that are drawn: they are negative, and still exact in JavaScript.
const lostNumbers = "9007199254740991"

// addColumn adds a column to a table that may have rows. They get a zero value
// where null is not allowed; seq, which is part of a unique key, follows the id, as a
// decimal since numbers without a sign cannot go below zero.
func (p *planner) addColumn(w *wanted, c layout.Column) {
	table := p.d.Table(w.shape.Name)
	sql := "ALTER TABLE " + table + " ADD COLUMN " + p.d.Quote(c.Name) + " " + p.f.columnType(c)
	if !c.Null {
		sql += " DEFAULT " + p.f.zero(c)
	}
	p.add("column "+c.Name+" of "+w.label(), sql)
	if w.entity != nil && c.Name == layout.ColSeq {
		seq, id := p.d.Quote(layout.ColSeq), p.d.Quote(layout.ColID)
		p.add("numbers for rows that have none in "+w.label(),
			"UPDATE "+table+" SET "+seq+" = CAST("+id+" AS DECIMAL(20)) - "+lostNumbers+
				" WHERE "+seq+" = 0")
	}
}

func (p *planner) planIndexes(w *wanted, s *space, live *relation) {
	for _, i := range w.shape.Indexes {
		comment := "index (" + strings.Join(i.Columns, ", ") + ") of " + w.label()
		i = p.f.indexable(&w.shape, i)
		if found := p.serving(live, i); found != nil {
			if found.invalid {
				p.put(p.f.mendIndex(w.shape.Name, found.name), comment)
			}
			continue
		}
		for n := 0; p.isTaken(s, live, i.Name); n++ {
			i.Name = layout.UniqueIndexName(w.shape.Name.Name, i.Columns, n, p.d.Limits())
		}
		if s.taken != nil {
			s.taken[p.fold(i.Name)] = true
			s.created(p.fold(i.Name), "")
		}
		// An index of a partitioned table cannot be built beside its writers.
		p.put(p.f.createIndex(w.shape.Name, i, live != nil && !live.partitioned), comment)
	}
}

// serving finds a live index that does what the wanted one is for, a valid one
// if there is one.
func (p *planner) serving(live *relation, w layout.Index) (found *liveIndex) {
	if live == nil {
		return nil
	}
	columns := make([]string, len(w.Columns))
	for i, c := range w.Columns {
		columns[i] = p.f.column(c)
	}
	w.Columns = columns
	for _, l := range live.indexes {
		if l.serves(w) && (found == nil || found.invalid) {
			found = l
		}
	}
	return found
}

func (p *planner) isTaken(s *space, live *relation, name string) bool {
	if s.taken != nil {
		return s.taken[p.fold(name)]
	}
	if live == nil {
		return false
	}
	return slices.ContainsFunc(live.indexes, func(l *liveIndex) bool {
		return strings.EqualFold(l.name, name)
	})
}

func (p *planner) put(s Statement, comment string) {
	s.Comment, s.Entity, s.Stamps = comment, p.purpose.entity, p.purpose.stamps
	if s.Alone {
		p.alone = append(p.alone, s)
		return
	}
	p.statements = append(p.statements, s)
}
