// Package replication_test applies changes by logical replication to an audited
// database: no program of its own writes there, and each change is on record.
package replication_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/internal/testdb/server"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func TestSubscriber(t *testing.T) {
	if !slices.Contains(testdb.Kinds(), server.Postgres) {
		return
	}
	dsn := logicalServer(t)
	publisher, subscriber := database(t, dsn, "publisher"), database(t, dsn, "subscriber")
	const table = "CREATE TABLE account (id integer PRIMARY KEY, note varchar(40))"
	publisher.exec(t, table, "CREATE PUBLICATION p FOR TABLE account",
		"SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
	subscriber.exec(t, table)
	a := newAnnals(t, subscriber.dsn)
	a.run(t, 0, "schema", "update", "--force")
	a.run(t, 0, "trigger", "create", "--force")
	a.run(t, 0, "verify")

	// What applies changes fires no statement triggers: those that are there would not
	// see it, and verify says so.
	subscriber.exec(t, fmt.Sprintf("CREATE SUBSCRIPTION s CONNECTION '%s' PUBLICATION p "+
		"WITH (create_slot = false, slot_name = 's', copy_data = false)", publisher.dsn))
	t.Cleanup(func() { subscriber.leave(t) })
	if out := a.run(t, 4, "verify"); !strings.Contains(out, "trigger") {
		t.Errorf("verify does not speak of triggers:\n%s", out)
	}
	a.run(t, 0, "trigger", "create", "--force")
	a.run(t, 0, "verify")

	publisher.exec(t, "INSERT INTO account VALUES (1, 'a'), (2, 'b')",
		"UPDATE account SET note = 'c' WHERE id = 2", "UPDATE account SET id = 3 WHERE id = 1",
		"DELETE FROM account WHERE id = 2", "TRUNCATE account", "INSERT INTO account VALUES (9, 'z')")
	subscriber.await(t, "SELECT 1 FROM account WHERE id = 9")
	out := a.run(t, 0, "log", "--json", "--limit", "100")
	var got []string
	for line := range strings.Lines(out) {
		got = append([]string{part(line, "type") + " " + part(line, "object_id")}, got...)
	}
	want := []string{
		"insert 1", "insert 2", "update 2", "update 3", "remove 2", "truncate *", "insert 9",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%s", diff, out)
	}
	a.run(t, 0, "verify", "--replay")
}

// part is a text in a line of JSON.
func part(line, name string) string {
	_, rest, _ := strings.Cut(line, `"`+name+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// logicalServer is a server whose log has what logical replication needs.
func logicalServer(t *testing.T) (dsn string) {
	t.Helper()
	var group server.Group
	t.Cleanup(func() {
		if err := group.Stop(); err != nil {
			t.Error(err)
		}
	})
	s, err := group.Start(t.Context(), server.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", s.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"ALTER SYSTEM SET wal_level = logical", "CHECKPOINT"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := group.Restart(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s.DSN
}

// place is a database of the server.
type place struct {
	dsn string
	db  *sql.DB
}

func database(t *testing.T, dsn, name string) *place {
	t.Helper()
	admin, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	p := &place{dsn: u.String()}
	if p.db, err = sql.Open("pgx", p.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.db.Close() })
	return p
}

func (p *place) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := p.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// await waits until a query has a row.
func (p *place) await(t *testing.T, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		var n int
		switch err := p.db.QueryRowContext(ctx, query).Scan(&n); err {
		case nil:
			return
		case sql.ErrNoRows:
		default:
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", query, ctx.Err())
		case <-tick.C:
		}
	}
}

// leave ends the subscription, so that its worker does not hold up the server.
func (p *place) leave(t *testing.T) {
	t.Helper()
	for _, statement := range []string{
		"ALTER SUBSCRIPTION s DISABLE", "ALTER SUBSCRIPTION s SET (slot_name = NONE)", "DROP SUBSCRIPTION s",
	} {
		if _, err := p.db.ExecContext(context.Background(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// annals is the program on a configuration of its own.
type annals struct{ program, config string }

func newAnnals(t *testing.T, dsn string) *annals {
	t.Helper()
	dir := t.TempDir()
	a := &annals{program: filepath.Join(dir, "annals"), config: filepath.Join(dir, "annals.yaml")}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", a.program, ".")
	build.Dir = filepath.Join("..", "..", "..", "cmd", "annals")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	text := fmt.Sprintf("sources: {app: {dsn: %q, capture: trigger, delivery: direct}}\nentities: {account: {}}\n", dsn)
	if err := os.WriteFile(a.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// run runs a command, whose exit code has to be the wanted one.
func (a *annals) run(t *testing.T, code int, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), a.program, append([]string{"--config", a.config}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("annals %v: exit code %d, want %d, %v\n%s%s", args, got, code, err, out, stderr.String())
	}
	return string(out)
}
