package journal_test

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// login makes a role without rights, for the time of the test.
func (s *scene) login() (role string, app *sql.DB) {
	s.t.Helper()
	role, password := "annals_app_"+strings.ToLower(rand.Text()[:12]), rand.Text()
	s.exec(fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD '%s'`, role, password))
	s.t.Cleanup(func() {
		if _, err := testdb.Superuser(s.t, "postgres").Exec(`DROP ROLE ` + role); err != nil {
			s.t.Error(err)
		}
	})
	app = s.OpenAs(s.t, role, password)
	s.t.Cleanup(func() {
		if _, err := s.Exec(`DROP OWNED BY ` + role); err != nil {
			s.t.Error(err)
		}
	})
	return role, app
}

// TestPostgresRights: a role that may only write the table is recorded, binds its
// own transactions, and can do nothing else to the history.
func TestPostgresRights(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), `CREATE TABLE item (id bigint PRIMARY KEY, name text)`, entities("item"), inSchema("audit"))
	s.install()
	role, app := s.login()
	s.exec(`GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON item TO `+role, `GRANT CREATE ON SCHEMA public TO `+role)
	s.execOn(app, `INSERT INTO item VALUES (1, 'a')`, `UPDATE item SET name = 'b'`, `DELETE FROM item`, `TRUNCATE item`,
		`BEGIN; SELECT audit.annals_context('42'); INSERT INTO item VALUES (2); COMMIT`,
		`BEGIN; INSERT INTO item VALUES (3); SELECT audit.annals_context('43'); COMMIT`,
		`BEGIN; SELECT audit.annals_bind('44'); INSERT INTO item VALUES (4); COMMIT`)
	s.same("revisions", s.rows(`SELECT user_id, db_user FROM audit.annals_revision ORDER BY id`),
		"- "+role, "- "+role, "- "+role, "- "+role, "42 "+role, "43 "+role, "44 "+role)

	for _, refused := range []string{
		`SELECT * FROM audit.item_audit`,
		`INSERT INTO audit.item_audit (annals_id) VALUES (1)`,
		`UPDATE audit.annals_revision SET user_id = '1'`,
		`DELETE FROM audit.annals_revision_entity`,
		`TRUNCATE audit.item_audit`,
		`SELECT nextval('audit.annals_seq')`,
		`DROP TRIGGER "!annals_insert" ON item`,
		`ALTER TABLE item DISABLE TRIGGER ALL`,
		`SET session_replication_role = replica`,
		`CREATE OR REPLACE FUNCTION audit.annals_insert_item() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
		`ALTER FUNCTION audit.annals_insert_item() OWNER TO ` + role,
		`CREATE TABLE mine (id bigint, name text);
			CREATE TRIGGER forged AFTER INSERT ON mine REFERENCING NEW TABLE AS annals_new_rows FOR EACH STATEMENT
			EXECUTE FUNCTION audit.annals_insert_item()`,
		`SELECT audit.annals_insert_item()`,
	} {
		if _, err := app.Exec(refused); err == nil {
			t.Errorf("not refused: %s", refused)
		}
	}

	// Names that the role puts in the way of the functions' own.
	s.execOn(app, `SET search_path = public; CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT ''1970-01-01''::timestamptz';
		CREATE FUNCTION public.txid_current() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
		CREATE FUNCTION public.no(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true';
		CREATE OPERATOR public.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = public.no);
		CREATE TEMP TABLE annals_revision (id bigint, xid bigint, created_at timestamptz);
		INSERT INTO annals_revision VALUES (1, 1, 'infinity');
		CREATE TEMP TABLE annals_new_rows (id bigint, name text);
		SET search_path = public, pg_temp, pg_catalog;
		INSERT INTO item VALUES (5, 'e')`)
	s.same("last row", s.rows(`SELECT c.id, c.name, v.db_user FROM audit.item_audit c
		JOIN audit.annals_revision_entity e ON e.id = c.annals_revision_entity_id
		JOIN audit.annals_revision v ON v.id = e.revision ORDER BY annals_id DESC LIMIT 1`), "5 e "+role)
	s.same("revisions", s.rows(`SELECT count(*) FROM audit.annals_revision`), "8")
}

// TestPostgresForeignRevision: no setting attaches a row to a revision of another
// transaction.
func TestPostgresForeignRevision(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgItems, entities("item"))
	s.install()
	a, b := s.conn(), s.conn()
	s.execOn(a, `BEGIN`, `SELECT annals_context('ann')`, `INSERT INTO item VALUES (1)`)
	s.execOn(b, `BEGIN`,
		`SELECT set_config('annals.context', extract(epoch FROM now() - interval '1 second')::text || chr(31) || 'ann', true)`,
		`INSERT INTO item VALUES (2)`, `COMMIT`)
	s.execOn(a, `COMMIT`)
	s.same("revisions", s.rows(`SELECT c.id, v.user_id FROM item_audit c
		JOIN annals_revision_entity e ON e.id = c.annals_revision_entity_id
		JOIN annals_revision v ON v.id = e.revision ORDER BY c.id`), "1 ann", "2 -")
}

