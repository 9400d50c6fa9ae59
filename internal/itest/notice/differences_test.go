package notice_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals/dialect"
)

// differences are what a database forces, by the name under which
// docs/internals.md tells of it, and where it is met.
var differences = map[string][]string{
	"lastval() once entries are written": {dialect.PostgresName},
	"ROW_COUNT() after a write":          {dialect.MySQLName},
	"total_changes()":                    {dialect.SQLiteName},
	"words of a refusal":                 {dialect.PostgresName, dialect.MySQLName},
	// Two writers.
	"rows that come to match meanwhile": {dialect.PostgresName},
	"rows that another has just made":   {dialect.PostgresName},
	"rows waited for":                   {dialect.MySQLName},
	"gaps locked by upserts":            {dialect.MySQLName},
	"a key that comes anew":             {dialect.PostgresName},
	"serialization failures":            {dialect.PostgresName},
}

// TestDifferencesAreDocumented: the list of the test is that of the page.
func TestDifferencesAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/internals.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## What a program may notice\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatal("docs/internals.md has no section “What a program may notice”")
	}
	for name := range differences {
		if !strings.Contains(section, "**"+name+"**") {
			t.Errorf("docs/internals.md does not tell of %q", name)
		}
	}
	if n := strings.Count(section, "\n- **"); n != len(differences) {
		t.Errorf("docs/internals.md names %d differences, the test %d", n, len(differences))
	}
}

// checkForced: what is listed differs, or it should not be listed; the rest does
// not.
func checkForced(t *testing.T, database string, forced [2]map[string]string) {
	t.Helper()
	for name, without := range forced[0] {
		with := forced[1][name]
		listed := slices.Contains(differences[name], database)
		if listed && with == without {
			t.Errorf("%s does not differ any more (%s); take it off the list", name, with)
		}
		if !listed && with != without {
			t.Errorf("%s differs: %s without annals, %s with", name, without, with)
		}
	}
}

// sessions ask the session what it remembers.
func sessions() []act {
	return []act{
		{name: "what the session remembers", do: func(p *program) {
			p.sql.SetMaxOpenConns(1) // or the next statement may be another session's
			defer p.sql.SetMaxOpenConns(0)
			p.err(p.db.Transaction(p.remember))
			if p.sql.Dialect == dialect.PostgresName {
				p.may("lastval() once entries are written", p.db, lastKey[p.sql.Dialect])
				p.ask(p.db, "SELECT currval(pg_get_serial_sequence('teams', 'id')) AS v")
				p.ask(p.db, "SELECT currval(pg_get_serial_sequence('plains', 'id')) AS v")
				return
			}
			p.last(p.db)
			p.see(p.db.Create(&Badge{Name: "alone"}))
			p.last(p.db)
			p.see(p.db.Model(&Badge{}).Where("name = ?", "alone").Update("name", "changed"))
			p.last(p.db)
			p.see(p.db.Exec("INSERT INTO plains (id, name) VALUES (?, ?)", 1<<40, "far"))
			p.last(p.db)
			p.see(p.db.Delete(&Badge{}, "name = ?", "changed"))
			p.last(p.db)
			p.see(p.db.Create(&Badge{Name: "after far"}))
		}},
		{name: "a connection of its own", do: func(p *program) {
			p.err(p.db.Connection(func(c *gorm.DB) error {
				p.err(c.Transaction(func(tx *gorm.DB) error {
					p.see(tx.Create(&Team{Name: "connection"}))
					if p.sql.Dialect == dialect.PostgresName {
						p.may("lastval() once entries are written", tx, lastKey[p.sql.Dialect])
						return nil
					}
					p.last(tx)
					p.see(tx.Create(&Coin{ID: "connection"}))
					p.last(tx)
					return nil
				}))
				return nil
			}))
		}},
	}
}

// remember asks within a transaction.
func (p *program) remember(tx *gorm.DB) error {
	p.see(tx.Create(&Team{Name: "session"}))
	p.last(tx)
	p.see(tx.Create(&[]Badge{{Name: "se 1"}, {Name: "se 2"}}))
	p.last(tx)
	p.see(tx.Create(&Coin{ID: "session"}))
	p.last(tx)
	p.see(tx.Model(&Coin{ID: "session"}).Update("size", 12))
	p.counts(tx)
	p.see(tx.Model(&Stock{}).Where("shelf = ?", "s").Update("count", 12))
	p.counts(tx)
	p.see(tx.Model(&Stock{}).Where("shelf = ?", "nosuch").Update("count", 12))
	p.counts(tx)
	p.last(tx)
	p.see(tx.Create(&Plain{Name: "last"}))
	p.last(tx)
	p.see(tx.Delete(&Coin{ID: "session"}))
	p.counts(tx)
	p.last(tx)
	return nil
}

// counts asks for the number of rows that the last statement changed.
func (p *program) counts(tx *gorm.DB) {
	switch p.sql.Dialect {
	case dialect.MySQLName:
		p.may("ROW_COUNT() after a write", tx, "SELECT ROW_COUNT() AS v")
		p.ask(tx, "SELECT @@warning_count AS v")
	case dialect.SQLiteName:
		p.ask(tx, "SELECT changes() AS v")
		p.may("total_changes()", tx, "SELECT total_changes() AS v")
	}
}
