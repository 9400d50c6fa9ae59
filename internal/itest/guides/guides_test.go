// Package guides_test follows the guides of docs/guides that are about commands, on
// a database of its own.
package guides_test

import (
	"encoding/json"
	"errors"
	"fmt"
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
	customer, id, company := "Customer", "CustomerId", "Company"
	fax, phone, genre := "Fax", "Phone", "Genre"
	if db.Dialect == "postgres" { // which makes small letters of all of them
		customer, id = "customer", "customer_id"
	}
	for _, statement := range []string{
		"CREATE TABLE " + customer + " (" + id + " INTEGER PRIMARY KEY, " + company + " VARCHAR(80), api_token VARCHAR(40), " +
			fax + " VARCHAR(24), " + phone + " VARCHAR(24))",
		"CREATE TABLE " + genre + " (id INTEGER PRIMARY KEY, name VARCHAR(40))",
		"CREATE TABLE tag (code VARCHAR(20) PRIMARY KEY, label VARCHAR(40) NOT NULL)",
		"CREATE TABLE customer_tag (" + id + " INTEGER NOT NULL REFERENCES " + customer + " (" + id + "), code VARCHAR(20) NOT NULL, " +
			"PRIMARY KEY (" + id + ", code), FOREIGN KEY (code) REFERENCES tag (code))",
		"CREATE TABLE " + quoted(db, "Stock Level") + " (year INTEGER, place VARCHAR(20), " + quoted(db, "order") +
			" DECIMAL(12,3), PRIMARY KEY (year, place))",
		"CREATE TABLE loose (a INTEGER)",
		"INSERT INTO " + customer + " VALUES (1, 'One', 's1', 'f1', 'p1'), (2, 'Two', 's2', 'f2', 'p2'), (3, NULL, NULL, NULL, NULL)",
		"INSERT INTO " + genre + " VALUES (1, 'Jazz')",
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

// No step of the guide makes a write fail, each write is recorded, and what was
// recorded stays readable under the names of its time.
func TestSchemaChange(t *testing.T) {
	annals := program(t)
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		shop(t, db)
		w := guide.New(t, db, annals, "chinook")
		w.Follow(t, filepath.Join(folder, "existing-database.md"))
		writes := 0
		w.Between = func() {
			writes++
			write(t, db, writes)
		}
		w.Between()
		w.Follow(t, filepath.Join(folder, "schema-change.md"))
		out := w.Run(t, "annals log --type update --limit 1000 --json").Stdout
		if got := strings.Count(out, `"new":"Company `); got != writes {
			t.Errorf("%d writes, %d of them recorded:\n%s", writes, got, out)
		}
		for _, field := range []string{"Fax", "Telefax", "Phone", "Birthday"} {
			if db.Dialect == "postgres" {
				field = strings.ToLower(field)
			}
			if !strings.Contains(out, `"`+field+`":{"new":`) {
				t.Errorf("no change of %s is to be seen:\n%s", field, out)
			}
		}
	})
}

// write changes every column of a row but its key, whichever they are by now.
func write(t *testing.T, db *testdb.DB, n int) {
	t.Helper()
	customer, id := "Customer", "CustomerId"
	if db.Dialect == "postgres" {
		customer, id = "customer", "customer_id"
	}
	// A text of its own: clients keep plans, whose columns must not change.
	rows, err := db.QueryContext(t.Context(), fmt.Sprintf("SELECT * FROM %s WHERE %s = 2 AND %d > 0", customer, id, n))
	if err != nil {
		t.Fatal(err)
	}
	columns, err := rows.Columns()
	if err := errors.Join(err, rows.Close()); err != nil {
		t.Fatal(err)
	}
	var sets []string
	for _, c := range columns {
		value := fmt.Sprintf("'%s %d'", c, n)
		switch strings.ToLower(c) {
		case strings.ToLower(id):
			continue
		case "birthday":
			value = fmt.Sprintf("'2026-01-%02d'", n)
		case "company":
			value = fmt.Sprintf("'Company %d'", n)
		}
		sets = append(sets, c+" = "+value)
	}
	res, err := db.ExecContext(t.Context(), "UPDATE "+customer+" SET "+strings.Join(sets, ", ")+" WHERE "+id+" = 2")
	if err != nil {
		t.Fatalf("write %d: %v", n, err)
	}
	if changed, err := res.RowsAffected(); err != nil || changed != 1 {
		t.Fatalf("write %d: %d rows, %v", n, changed, err)
	}
}
