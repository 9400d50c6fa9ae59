package journal

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/track"
)

// Sheet is one copy and how its rows are read.
type Sheet struct {
	// Name is the target's, Source the database that it is in.
	Name, Source string
	// Table is the audited table, Copy its copy.
	Table, Copy annals.Table
	// Join tells a join table.
	Join bool
	// cells are the columns of the copy that ever held something, each once.
	cells []cell
	// editions are the times between which rules and columns are the same, the oldest
	// first; the first counts from the beginning.
	editions []edition
	today    *annals.Entity
	dialect  dialect.Dialect
}

// cell is a column of the copy.
type cell struct {
	name   string
	live   dialect.Column
	masked bool
	// sent tells that the copy holds the bytes of the binary form.
	sent bool
}

// edition is how rows from a number on are read.
type edition struct {
	from  int64
	rules Rules
	// columns of the table then, and for each the cell that held it.
	columns []string
	cells   []int
	live    *catalog.Table
	table   *track.Table
}

// open works out the editions.
func (s *Sheet) open(
	d dialect.Dialect, live *catalog.Table, held []TargetColumn, rules []ruled,
) error {
	s.dialect = d
	at := map[string]int{}
	for _, h := range held {
		c, err := newCell(s, live, h)
		if err != nil {
			return err
		}
		if _, known := at[h.Copy]; !known {
			at[h.Copy] = len(s.cells)
			s.cells = append(s.cells, c)
		}
	}
	for _, from := range boundaries(held, rules) {
		e := edition{from: from, rules: rulesAt(rules, from), live: &catalog.Table{}}
		for _, h := range held {
			if h.FromSeq > from || h.UntilSeq != nil && *h.UntilSeq <= from {
				continue
			}
			n := at[h.Copy]
			e.columns, e.cells = append(e.columns, h.Column), append(e.cells, n)
			column := s.cells[n].live
			column.Name = h.Column
			e.live.Columns = append(e.live.Columns, column)
		}
		e.live.Name = annals.ParseTable(e.rules.Table)
		e.live.Key = e.rules.Key
		s.editions = append(s.editions, e)
	}
	return nil
}

func newCell(s *Sheet, live *catalog.Table, h TargetColumn) (cell, error) {
	column, ok := live.Column(h.Copy)
	if !ok {
		return cell{}, &annals.Error{
			Op: "read", Subject: "copy " + s.Copy.String(),
			Err:    fmt.Errorf("%w: column %q is missing", annals.ErrSchema, h.Copy),
			Remedy: "run `annals schema update --force`",
		}
	}
	codec, err := ParseCodec(h.Codec)
	if err != nil {
		return cell{}, fmt.Errorf("copy %s, column %s: %w", s.Copy, h.Copy, err)
	}
	c := cell{name: h.Copy, live: column, masked: codec.Masked}
	if codec.Sent != nil {
		c.live, c.sent = *codec.Sent, true
	}
	return c, nil
}

