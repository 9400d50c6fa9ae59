package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// A file is found under its own name, whatever characters that has, and is never
// made by looking for it.
func TestOpenSQLiteNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a b.db", "100%.db", "a%20b.db", "#x.db", "日本.db", "a&b=c.db"} {
		path := filepath.Join(dir, name)
		if _, _, err := open(t.Context(), "sqlite:"+path); !errors.Is(err, annals.ErrNotFound) {
			t.Errorf("%s is missing, but open gave %v", name, err)
		}
		db, d, err := open(t.Context(), "sqlite:"+path+"?mode=rwc")
		if err != nil {
			t.Errorf("create %s: %v", name, err)
			continue
		}
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (id INTEGER)"); err != nil {
			t.Errorf("write %s: %v", name, err)
		}
		if d.Name() != "sqlite" {
			t.Errorf("dialect %s", d.Name())
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s is elsewhere: %v", name, err)
		}
	}
}

func TestOpenSQLiteInMemory(t *testing.T) {
	db, _, err := open(t.Context(), "sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil {
		t.Error(err)
	}
}

// What a command needs of a connection holds whatever the DSN leaves out.
func TestOpenSettings(t *testing.T) {
	testdb.Each(t, func(t *testing.T, own *testdb.DB) {
		db, d, err := open(t.Context(), own.DSN)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if d.Name() != own.Dialect {
			t.Errorf("dialect %s, want %s", d.Name(), own.Dialect)
		}
		query := map[string]string{
			"sqlite": "SELECT foreign_keys || ' ' || timeout " +
				"FROM pragma_foreign_keys, pragma_busy_timeout",
			"mysql":    "SELECT CONCAT(@@character_set_client, ' ', @@character_set_results)",
			"postgres": "SELECT 'as the server has it'",
		}[d.Name()]
		want := map[string]string{
			"sqlite": "1 5000", "mysql": "utf8mb4 utf8mb4", "postgres": "as the server has it",
		}[d.Name()]
		var got string
		if err := db.QueryRowContext(t.Context(), query).Scan(&got); err != nil || got != want {
			t.Errorf("settings %q, %v; want %q", got, err, want)
		}
	})
}

func TestOpenRefused(t *testing.T) {
	for dsn, family := range map[string]error{
		"":                                    config.ErrDSN,
		"jsonl:x.jsonl":                       annals.ErrConfig,
		"sqlite:" + t.TempDir():               annals.ErrConfig,
		"mysql://u:topsecret@127.0.0.1:1/d":   annals.ErrUnreachable,
		"postgres://u:topsecret@127.0.0.1:1/": config.ErrDSN,
		"mysql://u:topsecret@/d?socket=/no.s": annals.ErrUnreachable,
		"mysql://u:topsecret@h/d?timeout=no":  annals.ErrConfig,
		"postgres://u:topsecret@localhost/d?host=/no/where": annals.ErrUnreachable,
	} {
		_, _, err := open(context.Background(), dsn)
		if !errors.Is(err, family) {
			t.Errorf("open(%q) = %v, want %v", dsn, err, family)
		}
		if err != nil && strings.Contains(err.Error(), "topsecret") {
			t.Errorf("the password stands in %q", err)
		}
	}
}

// Parameters may hold secrets, and what is said of wrong ones names no value.
func TestOpenHidesParameters(t *testing.T) {
	const secret = "S3CRETVAL"
	file := filepath.Join(t.TempDir(), "x.db")
	cases := map[string]string{
		"sqlite:" + file + "?mode=rwc&_pragma=key(" + secret:                           "",
		"sqlite:" + file + "?mode=rwc&_pragma=" + secret + "(":                         "",
		"postgres://u:p@localhost/d?sslmode=" + secret:                                 "parameter sslmode",
		"postgres://u:p@localhost/d?PASSWORD=" + secret + "&port=x":                    "parameter port",
		"postgres://u:p@localhost:1/d?options=-c%20x=" + secret + "&connect_timeout=x": "parameter options",
		"mysql://u:p@localhost/d?parseTime=" + secret:                                  "parameter parseTime",
		"mysql://u:p@localhost/d?tls=" + secret:                                        "parameter tls",
		"mysql://u:p@localhost/d?pass%77ord=" + secret + "&timeout=x":                  "parameter timeout",
	}
	for kind, params := range map[string][]string{
		"postgres": {"options=-c%20work_mem=" + secret, "PASSWORD=" + secret, "options=-c%20work_mem%3D" + secret},
		"mariadb":  {"sql_mod%65=%27" + secret + "%27&x=y", "PASSWORD=" + secret, "time_zone=" + secret + "&x=y"},
	} {
		dsn := testdb.New(t, kind).DSN
		join := "?"
		if strings.Contains(dsn, "?") {
			join = "&"
		}
		for _, p := range params {
			cases[dsn+join+p] = "of the DSN"
		}
	}
	for dsn, want := range cases {
		_, _, err := open(t.Context(), dsn)
		if err == nil || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), want) {
			t.Errorf("open(%q) = %v, want %q", dsn, err, want)
		}
	}
}

// Of several servers that do not answer each is named once.
func TestOpenSeveralServers(t *testing.T) {
	_, _, err := open(t.Context(), "postgres://u:topsecret@127.0.0.1:1,127.0.0.1:2/d")
	if !errors.Is(err, annals.ErrUnreachable) || strings.Contains(err.Error(), "[") ||
		!strings.Contains(err.Error(), "runs at 127.0.0.1:1,127.0.0.1:2 ") {
		t.Errorf("open = %v", err)
	}
}

// A wrong password is told as such, in one line, and not repeated. PostgreSQL's
// driver tries with TLS and without where the DSN does not say.
func TestOpenWrongPassword(t *testing.T) {
	for _, kind := range []string{"mariadb", "postgres"} {
		dsn := testdb.New(t, kind).DSN
		wrong := strings.Replace(dsn, ":"+password(dsn)+"@", ":topsecret@", 1)
		wrong = strings.Replace(wrong, "sslmode=disable", "", 1)
		if wrong == dsn {
			t.Fatalf("no password in the DSN")
		}
		_, _, err := open(t.Context(), wrong)
		if err == nil || strings.Contains(err.Error(), "topsecret") ||
			strings.ContainsAny(err.Error(), "\n\t") ||
			!strings.Contains(err.Error(), "check user name and password") {
			t.Errorf("%s: open = %v", kind, err)
		}
	}
}
