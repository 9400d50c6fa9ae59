package track

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
)

// relation is a relation with the name of its inverse, where one is declared.
type relation struct {
	annals.Relation
	inverse string
	// learnt: a capture knows it from the program, the configuration is silent.
	learnt bool
}

// mergeInverse returns the relations that table can be part of: the configured
// ones by name, then the learnt ones by name. Two relations through one join table
// that mirror each other become one: the first by name owns it, the other gives
// the field at the far end.
//
// A configured relation takes nothing from a learnt one that mirrors it, not even
// the name of the far field. Which side owns, which part an entry has and what it
// says are then the same in a program that has met the models, in one that has not
// met them yet, and in triggers.
func mergeInverse(configured, learnt []annals.Relation, table annals.Table) []relation {
	merged := merge(nil, configured, table, false)
	return merge(merged, learnt, table, true)
}

// merge adds relations of one kind.
func merge(
	merged []relation, relations []annals.Relation, table annals.Table, learnt bool,
) []relation {
	relations = slices.Clone(relations)
	sort.Slice(relations, func(i, j int) bool { return relations[i].Name() < relations[j].Name() })
	for _, rel := range relations {
		if rel.IsJoin() && rel.Through != table {
			continue
		}
		mirror := slices.IndexFunc(merged, func(m relation) bool {
			taken := m.learnt == learnt && m.inverse != ""
			return rel.IsJoin() && m.Through == rel.Through && m.Owner == rel.Target &&
				m.Target == rel.Owner && !taken && m.Name() != rel.Name() &&
				mirrored(m.Relation, rel)
		})
		switch {
		case mirror < 0:
			merged = append(merged, relation{Relation: rel, learnt: learnt})
		case merged[mirror].learnt == learnt:
			merged[mirror].inverse = rel.Field
		}
	}
	return merged
}

// mirrored reports whether b's columns do not contradict that it is a's inverse.
func mirrored(a, b annals.Relation) bool {
	if len(a.OwnerColumns) == 0 || len(b.OwnerColumns) == 0 {
		return true
	}
	return slices.Equal(a.OwnerColumns, b.TargetColumns) &&
		slices.Equal(a.TargetColumns, b.OwnerColumns)
}

// link resolves rel for t; nil where rows of t do not make it.
func (r *Registry) link(
	ctx context.Context, q dialect.Queryer, t *Table, rel relation,
) (*Link, error) {
	if rel.IsJoin() {
		return r.joinLink(ctx, q, t, rel)
	}
	target := r.named(rel.Target)
	if target == nil || target.Table != t.Live.Name {
		return nil, nil
	}
	owner := r.named(rel.Owner)
	if owner == nil {
		return nil, nil // the other side of a relation that is not audited
	}
	parent, err := r.load(ctx, q, owner.Table)
	if err != nil {
		return nil, err
	}
	key := keyOf(*owner, parent)
	columns, ok := childColumns(t.Live, rel.Columns, owner.Table, key)
	if !ok {
		return nil, relationFault(rel, fmt.Sprintf("columns %q of table %s do not hold the key of %s",
			rel.Columns, t.Live.Name, owner.Name))
	}
	if _, ok := t.Live.Column(rel.TypeColumn); rel.TypeColumn != "" && !ok {
		return nil, relationFault(rel, fmt.Sprintf("table %s has no column %q", t.Live.Name,
			rel.TypeColumn))
	}
	own := keyOf(*target, t.Live)
	return &Link{
		Name: rel.Name(),
		Owner: End{
			Entity: owner.Name, Table: owner.Table, Field: rel.Field, Key: key,
			Columns: columns, Audited: true, Operations: owner.Operations,
		},
		Target:     End{Entity: target.Name, Table: target.Table, Key: own, Columns: own, Audited: true},
		TypeColumn: rel.TypeColumn, TypeValue: rel.TypeValue,
	}, nil
}

