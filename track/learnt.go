package track

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
)

// Learnt is what a capture knows of a table from the program, such as the tags
// of its struct. What the configuration says of a column wins.
type Learnt struct {
	// SoftDelete and Label are columns, Ignore and Mask lists of them.
	SoftDelete, Label string
	Ignore, Mask      []string
	// Fault tells what is wrong with the program's rules: the table cannot be
	// audited until it is mended.
	Fault error
}

// merged adds what m says to l. Two structs of one table each add to the other's
// lists: what one of them hides stays hidden.
func (l Learnt) merged(m Learnt) Learnt {
	if m.SoftDelete != "" {
		l.SoftDelete = m.SoftDelete
	}
	if m.Label != "" {
		l.Label = m.Label
	}
	l.Ignore = union(l.Ignore, m.Ignore)
	l.Mask = union(l.Mask, m.Mask)
	if l.Fault == nil {
		l.Fault = m.Fault
	}
	return l
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(slices.Clone(a), s)
		}
	}
	return a
}

// IsZero reports whether the program says nothing.
func (l Learnt) IsZero() bool {
	return l.SoftDelete == "" && l.Label == "" && len(l.Ignore) == 0 && len(l.Mask) == 0 &&
		l.Fault == nil
}

// Learn tells what a capture learnt of a table from the program, as that spells
// the table.
func (r *Registry) Learn(table annals.Table, l Learnt) {
	if l.IsZero() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told[table] = r.told[table].merged(l)
	clear(r.tables) // the same table may have another spelling
}

// toldOf returns what the program says of a table under all of its spellings.
func (r *Registry) toldOf(
	ctx context.Context, q dialect.Queryer, table annals.Table,
) (Learnt, error) {
	told := r.told[table]
	for other, more := range r.told {
		if other == table {
			continue
		}
		same, err := r.canonical(ctx, q, other)
		if err != nil {
			return told, err
		}
		if same == table {
			told = told.merged(more)
		}
	}
	return told, nil
}

// ruled returns the rules of a table's entity: those of the configuration, and
// what was learnt where that says nothing of a column. nil for no entity.
func (r *Registry) ruled(
	ctx context.Context, q dialect.Queryer, name annals.Table, live *catalog.Table,
) (*annals.Entity, error) {
	configured := r.EntityOf(name)
	if configured == nil {
		return nil, nil
	}
	e := *configured
	if !r.isNamed(name) {
		fit(&e, live)
	}
	told, err := r.toldOf(ctx, q, name)
	if err != nil {
		return nil, err
	}
	if told.Fault != nil {
		return nil, told.Fault
	}
	said := saidOf(&e)
	free := func(column string) bool {
		_, ok := live.Column(column)
		return ok && !said[column]
	}
	for _, c := range told.Ignore {
		// A list of the columns to keep says something of every column.
		if len(e.Only) == 0 && free(c) {
			e.Ignore = append(slices.Clip(e.Ignore), c)
		}
	}
	for _, c := range told.Mask {
		if free(c) && e.Keeps(c) {
			e.Mask = append(slices.Clip(e.Mask), c)
		}
	}
	visible := func(column string) bool {
		_, ok := live.Column(column)
		return ok && e.Keeps(column) && !e.Masks(column)
	}
	if e.SoftDelete == "" && visible(told.SoftDelete) {
		e.SoftDelete = told.SoftDelete
	}
	if e.Label == "" && visible(told.Label) {
		e.Label = told.Label
	}
	return &e, nil
}

// saidOf is the set of columns that rules of the configuration name.
func saidOf(e *annals.Entity) map[string]bool {
	said := map[string]bool{e.Label: true, e.SoftDelete: true, e.Discriminator: true}
	for _, c := range slices.Concat(e.Key, e.Ignore, e.Mask) {
		said[c] = true
	}
	return said
}

// fit drops from the rule of "*" the columns that a table does not have.
func fit(e *annals.Entity, live *catalog.Table) {
	absent := func(c string) bool {
		_, ok := live.Column(c)
		return !ok
	}
	e.Ignore = slices.DeleteFunc(slices.Clone(e.Ignore), absent)
	e.Mask = slices.DeleteFunc(slices.Clone(e.Mask), absent)
	for _, c := range []*string{&e.Label, &e.SoftDelete, &e.Discriminator} {
		if absent(*c) {
			*c = ""
		}
	}
}

// strayColumns finds columns in the rule of "*" that none of its tables has: a
// slip of the pen would otherwise hide nothing and go unnoticed.
func (r *Registry) strayColumns(tables []*Table) error {
	meant := slices.ContainsFunc(tables, func(t *Table) bool { return !r.isNamed(t.Live.Name) })
	if r.rules.All == nil || !meant {
		return nil // the tables may be still to come
	}
	var faults []annals.Fault
	check := func(rule string, columns ...string) {
		for _, c := range columns {
			found := c == "" || slices.ContainsFunc(tables, func(t *Table) bool {
				_, ok := t.Live.Column(c)
				return ok && !r.isNamed(t.Live.Name)
			})
			if !found {
				faults = append(faults, annals.Fault{
					Path:    "entities.*." + rule,
					Problem: fmt.Sprintf(`no table that "*" stands for has a column %q`, c),
					Remedy:  "correct the name, or remove it",
				})
			}
		}
	}
	all := r.rules.All
	check("ignore", all.Ignore...)
	check("mask", all.Mask...)
	check("label", all.Label)
	check("soft_delete", all.SoftDelete)
	check("discriminator", all.Discriminator)
	if len(faults) == 0 {
		return nil
	}
	return &annals.ConfigError{Faults: faults}
}

// hiddenLink refuses a link whose columns the rules of the linking row hide.
func hiddenLink(t *Table, l *Link) error {
	if t.Entity == nil {
		return nil
	}
	for _, c := range l.needs() {
		if !t.Entity.Keeps(c) || t.Entity.Masks(c) {
			return &annals.ConfigError{Faults: []annals.Fault{{
				Path: "relations." + l.Name,
				Problem: fmt.Sprintf("column %q of table %s is ignored or masked", c,
					t.Live.Name),
				Remedy: "the relation is read from it: keep it, or remove the relation",
			}}}
		}
	}
	return nil
}
