package notice_test

import (
	"fmt"
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
	"lastval() after the commit": {dialect.PostgresName},
	"ROW_COUNT() after a write":  {dialect.MySQLName},
	"total_changes()":            {dialect.SQLiteName},
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

// sessions ask the session what it remembers, inside of transactions and after
// them, on one connection.
func sessions() []act {
	return []act{{name: "what the session remembers", do: func(p *program) {
		p.err(p.db.Connection(func(c *gorm.DB) error {
			p.see(c.Exec("INSERT INTO plains (name) VALUES ('first')"))
			p.last(c)
			p.err(c.Transaction(func(tx *gorm.DB) error {
				team := Team{Name: fmt.Sprint("session")}
				p.see(tx.Create(&team), team)
				p.last(tx)
				p.see(tx.Create(&[]Badge{{Name: "se 1"}, {Name: "se 2"}}))
				p.last(tx)
				p.see(tx.Create(&Coin{ID: "session"}))
				p.last(tx)
				p.see(tx.Model(&Coin{ID: "session"}).Update("size", 12))
				p.counts(tx)
				p.last(tx)
				p.see(tx.Create(&Plain{Name: "last"}))
				p.last(tx)
				p.see(tx.Delete(&Coin{ID: "session"}))
				p.last(tx)
				return nil
			}))
			p.remembered(c)
			return nil
		}))
	}}}
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

// remembered asks once the transaction has committed.
func (p *program) remembered(c *gorm.DB) {
	if p.sql.Dialect == dialect.PostgresName {
		p.may("lastval() after the commit", c, lastKey[p.sql.Dialect])
		p.ask(c, "SELECT currval(pg_get_serial_sequence('teams', 'id')) AS v")
		p.ask(c, "SELECT currval(pg_get_serial_sequence('plains', 'id')) AS v")
		return
	}
	p.last(c)
}
