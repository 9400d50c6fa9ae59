// Package auditor_test tests the assembly on real databases: what is audited,
// where it goes, and what is refused.
package auditor_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/route"
	"github.com/seed-162b1470/annals/schema"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func sources(db *testdb.DB) map[string]auditor.Source {
	return map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect}}
}

func exec(t *testing.T, db *testdb.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func newAuditor(t *testing.T, c auditor.Config) *auditor.Auditor {
	t.Helper()
	aud, err := auditor.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return aud
}

func update(t *testing.T, aud *auditor.Auditor) {
	t.Helper()
	manager, err := aud.Schema(t.Context(), func(schema.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := manager.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func names(entities []annals.Entity) []string {
	var out []string
	for _, e := range entities {
		out = append(out, e.Name)
	}
	return out
}

// "*" means the business tables: not annals' own, not audit tables whatever they
// are called, not what is excluded; a table that only looks like one is meant.
func TestWildcardMeansBusinessTables(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		exec(t, db,
			"CREATE TABLE posts (id INTEGER PRIMARY KEY, title VARCHAR(50))",
			"CREATE TABLE login_audit (id INTEGER PRIMARY KEY, who VARCHAR(50))",
			"CREATE TABLE cache_pages (id INTEGER PRIMARY KEY)")
		c := auditor.Config{
			Sources: map[string]auditor.Source{
				"app": {DB: db.DB, Dialect: db.Dialect, Exclude: []string{"cache_*"}},
			},
			Entities: map[string]config.Entity{"*": {}},
		}
		aud := newAuditor(t, c)
		update(t, aud)
		aud.Refresh()
		got, err := aud.Entities(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"login_audit", "posts"}; !slices.Equal(names(got), want) {
			t.Errorf("audited are %v, want %v", names(got), want)
		}
	})
}

// What cannot be audited is said all at once, with subject and remedy.
func TestFaultsOfTables(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		statements := []string{
			"CREATE TABLE posts (id INTEGER PRIMARY KEY, title VARCHAR(50))",
			"CREATE TABLE keyless (a INTEGER)",
			"CREATE VIEW seen AS SELECT * FROM posts",
		}
		entities := map[string]config.Entity{
			"post": {Table: "posts", Label: "tittle"}, "keyless": {}, "seen": {}, "gone": {},
		}
		families := []error{annals.ErrConfig, annals.ErrNoKey}
		if db.Kind == "mariadb" {
			statements = append(statements,
				"CREATE TABLE loose (id INTEGER PRIMARY KEY) ENGINE=MyISAM")
			entities["loose"] = config.Entity{}
			families = append(families, annals.ErrNotTransactional)
		}
		exec(t, db, statements...)
		aud := newAuditor(t, auditor.Config{Sources: sources(db), Entities: entities})
		_, err := aud.Entities(t.Context())
		for _, family := range families {
			if !errors.Is(err, family) {
				t.Errorf("%v does not match %v", err, family)
			}
		}
		for name := range entities {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("nothing is said of %s:\n%v", name, err)
			}
		}
	})
}

// An entity that left the configuration stays readable.
func TestEntityThatIsNoLongerConfigured(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		exec(t, db,
			"CREATE TABLE posts (id INTEGER PRIMARY KEY)",
			"CREATE TABLE notes (id INTEGER PRIMARY KEY)")
		both := map[string]config.Entity{"post": {Table: "posts"}, "note": {Table: "notes"}}
		aud := newAuditor(t, auditor.Config{Sources: sources(db), Entities: both})
		update(t, aud)
		later := newAuditor(t, auditor.Config{
			Sources: sources(db), Entities: map[string]config.Entity{"post": {Table: "posts"}},
		})
		update(t, later)
		if _, err := later.Reader().Find(t.Context(), reader.Query{Entity: "note"}); err != nil {
			t.Errorf("read the entity that left: %v", err)
		}
		_, err := later.Reader().Find(t.Context(), reader.Query{Entity: "nota"})
		if !errors.Is(err, annals.ErrUnknownEntity) {
			t.Errorf("an unknown entity gives %v", err)
		}
	})
}

// What was recorded can be read whatever became of the audited table.
func TestReadingNeedsNoAuditedTable(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		exec(t, db, "CREATE TABLE posts (id INTEGER PRIMARY KEY)",
			"CREATE TABLE notes (id INTEGER PRIMARY KEY)")
		for _, entities := range []map[string]config.Entity{
			{"post": {Table: "posts"}, "*": {}}, {"*": {}},
		} {
			update(t, newAuditor(t, auditor.Config{Sources: sources(db), Entities: entities}))
		}
		exec(t, db, "DROP TABLE posts", "DROP TABLE notes")
		aud := newAuditor(t, auditor.Config{
			Sources:  sources(db),
			Entities: map[string]config.Entity{"post": {Table: "posts"}, "*": {}},
		})
		for _, q := range []reader.Query{{}, {Entity: "post"}, {Entity: "notes"}} {
			if _, err := aud.Reader().Find(t.Context(), q); err != nil {
				t.Errorf("%+v: %v", q, err)
			}
		}
	})
}

