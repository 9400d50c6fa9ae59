package conn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/capture/conn"
)

func syntaxes() map[string]conn.Syntax {
	return map[string]conn.Syntax{
		"postgres": conn.Postgres(), "mysql": conn.MySQL().With("TRUNCATE", "ALTER"),
		"sqlite": conn.SQLite(),
	}
}

// told renders what a text does: "delete a.b; ddl; unclear".
func told(text *conn.Text) string {
	var parts []string
	for _, st := range text.Statements {
		for _, w := range st.Writes {
			part := w.Operation + " " + w.Table.String()
			if w.Cascade {
				part += " cascade"
			}
			parts = append(parts, part)
		}
		if st.Defines {
			parts = append(parts, "ddl")
		}
	}
	if text.Unclear {
		parts = append(parts, "unclear")
	}
	return strings.Join(parts, "; ")
}

func TestRead(t *testing.T) {
	t.Parallel()
	all := []string{"postgres", "mysql", "sqlite"}
	pg, my, lite := all[:1], all[1:2], all[2:]
	cases := []struct {
		on   []string
		sql  string
		want string
	}{
		{all, "", ""},
		{all, ";;", ""},
		{all, "SELECT * FROM posts", ""},
		{all, "select id from posts where note = 'delete from tags'", ""},
		{all, "SELECT * FROM posts FOR UPDATE", ""},
		{all, "SELECT replace(a, 'b', 'c'), (replace(a, b, c)) FROM posts", ""},
		{all, "INSERT INTO posts (a) VALUES (1)", "insert posts"},
		{all, "/* why */ insert\ninto -- this\n posts select * from tags", "insert posts"},
		{all, "INSERT INTO blog.posts VALUES (1)", "insert blog.posts"},
		{all, "UPDATE posts SET a = 1 WHERE b = 2", "update posts"},
		{all, "update posts as p set a = (select max(x) from tags) where p.id = 1", "update posts"},
		{all, "DELETE FROM posts WHERE id IN (SELECT id FROM tags)", "delete posts"},
		{all, "DELETE FROM posts; UPDATE tags SET a = 1;", "delete posts; update tags"},
		{all, "DELETE FROM posts WHERE a = ';' ; DELETE FROM tags", "delete posts; delete tags"},
		{all, "WITH x AS (SELECT 1) DELETE FROM posts WHERE id IN (SELECT * FROM x)", "delete posts"},
		{all, "WITH x AS (SELECT 1), y(a) AS (SELECT 2) UPDATE posts SET a = 1", "update posts"},
		{all, "WITH x AS (SELECT 1) INSERT INTO posts SELECT * FROM x", "insert posts"},
		{all, "CREATE TABLE t (a int)", "ddl"},
		{all, "DROP TABLE posts", "ddl"},
		{all, "EXPLAIN UPDATE posts SET a = 1", ""},
		{all, "SAVEPOINT a", ""},
		{all, "CALL tidy()", "unclear"},
		{all, "DELETE FROM `posts`", "delete posts"},
		{all, `UPDATE "Posts" SET a = 1`, "update Posts"},
		{all, "SELECT 'it''s' || 'DELETE FROM posts'", ""},
		{pg, `SELECT 'C:\', 'D:\'`, ""},
		{pg, "UPDATE Posts SET a = 1", "update posts"},
		{my, "UPDATE Posts SET a = 1", "update Posts"},
		{pg, "UPDATE ONLY posts * SET a = 1 FROM tags t WHERE t.id = posts.id", "update posts"},
		{pg, "WITH gone AS (DELETE FROM posts RETURNING *), more AS MATERIALIZED (INSERT INTO tags " +
			"VALUES (1)) SELECT * FROM gone", "delete posts; insert tags"},
		{pg, "DELETE FROM posts p USING tags t WHERE t.id = p.id", "delete posts"},
		{
			pg, "TRUNCATE posts, ONLY blog.tags RESTART IDENTITY CASCADE",
			"truncate posts cascade; truncate blog.tags cascade",
		},
		{pg, "COPY posts (a, b) FROM '/tmp/x'", "copy posts"},
		{pg, "COPY (SELECT 1) TO '/tmp/x'", ""},
		{pg, "COPY posts TO '/tmp/x'", ""},
		{pg, "MERGE INTO posts p USING tags t ON (t.id = p.id) WHEN MATCHED THEN DELETE", "merge posts"},
		{pg, "EXPLAIN (ANALYZE, BUFFERS) DELETE FROM posts", "delete posts"},
		{pg, "EXPLAIN (ANALYZE false) DELETE FROM posts", ""},
		{pg, "ANALYZE posts", ""},
		{
			pg, "DO $$ BEGIN DELETE FROM posts; UPDATE tags SET a = 1; END $$",
			"delete posts; update tags; unclear",
		},
		{pg, "DO $x$ BEGIN NULL; END $x$", "unclear"},
		{pg, "SELECT $$ ; DELETE FROM posts $$, $a$ $$ ; DELETE FROM posts $a$", ""},
		{pg, "/* a /* b */ DELETE FROM posts; */ SELECT 1", ""},
		{my, "/* a /* b */ DELETE FROM posts", "delete posts"},
		{lite, "/* a /* b */ DELETE FROM posts", "delete posts"},
		{pg, `SELECT E'\'; DELETE FROM posts; --'`, ""},
		{pg, `SELECT '\'; DELETE FROM posts; --'`, "delete posts; unclear"},
		{my, `SELECT '\'; DELETE FROM posts; -- '`, "delete posts; unclear"},
		{my, `SELECT 'it\'s'; DELETE FROM posts`, "delete posts"},
		{lite, `SELECT '\'; DELETE FROM posts; --'`, "delete posts"},
		{pg, `SELECT 'a\'; DELETE FROM posts`, "delete posts"},
		{pg, `UPDATE U&"p\006Fsts" SET a = 1`, "update u; unclear"},
		{pg, "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC DELETE FROM posts; " +
			"SELECT CASE WHEN true THEN 1 END; END; DELETE FROM tags", "ddl; delete tags"},
		{lite, "CREATE TRIGGER x AFTER INSERT ON posts BEGIN DELETE FROM tags; " +
			"SELECT CASE a WHEN 1 THEN 2 END; END; DELETE FROM posts", "ddl; delete posts"},
		{
			my, "CREATE PROCEDURE p() BEGIN IF a THEN DELETE FROM tags; END IF; END; DELETE FROM posts",
			"ddl; delete posts",
		},
		{lite, "UPDATE OR IGNORE posts SET a = 1", "update posts"},
		{lite, "INSERT OR REPLACE INTO posts VALUES (1)", "insert posts"},
		{lite, "REPLACE INTO [my posts] VALUES (1)", "replace my posts"},
		{lite, "UPDATE 'posts' SET a = 1", "update posts"},
		{my, "INSERT IGNORE posts SET a = 1", "insert posts"},
		{my, "REPLACE posts VALUES (1)", "replace posts"},
		{my, "UPDATE posts p JOIN tags t ON t.id = p.id SET p.a = 1", "update posts"},
		{
			my, "UPDATE posts p, tags t SET p.a = 1, t.b = f(1, 2) WHERE p.id = t.id",
			"update posts; update tags",
		},
		{my, "UPDATE posts p, tags t SET a = 1", "update posts; update tags"},
		{my, "UPDATE posts JOIN (SELECT id FROM authors) x USING (id) SET posts.a = 1", "update posts"},
		{
			my, "DELETE p, t.* FROM posts AS p LEFT JOIN tags t ON (t.id = p.id) WHERE 1",
			"delete posts; delete tags",
		},
		{my, "DELETE FROM p USING posts p JOIN tags t USING (id)", "delete posts"},
		{my, "DELETE QUICK FROM posts ORDER BY id LIMIT 1", "delete posts"},
		{my, "TRUNCATE posts", "truncate posts"},
		{my, "LOAD DATA LOCAL INFILE 'x' REPLACE INTO TABLE posts", "load posts"},
		{my, "DO RELEASE_LOCK('x')", ""},
		{my, "# a comment\nDELETE FROM posts", "delete posts"},
		{pg, "SELECT a # b", ""},
		{my, "SELECT 1--1; DELETE FROM posts", "delete posts"},
		{pg, "SELECT 1--1; DELETE FROM posts", ""},
		{my, "/*!50000 DELETE FROM posts */", "delete posts; unclear"},
		{
			my, "BEGIN NOT ATOMIC DELETE FROM posts; UPDATE tags SET a = 1; END",
			"delete posts; update tags; unclear",
		},
		{my, "IF 1 THEN DELETE FROM posts; END IF", "delete posts; unclear"},
		{my, "ANALYZE FORMAT=JSON UPDATE posts SET a = 1", "update posts"},
		{my, "ANALYZE TABLE posts", ""},
		{my, "INSERT INTO posts VALUES (1) ON DUPLICATE KEY UPDATE a = 2", "insert posts"},
		{all, "DELETE FROM posts WHERE a = 'x", "delete posts; unclear"},
		{all, "\uFEFFDELETE FROM posts", "delete posts"},
		{pg, "-- a\rDELETE FROM posts", "delete posts"},
		{my, "-- a\rDELETE FROM posts", ""},
		{lite, "-- a\rDELETE FROM posts", ""},
		{pg, "DELETE FROM ÄPfel", "delete Äpfel"},
		{pg, "WITH RECURSIVE x(a) AS (SELECT 1) MERGE INTO posts USING x ON a = 1 WHEN MATCHED THEN " +
			"DO NOTHING", "merge posts"},
		{my, "DELETE posts.* FROM posts JOIN tags ON tags.id = posts.id", "delete posts"},
		{my, "INSERT LOW_PRIORITY IGNORE INTO blog . posts VALUES (1)", "insert blog.posts"},
		{my, "UPDATE (posts p, tags) LEFT JOIN authors a ON (a.id = p.id) SET a.x = 1", "update authors"},
	}
	for _, c := range cases {
		for _, on := range c.on {
			if strings.Contains(c.sql, "`") && on == "postgres" {
				continue
			}
			text := syntaxes()[on].Read(c.sql)
			if got := told(&text); got != c.want {
				t.Errorf("%s: %s\ngives %q, want %q", on, c.sql, got, c.want)
			}
		}
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	cases := []struct{ on, sql, want string }{
		{
			"postgres", "UPDATE posts SET a = $1, b = 'secret', c = 4.5e-3 WHERE d = $12",
			"UPDATE posts SET a = $1, b = ?, c = ? WHERE d = $12",
		},
		{
			"postgres", "UPDATE posts\n\tSET a = E'se\\'cret' -- secret\n, b = $x$secret$x$/*secret*/",
			"UPDATE posts SET a = ? , b = ?",
		},
		{
			"postgres", `UPDATE "secret table" SET a = X'00ff', b = 0x1F::numeric(10,2), c = t1.c2`,
			`UPDATE "secret table" SET a = ?, b = ?::numeric(?,?), c = t1.c2`,
		},
		{
			"mysql", `UPDATE posts SET a = "secret", b = 'se\'cret', c = N'x', d = ? # secret`,
			"UPDATE posts SET a = ?, b = ?, c = ?, d = ?",
		},
		{"mysql", `UPDATE posts SET a = 'x\'', b = 'secret\''`, "UPDATE posts SET a = …"},
		{"mysql", "UPDATE posts SET a = 1-2, b=-1, c = .5, d = t.a", "UPDATE posts SET a = ?-?, b=-?, c = ?, d = t.a"},
		{
			"sqlite", `UPDATE "posts" SET "title" = "secret", a = ?1, b = :name`,
			`UPDATE "posts" SET "title" = ?, a = ?1, b = :name`,
		},
		{"sqlite", "UPDATE posts SET a = 'secret", "UPDATE posts SET a = ?"},
		{"postgres", "UPDATE posts SET a = '" + strings.Repeat("x", 9000) + "'", "UPDATE posts SET a = ?"},
		{
			"postgres", "DELETE FROM posts WHERE id IN (" + strings.Repeat("1, ", 4000) + "1)",
			"DELETE FROM posts WHERE id IN (" + strings.Repeat("?, ", 1355) + "? …",
		},
	}
	isName := func(s string) bool { return s == "posts" || s == "title" }
	for _, c := range cases {
		text := syntaxes()[c.on].Read(c.sql)
		got := text.Statements[0].Template(isName)
		if got != c.want {
			t.Errorf("%s: %.80s\ngives %q, want %q", c.on, c.sql, got, c.want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"savepoint Sp1":                  "3 sp1",
		`SAVEPOINT "Sp 1"`:               "3 sp 1",
		"/* x */ release savepoint a":    "5 a",
		"ROLLBACK TRANSACTION TO a":      "4 a",
		"rollback to savepoint `a``b`":   "4 a`b",
		"ROLLBACK":                       "2 ",
		"rollback prepared 'x'":          "0 ",
		"COMMIT AND CHAIN":               "1 ",
		"END":                            "1 ",
		"BEGIN IMMEDIATE":                "0 begins",
		"BEGIN NOT ATOMIC SELECT 1; END": "0 ",
		"UPDATE a SET commit = 1":        "0 ",
		"-- commit\nSELECT 1":            "0 ",
	} {
		c := conn.MySQL().Parse(sql)
		action := map[conn.Action]int{
			conn.Commits: 1, conn.RollsBack: 2, conn.Saves: 3, conn.RollsBackTo: 4, conn.Releases: 5,
		}[c.Action]
		got := fmt.Sprintf("%d %s", action, c.Name)
		if c.Action == conn.Begins {
			got += "begins"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
	text := conn.SQLite().Read("DELETE FROM a; COMMIT")
	if !text.Ends(conn.SQLite()) {
		t.Error("the COMMIT is not seen")
	}
}

// TestEnds: what MariaDB commits by itself.
func TestEnds(t *testing.T) {
	t.Parallel()
	syntax := conn.MySQL().With("CREATE", "DROP", "BEGIN", "START", "SET AUTOCOMMIT")
	for sql, want := range map[string]bool{
		"START TRANSACTION": true, "begin": true, "SET a = 1, @@session.autocommit = 1": true,
		"SET a = 'autocommit'": false, "CREATE TABLE a (b int)": true, "COMMIT": true,
		"CREATE OR REPLACE TEMPORARY TABLE a (b int)": false, "DROP TEMPORARY TABLE a": false,
		"ROLLBACK": false, "SELECT 1": false,
	} {
		if got := syntax.Ends(syntax.Parse(sql)); got != want {
			t.Errorf("%s: %t", sql, got)
		}
	}
	if c := conn.Postgres().Parse(`SAVEPOINT "X"`); c.Name != "X" {
		t.Errorf("PostgreSQL's savepoint is %q", c.Name)
	}
}

func BenchmarkRead(b *testing.B) {
	const sql = "SELECT p.id, p.title, count(*) FROM posts p JOIN tags t ON t.id = p.tag_id " +
		"WHERE p.author_id = $1 AND p.created_at > '2026-01-01' GROUP BY 1, 2 ORDER BY 3 LIMIT 50"
	syntax := conn.Postgres()
	b.ReportAllocs()
	for b.Loop() {
		if text := syntax.Read(sql); len(text.Writes()) > 0 {
			b.Fatal("it reads")
		}
	}
}
