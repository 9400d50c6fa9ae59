package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// stopper stops the servers that tests have started when they are through.
type stopper struct{ m *testing.M }

// Run implements testscript.TestingM.
func (s stopper) Run() int {
	code := s.m.Run()
	if name, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(name))
	}
	if err := testdb.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		return max(code, 1)
	}
	return code
}

// The test binary runs as the program itself where a script says annals.
func TestMain(m *testing.M) {
	testscript.Main(stopper{m}, map[string]func(){"annals": main})
}

// Scripts in testdata/script run on a fresh database of every kind: $DSN, and
// another one on the same server, $OTHER.
func TestScripts(t *testing.T) {
	for _, kind := range testdb.Kinds() {
		t.Run(kind, func(t *testing.T) {
			for _, file := range scripts(t, "script") {
				t.Run(name(file), func(t *testing.T) {
					t.Parallel()
					source, other := testdb.New(t, kind), testdb.New(t, kind)
					runScript(t, file, map[string]string{
						"DSN": source.DSN, "OTHER": other.DSN, "DIALECT": source.Dialect,
						"PASSWORD": password(source.DSN), "NEW": missing(t, kind, source.DSN),
					})
				})
			}
		})
	}
}

// missing is the DSN of a database that is not there, on the same server; it is
// dropped at the end where a script creates it.
func missing(t *testing.T, kind, dsn string) string {
	t.Helper()
	path, name := dsn[:strings.LastIndexByte(dsn, '/')+1], "annals_new_"+strings.ToLower(rand.Text())
	if kind != "sqlite" {
		t.Cleanup(func() {
			_, err := testdb.Superuser(t, kind).ExecContext(context.Background(),
				"DROP DATABASE IF EXISTS "+name)
			if err != nil {
				t.Errorf("drop %s: %v", name, err)
			}
		})
	}
	return path + name
}

// Scripts in testdata/local need no server.
func TestLocalScripts(t *testing.T) {
	for _, file := range scripts(t, "local") {
		t.Run(name(file), func(t *testing.T) {
			t.Parallel()
			runScript(t, file, nil)
		})
	}
}

func scripts(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("scripts in %s: %v, %v", folder, files, err)
	}
	return files
}

func name(file string) string { return strings.TrimSuffix(filepath.Base(file), ".txtar") }

// program is the program as its users have it: scripts run it hundreds of times, and
// under the race detector it takes a second to start. What it is made of is raced by
// the tests of its packages.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "annals-program-")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "annals")
	out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return name, nil
})

func runScript(t *testing.T, file string, vars map[string]string) {
	t.Helper()
	plain, err := program()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files:               []string{file},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		// UPDATE_SCRIPTS=1 go test rewrites the files that cmp compares with.
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			for key, value := range vars {
				env.Setenv(key, value)
			}
			env.Setenv("PATH", filepath.Dir(plain)+string(os.PathListSeparator)+env.Getenv("PATH"))
			return nil
		},
		Condition: func(cond string) (bool, error) { return vars["DIALECT"] == cond, nil },
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "sql": execSQL, "record": record, "locked": locked, "jsonl": jsonl,
			"secretless": secretless, "nextpage": nextPage, "rows": rows, "tell": tell,
		},
	})
}
