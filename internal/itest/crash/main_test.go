// Package crash_test kills servers and programs in the midst of writing, and holds
// what triggers recorded against what the tables hold afterwards.
package crash_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// childVariable has the file that a child of the test writes to until it is killed.
const childVariable = "ANNALS_CRASH_FILE"

func TestMain(m *testing.M) {
	if file := os.Getenv(childVariable); file != "" {
		fmt.Fprintln(os.Stderr, writeForever(file))
		os.Exit(1)
	}
	testdb.Main(m)
}

// annals is the program on a configuration of its own.
type annals struct {
	t       *testing.T
	program string
	config  string
}

const entities = `
entities:
  account: {table: account, label: note}
  line: {table: line}
relations:
  account.lines: {entity: line, column: account}
`

func newAnnals(t *testing.T, dsn string) *annals {
	t.Helper()
	dir := t.TempDir()
	a := &annals{t: t, program: filepath.Join(dir, "annals"), config: filepath.Join(dir, "annals.yaml")}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", a.program, ".")
	build.Dir = filepath.Join("..", "..", "..", "cmd", "annals")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	text := fmt.Sprintf("sources: {app: {dsn: %q, capture: trigger, delivery: direct}}\n", dsn) + entities
	if err := os.WriteFile(a.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// run runs a command, which has to succeed.
func (a *annals) run(args ...string) {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), a.program, append([]string{"--config", a.config}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		a.t.Fatalf("annals %v: %v\n%s", args, err, out)
	}
}
