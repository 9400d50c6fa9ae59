package layout

import (
	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// Columns of the stamps that a source's tables may have: who made a row and when,
// and who changed it last and when.
const (
	ColStampCreatedAt = "created_at"
	ColStampCreatedBy = "created_by_id"
	ColStampUpdatedAt = "updated_at"
	ColStampUpdatedBy = "updated_by_id"
)

// StampColumns returns the columns that a table with stamps has.
func StampColumns() []string {
	return []string{
		ColStampCreatedAt, ColStampCreatedBy, ColStampUpdatedAt, ColStampUpdatedBy,
	}
}

// StampIndexes are the indexes by which the newest rows that somebody made, or
// changed last, are found: idx_<table>_audit_created and idx_<table>_audit_updated.
func StampIndexes(t annals.Table, lim dialect.Limits) []Index {
	return []Index{
		{
			Name:     IndexName(t.Name, []string{"audit_created"}, lim),
			Columns:  []string{ColStampCreatedBy, ColStampCreatedAt},
			LastDesc: true,
		},
		{
			Name:     IndexName(t.Name, []string{"audit_updated"}, lim),
			Columns:  []string{ColStampUpdatedBy, ColStampUpdatedAt},
			LastDesc: true,
		},
	}
}
