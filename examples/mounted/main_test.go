package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/annalscmd"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// asShop makes the test binary run as the program.
const asShop = "ANNALS_EXAMPLE_SHOP"

func TestMain(m *testing.M) {
	if os.Getenv(asShop) != "" {
		main()
	}
	testdb.Main(m)
}

// result is what a run of the program gave.
type result struct {
	stdout, stderr string
	code           int
}

// run executes the program, in a folder without any annals.yaml.
func run(t *testing.T, dir string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), asShop+"=1", "ANNALS_CONFIG=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// shopDSN is a database as --database takes it.
func shopDSN(db *testdb.DB) string {
	if db.Dialect == "postgres" {
		return db.DSN
	}
	return db.Dialect + ":" + db.DriverDSN
}

func TestShop(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		dir := t.TempDir()
		shop := func(code int, args ...string) result {
			t.Helper()
			r := run(t, dir, append([]string{"--database", shopDSN(db)}, args...)...)
			if r.code != code {
				t.Fatalf("shop %v: exit %d, want %d\n%s%s", args, r.code, code, r.stdout, r.stderr)
			}
			return r
		}
		shop(0, "setup", "--user", "import")
		if r := shop(0, "price", "1", "4.20", "-u", "ann", "-v"); r.stdout != "1 changed\n" {
			t.Errorf("price told %q", r.stdout)
		}

		// Read with annals' commands what the database holds.
		r := shop(0, "history", "product", "1")
		for _, want := range []string{"insert", "import", "update", "ann", `4.2`} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("history does not tell %q:\n%s", want, r.stdout)
			}
		}
		var entry struct {
			Type     string `json:"type"`
			BlameID  string `json:"blame_id"`
			ObjectID string `json:"object_id"`
			Hash     string `json:"transaction_hash"`
		}
		r = shop(0, "audit", "log", "--limit", "1", "--json", "-v")
		if err := json.Unmarshal([]byte(r.stdout), &entry); err != nil {
			t.Fatalf("%v in %s", err, r.stdout)
		}
		if entry.Type != "update" || entry.BlameID != "ann" || entry.ObjectID != "1" {
			t.Errorf("the newest entry is %+v", entry)
		}
		var hash string
		err := db.QueryRowContext(t.Context(),
			"SELECT transaction_hash FROM products_audit WHERE type = 'update'").Scan(&hash)
		if err != nil || hash != entry.Hash {
			t.Errorf("the table has %q (%v), log told %q", hash, err, entry.Hash)
		}
		if r = shop(0, "audit", "show", hash); !strings.Contains(r.stdout, hash) {
			t.Errorf("show told:\n%s", r.stdout)
		}

		shop(0, "audit", "config", "check")
		r = shop(0, "audit", "config", "show", "--routes")
		if !strings.Contains(r.stdout, "product") {
			t.Errorf("routes:\n%s", r.stdout)
		}
		r = shop(0, "audit", "schema", "update", "--dump-sql")
		if r.stdout != "" || !strings.Contains(r.stderr, "nothing to do") {
			t.Errorf("a second schema update:\n%s%s", r.stdout, r.stderr)
		}
	})
}

// Audit tables are made by the mounted command as well.
func TestSchemaUpdate(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		_, err := db.ExecContext(context.Background(),
			"CREATE TABLE products (id integer PRIMARY KEY, name varchar(40), price decimal(10,2))")
		if err != nil {
			t.Fatal(err)
		}
		shop := func(args ...string) result {
			return run(t, t.TempDir(), append([]string{"--database", shopDSN(db)}, args...)...)
		}
		if r := shop("audit", "log"); r.code != 1 || !strings.Contains(r.stderr, "schema update") {
			t.Errorf("log before: %+v", r)
		}
		if r := shop("audit", "schema", "update"); r.code != 2 ||
			strings.Count(r.stderr, "CAUTION") != 1 {
			t.Errorf("schema update without consent: %+v", r)
		}
		if r := shop("audit", "schema", "update", "--force"); r.code != 0 {
			t.Errorf("schema update: %+v", r)
		}
		if r := shop("audit", "log"); r.code != 0 || r.stdout != "" {
			t.Errorf("log after: %+v", r)
		}
	})
}

// The program decides how it exits; each error is told once, on stderr.
func TestExits(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"audit", "log", "--nonsense"}, 2, "see shop audit log --help"},
		{[]string{"history", "product"}, 2, "usage: shop history"},
		{[]string{"history", "prodcut", "1"}, 2, "prodcut"},
		{[]string{"audit", "log", "--config", "x"}, 2, "unknown flag: --config"},
		{[]string{"audit", "init"}, 2, `unknown command "init" for "shop audit"`},
		{[]string{"--database", "oracle:x", "audit", "log"}, 1, "write sqlite:FILE"},
		{
			[]string{"--database", "postgres://u:topsecret@127.0.0.1:1/x", "history", "product", "1"},
			1, "set up the auditor",
		},
		{[]string{"no-such-command"}, 1, `unknown command "no-such-command" for "shop"`},
	} {
		r := run(t, dir, c.args...)
		if r.code != c.code || !strings.Contains(r.stderr, c.want) || r.stdout != "" {
			t.Errorf("%v: exit %d, want %d\nstdout: %s\nstderr: %s", c.args, r.code, c.code,
				r.stdout, r.stderr)
		}
		if strings.Count(r.stderr, "Error: ") != 1 || strings.Contains(r.stderr, "topsecret") {
			t.Errorf("%v: stderr: %s", c.args, r.stderr)
		}
	}
}

// Commands end with the context of the program, and what one execution did is not
// the next one's.
func TestContext(t *testing.T) {
	file := "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
	execute := func(ctx context.Context, args ...string) (string, error) {
		root := newCommand()
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetArgs(append([]string{"--database", file}, args...))
		err := root.ExecuteContext(ctx)
		return out.String(), err
	}
	if out, err := execute(t.Context(), "setup"); err != nil {
		t.Fatal(err, out)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	_, err := execute(stopped, "history", "product", "1")
	if !errors.Is(err, context.Canceled) || annalscmd.ExitCode(err) != annalscmd.ExitFailed {
		t.Errorf("history of a stopped program: %v", err)
	}
	for _, args := range [][]string{
		{"history", "product", "1"}, {"audit", "log", "--json"}, {"audit", "log"},
	} {
		if out, err := execute(t.Context(), args...); err != nil || !strings.Contains(out, "Blue cup") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

func TestHelp(t *testing.T) {
	r := run(t, t.TempDir(), "audit", "log", "--help")
	if r.code != 0 || !strings.Contains(r.stdout, "shop audit log") ||
		!strings.Contains(r.stdout, "--annals-verbose") {
		t.Errorf("%+v", r)
	}
}

// The guide shows this very program.
func TestGuideShowsThisProgram(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guides", "own-command.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(source), "// guide: begin\n\n")
	code, _, end := strings.Cut(rest, "\n// guide: end")
	if !ok || !end {
		t.Fatal("main.go has lost its marks")
	}
	if !strings.Contains(string(guide), code) {
		t.Errorf("docs/guides/own-command.md does not show this code; paste it there:\n%s", code)
	}
}
