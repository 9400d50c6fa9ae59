package schema_test

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/schema"
)

// client runs a script with the database's own client; ok is false where the system
// has none.
func client(t *testing.T, db *testdb.DB, script string) (out string, ok bool) {
	t.Helper()
	address := strings.TrimPrefix(db.DSN, "sqlite:")
	program, args := "sqlite3", []string{"-bail", address}
	u, err := url.Parse(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	switch db.Dialect {
	case dialect.PostgresName:
		program, args = "psql", []string{"-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", db.DSN}
	case dialect.MySQLName:
		program, args = "mariadb", []string{
			"--no-defaults", "--default-character-set=utf8mb4", "-h", u.Hostname(), "-P", u.Port(),
			"-u", u.User.Username(), strings.TrimPrefix(u.Path, "/"),
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		t.Logf("the system has no %s: %v", program, err)
		return "", false
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(cmd.Environ(), "MYSQL_PWD="+password)
	cmd.Stdin = strings.NewReader(script)
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, text)
	}
	return string(text), true
}

// odd are copies whose names, types and texts need quoting.
func (m *mirror) odd() []copied {
	id, text, _ := m.types()
	enum := text
	if m.d.Name() == dialect.MySQLName {
		enum = `enum('a''b','c;d','e\\f')`
	}
	return []copied{
		m.posts(), m.postTags(),
		{table: "Order", entity: `it's; a "thing" \n`, columns: []string{"Id " + id, "Select " + enum}},
		{table: `we"ird;` + "na`me", columns: []string{"id " + id, `a"b'c;` + " " + text}},
		{table: "größe", columns: []string{"id " + id, "straße " + text}, masked: []string{`pass;"word\`}},
	}
}

// What --dump-sql prints is done by the database's own client, too.
func TestMirrorScript(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		m.tables = m.odd()
		if _, ok := client(t, db, m.plan(t).SQL()); !ok {
			return
		}
		if p := m.plan(t); !p.Empty() {
			t.Fatalf("the client left to do:\n%s", p.SQL())
		}
		m.tables[0].columns = append(m.tables[0].columns, "more "+strings.SplitN(m.tables[0].columns[1], " ", 2)[1])
		m.tables[0].finders = append(m.tables[0].finders, []string{"more"})
		client(t, db, m.plan(t).SQL())
		if p := m.plan(t); !p.Empty() {
			t.Fatalf("the client left to do:\n%s", p.SQL())
		}
	})
}

// A migration tool does the same.
func TestMirrorExport(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		m.tables = m.odd()
		for _, format := range []schema.Format{schema.FormatSQL, schema.FormatMigrate, schema.FormatAtlas} {
			files, err := m.manager(t).Export([]schema.Plan{m.plan(t)}, format, t.TempDir())
			if err != nil || len(files) == 0 {
				t.Errorf("%s: %v, %v", format, files, err)
			}
		}
		files, err := m.manager(t).Export([]schema.Plan{m.plan(t)}, schema.FormatGoose, t.TempDir())
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, %v", files, err)
		}
		m.exec(t, gooseUp(t, read(t, files[0]))...)
		if p := m.plan(t); !p.Empty() {
			t.Fatalf("goose left to do:\n%s", p.SQL())
		}
	})
}

// The storage's tables are in its connection's own schema, and a copy whose name has
// one in that.
func TestMirrorOfAnotherSchema(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		switch m.d.Name() {
		case dialect.SQLiteName:
			return // it has no schemas but attached files
		case dialect.MySQLName:
			m.schema = databaseName(t, db) + "_copies"
			t.Cleanup(func() {
				if _, err := testdb.Superuser(t, db.Kind).Exec("DROP DATABASE IF EXISTS " + m.q(m.schema)); err != nil {
					t.Error(err)
				}
			})
		default:
			m.schema = "Copies"
		}
		m.tables = []copied{m.posts()}
		m.update(t)
		place := m.q(m.schema) + "." + m.q("posts_audit")
		m.exec(t, "INSERT INTO "+place+" (annals_id, annals_revision_entity_id, annals_seq, annals_image, "+
			"annals_ordinal) VALUES (3, 1, 1, 'after', 0)")
		if got := m.text(t, "SELECT table_schema, table_name FROM annals_audit_entity"); got != m.schema+" posts_audit" {
			t.Errorf("registered %q", got)
		}
	})
}

// Each type that PostgreSQL widens by its catalogue alone is widened in place, with
// the rows that are there.
func TestMirrorWidensOnPostgres(t *testing.T) {
	m := newMirror(t, testdb.New(t, dialect.PostgresName))
	type change struct{ from, to string }
	changes := []change{
		{"character varying(5)", "character varying(9)"},
		{"character varying(5)", "character varying"},
		{"character varying(5)", "text"},
		{`character varying(5) COLLATE "C"`, `character varying(9) COLLATE "C"`},
		{"numeric(5,2)", "numeric(9,2)"},
		{"numeric(5,2)", "numeric"},
		{"timestamp(3) without time zone", "timestamp without time zone"},
		{"timestamp(3) with time zone", "timestamp(5) with time zone"},
		{"time(0) without time zone", "time without time zone"},
		{"bit varying(5)", "bit varying(9)"},
	}
	same := []string{
		"integer[]", "jsonb", "uuid", "bytea", "numeric(4,1)[]", "double precision", "interval",
		"character(4)", `text COLLATE "de-x-icu"`, "point", "tstzrange", "inet",
	}
	c := copied{table: "wide", columns: []string{"id bigint"}}
	for _, ch := range changes {
		c.columns = append(c.columns, columnOf(len(c.columns), ch.from))
	}
	for _, sql := range same {
		c.columns = append(c.columns, columnOf(len(c.columns), sql))
	}
	m.tables = []copied{c}
	m.update(t)
	m.exec(t, "INSERT INTO wide_audit (annals_id, annals_revision_entity_id, annals_seq, annals_image, "+
		"annals_ordinal, c01, c05, c07) VALUES (3, 1, 1, 'after', 0, 'abc', 1.50, '2026-01-02 03:04:05.678')")
	node := m.text(t, "SELECT pg_relation_filenode('wide_audit')")
	for i, ch := range changes {
		c.columns[i+1] = columnOf(i+1, ch.to)
	}
	m.tables = []copied{c}
	if got := len(m.plan(t).Statements); got != len(changes) {
		t.Fatalf("%d statements, want %d:\n%s", got, len(changes), m.plan(t).SQL())
	}
	m.update(t)
	if now := m.text(t, "SELECT pg_relation_filenode('wide_audit')"); now != node {
		t.Error("the copy was written anew")
	}
	if got := m.text(t, "SELECT c01, c05::text, c07::text FROM wide_audit"); got != "abc 1.50 2026-01-02 03:04:05.678" {
		t.Errorf("row %q", got)
	}
}

func columnOf(n int, sql string) string {
	return "c" + string(rune('0'+n/10)) + string(rune('0'+n%10)) + " " + sql
}

// MySQL and MariaDB index the beginning of long texts, keep what a row has no room for
// outside of it, and take TIMESTAMP for null.
func TestMirrorOnMySQL(t *testing.T) {
	for _, kind := range []string{"mariadb"} {
		m := newMirror(t, testdb.New(t, kind))
		c := copied{
			table: "wide", columns: []string{
				"id text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "code varchar(760)", "at timestamp",
				"at6 timestamp(6)", "raw blob", "big bigint(20) unsigned", "kind enum('a','b')",
				"fixed varbinary(3072)", "doc json",
			},
			finders: [][]string{{"code"}, {"raw", "big"}, {"fixed"}, {"code", "fixed", "kind"}},
		}
		for i := range 4 {
			c.columns = append(c.columns, "wide"+string(rune('0'+i))+" varchar(4000)")
		}
		m.tables = []copied{c}
		m.update(t)
		m.exec(t, "INSERT INTO wide_audit (annals_id, annals_revision_entity_id, annals_seq, annals_image, "+
			"annals_ordinal) VALUES (3, 1, 1, 'after', 0)", "UPDATE wide_audit SET code = 'x'")
		if got := m.text(t, "SELECT at, at6, big FROM wide_audit"); got != "<nil> <nil> <nil>" {
			t.Errorf("row %q", got)
		}
		c.columns[6] = "kind enum('a','b','c')"
		c.columns[1] = "code varchar(761)"
		m.tables = []copied{c}
		m.mustPlan(t, "MODIFY `code` varchar(761)", "MODIFY `kind` enum('a','b','c')")
		m.update(t)
		// One more column fits into a table whose texts went outside.
		c.columns = append(c.columns, "note varchar(50)")
		m.tables = []copied{c}
		m.update(t)
	}
}

// The rights of a mirror: nothing for the application, what they need for the others.
func TestMirrorGrants(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		if db.Dialect == dialect.SQLiteName {
			return // it has no accounts
		}
		m := newMirror(t, db)
		m.tables = []copied{m.posts()}
		m.update(t)
		row := "INSERT INTO posts_audit (annals_id, annals_revision_entity_id, annals_seq, annals_image, " +
			"annals_ordinal) VALUES (3, 1, 1, 'after', 0)"
		m.exec(t, row)
		if db.Dialect == dialect.MySQLName {
			m.exec(t, "CREATE PROCEDURE annals_context () DO 1")
		}
		do := map[string]string{
			"read":   "SELECT count(*) FROM posts_audit",
			"rules":  "SELECT count(*) FROM annals_rules",
			"write":  strings.Replace(row, "(3, 1, 1", "(5, 2, 2", 1),
			"change": "UPDATE posts_audit SET title = 'x'",
			"remove": "DELETE FROM posts_audit WHERE annals_seq = 99",
			"unrule": "DELETE FROM annals_rules WHERE id = 0",
			"mark":   "INSERT INTO annals_clean (entity, " + m.q("before") + ", " + m.q("time") + ") VALUES ('post', '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
		}
		for role, may := range map[schema.Role]string{
			schema.RoleApplication: "", schema.RoleReader: "read rules", schema.RoleRelay: "read rules write",
			schema.RoleRetention: "read rules remove mark",
		} {
			user, password := newUser(t, db)
			plans, err := m.manager(t).Grants(t.Context(), map[schema.Role]string{role: user})
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range plans[0].Statements {
				m.exec(t, st.SQL)
			}
			as := db.OpenAs(t, user, password)
			if may == "" && db.Dialect == dialect.MySQLName {
				if _, err := as.ExecContext(t.Context(), "CALL annals_context()"); err != nil {
					t.Errorf("%s may not say who acts: %v", role, err)
				}
			}
			for name, sql := range do {
				_, err := as.ExecContext(t.Context(), sql)
				if want := strings.Contains(" "+may+" ", " "+name+" "); (err == nil) != want {
					t.Errorf("%s may %s: %v", role, name, err)
				}
			}
		}
	})
}
