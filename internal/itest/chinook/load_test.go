package chinook_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

var (
	comments = regexp.MustCompile(`(?s)/\*.*?\*/`)
	// endings are where statements end: texts of the scripts have no semicolon at
	// the end of a line.
	endings = regexp.MustCompile(`;[ \t]*\r?\n`)
	// elsewhere are statements about databases as a whole: a test has its own.
	elsewhere = regexp.MustCompile(`(?i)^(DROP|CREATE DATABASE|USE|\\c)\b`)
)

// load runs the script of the sample database.
func load(t *testing.T, db *testdb.DB) {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(folder, db.Dialect+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	clean := comments.ReplaceAllString(strings.TrimPrefix(string(script), "\ufeff"), "")
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, statement := range endings.Split(clean+"\n", -1) {
		statement = strings.TrimSpace(statement)
		if statement == "" || elsewhere.MatchString(statement) {
			continue
		}
		if _, err := tx.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%.200s: %v", statement, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}
