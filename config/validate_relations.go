package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/nearest"
)

// SplitRelation cuts the name of a relation, "owner.field". The owner may hold
// dots, the field none. ok is false where either is missing.
func SplitRelation(name string) (owner, field string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 || i == len(name)-1 {
		return "", "", false
	}
	return name[:i], name[i+1:], true
}

// CoreRelations returns the relations as the core has them, sorted by name. It
// is for a configuration that was validated.
func (c *Config) CoreRelations() []annals.Relation {
	relations := make([]annals.Relation, 0, len(c.Relations))
	for _, name := range sortedKeys(c.Relations) {
		r := c.Relations[name]
		owner, field, _ := SplitRelation(name)
		relations = append(relations, annals.Relation{
			Owner: owner, Field: field, Target: r.Entity, Through: annals.ParseTable(r.Through),
			OwnerColumns: r.OwnerColumns, TargetColumns: r.TargetColumns,
			Columns: r.foreignKey(), TypeColumn: r.TypeColumn, TypeValue: r.TypeValue,
		})
	}
	return relations
}

// foreignKey returns the target's columns, however many there are.
func (r Relation) foreignKey() []string {
	if r.Column != "" {
		return []string{r.Column}
	}
	return r.Columns
}

func (c *Config) checkRelations(f *faults) {
	for _, name := range sortedKeys(c.Relations) {
		r, path := c.Relations[name], child("relations", name)
		owner, _, ok := SplitRelation(name)
		if !ok {
			f.add(path, "a relation is named owner.field", "write post.tags")
			continue
		}
		c.checkEntityName(f, path, owner, "owner")
		if r.Entity == "" {
			f.add(child(path, "entity"), "is missing", "name the entity at the other end")
		} else {
			c.checkEntityName(f, child(path, "entity"), r.Entity, "entity")
		}
		c.checkSameSource(f, path, owner, r)
		checkWay(f, path, r)
		c.checkRelationColumns(f, r)
	}
}

func (c *Config) checkEntityName(f *faults, path, name, what string) {
	_, named := c.Entities[name]
	_, all := c.Entities[Wildcard]
	if name == Wildcard || !named && !all {
		f.add(path, fmt.Sprintf("unknown %s %q", what, name),
			nearest.DidYouMean(name, slices.DeleteFunc(sortedKeys(c.Entities),
				func(n string) bool { return n == Wildcard })))
	}
}

func (c *Config) checkSameSource(f *faults, path, owner string, r Relation) {
	from, okFrom := c.Entities[owner]
	to, okTo := c.Entities[r.Entity]
	if okFrom && okTo && from.Source != to.Source {
		f.add(path, fmt.Sprintf("%q and %q are in different sources", owner, r.Entity),
			"a relation lies within one database")
	}
}

// checkWay sees to it that a relation goes exactly one way.
func checkWay(f *faults, path string, r Relation) {
	ways := 0
	for _, set := range []bool{r.Through != "", r.Column != "", len(r.Columns) > 0} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		f.add(path, "needs exactly one of through, column and columns",
			"through: a join table; column: the foreign key in the target's table")
	}
	if r.Through == "" && len(r.OwnerColumns)+len(r.TargetColumns) > 0 {
		f.add(path, "owner_columns and target_columns belong to a join table", "write through")
	}
	if (r.TypeColumn == "") != (r.TypeValue == "") {
		f.add(path, "type_column and type_value go together", "write both, or none")
	}
	if r.TypeColumn != "" && r.Through != "" {
		f.add(child(path, "type_column"), "has no meaning with a join table", "")
	}
	checkList(f, child(path, "columns"), r.Columns)
	checkList(f, child(path, "owner_columns"), r.OwnerColumns)
	checkList(f, child(path, "target_columns"), r.TargetColumns)
}

// checkList refuses names that are empty or come twice.
func checkList(f *faults, path string, names []string) {
	for i, name := range names {
		switch {
		case name == "":
			f.add(item(path, i), "is empty", "")
		case slices.Index(names, name) != i:
			f.add(item(path, i), fmt.Sprintf("%q stands here twice", name), "")
		}
	}
}

// checkRelationColumns refuses rules that would hide the columns a relation is
// read from, in the target's table or in a join table that is an entity too.
func (c *Config) checkRelationColumns(f *faults, r Relation) {
	for _, name := range sortedKeys(c.Entities) {
		e := c.Entities[name]
		var columns []string
		switch {
		case name == r.Entity:
			columns = r.foreignKey()
			if r.TypeColumn != "" {
				columns = append(slices.Clone(columns), r.TypeColumn)
			}
		case r.Through != "" && e.Table == r.Through:
			columns = slices.Concat(r.OwnerColumns, r.TargetColumns)
		}
		checkKept(f, child(child("entities", name), "ignore"), e.Ignore, columns)
		checkKept(f, child(child("entities", name), "mask"), e.Mask, columns)
		for _, column := range columns {
			if core := e.Entity(name); len(e.Only) > 0 && column != "" && !core.Keeps(column) {
				f.add(child(child("entities", name), "only"),
					fmt.Sprintf("%q is the column of a relation and must be kept", column), "add it")
			}
		}
	}
}

func checkKept(f *faults, path string, hidden, columns []string) {
	for i, column := range hidden {
		if slices.Contains(columns, column) {
			f.add(item(path, i),
				fmt.Sprintf("%q is the column of a relation and must be kept", column), "")
		}
	}
}
