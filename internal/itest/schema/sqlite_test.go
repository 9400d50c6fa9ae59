package schema_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
)

// Versions differ in whether null is valid JSON: a column that may be null says so
// by itself. The statements are also run by the system's own SQLite, which is of
// another version than the driver's; where there is none, that is logged.
func TestNullableJSONOnEverySQLite(t *testing.T) {
	s := newSetup(t, testdb.New(t, "sqlite"), "posts")
	plan := s.plan(t)
	nullable := 0
	for _, table := range append(layout.Own(s.d.Limits()), layout.Entries(
		s.target().Entities[0].Audit, layout.Lean, s.d.Limits())) {
		for _, c := range table.Columns {
			if c.Type != layout.JSON {
				continue
			}
			check := "CHECK (json_valid(" + s.q(c.Name) + "))"
			if c.Null {
				nullable++
				check = "CHECK (" + s.q(c.Name) + " IS NULL OR json_valid(" + s.q(c.Name) + "))"
			}
			if !strings.Contains(plan.SQL(), check) {
				t.Errorf("%s.%s: no %s in\n%s", table.Name, c.Name, check, plan.SQL())
			}
		}
	}
	if nullable != 2 {
		t.Errorf("%d columns of JSON may be null", nullable)
	}
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Logf("the system has no sqlite3, whose version would be tried too: %v", err)
		return
	}
	const revision = "INSERT INTO annals_revision (source, transaction_hash, managed, extra, created_at)" +
		" VALUES ('app', '%s', 0, %s, '2026-01-02T03:04:05.000006Z');\n"
	const entry = "INSERT INTO posts_audit (type, object_id, transaction_hash, source, seq, part, diffs," +
		" extra_data, created_at, schema_version) VALUES ('insert', '1', 'aa', 'app', %s, 0, '{}', %s," +
		" '2026-01-02T03:04:05.000006Z', 1);\n"
	fill := func(statement, number, extra string) string {
		return strings.Replace(strings.Replace(statement, "%s", number, 1), "%s", extra, 1)
	}
	run := func(script string) (string, error) {
		cmd := exec.CommandContext(t.Context(), program, "-bail", ":memory:")
		cmd.Stdin = strings.NewReader(plan.SQL() + script)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, extra := range []string{"NULL", "'{}'"} {
		script := fill(revision, "a", extra) + fill(entry, "1", extra) +
			"SELECT COUNT(*) FROM annals_revision, posts_audit;\n"
		if out, err := run(script); err != nil || strings.TrimSpace(out) != "1" {
			t.Errorf("extra data %s: %v, %s", extra, err, out)
		}
	}
	for _, statement := range []string{revision, entry} {
		out, err := run(fill(statement, "1", "'no JSON'"))
		if err == nil || !strings.Contains(out, "CHECK constraint failed") {
			t.Errorf("what is no JSON: %v, %s", err, out)
		}
	}
	version, err := exec.CommandContext(t.Context(), program, "-version").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("tried with SQLite %s", strings.Fields(string(version))[0])
}
