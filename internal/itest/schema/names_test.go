package schema_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/schema"
)

// named gives the setup's entities audit tables of these names.
func (s *setup) named(tables ...string) {
	s.entities = nil
	for _, name := range tables {
		s.entities = append(s.entities, annals.Entity{
			Name: "entity of " + name, Source: "app", Table: annals.Table{Name: name}, AuditTable: name,
		})
	}
}

// The indexes of a table that was renamed away keep their names, and so does all
// that came with it.
func TestRecreatedAfterRenaming(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts", "users")
		s.update(t)
		for _, away := range []string{"posts_2024", "posts_2025", "posts_2026"} {
			s.insert(t, "posts_audit", 1)
			s.exec(t, "ALTER TABLE posts_audit RENAME TO "+away)
			s.update(t)
		}
		s.insert(t, "posts_audit", 1)
		var rows int
		err := s.QueryRowContext(t.Context(), "SELECT (SELECT COUNT(*) FROM posts_2024) +"+
			" (SELECT COUNT(*) FROM posts_2025) + (SELECT COUNT(*) FROM posts_2026)").Scan(&rows)
		if err != nil || rows != 3 {
			t.Errorf("%d rows stayed, %v", rows, err)
		}
	})
}

// Tables, indexes and sequences share their names on PostgreSQL, tables and
// indexes on SQLite: a table that is wanted keeps its name, an index takes another.
func TestTableNamedLikeAnIndex(t *testing.T) {
	const index = "idx_posts_audit_transaction_hash"
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db)
		for _, tables := range [][]string{{"posts_audit", index}, {"idx_a_blame_id", "a"}} {
			s.named(tables...)
			s.update(t)
			for _, name := range tables {
				s.insert(t, name, 1)
			}
		}
	})
}

// PostgreSQL names keys and sequences by itself. Where it would take the name of a
// wanted table, that is said before anything runs.
func TestTableNamedLikeWhatComesWithAnother(t *testing.T) {
	long := strings.Repeat("x", 60)
	tests := map[string]struct {
		tables []string
		fault  bool
	}{
		"key of annals' own":            {[]string{"annals_revision_pkey"}, true},
		"sequence of annals' own":       {[]string{"annals_audit_entity_id_seq"}, true},
		"key of the one before":         {[]string{"posts_audit", "posts_audit_pkey"}, true},
		"sequence of the one before":    {[]string{"posts_audit", "posts_audit_id_seq"}, true},
		"key, cut":                      {[]string{long, long[:58] + "_pkey"}, true},
		"sequence, cut":                 {[]string{long, long[:56] + "_id_seq"}, true},
		"second choice":                 {[]string{"a_pkey", "a", "a_pkey1"}, true},
		"key of the one after":          {[]string{"posts_audit_pkey", "posts_audit"}, false},
		"sequence of the one after":     {[]string{"posts_audit_id_seq", "posts_audit"}, false},
		"both, and one that looks like": {[]string{"b_id_seq", "b_pkey", "b", "b_key", "b_id_seq2"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				s := newSetup(t, db)
				s.named(tt.tables...)
				if !tt.fault || s.d.Name() != dialect.PostgresName {
					s.update(t)
					return
				}
				_, err := s.manager(t).Update(t.Context())
				var fault *annals.Error
				if !errors.Is(err, schema.ErrConflict) || !errors.As(err, &fault) || fault.Remedy == "" {
					t.Fatalf("got %v", err)
				}
				t.Log(err)
				if n := s.ownTables(t); n != 0 {
					t.Errorf("%d tables were created nevertheless", n)
				}
			})
		})
	}
}

