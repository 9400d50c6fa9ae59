package values

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-162b1470/annals/internal/testdb"
)

var update = flag.Bool("update", false, "write the tables of docs/formats/values.md")

const docFile = "../../../docs/formats/values.md"

// docLock guards the file while the databases' tests run side by side.
var docLock sync.Mutex

// checkDoc compares the values with the database's table in the documentation,
// or writes it. A server that lacks some samples must have the others there.
func checkDoc(t *testing.T, db *testdb.DB, tables []table, values [][]json.RawMessage, all bool) {
	t.Helper()
	var lines []string
	for i, tab := range tables {
		for n, v := range values[i] {
			lines = append(lines, docLine(tab.sample, tab.Values[n], v))
		}
	}
	docLock.Lock()
	defer docLock.Unlock()
	text, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+db.Dialect+": written by internal/itest/values -->\n", "<!-- end -->\n"
	head, rest, ok := strings.Cut(string(text), begin)
	section, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no section %q", docFile, begin)
	}
	got := "\n| column type | value | JSON |\n|---|---|---|\n" + strings.Join(lines, "") + "\n"
	switch {
	case *update && all:
		if err := os.WriteFile(docFile, []byte(head+begin+got+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	case all:
		if diff := cmp.Diff(strings.Split(section, "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("%s is not what the database gives; run with -update (-doc +database):\n%s",
				docFile, diff)
		}
	default:
		for _, line := range lines {
			if !strings.Contains(section, line) {
				t.Errorf("%s lacks %s", docFile, line)
			}
		}
	}
}

// docLine is a row of the table.
func docLine(s sample, value string, v json.RawMessage) string {
	if value == "" {
		value = "by the database"
	} else {
		value = code(value)
	}
	return fmt.Sprintf("| %s | %s | %s |\n", code(s.name()), value, code(short(v)))
}

// short is a value as it is shown: of a long one its length and digest.
func short(v json.RawMessage) string {
	const most = 130
	if len(v) <= most {
		return string(v)
	}
	sum := sha256.Sum256(v)
	return fmt.Sprintf("%s… (%d bytes with SHA-256 %x…)", v[:24], len(v), sum[:8])
}

// code sets s as code in a cell of a table.
func code(s string) string {
	s = strings.ReplaceAll(s, "|", `\|`)
	mark := "`"
	for strings.Contains(s, mark) {
		mark += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return mark + s + mark
}
