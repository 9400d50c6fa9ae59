package chinook_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// build builds the command.
func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "annals")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = filepath.Join("..", "..", "..", "cmd", "annals")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return program
}

// record is an entry in the output of --json, as far as it is looked at.
type record struct {
	Type      string          `json:"type"`
	Entity    string          `json:"entity"`
	ObjectID  string          `json:"object_id"`
	Hash      string          `json:"transaction_hash"`
	Seq       int64           `json:"seq"`
	Part      int             `json:"part"`
	BlameID   string          `json:"blame_id"`
	Comment   string          `json:"comment"`
	RequestID string          `json:"request_id"`
	Diffs     json.RawMessage `json:"diffs"`
}

// command: the program reads what plain SQL reads.
func (w *world) command(t *testing.T, program string, entries []entry) {
	config := filepath.Join(t.TempDir(), "annals.yaml")
	text := fmt.Sprintf("sources: {app: {dsn: %q}}\nentities:\n", w.sql.DSN)
	for name, e := range rules(w.names) {
		line, err := json.Marshal(map[string]any{"table": e.Table, "mask": e.Mask, "ignore": e.Ignore})
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("  %s: %s\n", name, strings.ReplaceAll(string(line), "null", "[]"))
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, append([]string{"--config", config, "--json"}, args...)...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("annals %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
		}
		return string(out)
	}
	merge := w.hashOf(t, "customers 58 and 59 are one")
	of := func(keep func(e *entry) bool) (want []string) {
		for i := range entries {
			if e := &entries[i]; keep(e) {
				want = append(want, fmt.Sprintf("%d.%d %s %s %s %s %s", e.seq, e.part, e.typ, e.entity, e.id, e.hash, same(t, e.diffs)))
			}
		}
		return want
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"log", "--limit", "10000"}, of(func(*entry) bool { return true })},
		{
			[]string{"log", "--entity", "invoice_line", "--type", "remove", "--limit", "10000"},
			of(func(e *entry) bool { return e.entity == "invoice_line" && e.typ == "remove" }),
		},
		{
			[]string{"history", "customer", "58"},
			of(func(e *entry) bool { return e.entity == "customer" && e.id == "58" }),
		},
		{
			[]string{"history", "playlist_track", "[18,2]"},
			of(func(e *entry) bool { return e.entity == "playlist_track" && e.id == "[18,2]" }),
		},
	} {
		got := read(t, run(c.args...))
		if d := cmp.Diff(c.want, got); d != "" || len(got) == 0 {
			t.Errorf("annals %s (-SQL +program):\n%s", strings.Join(c.args, " "), d)
		}
	}
	shown := run("show", merge)
	for _, want := range []string{merge, "customers 58 and 59 are one", `"Andrew Ådams"`} {
		if !strings.Contains(shown, want) {
			t.Errorf("annals show does not tell %q:\n%s", want, shown)
		}
	}
	want := of(func(e *entry) bool { return e.hash == merge })
	if got := read(t, shown); !cmp.Equal(want, got) {
		t.Errorf("annals show (-SQL +program):\n%s", cmp.Diff(want, got))
	}
	var state struct {
		Exists  string
		Columns map[string]struct{ Value json.RawMessage }
	}
	if err := json.Unmarshal([]byte(run("history", "customer", "59", "--as-of", "2026-03-02T07:00:00Z")), &state); err != nil {
		t.Fatal(err)
	}
	got := row{}
	for name, v := range state.Columns {
		if value := same(t, v.Value); value != "null" {
			got[name] = value
		}
	}
	if d := cmp.Diff(w.then[0].rows["customer 59"], got); d != "" || state.Exists != "yes" {
		t.Errorf("annals history --as-of, exists %q (-SQL then +program):\n%s", state.Exists, d)
	}
}

// hashOf is the name of the revision with a comment.
func (w *world) hashOf(t *testing.T, comment string) (hash string) {
	t.Helper()
	err := w.sql.QueryRowContext(t.Context(),
		"SELECT transaction_hash FROM annals_revision WHERE comment = '"+comment+"'").Scan(&hash)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// read reads the entries in a program's output, in the order of capture.
func read(t *testing.T, out string) (lines []string) {
	t.Helper()
	var all []record
	for line := range strings.Lines(out) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if r.Entity == "" {
			continue
		}
		if r.BlameID == "" || r.Comment == "" || r.RequestID == "" {
			t.Errorf("without actor, comment or request: %s", line)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b record) int {
		if a.Seq != b.Seq {
			return int(a.Seq - b.Seq)
		}
		return a.Part - b.Part
	})
	for _, r := range all {
		lines = append(lines, fmt.Sprintf("%d.%d %s %s %s %s %s", r.Seq, r.Part, r.Type, r.Entity, r.ObjectID, r.Hash, same(t, r.Diffs)))
	}
	return lines
}
