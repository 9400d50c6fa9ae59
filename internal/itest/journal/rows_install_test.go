package journal_test

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
)

// records are the columns and rules that are noted.
func (s *scene) records() []string {
	s.t.Helper()
	columns := s.rows("SELECT entity, column_name, copy_column, from_seq, until_seq FROM " +
		s.own(layout.TargetColumnTable) + " ORDER BY id")
	return append(columns, s.rows("SELECT entity, from_seq FROM "+s.own(layout.RulesTable)+" ORDER BY id")...)
}

// TestRowsRecords: columns and rules hold from the number on that the next row gets, and
// what did not change is not recorded again.
func TestRowsRecords(t *testing.T) {
	for _, kind := range []string{"mariadb", "sqlite"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newRowScene(t, testdb.New(t, kind),
				[]string{"CREATE TABLE item (id int PRIMARY KEY, name varchar(100))"}, entities("item"))
			s.install()
			s.exec("INSERT INTO item VALUES (1, 'a')", "INSERT INTO item VALUES (2, 'b')")
			first := []string{"item id id 0 -", "item name name 0 -", "item 1"}
			s.same("first", s.records(), first...)
			s.install()
			s.same("again", s.records(), first...)
			s.exec("ALTER TABLE item RENAME COLUMN name TO title")
			s.rules.Entities[0].Label = "title"
			s.changed()
			s.exec("INSERT INTO item VALUES (3, 'c')")
			renamed := []string{"item id id 0 -", "item name name 0 3", "item title title 3 -", "item 1", "item 3"}
			s.same("renamed", s.records(), renamed...)
			s.changed()
			s.same("renamed again", s.records(), renamed...)
			s.same("images", s.rows("SELECT annals_seq, id, name, title FROM "+s.own("item_audit")+" ORDER BY annals_id"),
				"1 1 a -", "2 2 b -", "3 3 - c")
		})
	}
}

// TestRowsDrop: dropping finds what is annals', also of entities that are no longer
// configured, and nothing else.
func TestRowsDrop(t *testing.T) {
	for kind, body := range map[string]string{
		"mariadb": "FOR EACH ROW SET @seen = 1", "sqlite": "BEGIN SELECT 1; END",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newRowScene(t, testdb.New(t, kind), []string{
				"CREATE TABLE item (id int PRIMARY KEY)", "CREATE TABLE other (id int PRIMARY KEY)",
			}, entities("item", "other"))
			s.exec("CREATE TRIGGER annals_mine AFTER INSERT ON item " + body)
			s.install()
			s.rules.Entities = s.rules.Entities[:1]
			s.renew(s.storage)
			left := func() []string {
				t.Helper()
				live, err := s.j.Installed(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var names []string
				for _, i := range live {
					names = append(names, i.Name+" "+i.Target)
				}
				return names
			}
			s.same("installed", left(), "annals_insert_item item", "annals_update_item item", "annals_delete_item item",
				"annals_insert_other other", "annals_update_other other", "annals_delete_other other")
			if err := s.j.Drop(t.Context(), nil, "item"); err != nil {
				t.Fatal(err)
			}
			s.same("without item's", left(),
				"annals_insert_other other", "annals_update_other other", "annals_delete_other other")
			if err := s.j.Drop(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			s.same("without any", left())
			triggers := "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
			if kind == "sqlite" {
				triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
			}
			s.same("somebody else's", s.rows(triggers), "annals_mine")
		})
	}
}