// Before the audit tables exist every question says which command makes them.
func TestMissingAuditTables(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		exec(t, db, "CREATE TABLE posts (id INTEGER PRIMARY KEY)")
		for name, entities := range map[string]map[string]config.Entity{
			"post": {"post": {Table: "posts"}}, "posts": {"*": {}},
		} {
			aud := newAuditor(t, auditor.Config{Sources: sources(db), Entities: entities})
			_, err := aud.Reader().Find(t.Context(), reader.Query{Entity: name})
			if !errors.Is(err, annals.ErrSchema) ||
				!strings.Contains(err.Error(), "annals schema update --force") {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
}

func TestRoutes(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		exec(t, db,
			"CREATE TABLE posts (id INTEGER PRIMARY KEY)",
			"CREATE TABLE bills (id INTEGER PRIMARY KEY)",
			"CREATE TABLE notes (id INTEGER PRIMARY KEY)")
		suffix := "_money"
		aud := newAuditor(t, auditor.Config{
			Sources: sources(db),
			Storages: map[string]auditor.Storage{
				"default": {DB: db.DB, Dialect: db.Dialect},
				"money":   {DB: db.DB, Dialect: db.Dialect, TableSuffix: &suffix},
			},
			Routes: []config.Route{
				{Match: config.Patterns{"tag:financial"}, Storages: []string{"money"}},
				{Match: config.Patterns{"*"}, Storages: []string{"default"}},
			},
			Entities: map[string]config.Entity{
				"post": {Table: "posts"}, "note": {Table: "notes"},
				"bill": {Table: "bills", Tags: []string{"financial"}},
			},
			Route: route.Func(func(e annals.Entity) []string {
				if e.Name == "note" {
					return []string{"money"}
				}
				return nil
			}),
		})
		routes, err := aud.Routes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, r := range routes {
			got[r.Entity.Name] = strings.Join(r.Storages, ",") + " " + r.Tables[0].Name + " " + r.Rule
		}
		want := map[string]string{
			"post": `default posts_audit routes[1] "*"`,
			"bill": `money bills_money routes[0] "tag:financial"`,
			"note": `money notes_money Route function`,
		}
		for name, w := range want {
			if got[name] != w {
				t.Errorf("%s goes %q, want %q", name, got[name], w)
			}
		}
	})
}

// Open shares one handle between a source and a storage of the same DSN, and
// closes what it opened.
func TestOpen(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		file := &config.Config{
			Sources:  map[string]config.Source{"app": {DSN: db.DSN}},
			Storages: map[string]config.Storage{"default": {DSN: db.DSN}},
			Entities: map[string]config.Entity{"*": {}},
		}
		opened := 0
		var handle *sql.DB
		aud, err := auditor.Open(t.Context(), file,
			func(ctx context.Context, dsn string) (*sql.DB, dialect.Dialect, error) {
				opened++
				var err error
				handle, err = sql.Open(db.DriverName, db.DriverDSN)
				if err != nil {
					return nil, nil, err
				}
				d, err := dialect.Detect(ctx, handle, db.Dialect)
				return handle, d, err
			})
		if err != nil {
			t.Fatal(err)
		}
		if opened != 1 {
			t.Errorf("%d handles were opened, want 1", opened)
		}
		if err := aud.Close(); err != nil {
			t.Fatal(err)
		}
		if err := handle.PingContext(t.Context()); err == nil {
			t.Error("Close left the handle open")
		}
	})
}

// Direct delivery has no transaction that spans two databases.
func TestDirectDeliveryElsewhereIsRefused(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		other := testdb.New(t, db.Kind)
		_, err := auditor.New(auditor.Config{
			Sources:  sources(db),
			Storages: map[string]auditor.Storage{"default": {DB: other.DB, Dialect: other.Dialect}},
			Entities: map[string]config.Entity{"*": {}},
		})
		if !errors.Is(err, annals.ErrConfig) {
			t.Errorf("got %v", err)
		}
	})
}

func TestConfigFaults(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		cases := map[string]auditor.Config{
			"no sources": {Entities: map[string]config.Entity{"*": {}}},
			"no handle":  {Sources: map[string]auditor.Source{"app": {Dialect: db.Dialect}}},
			"no such dialect": {
				Sources:  map[string]auditor.Source{"app": {DB: db.DB, Dialect: "oracle"}},
				Entities: map[string]config.Entity{"*": {}},
			},
			"another dialect": {
				Sources:  map[string]auditor.Source{"app": {DB: db.DB, Dialect: wrong(db)}},
				Entities: map[string]config.Entity{"*": {}},
			},
			"no such zone": {
				Sources: sources(db), Timezone: "Mars/Olympus",
				Entities: map[string]config.Entity{"*": {}},
			},
		}
		for name, c := range cases {
			if _, err := auditor.New(c); err == nil {
				t.Errorf("%s: no error", name)
			} else if strings.Contains(err.Error(), "handle-") {
				t.Errorf("%s: the error speaks of something that nobody wrote: %v", name, err)
			}
		}
	})
}

func wrong(db *testdb.DB) string {
	if db.Dialect == dialect.SQLiteName {
		return dialect.PostgresName
	}
	return dialect.SQLiteName
}

func TestCaptureOfWhatIsNotBuilt(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		aud := newAuditor(t, auditor.Config{
			Sources: map[string]auditor.Source{
				"app": {DB: db.DB, Dialect: db.Dialect, Delivery: config.DeliveryOutbox},
			},
			Entities: map[string]config.Entity{"*": {}},
		})
		if _, err := aud.Capture(""); !errors.Is(err, annals.ErrConfig) {
			t.Errorf("delivery that is not built gives %v", err)
		}
		if _, err := aud.Capture("crm"); !errors.Is(err, annals.ErrConfig) {
			t.Errorf("an unknown source gives %v", err)
		}
	})
}
