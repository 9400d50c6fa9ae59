package conn_test

import (
	"testing"

	"github.com/seed-162b1470/annals/capture/conn"
)

func TestReach(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		syntax     conn.Syntax
		want       conn.Reach
	}{
		{"nothing", "", conn.Postgres(), conn.OwnRow},
		{
			"columns and values", ` WHERE "a" = $1 AND (b IN ($2,$3) OR NOT (c IS NULL)) ORDER BY id`,
			conn.Postgres(), conn.OwnRow,
		},
		{"text that looks like a query", " WHERE a = '(SELECT random())'", conn.MySQL(), conn.OwnRow},
		{"comment that looks like one", " WHERE a = 1 /* (SELECT 1) */", conn.SQLite(), conn.OwnRow},
		{"containment", " WHERE tags @> $1", conn.Postgres(), conn.OwnRow},
		{"steady function", " WHERE lower(name) = ?", conn.SQLite(), conn.Calls},
		{"clock", " WHERE at < CURRENT_TIMESTAMP", conn.MySQL(), conn.Calls},
		{"function of its own", " WHERE chosen(id)", conn.Postgres(), conn.Beyond},
		{"quoted function", ` WHERE "random"() < 1`, conn.Postgres(), conn.Beyond},
		{"chance among steady ones", " WHERE round(rand()) = 1", conn.MySQL(), conn.Beyond},
		{"sub-query", " WHERE id = (SELECT max(id) FROM t)", conn.SQLite(), conn.Beyond},
		{"limit", " WHERE a = ? ORDER BY id LIMIT ?", conn.MySQL(), conn.Beyond},
		{"variable", " WHERE (@n := @n + 1) < 3", conn.MySQL(), conn.Beyond},
		{"text without an end", " WHERE a = 'x", conn.MySQL(), conn.Beyond},
		{"code in a comment", " WHERE a = 1 /*! AND rand() < 1 */", conn.MySQL(), conn.Beyond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.syntax.Reach(tt.text); got != tt.want {
				t.Errorf("Reach(%q) = %d, want %d", tt.text, got, tt.want)
			}
		})
	}
}

func TestLockInner(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string
		some             bool
	}{
		{name: "none", text: "SELECT a FROM t WHERE a IN (?)", want: "SELECT a FROM t WHERE a IN (?)"},
		{
			name: "one within another",
			text: "SELECT a FROM t WHERE a = (SELECT m FROM (SELECT max(a) m FROM t) x) FOR UPDATE",
			want: "SELECT a FROM t WHERE a = (SELECT m FROM (SELECT max(a) m FROM t LOCK) x LOCK) FOR UPDATE",
		},
		{
			name: "locked already",
			text: "SELECT a FROM t WHERE a = (SELECT b FROM u LIMIT 1 FOR UPDATE SKIP LOCKED)",
			want: "SELECT a FROM t WHERE a = (SELECT b FROM u LIMIT 1 FOR UPDATE SKIP LOCKED)",
		},
		{
			name: "several queries",
			text: "SELECT a FROM t WHERE a IN (SELECT 1 UNION SELECT 2)",
			want: "SELECT a FROM t WHERE a IN (SELECT 1 UNION SELECT 2)", some: true,
		},
		{
			name: "in a text",
			text: "SELECT a FROM t WHERE a = '(SELECT 1)'", want: "SELECT a FROM t WHERE a = '(SELECT 1)'",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, all := conn.MySQL().LockInner(tt.text, "LOCK")
			if got != tt.want || all == tt.some {
				t.Errorf("LockInner(%q) = %q, %v", tt.text, got, all)
			}
		})
	}
}

// FuzzLockInner: a text without the locks is the text that it was.
func FuzzLockInner(f *testing.F) {
	f.Add("SELECT a FROM t WHERE a = (SELECT b FROM u) FOR UPDATE")
	f.Add("((SELECT 1) UNION (SELECT ')')")
	f.Fuzz(func(t *testing.T, text string) {
		for _, syntax := range []conn.Syntax{conn.Postgres(), conn.MySQL(), conn.SQLite()} {
			syntax.Reach(text)
			if got, _ := syntax.LockInner(text, ""); len(got) < len(text) {
				t.Errorf("LockInner(%q) = %q", text, got)
			}
		}
	})
}
