package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// The command reads and cleans a mirror as it does any storage.
func TestMirror(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		c := &cleanable{DB: db, config: filepath.Join(t.TempDir(), "annals.yaml"), now: time.Now().UTC()}
		text := fmt.Sprintf("sources: {app: {dsn: %q, capture: trigger}}\n"+
			"entities: {post: {table: posts, label: title}}\n", db.DSN)
		if err := os.WriteFile(c.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c.exec(t, "CREATE TABLE posts (id INTEGER PRIMARY KEY, title VARCHAR(50))")
		must := func(want string, args ...string) string {
			t.Helper()
			code, out := c.run(t.Context(), nil, args...)
			if code != 0 || !strings.Contains(out, want) {
				t.Fatalf("%q: exit %d, want %q in\n%s", args, code, want, out)
			}
			return out
		}
		must("", "schema", "update", "--force")
		must("", "trigger", "create", "--force")
		c.exec(t, "INSERT INTO posts (id, title) VALUES (1, 'one')")
		c.exec(t, "UPDATE posts SET title = 'two' WHERE id = 1")
		c.exec(t, "DELETE FROM posts WHERE id = 1")
		out := must(`"type":"remove"`, "log", "--json")
		if n := strings.Count(out, `"entity":"post"`); n != 3 {
			t.Errorf("the log has %d entries:\n%s", n, out)
		}
		must("two", "history", "post", "1")
		must("one", "history", "post", "1", "--oldest")
		hash := c.text(t, "SELECT transaction_hash FROM annals_revision ORDER BY id LIMIT 1")
		must("one", "show", hash)
		old := map[string]string{"sqlite": "2020-01-01T00:00:00.000000Z"}[db.Kind]
		if old == "" {
			old = "2020-01-01 00:00:00"
		}
		for _, table := range []string{"annals_revision_entity", "annals_revision"} {
			c.exec(t, "UPDATE "+table+" SET created_at = '"+old+"'")
		}
		must("post", "clean", "P12M", "--no-confirm")
		if n := c.count(t, "posts_audit") + c.count(t, "annals_revision_entity") + c.count(t, "annals_revision"); n > 0 {
			t.Errorf("%d rows are left", n)
		}
		if n := c.count(t, "annals_clean WHERE entity = 'post'"); n != 1 {
			t.Errorf("%d marks", n)
		}
	})
}

func (c *cleanable) text(t *testing.T, query string) (text string) {
	t.Helper()
	if err := c.QueryRowContext(t.Context(), query).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}