// boundaries are the numbers from which on something is different, ascending.
func boundaries(held []TargetColumn, rules []ruled) []int64 {
	all := []int64{rules[0].from}
	for _, r := range rules {
		all = append(all, r.from)
	}
	for _, h := range held {
		all = append(all, max(h.FromSeq, rules[0].from))
		if h.UntilSeq != nil {
			all = append(all, max(*h.UntilSeq, rules[0].from))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// rulesAt are the rules in force at a number: the last that begin at or before it.
func rulesAt(rules []ruled, seq int64) Rules {
	found := rules[0].rules
	for _, r := range rules {
		if r.from <= seq {
			found = r.rules
		}
	}
	return found
}

// EntityName is the entity whose rows the table has, as the last rules say; empty
// where they give no entries of their own.
func (s *Sheet) EntityName() string {
	if len(s.editions) == 0 {
		return map[bool]string{false: s.Name}[s.Join]
	}
	if e := s.editions[len(s.editions)-1].rules.Entity; e != nil {
		return e.Name
	}
	return ""
}

// boundTo reports whether the sheet was bound to rules that say the same.
func (s *Sheet) boundTo(today *annals.Entity) bool {
	if s.today == nil || today == nil {
		return s.today == today
	}
	return slices.Equal(s.today.Ignore, today.Ignore) && slices.Equal(s.today.Mask, today.Mask) &&
		s.today.MaskKey == today.MaskKey
}

func (s *Sheet) bind(today *annals.Entity) {
	s.today = today
	s.editions = slices.Clone(s.editions)
	for i := range s.editions {
		e := &s.editions[i]
		e.table = e.rules.Tracked(s.Source, e.live, today)
	}
}

func (s *Sheet) editionAt(seq int64) *edition {
	n := sort.Search(len(s.editions), func(i int) bool { return s.editions[i].from > seq })
	return &s.editions[max(0, n-1)]
}

// Tables are the table as it was read over time, the newest last.
func (s *Sheet) Tables() []*track.Table {
	out := make([]*track.Table, len(s.editions))
	for i := range s.editions {
		out[i] = s.editions[i].table
	}
	return out
}

// TableAt is the table as the rules of a number have it.
func (s *Sheet) TableAt(seq int64) *track.Table { return s.editionAt(seq).table }

// Owns reports whether rows were ever objects of the entity.
func (s *Sheet) Owns(entity string) bool {
	return slices.ContainsFunc(s.editions, func(e edition) bool {
		return e.table.Entity != nil && e.table.Entity.Name == entity
	})
}

// Feeds are the entities that rows ever gave entries, in the order of names.
func (s *Sheet) Feeds() []string {
	var names []string
	for i := range s.editions {
		t := s.editions[i].table
		if t.Entity != nil {
			names = append(names, t.Entity.Name)
		}
		for _, l := range t.Links {
			if l.Owner.Audited {
				names = append(names, l.Owner.Entity)
			}
			if l.Target.Audited && l.JoinTable != "" {
				names = append(names, l.Target.Entity)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Held is a column of the copy as conditions on it need it.
type Held struct {
	Name string
	// Column tells how values are written; Opaque that they cannot be compared.
	Column dialect.Column
	Opaque bool
}

// Way is a set of columns of the copy that hold, or once held, ids of an entity's
// objects, in the order of the key.
type Way struct {
	Columns []Held
	// Link tells rows of children: those that change and keep their parent say nothing
	// of it.
	Link bool
}

// Ways are all sets of columns that lead to an entity's objects. What was not kept
// leads nowhere: such rows link nobody.
func (s *Sheet) Ways(entity string) (ways []Way) {
	add := func(e *edition, columns []string, link bool) {
		way := Way{Columns: make([]Held, len(columns)), Link: link}
		for i, name := range columns {
			held := s.held(e, name)
			if held == nil {
				return
			}
			way.Columns[i] = *held
		}
		same := func(w Way) bool {
			alike := func(x, y Held) bool { return x.Name == y.Name }
			return w.Link == link && slices.EqualFunc(w.Columns, way.Columns, alike)
		}
		if !slices.ContainsFunc(ways, same) {
			ways = append(ways, way)
		}
	}
	for i := range s.editions {
		e := &s.editions[i]
		if e.table.Entity != nil && e.table.Entity.Name == entity {
			add(e, e.table.Key, false)
		}
		for _, l := range e.table.Links {
			if l.Owner.Audited && l.Owner.Entity == entity {
				add(e, l.Owner.Columns, l.JoinTable == "" && l.TypeColumn == "")
			}
			if l.Target.Audited && l.JoinTable != "" && l.Target.Entity == entity {
				add(e, l.Target.Columns, false)
			}
		}
	}
	return ways
}

// KeyAt are the columns of the copy that hold the table's key at a number, nil where
// one of them is not kept.
func (s *Sheet) KeyAt(seq int64) []Held {
	e := s.editionAt(seq)
	key := make([]Held, len(e.table.Key))
	for i, name := range e.table.Key {
		held := s.held(e, name)
		if held == nil {
			return nil
		}
		key[i] = *held
	}
	return key
}

// Columns are the columns of the copy that ever held a column of that name.
func (s *Sheet) Columns(name string) (out []Held) {
	for i := range s.editions {
		held := s.held(&s.editions[i], name)
		if held != nil && !slices.ContainsFunc(out, func(h Held) bool { return h.Name == held.Name }) {
			out = append(out, *held)
		}
	}
	return out
}

func (s *Sheet) held(e *edition, column string) *Held {
	i := slices.Index(e.columns, column)
	if i < 0 {
		return nil
	}
	c := &s.cells[e.cells[i]]
	return &Held{Name: c.name, Column: c.live, Opaque: c.masked || c.sent}
}

// Selection is the SELECT list that Scan reads; prefix is what the copy is called
// ("c.").
func (s *Sheet) Selection(prefix string) string {
	d := s.dialect
	var b strings.Builder
	for i, name := range []string{
		layout.ColCopyID, layout.ColCopyReceipt, layout.ColCopySeq, layout.ColCopyImage,
		layout.ColCopyOrdinal,
	} {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(prefix + d.Quote(name))
	}
	for i := range s.cells {
		c := &s.cells[i]
		ref := prefix + d.Quote(c.name)
		b.WriteString(", ")
		if c.sent {
			b.WriteString(dialect.CopiedExpr(ref))
		} else {
			b.WriteString(d.ReadExpr(c.live, ref))
		}
	}
	return b.String()
}
