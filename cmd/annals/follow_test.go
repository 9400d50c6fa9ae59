package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// The program follows what is committed, a transaction that overtakes none too: its
// entries come late, once, and an interrupt ends it well.
func TestFollowAsAProgram(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		f := newFollowed(t, db)
		f.commit(f.begin("before"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, program)
		// The test binary is the program under its name.
		cmd.Args = []string{"annals", "log", "--follow", "--json", "--config", f.config}
		var said strings.Builder
		cmd.Stderr = &said
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stdout)
		next := func(want string) {
			t.Helper()
			var e struct {
				ObjectID string `json:"object_id"`
			}
			if !lines.Scan() || json.Unmarshal(lines.Bytes(), &e) != nil || e.ObjectID != want {
				t.Fatalf("got %s (%v), want %s; stderr: %s", lines.Text(), lines.Err(), want, said.String())
			}
		}
		next("before")
		if db.Dialect == "sqlite" { // one writer at a time: nothing can be overtaken
			f.commit(f.begin("late"))
		} else {
			late := f.begin("late")
			f.commit(f.begin("early"))
			next("early")
			f.commit(late)
		}
		next("late")
		f.commit(f.begin("last"))
		next("last")
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			t.Errorf("once more: %s", lines.Text())
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v; stderr: %s", err, said.String())
		}
	})
}

// followed is an audited database, and the way to write entries into it.
type followed struct {
	*testing.T
	db     *testdb.DB
	store  *sqlstore.Store
	config string
	n      int
}

func newFollowed(t *testing.T, db *testdb.DB) *followed {
	t.Helper()
	f := &followed{T: t, db: db, config: filepath.Join(t.TempDir(), "annals.yaml")}
	text := fmt.Sprintf("sources: {app: {dsn: %q}}\nentities: {post: {table: posts}}\n", db.DSN)
	if err := os.WriteFile(f.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &cleanable{DB: db, config: f.config}
	c.exec(t, "CREATE TABLE posts (id INTEGER PRIMARY KEY)")
	if code, out := c.run(t.Context(), nil, "schema", "update", "--force"); code != 0 {
		t.Fatal(out)
	}
	pool, d, err := open(t.Context(), db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	f.store, err = sqlstore.New(sqlstore.Config{
		Name: "default", DB: pool, Dialect: d,
		AuditTable: func(context.Context, string) (annals.Table, error) {
			return annals.Table{Name: "posts_audit"}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// begin writes an entry of an object in a transaction that is still open.
func (f *followed) begin(object string) (commit func() error) {
	f.Helper()
	tx, err := f.db.BeginTx(f.Context(), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.n++
	rev := annals.Revision{Source: "app", Hash: fmt.Sprintf("%032x", f.n), CreatedAt: time.Now()}
	err = f.store.WriteTx(f.Context(), tx, &rev, []annals.Entry{{
		Entity: "post", Source: "app", Type: annals.Update, ObjectID: object, Seq: 1,
		TransactionHash: rev.Hash, CreatedAt: rev.CreatedAt, SchemaVersion: annals.SchemaVersion,
		Diffs: json.RawMessage(`{"changes":{"id":{"new":1,"old":null}}}`),
	}})
	if err != nil {
		f.Fatal(err)
	}
	return tx.Commit
}

func (f *followed) commit(commit func() error) {
	f.Helper()
	if err := commit(); err != nil {
		f.Fatal(err)
	}
}
