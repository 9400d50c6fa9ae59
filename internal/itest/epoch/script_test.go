package epoch_test

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/epoch"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// client runs a script as a person would: psql, mysql and sqlite3 read it from stdin.
func client(t *testing.T, db *testdb.DB, script string) (string, error) {
	t.Helper()
	u, err := url.Parse(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	var cmd *exec.Cmd
	switch db.Dialect {
	case "postgres":
		cmd = exec.CommandContext(t.Context(), "psql", "-X", "-q", db.DSN)
	case "mysql":
		password, _ := u.User.Password()
		cmd = exec.CommandContext(t.Context(), "mariadb", "--no-defaults", "-N", "-h", u.Hostname(), "-P", u.Port(),
			"-u", u.User.Username(), "--password="+password, strings.TrimPrefix(u.Path, "/"))
	default:
		cmd = exec.CommandContext(t.Context(), "sqlite3", strings.TrimPrefix(db.DSN, "sqlite:"))
	}
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The script does what the command does, for the database's own client, tells of each
// batch, and adds nothing when it is run a second time.
func TestScript(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db, []string{itemTable}, items())
		s.exec("INSERT INTO item VALUES (1, 'it''s', 0), (2, 'b', 0), (3, NULL, 0), (4, 'd', 0), (5, 'e', 0)")
		s.install()
		s.exec("INSERT INTO item VALUES (6, 'new', 0)", "UPDATE item SET id = -1 WHERE id = 5")
		script, err := epoch.Script(t.Context(), s.source(), epoch.Options{Batch: 2})
		if err != nil {
			t.Fatal(err)
		}
		const found = "SELECT c.id, c.name, c.n, v.comment FROM item_audit c " +
			"JOIN annals_revision_entity e ON e.id = c.annals_revision_entity_id " +
			"JOIN annals_revision v ON v.id = e.revision WHERE e.type = 'epoch' ORDER BY c.id"
		for _, run := range []string{"first", "second"} {
			out, err := client(t, db, script)
			if err != nil {
				t.Fatalf("%s run: %v\n%s\n%s", run, err, out, script)
			}
			if run == "first" && !strings.Contains(out, "item: 3 rows") {
				t.Errorf("no word of a batch:\n%s", out)
			}
			s.same(run+" run", s.rows(found), "-1 e 0 Epoch item", "1 it's 0 Epoch item", "2 b 0 Epoch item",
				"3 - 0 Epoch item", "4 d 0 Epoch item")
		}
		if got := s.run(epoch.Options{}); got["item"] != 0 {
			t.Errorf("the command adds %d baselines to the script's", got["item"])
		}
		again, err := epoch.Script(t.Context(), s.source(), epoch.Options{Batch: 4, Again: true})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if out, err := client(t, db, again); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if n := s.count("SELECT COUNT(*) FROM annals_revision_entity e JOIN item_audit c ON " +
				"c.annals_revision_entity_id = e.id WHERE e.type = 'epoch'"); n != 11 {
				t.Errorf("%d baselines after another, want 11", n)
			}
		}
	})
}
