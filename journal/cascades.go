package journal

import (
	"context"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
)

// Cascade is a foreign key by which the database changes rows of a recorded table
// without telling its triggers.
type Cascade struct {
	// Target is the name of the table's target, Table the table itself.
	Target string
	Table  annals.Table
	// Key is the foreign key.
	Key catalog.ForeignKey
}

// Cascades lists the foreign keys of recorded tables whose actions no trigger sees,
// by target: those of MySQL and MariaDB that delete, set to null or update along.
// On PostgreSQL and SQLite triggers see them; there are none.
func (j *Journal) Cascades(ctx context.Context) ([]Cascade, error) {
	if j.cfg.Dialect.Name() != dialect.MySQLName {
		return nil, nil
	}
	targets, err := j.Targets(ctx)
	if err != nil {
		return nil, fmt.Errorf("list foreign keys that cascade: %w", err)
	}
	var found []Cascade
	for i := range targets {
		t := &targets[i]
		for _, key := range t.Table.Live.ForeignKeys {
			if silent(key.OnDelete) || silent(key.OnUpdate) {
				found = append(found, Cascade{Target: t.Name, Table: t.Source, Key: key})
			}
		}
	}
	return found, nil
}

// silent actions change rows of the table that has the key.
func silent(action string) bool {
	return action == "CASCADE" || action == "SET NULL" || action == "SET DEFAULT"
}
