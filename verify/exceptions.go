package verify

import (
	"context"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

// Exceptions notes what the databases force on programs whose changes are recorded.
type Exceptions struct {
	Source  string
	Dialect dialect.Dialect
	// ORM means that rows are captured in the application, not by triggers.
	ORM bool
}

var _ Check = Exceptions{}

// Name implements Check.
func (c Exceptions) Name() string { return "what programs of source " + c.Source + " may notice" }

// Run implements Check.
func (c Exceptions) Run(context.Context) ([]Finding, error) {
	list, page := triggerExceptions(c.Dialect), "docs/guides/triggers.md"
	if c.ORM {
		list, page = ormExceptions(c.Dialect), "docs/internals.md"
	}
	if len(list) == 0 {
		return nil, nil
	}
	return []Finding{{
		Severity: Note, Source: c.Source, Kind: KindException,
		Detail: "programs may notice annals by: " + strings.Join(list, "; "),
		Remedy: page + ", What a program may notice, has what to do about each",
	}}, nil
}

// triggerExceptions are those of capture by triggers.
func triggerExceptions(d dialect.Dialect) []string {
	switch d.Name() {
	case dialect.PostgresName:
		return []string{
			"lastval() after an audited write is annals' (RETURNING and currval are not touched)",
		}
	case dialect.SQLiteName:
		return []string{"total_changes() counts what triggers write"}
	}
	return []string{"1442 for writes to a table that LOCK TABLES has locked alone (MariaDB)"}
}

// ormExceptions are those of capture in the application; docs/internals.md has the list.
func ormExceptions(d dialect.Dialect) []string {
	words := "words of a refusal that name a locking read"
	switch d.Name() {
	case dialect.PostgresName:
		return []string{
			"lastval() once entries are written (RETURNING and currval are not touched)", words,
			"annals.ErrConcurrentChange where rows come to match, or are made, meanwhile",
			"annals.ErrCapture where a key comes anew under REPEATABLE READ",
			"serialization failures under SERIALIZABLE",
		}
	case dialect.SQLiteName:
		return []string{"total_changes() counts annals' rows"}
	}
	return []string{
		"ROW_COUNT() after a write (RowsAffected is right)", words,
		"updates that wait for rows which they would pass by under READ COMMITTED",
		"gaps locked by upserts under REPEATABLE READ",
	}
}
