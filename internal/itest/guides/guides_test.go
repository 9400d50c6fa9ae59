// Package guides_test follows the guides of docs/guides that are about commands, on
// a database of its own.
package guides_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/internal/itest/guide"
	"github.com/seed-162b1470/annals/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

const folder = "../../../docs/guides"

// program builds the command, once.
func program(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "annals")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", name, ".")
	build.Dir = filepath.Join("..", "..", "..", "cmd", "annals")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return name
}

// shop is a schema with the guides' table among others that are harder: keys of two
// columns, of text, names that need quotes, a join table, a secret, no key at all.
func shop(t *testing.T, db *testdb.DB) {
	t.Helper()
	customer, id, company := "customer", "customer_id", "company"
	if db.Dialect != "postgres" {
		customer, id, company = "Customer", "CustomerId", "Company"
	}
	for _, statement := range []string{
		"CREATE TABLE " + customer + " (" + id + " INTEGER PRIMARY KEY, " + company + " VARCHAR(80), api_token VARCHAR(40))",
		"CREATE TABLE tag (code VARCHAR(20) PRIMARY KEY, label VARCHAR(40) NOT NULL)",
		"CREATE TABLE customer_tag (" + id + " INTEGER NOT NULL REFERENCES " + customer + " (" + id + "), code VARCHAR(20) NOT NULL, " +
			"PRIMARY KEY (" + id + ", code), FOREIGN KEY (code) REFERENCES tag (code))",
		"CREATE TABLE " + quoted(db, "Stock Level") + " (year INTEGER, place VARCHAR(20), " + quoted(db, "order") +
			" DECIMAL(12,3), PRIMARY KEY (year, place))",
		"CREATE TABLE loose (a INTEGER)",
		"INSERT INTO " + customer + " VALUES (1, 'One', 's1'), (2, 'Two', 's2'), (3, NULL, NULL)",
		"INSERT INTO tag VALUES ('vip', 'important')",
		"INSERT INTO customer_tag VALUES (2, 'vip')",
		"INSERT INTO " + quoted(db, "Stock Level") + " VALUES (2026, 'north', 12.500), (2026, 'south', 0)",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func quoted(db *testdb.DB, name string) string {
	if db.Dialect == "mysql" {
		return "`" + name + "`"
	}
	return `"` + name + `"`
}

// The guide is right, also about what it promises.
func TestExistingDatabase(t *testing.T) {
	annals := program(t)
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		shop(t, db)
		steps := guide.New(t, db, annals, "chinook").Follow(t, filepath.Join(folder, "existing-database.md"))
		last := steps[len(steps)-1]
		lines := strings.Split(strings.TrimSpace(last.Stdout), "\n")
		var e struct {
			Type, Entity string
			ObjectID     string `json:"object_id"`
			UserName     string `json:"user_name"`
			Diffs        json.RawMessage
		}
		if err := json.Unmarshal([]byte(lines[0]), &e); err != nil || len(lines) != 1 {
			t.Fatalf("%v\n%s", err, last.Stdout)
		}
		if e.Type != "update" || !strings.EqualFold(e.Entity, "customer") || e.ObjectID != "2" || e.UserName != "not orm" ||
			!strings.Contains(string(e.Diffs), `{"new":"Tea House","old":"Two"}`) {
			t.Errorf("%s", last.Stdout)
		}
	})
}
