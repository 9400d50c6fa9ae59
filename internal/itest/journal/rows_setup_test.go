package journal_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/schema"
	"github.com/seed-162b1470/annals/track"
)

// contextRow makes the context of transactions a row.
func contextRow() option { return func(s *scene) { s.contextRow = true } }

// newRowScene is newScene with a mirror that the schema manager makes. On MariaDB the
// mirror is in another database of the server.
func newRowScene(t *testing.T, db *testdb.DB, ddl []string, options ...option) *scene {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db, db.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{DB: db, t: t, d: d, lost: map[string]bool{}, rules: track.Rules{Source: "app"}}
	for _, o := range options {
		o(s)
	}
	s.exec(ddl...)
	s.storage = db.DB
	if db.Dialect == dialect.MySQLName {
		other := testdb.New(t, db.Kind)
		s.storage = other.DB
		s.schema = strings.Join(queried(t, other.DB, "SELECT DATABASE()"), "")
	}
	s.renew(s.storage)
	s.migrate()
	return s
}

// migrate brings the mirror up to date.
func (s *scene) migrate() {
	s.t.Helper()
	shapes, err := s.j.Shapes(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	target := schema.Target{Name: "mirror", DB: s.storage, Dialect: s.d, Mirror: true}
	for i := range shapes {
		c := &shapes[i]
		one := schema.Copy{
			Name: c.Target.Name, Source: "app", Table: c.Target.Table.Live.Name, Shape: c.Shape,
			Join: c.Target.Join, Parent: c.Target.Parent,
		}
		rows, err := c.Target.Seed(0)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, r := range rows {
			one.Columns = append(one.Columns, schema.CopyColumn{
				Name: r.Column, Copy: r.Copy, SourceType: r.SourceType, Codec: r.Codec,
			})
		}
		target.Copies = append(target.Copies, one)
	}
	manager, err := schema.New(schema.Config{Targets: []schema.Target{target}})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := manager.Update(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// changed forgets what was known of the tables, migrates and installs.
func (s *scene) changed() {
	s.t.Helper()
	s.renew(s.storage)
	s.migrate()
	s.install()
}

// session is a connection of its own.
func (s *scene) session() *session {
	s.t.Helper()
	c, err := s.Conn(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		// An open transaction would keep the database from being dropped.
		_, _ = c.ExecContext(context.WithoutCancel(s.t.Context()), "ROLLBACK")
		_ = c.Close()
	})
	return &session{Conn: c, s: s}
}

// session is one connection.
type session struct {
	*sql.Conn
	s *scene
}

func (c *session) exec(statements ...string) {
	c.s.t.Helper()
	c.s.execOn(c.Conn, statements...)
}

// fails executes a statement that has to fail.
func (c *session) fails(statement string) error {
	c.s.t.Helper()
	_, err := c.ExecContext(c.s.t.Context(), statement)
	if err == nil {
		c.s.t.Errorf("%s did not fail", statement)
	}
	return err
}

// value is a query's only value.
func (c *session) value(query string, args ...any) string {
	c.s.t.Helper()
	return strings.Join(queried(c.s.t, c.Conn, query, args...), "\n")
}

type rowsQueryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// queried are the first values of a query's rows, null as "-".
func queried(t *testing.T, q rowsQueryer, query string, args ...any) []string {
	t.Helper()
	rows, err := q.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var v sql.NullString
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		if !v.Valid {
			v.String = "-"
		}
		out = append(out, v.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// revisions are the revisions: managed, user_name and comment.
func (s *scene) revisions() []string {
	s.t.Helper()
	return s.rows("SELECT managed, user_name, comment FROM " + s.own(layout.RevisionTable) + " ORDER BY id")
}

// forget empties what was recorded.
func (s *scene) forget(copies ...string) {
	s.t.Helper()
	for _, name := range append([]string{layout.RevisionTable, layout.RevisionEntityTable}, copies...) {
		s.execOn(s.storage, "DELETE FROM "+s.d.Table(annals.Table{Name: name}))
	}
}