// An entity under another name is the same entity, as long as its table is the same.
func TestEntityRenamed(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts", "users")
		rename := func(name string) {
			s.entities[0] = annals.Entity{
				Name: name, Source: "app", Table: annals.Table{Name: "posts"},
			}
		}
		rename("post")
		s.update(t)
		s.insert(t, "posts_audit", 1)
		s.exec(t, "INSERT INTO annals_revision_entity (revision, entity, "+s.q("type")+", entries)"+
			" VALUES (1, 'post', 'insert', 1), (1, 'users', 'insert', 1)",
			"INSERT INTO annals_clean (entity, "+s.q("before")+", "+s.q("time")+", actor) VALUES"+
				" ('post', '2026-01-02 03:04:05.000006', '2026-02-02 03:04:05.000006', 'ann')")
		for _, name := range []string{"article", "posts", "post"} {
			rename(name)
			s.update(t)
			for query, want := range map[string][]string{
				"SELECT name FROM annals_audit_entity":                                            {name, "users"},
				"SELECT entity FROM annals_revision_entity":                                       {name, "users"},
				"SELECT entity FROM annals_clean WHERE id = 1":                                    {"post"},
				"SELECT DISTINCT entity FROM annals_clean":                                        nil,
				"SELECT table_name FROM annals_audit_entity":                                      {"posts_audit", "users_audit"},
				"SELECT entity FROM annals_clean WHERE entity = '" + name + "' AND actor = 'ann'": {name},
			} {
				got := s.texts(t, query)
				if want == nil {
					if !slices.Contains(got, name) {
						t.Errorf("%s: %q", query, got)
					}
				} else if slices.Sort(want); !slices.Equal(got, want) {
					t.Errorf("%s: %q instead of %q", query, got, want)
				}
			}
		}
	})
}

// texts reads one column, sorted.
func (s *setup) texts(t *testing.T, query string) []string {
	t.Helper()
	rows, err := s.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var texts []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(texts)
	return texts
}

// A table that belongs to an entity which is configured, or to one of another
// database, is nobody else's.
func TestTableOfAnotherEntity(t *testing.T) {
	tests := map[string]func(s *setup) []annals.Entity{
		"configured, with another table": func(*setup) []annals.Entity {
			return []annals.Entity{
				{Name: "post", Source: "app", Table: annals.Table{Name: "posts"}, AuditTable: "elsewhere"},
				{Name: "article", Source: "app", Table: annals.Table{Name: "posts"}},
			}
		},
		"of another source": func(*setup) []annals.Entity {
			return []annals.Entity{{Name: "article", Source: "crm", Table: annals.Table{Name: "posts"}}}
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				s := newSetup(t, db)
				s.entities = []annals.Entity{{Name: "post", Source: "app", Table: annals.Table{Name: "posts"}}}
				s.update(t)
				s.entities = tt(s)
				_, err := s.manager(t).Plan(t.Context())
				var fault *annals.Error
				if !errors.Is(err, schema.ErrConflict) || !errors.As(err, &fault) || fault.Remedy == "" {
					t.Fatalf("got %v", err)
				}
				t.Log(err)
			})
		})
	}
}

// Storages that share a database share its registry: what one of them holds is not
// renamed for the other.
func TestTableOfAnotherStorage(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db)
		target := func(storage, entity string) schema.Target {
			s.entities = []annals.Entity{{Name: entity, Source: "app", Table: annals.Table{Name: "posts"}}}
			target := s.target()
			target.Name = storage
			return target
		}
		one, two := target("one", "post"), target("two", "article")
		s.entities = []annals.Entity{{Name: "post", Source: "app", Table: annals.Table{Name: "posts"}}}
		s.update(t)
		m, err := schema.New(schema.Config{Targets: []schema.Target{one, two}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Plan(t.Context()); !errors.Is(err, schema.ErrConflict) {
			t.Errorf("got %v", err)
		}
	})
}

// A registry that has names twice over, from before renaming was known, is left as
// it is.
func TestRegistryWithFormerNames(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.update(t)
		s.exec(t, "INSERT INTO annals_audit_entity (name, source, table_name)"+
			" VALUES ('article', 'app', 'posts_audit'), ('post', 'app', 'posts_audit')")
		s.mustBeDone(t)
	})
}
