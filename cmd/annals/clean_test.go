package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// cleanable is a storage with old and new entries, and a configuration of it.
type cleanable struct {
	*testdb.DB
	config string
	now    time.Time
}

const oldRevisions, newRevisions = 6000, 50

func newCleanable(t *testing.T, db *testdb.DB) *cleanable {
	t.Helper()
	c := &cleanable{DB: db, config: filepath.Join(t.TempDir(), "annals.yaml"), now: time.Now().UTC()}
	text := fmt.Sprintf("sources: {app: {dsn: %q}}\nentities: {post: {table: posts}}\n", db.DSN)
	if err := os.WriteFile(c.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.exec(t, "CREATE TABLE posts (id INTEGER PRIMARY KEY, title VARCHAR(50))")
	if code, out := c.run(t.Context(), nil, "schema", "update", "--force"); code != 0 {
		t.Fatal(out)
	}
	pool, d, err := open(t.Context(), db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	store, err := sqlstore.New(sqlstore.Config{
		Name: "default", DB: pool, Dialect: d,
		AuditTable: func(context.Context, string) (annals.Table, error) {
			return annals.Table{Name: "posts_audit"}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var b storage.Batch
	for i := range oldRevisions + newRevisions {
		at := c.now.AddDate(-2, 0, 0).Add(time.Duration(i) * time.Second)
		if i >= oldRevisions {
			at = c.now.Add(-time.Hour)
		}
		hash := fmt.Sprintf("%032x", i+1)
		b.Revisions = append(b.Revisions, annals.Revision{Source: "app", Hash: hash, CreatedAt: at})
		for part := range 2 {
			b.Entries = append(b.Entries, annals.Entry{
				Entity: "post", Source: "app", Type: annals.Update, ObjectID: "1", Seq: int64(i + 1), Part: part,
				TransactionHash: hash, CreatedAt: at, SchemaVersion: annals.SchemaVersion,
				Diffs: json.RawMessage(`{"changes":{"title":{"new":"b","old":"a"}}}`),
			})
		}
	}
	if err := store.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cleanable) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := c.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (c *cleanable) count(t *testing.T, from string) (n int) {
	t.Helper()
	if err := c.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+from).Scan(&n); err != nil {
		t.Fatalf("%s: %v", from, err)
	}
	return n
}

// run executes the command in this process; at is told of what it writes.
func (c *cleanable) run(
	ctx context.Context, at func(line string), args ...string,
) (code int, output string) {
	var out bytes.Buffer
	w := io.Writer(&out)
	if at != nil {
		w = writerFunc(func(p []byte) (int, error) {
			at(string(p))
			return out.Write(p)
		})
	}
	code = annalscmd.Run(ctx, annalscmd.Options{
		Open: open, Stdout: w, Stderr: w, Stdin: strings.NewReader(""),
	}, append(args, "--config", c.config))
	return code, out.String()
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// mustBalance checks the books by plain SQL: every entry and every receipt has its revision, and
// what is gone is marked.
func (c *cleanable) mustBalance(t *testing.T) {
	t.Helper()
	const without = " x WHERE NOT EXISTS (SELECT 1 FROM annals_revision r WHERE r."
	if n := c.count(t, "posts_audit"+without+"transaction_hash = x.transaction_hash)"); n > 0 {
		t.Errorf("%d entries have no revision", n)
	}
	if n := c.count(t, "annals_revision_entity"+without+"id = x.revision)"); n > 0 {
		t.Errorf("%d receipts have no revision", n)
	}
	left := c.count(t, "posts_audit")
	if left < 2*(oldRevisions+newRevisions) && c.count(t, "annals_clean WHERE entity = 'post'") == 0 {
		t.Error("entries are gone without a mark")
	}
	// What is left is the end of the story.
	var first sql.NullInt64
	err := c.QueryRowContext(t.Context(), "SELECT MIN(seq) FROM posts_audit").Scan(&first)
	if want := 2 * (oldRevisions + newRevisions - int(first.Int64) + 1); err != nil ||
		left != want && left != want-1 {
		t.Errorf("%d entries left from %d on, %v", left, first.Int64, err)
	}
}

func (c *cleanable) mustBeClean(t *testing.T) {
	t.Helper()
	if n := c.count(t, "posts_audit"); n != 2*newRevisions {
		t.Errorf("%d entries left", n)
	}
	if n := c.count(t, "annals_revision"); n != newRevisions {
		t.Errorf("%d revisions left", n)
	}
}

// The program, killed behind every few batches and started again until it is done.
func TestCleanKilled(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		c := newCleanable(t, db)
		kills := 0
		for ; ; kills++ {
			// The test binary is the program under its name.
			cmd := &exec.Cmd{
				Path: program, Env: os.Environ(),
				Args: []string{"annals", "clean", "--no-confirm", "-v", "--config", c.config},
			}
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stderr)
			batches := 0
			var said []string
			for batches < 3 && lines.Scan() {
				said = append(said, lines.Text())
				if strings.Contains(lines.Text(), "removed") {
					batches++
				}
			}
			if batches == 3 {
				_ = cmd.Process.Kill() // where it has ended by itself, Wait tells
			}
			err = cmd.Wait()
			c.mustBalance(t)
			if err == nil {
				break
			}
			if batches < 3 && !strings.Contains(strings.Join(said, "\n"), "is held by") {
				t.Fatalf("%v\n%s", err, strings.Join(said, "\n"))
			}
			if kills > 200 {
				t.Fatal("no end of it")
			}
		}
		if kills < 3 {
			t.Errorf("killed %d times only", kills)
		}
		c.mustBeClean(t)
	})
}

// A signal ends the run behind the batch that it is in, and says so.
func TestCleanStopped(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		c := newCleanable(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		code, out := c.run(ctx, func(line string) {
			if strings.Contains(line, "removed, ") {
				cancel()
			}
		}, "clean", "--no-confirm", "-v", "--json")
		if code != annalscmd.ExitFailed || !strings.Contains(out, "interrupted") ||
			!strings.Contains(out, "run it again to go on") || !strings.Contains(out, `"entity":"post"`) {
			t.Errorf("exit code %d\n%s", code, out)
		}
		if n := c.count(t, "posts_audit"); n == 2*newRevisions || n == 2*(oldRevisions+newRevisions) {
			t.Errorf("%d entries left", n)
		}
		c.mustBalance(t)
		if code, out := c.run(t.Context(), nil, "clean", "--no-confirm"); code != annalscmd.ExitDone {
			t.Errorf("exit code %d\n%s", code, out)
		}
		c.mustBeClean(t)
	})
}

// terminal is a stdin that answers.
type terminal struct {
	io.Reader
	io.Writer
}

// On a terminal it asks, and only yes is yes.
func TestCleanAsks(t *testing.T) {
	c := newCleanable(t, testdb.New(t, "sqlite"))
	for _, a := range []struct {
		answer string
		args   []string
		says   string
		left   int
		code   int
	}{
		{"\n", nil, "nothing was removed", 2 * (oldRevisions + newRevisions), 0},
		{"", nil, "nothing was removed", 2 * (oldRevisions + newRevisions), 0},
		{"no\n", nil, "nothing was removed", 2 * (oldRevisions + newRevisions), 0},
		{"y\n", []string{"--no-interaction"}, "CAUTION", 2 * (oldRevisions + newRevisions), 2},
		{"YES\n", nil, "Remove 12000 entries and 6000 revisions older than", 2 * newRevisions, 0},
		{"", nil, "nothing is older than", 2 * newRevisions, 0},
	} {
		var out bytes.Buffer
		code := annalscmd.Run(t.Context(), annalscmd.Options{
			Open: open, Stdout: &out, Stderr: &out, Terminal: func(io.Writer) bool { return true },
			Stdin: terminal{strings.NewReader(a.answer), io.Discard},
		}, append([]string{"clean", "--config", c.config}, a.args...))
		if code != a.code || !strings.Contains(out.String(), a.says) {
			t.Errorf("%q: exit code %d\n%s", a.answer, code, out.String())
		}
		if n := c.count(t, "posts_audit"); n != a.left {
			t.Errorf("%q: %d entries left, want %d", a.answer, n, a.left)
		}
	}
}
