package annalscmd

import (
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/scaffold"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/config"
)

// tableOf returns the table and source of an entity, named or by "*".
func (l *liveCheck) tableOf(entity string) (table, source string) {
	if e, ok := l.config.Entities[entity]; ok {
		return e.Table, e.Source
	}
	return scaffold.TableText(entity), l.config.Entities[config.Wildcard].Source
}

func (l *liveCheck) relation(name string, r config.Relation) error {
	owner, _, _ := config.SplitRelation(name)
	path := "relations." + name
	ownerTable, source := l.tableOf(owner)
	if source != l.source {
		return nil
	}
	targetTable, _ := l.tableOf(r.Entity)
	if r.Through != "" {
		return l.joinTable(path, r, ownerTable, targetTable)
	}
	target, err := l.table(path+".entity", targetTable)
	if err != nil || target == nil {
		return err
	}
	l.column(path+".column", target, r.Column)
	for i, column := range r.Columns {
		l.column(fmt.Sprintf("%s.columns[%d]", path, i), target, column)
	}
	l.column(path+".type_column", target, r.TypeColumn)
	return nil
}

// joinTable checks that the columns of a join table are there, or that its
// foreign keys tell which they are.
func (l *liveCheck) joinTable(path string, r config.Relation, owner, target string) error {
	t, err := l.table(path+".through", r.Through)
	if err != nil || t == nil {
		return err
	}
	for _, side := range []struct {
		key, table string
		columns    []string
	}{
		{"owner_columns", owner, r.OwnerColumns},
		{"target_columns", target, r.TargetColumns},
	} {
		for i, column := range side.columns {
			l.column(fmt.Sprintf("%s.%s[%d]", path, side.key, i), t, column)
		}
		if len(side.columns) == 0 && foreignKeys(t, side.table) != 1 {
			l.add(path+"."+side.key, fmt.Sprintf("table %q has not exactly one foreign key to %q",
				t.Name, side.table), "name the columns of "+side.key)
		}
	}
	return nil
}

func foreignKeys(t *catalog.Table, to string) int {
	n := 0
	for _, fk := range t.ForeignKeys {
		if fk.References == annals.ParseTable(to) {
			n++
		}
	}
	return n
}