// TestRowsScript: the script installs through the database's own client what Create
// installs.
func TestRowsScript(t *testing.T) {
	for _, kind := range []string{"mariadb", "sqlite"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			table := annals.Table{Name: `it'em "x" ü` + "`"}
			db := testdb.New(t, kind)
			quoted := "`it'em \"x\" ü```"
			s := newRowScene(t, db, []string{
				"CREATE TABLE " + quoted + " (id int PRIMARY KEY, `OLD` varchar(20), `a;b//` varchar(20), `select` int)",
			}, entity(annals.Entity{Name: `o'b\x é😀`, Table: table}))
			script, err := s.j.CreateScript(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if again, err := s.j.CreateScript(t.Context()); err != nil || again.String() != script.String() {
				t.Errorf("the script is another each time (%v)", err)
			}
			for range 2 {
				s.client(script.String())
			}
			live, err := s.j.Installed(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i := range live {
				live[i].Definer = ""
			}
			wanted, err := s.j.Wanted(t.Context())
			if err != nil || !slices.Equal(live, wanted) || len(live) != 3 {
				t.Errorf("installed %+v, wanted %+v (%v)", live, wanted, err)
			}
			s.exec("INSERT INTO "+quoted+" VALUES (1, 'a', 'b', 3)", "UPDATE "+quoted+" SET `OLD` = 'A'")
			targets, err := s.j.Targets(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			audit := s.d.Table(targets[0].Copy)
			s.same("images", s.rows("SELECT annals_image, `OLD`, `a;b//`, `select` FROM "+audit+" ORDER BY annals_id"),
				"after a b 3", "before a b 3", "after A b 3")
			drop, err := s.j.DropScript(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.client(drop.String())
			if live, err := s.j.Installed(t.Context()); err != nil || len(live) != 0 {
				t.Errorf("%d triggers are left (%v)", len(live), err)
			}
		})
	}
}

// client runs a script through mariadb or sqlite3.
func (s *scene) client(script string) {
	s.t.Helper()
	var cmd *exec.Cmd
	if s.d.Name() == "sqlite" {
		cmd = exec.CommandContext(s.t.Context(), "sqlite3", "-bail", strings.TrimPrefix(s.DSN, "sqlite:"))
	} else {
		cfg, err := mysql.ParseDSN(s.DriverDSN)
		if err != nil {
			s.t.Fatal(err)
		}
		host, port, _ := strings.Cut(cfg.Addr, ":")
		file := filepath.Join(s.t.TempDir(), "my.cnf")
		text := "[client]\nuser=" + cfg.User + "\npassword=" + cfg.Passwd + "\nhost=" + host + "\nport=" + port + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
		cmd = exec.CommandContext(s.t.Context(), "mariadb", "--defaults-file="+file, cfg.DBName)
	}
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
}

// TestMySQLRights: the application's account needs no right on annals' tables.
func TestMySQLRights(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item"))
	s.install()
	cfg, err := mysql.ParseDSN(s.DriverDSN)
	if err != nil {
		t.Fatal(err)
	}
	account := "'" + strings.ReplaceAll(cfg.DBName, "annals_", "app_") + "'@'%'"
	s.exec("CREATE USER "+account+" IDENTIFIED BY 'Secret-8821-x'", "GRANT ALL ON `"+cfg.DBName+"`.* TO "+account,
		"GRANT EXECUTE ON PROCEDURE "+s.own("annals_context")+" TO "+account)
	t.Cleanup(func() {
		if _, err := s.DB.Exec("DROP USER " + account); err != nil {
			t.Error(err)
		}
	})
	cfg.User, cfg.Passwd = strings.Trim(strings.Split(account, "@")[0], "'"), "Secret-8821-x"
	app, err := sql.Open(s.DriverName, cfg.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	conn, err := app.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.execOn(conn, "INSERT INTO item VALUES (1, 'a', 1)", "BEGIN",
		"CALL "+s.own("annals_context")+"('7', 'ann', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
		"UPDATE item SET price = 2", "COMMIT", "DELETE FROM item")
	s.same("revisions", s.rows("SELECT user_name, SUBSTRING_INDEX(db_user, '@', 1), client_addr FROM "+
		s.own(layout.RevisionTable)+" ORDER BY id"), "not orm "+cfg.User+" "+s.host(), "ann "+cfg.User+" "+s.host(),
		"not orm "+cfg.User+" "+s.host())
	if _, err := conn.ExecContext(t.Context(), "SELECT 1 FROM "+s.own(layout.RevisionTable)); err == nil {
		t.Error("the account reads annals' tables")
	}
	// It joins nobody else's revision either, bound or not.
	s.exec("INSERT INTO item VALUES (2, 'b', 1)")
	other := s.session()
	other.bind("12345678901234567", "ceo")
	other.exec("INSERT INTO item VALUES (3, 'c', 1)")
	for _, victim := range s.rows("SELECT id, xid FROM " + s.own(layout.RevisionTable) + " ORDER BY id DESC LIMIT 2") {
		id, xid, _ := strings.Cut(victim, " ")
		_, _ = conn.ExecContext(t.Context(), "SET @annals_rev = "+id+", @annals_of = "+xid+", @annals_tx = "+xid+
			", @annals_context = ''")
		_, _ = conn.ExecContext(t.Context(), "SET timestamp = UNIX_TIMESTAMP(), @annals_at = CONCAT(UTC_TIMESTAMP(6))")
		_, _ = conn.ExecContext(t.Context(), "UPDATE item SET price = price + 1")
		s.same("receipts of "+victim, s.rows("SELECT COUNT(*) FROM "+s.own(layout.RevisionEntityTable)+
			" WHERE revision = "+id), "1")
	}
	s.same("receipts without revision", s.rows("SELECT COUNT(*) FROM "+s.own(layout.RevisionEntityTable)+
		" WHERE revision NOT IN (SELECT id FROM "+s.own(layout.RevisionTable)+")"), "0")
}

func (s *scene) host() string { return s.rows("SELECT SUBSTRING_INDEX(USER(), '@', -1)")[0] }

// TestMySQLAgain: what is installed is left alone, and with it the rights that were
// granted on it.
func TestMySQLAgain(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item", "other"))
	s.install()
	script, err := s.j.CreateScript(t.Context())
	if err != nil || script.String() != "" {
		t.Errorf("there is still to do (%v):\n%s", err, script)
	}
	s.exec("DROP TRIGGER annals_update_item", "DROP PROCEDURE "+s.own("annals_unbind"))
	script, err = s.j.CreateScript(t.Context())
	if err != nil || strings.Count(script.String(), " TRIGGER ") != 3 || strings.Count(script.String(), " PROCEDURE ") != 1 {
		t.Errorf("to do (%v):\n%s", err, script)
	}
}