// TestPostgresForgedFunctions: the event trigger, which has all rights, takes no text
// from functions or names of columns that others made.
func TestPostgresForgedFunctions(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgItems, entities("item"))
	s.install()
	role, app := s.login()
	s.exec(`GRANT CREATE ON SCHEMA public TO `+role, `CREATE TABLE taken (id int)`)
	s.execOn(app, `CREATE TABLE mine (id int);
		CREATE FUNCTION forged() RETURNS trigger LANGUAGE plpgsql AS $f$
-- annals trigger 1 ab "item"
-- /*annals"copy*/public.taken ADD COLUMN stolen int; ALTER TABLE public.taken/*annals"end*/
BEGIN RETURN NULL; END $f$;
		CREATE TRIGGER "!annals_insert" AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION forged();
		ALTER TABLE mine ADD n int`)
	s.same("columns", s.rows(`SELECT attname FROM pg_attribute WHERE attrelid = 'taken'::regclass AND attnum > 0`), "id")

	s.exec(`ALTER TABLE item OWNER TO ` + role)
	for _, name := range []string{`/*annals"end*/, (SELECT 1 / 0)--`, `/*annals"r*/`, `a"/*annals"end*/`, `", (SELECT 1 / 0)) --`} {
		quoted := `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		s.execOn(app, `ALTER TABLE item ADD `+quoted+` int DEFAULT 1`, `ALTER TABLE item ADD more int`,
			`INSERT INTO item VALUES (1)`, `UPDATE item SET price = 1`, `ALTER TABLE item DROP more`, `DELETE FROM item`)
		s.same("images of "+name, s.rows(`SELECT annals_image, `+quoted+` FROM item_audit ORDER BY annals_id DESC LIMIT 1`),
			"before 1")
		s.execOn(app, `ALTER TABLE item DROP `+quoted)
	}
	s.exec(`DROP TABLE mine`)
	s.renew(s.DB.DB)
	s.fits()
}

// TestPostgresOwner: an account that owns the tables installs the triggers without
// being a superuser; what it may not make is said.
func TestPostgresOwner(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgItems, entities("item"))
	role, app := s.login()
	s.exec(`DO $$DECLARE r text; BEGIN FOR r IN SELECT format('%I', relname) FROM pg_class WHERE relkind IN ('r', 'S')
			AND relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_depend d
				WHERE d.objid = pg_class.oid AND d.deptype = 'i') LOOP
		EXECUTE 'ALTER TABLE ' || r || ' OWNER TO `+role+`'; END LOOP; END$$`, `GRANT CREATE ON SCHEMA public TO `+role)
	all := s.DB.DB
	s.DB.DB = app
	s.renew(app)
	script, err := s.j.CreateScript(t.Context())
	s.install()
	s.install()
	s.DB.DB = all
	if err != nil || !strings.Contains(script.String(), "-- no event trigger") {
		t.Errorf("the script is\n%s%v", script, err)
	}
	s.exec(`INSERT INTO item VALUES (1)`)
	s.execOn(app, `DELETE FROM item`)
	s.same("receipts", s.receipts(), "1 item insert 1", "2 item delete 1")
	s.same("definers", s.rows(`SELECT DISTINCT pg_get_userbyid(proowner) FROM pg_proc WHERE proname LIKE 'annals%'`), role)
	s.same("event triggers", s.rows(`SELECT evtname FROM pg_event_trigger`))
}

// TestPostgresDeferred: what is put off to the commit belongs to the transaction's
// revision.
func TestPostgresDeferred(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), `CREATE TABLE a (id int PRIMARY KEY, n int);
		CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a DEFERRABLE INITIALLY DEFERRED);
		CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN UPDATE a SET n = coalesce(n, 0) + 1 WHERE id = NEW.a; RETURN NULL; END';
		CREATE CONSTRAINT TRIGGER late AFTER INSERT ON b DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
			EXECUTE FUNCTION late()`, entities("a", "b"))
	s.install()
	s.exec(`BEGIN; SELECT annals_context('42'); INSERT INTO b VALUES (1, 7); INSERT INTO a VALUES (7); COMMIT`)
	s.same("receipts", s.receipts(), "1 b insert 1", "1 a insert 1", "1 a update 1")
	s.same("revisions", s.rows(`SELECT user_id FROM annals_revision`), "42")
	if _, err := s.Exec(`INSERT INTO b VALUES (2, 99)`); err == nil {
		t.Error("a row without its parent")
	}
	s.same("revisions", s.rows(`SELECT count(*) FROM annals_revision`), "1")
}