// childColumns orders the foreign key columns as the parent's key is.
func childColumns(
	child *catalog.Table, columns []string, parent annals.Table, key []string,
) ([]string, bool) {
	for _, fk := range child.ForeignKeys {
		if fk.References == parent && sameSet(fk.Columns, columns) {
			return reorder(fk, key)
		}
	}
	for _, c := range columns {
		if _, ok := child.Column(c); !ok {
			return nil, false
		}
	}
	return columns, len(columns) == len(key) && len(key) > 0
}

// reorder returns fk's columns in the order of the referenced key; ok is false
// where fk leads to other columns than the key.
func reorder(fk catalog.ForeignKey, key []string) (columns []string, ok bool) {
	if !sameSet(fk.ReferencedColumns, key) {
		return nil, false
	}
	for _, k := range key {
		columns = append(columns, fk.Columns[slices.Index(fk.ReferencedColumns, k)])
	}
	return columns, true
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func (r *Registry) joinLink(
	ctx context.Context, q dialect.Queryer, t *Table, rel relation,
) (*Link, error) {
	owner, used, err := r.end(ctx, q, t.Live, rel.Owner, rel.OwnerColumns, nil)
	if err != nil {
		return nil, err
	}
	if owner == nil {
		return nil, relationFault(rel, joinProblem(t, rel.Owner, "owner_columns"))
	}
	target, _, err := r.end(ctx, q, t.Live, rel.Target, rel.TargetColumns, used)
	if err != nil {
		return nil, err
	}
	if target == nil {
		return nil, relationFault(rel, joinProblem(t, rel.Target, "target_columns"))
	}
	owner.Field, target.Field = rel.Field, rel.inverse
	return &Link{
		Name: rel.Name(), Owner: *owner, Target: *target, JoinTable: t.Live.Name.String(),
	}, nil
}

func joinProblem(t *Table, entity, key string) string {
	return fmt.Sprintf("no foreign key of table %s leads to entity %s; name its columns under %s",
		t.Live.Name, entity, key)
}

// end resolves one side of a join table. columns are those of the configuration,
// taken is a foreign key that the other side has (a table joined to itself).
func (r *Registry) end(
	ctx context.Context, q dialect.Queryer, join *catalog.Table, name string,
	columns, taken []string,
) (*End, []string, error) {
	entity := r.named(name)
	end := &End{Entity: name, Audited: entity != nil, Columns: columns}
	table := annals.ParseTable(name)
	if entity != nil {
		table = entity.Table
	}
	for _, fk := range join.ForeignKeys {
		if fk.References != table || slices.Equal(fk.Columns, taken) ||
			(len(columns) > 0 && !sameSet(fk.Columns, columns)) {
			continue
		}
		end.Table, end.Key, end.Columns = table, fk.ReferencedColumns, fk.Columns
		break
	}
	if entity == nil {
		if len(end.Columns) == 0 {
			return nil, nil, nil
		}
		if end.Key == nil {
			end.Table, end.Key = table, end.Columns
		}
		return end, end.Columns, nil
	}
	live, err := r.load(ctx, q, entity.Table)
	if err != nil {
		return nil, nil, err
	}
	key := keyOf(*entity, live)
	if end.Key != nil {
		ordered, ok := reorder(catalog.ForeignKey{
			Columns: end.Columns, ReferencedColumns: end.Key,
		}, key)
		if !ok {
			return nil, nil, nil
		}
		end.Columns = ordered
	}
	end.Table, end.Key, end.Operations = entity.Table, key, entity.Operations
	if len(end.Columns) != len(key) || len(key) == 0 {
		return nil, nil, nil
	}
	return end, end.Columns, nil
}

func keyOf(e annals.Entity, live *catalog.Table) []string {
	if len(e.Key) > 0 {
		return e.Key
	}
	return live.Key
}

func relationFault(rel relation, problem string) error {
	return &annals.ConfigError{Faults: []annals.Fault{{
		Path: "relations." + rel.Name(), Problem: problem,
	}}}
}
