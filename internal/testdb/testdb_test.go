package testdb_test

import (
	"database/sql"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func TestEachGivesEmptyDatabase(t *testing.T) {
	// Twice at once: a second database of the same name or with the first one's table would show.
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				exec(t, db.DB, "CREATE TABLE post (id INTEGER PRIMARY KEY, title VARCHAR(100))")
				exec(t, db.DB, "INSERT INTO post VALUES (1, 'Zażółć 🙂')")
				var title string
				if err := db.QueryRowContext(t.Context(), "SELECT title FROM post").Scan(&title); err != nil {
					t.Fatal(err)
				}
				if title != "Zażółć 🙂" {
					t.Errorf("title = %q", title)
				}
				if db.Version == "" || !strings.HasPrefix(db.DSN, db.Dialect+":") {
					t.Errorf("version %q, DSN %q, dialect %q", db.Version, db.DSN, db.Dialect)
				}
				t.Log(db.Kind, db.Version)
			})
		})
	}
}

func TestKinds(t *testing.T) {
	t.Setenv("ANNALS_TEST_DATABASES", "sqlite, mariadb,sqlite")
	if got := strings.Join(testdb.Kinds(), ","); got != "sqlite,mariadb" {
		t.Errorf("Kinds() = %s", got)
	}
	t.Setenv("ANNALS_TEST_DATABASES", "sqllite")
	if got := testdb.Kinds(); got != nil {
		t.Errorf("Kinds() = %v for a wrong name", got)
	}
}

func TestDatabaseIsDropped(t *testing.T) {
	for _, kind := range servers(t) {
		var leaked *sql.DB
		var name string
		t.Run(kind, func(t *testing.T) {
			db := testdb.New(t, kind)
			exec(t, db.DB, "CREATE TABLE post (id INTEGER PRIMARY KEY)")
			name = databaseName(db)
			// A connection the test forgot, in a transaction that holds a lock on the table.
			var err error
			if leaked, err = sql.Open(db.DriverName, db.DriverDSN); err != nil {
				t.Fatal(err)
			}
			tx, err := leaked.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec("INSERT INTO post VALUES (1)"); err != nil {
				t.Fatal(err)
			}
		})
		_ = leaked.Close()
		var n int
		query := "SELECT count(*) FROM information_schema.schemata WHERE schema_name = '" + name + "'"
		if kind == "postgres" {
			query = "SELECT count(*) FROM pg_database WHERE datname = '" + name + "'"
		}
		if err := testdb.Superuser(t, kind).QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != 0 && os.Getenv("ANNALS_TEST_KEEP") == "" {
			t.Errorf("%s: database %s is still there", kind, name)
		}
	}
}

func TestOpenAsConnectsAsThatUser(t *testing.T) {
	for _, kind := range servers(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db, admin := testdb.New(t, kind), testdb.Superuser(t, kind)
			role := strings.Replace(databaseName(db), "annals", "role", 1)
			create, query := "CREATE USER "+role+" IDENTIFIED BY 'a:b@c/d?'", "SELECT substring_index(user(), '@', 1)"
			if kind == "postgres" {
				create, query = "CREATE ROLE "+role+" LOGIN PASSWORD 'a:b@c/d?'", "SELECT session_user"
			}
			exec(t, admin, create)
			t.Cleanup(func() {
				if _, err := admin.Exec("DROP USER " + role); err != nil {
					t.Error(err)
				}
			})
			if kind != "postgres" {
				exec(t, admin, "GRANT SELECT ON "+databaseName(db)+".* TO "+role)
			}
			var user string
			as := db.OpenAs(t, role, "a:b@c/d?")
			if err := as.QueryRowContext(t.Context(), query).Scan(&user); err != nil {
				t.Fatal(err)
			}
			if user != role {
				t.Errorf("connected as %q, want %q", user, role)
			}
			if err := db.OpenAs(t, role, "wrong").PingContext(t.Context()); err == nil {
				t.Error("a wrong password was accepted")
			}
		})
	}
}

func TestTimesComeBackInUTC(t *testing.T) {
	for _, kind := range servers(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := testdb.New(t, kind)
			column, bind := "datetime(6)", "?"
			if kind == "postgres" {
				column, bind = "timestamptz", "$1"
			}
			exec(t, db.DB, "CREATE TABLE moment (at "+column+")")
			want := time.Date(2024, 7, 1, 12, 30, 0, 123456000, time.FixedZone("", 7200))
			if _, err := db.ExecContext(t.Context(), "INSERT INTO moment VALUES ("+bind+")", want); err != nil {
				t.Fatal(err)
			}
			var got time.Time
			if err := db.QueryRowContext(t.Context(), "SELECT at FROM moment").Scan(&got); err != nil {
				t.Fatal(err)
			}
			if !got.Equal(want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// servers lists the asked-for kinds that have a server.
func servers(t *testing.T) []string {
	t.Helper()
	var kinds []string
	for _, kind := range testdb.Kinds() {
		if kind != "sqlite" {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

func databaseName(db *testdb.DB) string {
	path, _, _ := strings.Cut(db.DSN, "?")
	return path[strings.LastIndexByte(path, '/')+1:]
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
