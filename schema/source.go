package schema

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
)

// CheckSource reports why a live table cannot be audited as the entity: it is a
// view, its engine knows no transactions (annals.ErrNotTransactional), or it has
// no key (annals.ErrNoKey). The key is the entity's own where it names one, which
// then has to be the primary key or a unique key. Nil means that it can be.
func CheckSource(e annals.Entity, t *catalog.Table) error {
	refuse := func(cause error, remedy string) error {
		return &annals.Error{
			Op: "audit", Subject: fmt.Sprintf("table %s (entity %s)", e.Table, e.Name),
			Err: cause, Remedy: remedy,
		}
	}
	if t.View {
		return refuse(fmt.Errorf("it is no base table: %w", annals.ErrConfig),
			"name the table that the rows are in")
	}
	if !t.Transactional {
		return refuse(fmt.Errorf("engine %s: %w", t.Engine, annals.ErrNotTransactional),
			"ALTER TABLE … ENGINE=InnoDB, or leave the table out")
	}
	if len(e.Key) == 0 {
		if len(t.Key) == 0 {
			return refuse(annals.ErrNoKey, "add a primary key, or name a unique key with key")
		}
		return nil
	}
	var faults []error
	for _, c := range e.Key {
		if _, ok := t.Column(c); !ok {
			faults = append(faults, fmt.Errorf("there is no key column %q: %w", c, annals.ErrConfig))
		}
	}
	if len(faults) > 0 {
		return refuse(errors.Join(faults...), "name columns of the table")
	}
	if !isUnique(e.Key, t) {
		return refuse(fmt.Errorf("nothing makes the columns of key unique: %w", annals.ErrNoKey),
			"add a unique key on them, or leave key out to use the primary key")
	}
	return nil
}

// isUnique reports whether a key of the table is within the columns.
func isUnique(columns []string, t *catalog.Table) bool {
	within := func(key []string) bool {
		for _, c := range key {
			if !slices.Contains(columns, c) {
				return false
			}
		}
		return len(key) > 0
	}
	return within(t.Key) || slices.ContainsFunc(t.Uniques, within)
}
