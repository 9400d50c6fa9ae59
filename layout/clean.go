package layout

import (
	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// Columns of annals_clean, with ColID and ColEntity.
const (
	ColBefore = "before"
	ColTime   = "time"
	ColActor  = "actor"
)

// Clean returns the shape of annals_clean: up to when retention has taken the
// entries of an entity. Rows are added and never changed: the mark of an entity is
// the latest "before" that it has.
func Clean(lim dialect.Limits) Table {
	return Table{
		Name: annals.Table{Name: CleanTable},
		Columns: []Column{
			{Name: ColID, Type: BigInt, Auto: true},
			{Name: ColEntity, Type: VarChar, Size: 255, Exact: true},
			{Name: ColBefore, Type: Instant},
			{Name: ColTime, Type: Instant},
			{Name: ColActor, Type: VarChar, Size: 255, Null: true},
		},
		Key: []string{ColID},
		Indexes: named(CleanTable, []Index{
			{Columns: []string{ColEntity, ColBefore}},
		}, lim),
	}
}
