package journal_test

import (
	"database/sql"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// bindSQL binds as a connector does: the texts joined, behind the stamp.
const bindSQL = `SELECT set_config('annals.context', extract(epoch FROM now())::text || chr(31) ||
	array_to_string(ARRAY['42', 'ann', 'ann@example.org', 'User', 'api', '10.0.0.1', 'curl', 'r-1', 'a reason', '{"k": 1}'],
	chr(31)), true)`

func TestPostgresContext(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgItems, entities("item"))
	s.install()
	const bound = `true 42 ann ann@example.org User api 10.0.0.1 curl r-1 a reason {"k": 1}`
	const nobody = "false - not orm - - - - - - - -"
	for _, c := range []struct {
		name string
		run  []string
		want []string
	}{
		{"none", []string{`INSERT INTO item VALUES (1)`}, []string{nobody}},
		{
			"set by a connector",
			[]string{`BEGIN`, bindSQL, `INSERT INTO item VALUES (1)`, `DELETE FROM item`, `COMMIT`},
			[]string{bound},
		},
		{"gone with its transaction", []string{
			`BEGIN`, bindSQL, `COMMIT`, `INSERT INTO item VALUES (1)`,
			`BEGIN`, bindSQL, `ROLLBACK`, `DELETE FROM item`,
		}, []string{nobody, nobody}},
		{"set for the session, it binds nobody later", []string{
			`BEGIN`, `SELECT set_config('annals.context', extract(epoch FROM now())::text || chr(31) || '42', false)`,
			`INSERT INTO item VALUES (1)`, `COMMIT`, `DELETE FROM item`, `RESET annals.context`,
		}, []string{"true 42 - - - - - - - - -", nobody}},
		{
			"nonsense",
			[]string{`BEGIN`, `SET LOCAL annals.context = 'x'`, `INSERT INTO item VALUES (1)`, `COMMIT`},
			[]string{nobody},
		},
		{"cut short", []string{
			`BEGIN`, `SELECT set_config('annals.context', extract(epoch FROM now())::text, true)`,
			`INSERT INTO item VALUES (1)`, `COMMIT`,
		}, []string{"true - - - - - - - - - -"}},
		{"from SQL", []string{
			`BEGIN`, `SELECT annals_context(user_id => '42', user_name => 'ann', comment => E'a\x1freason', extra => '{"k": 1}')`,
			`INSERT INTO item VALUES (1)`, `COMMIT`,
		}, []string{`true 42 ann - - - - - - a reason {"k": 1}`}},
		{"in pieces", []string{
			`BEGIN`, `SELECT annals_context('42', 'ann')`, `SELECT annals_context(comment => 'why', user_name => '')`,
			`INSERT INTO item VALUES (1)`, `COMMIT`,
		}, []string{`true 42 ann - - - - - - why -`}},
		{"late", []string{
			`BEGIN`, `INSERT INTO item VALUES (1)`, `SELECT annals_context('42', 'ann')`, `DELETE FROM item`,
			`SELECT annals_context(comment => 'why')`, `COMMIT`,
		}, []string{`true 42 ann - - - - - - why -`}},
		{"late without a name", []string{
			`BEGIN`, `INSERT INTO item VALUES (1)`, `SELECT annals_context('42')`, `COMMIT`,
		}, []string{`true 42 - - - - - - - - -`}},
		{"a savepoint takes it back", []string{
			`BEGIN`, `SELECT annals_context('42')`, `SAVEPOINT a`, `SELECT annals_context('43')`,
			`INSERT INTO item VALUES (1)`, `ROLLBACK TO a`, `INSERT INTO item VALUES (2)`, `COMMIT`, `DELETE FROM item`,
		}, []string{`true 42 - - - - - - - - -`, nobody}},
		{"as a row", []string{
			`BEGIN`, `SELECT annals_bind('42', 'ann', 'why', extra => '[1]')`, `INSERT INTO item VALUES (1)`,
			`SELECT annals_context(request_id => 'r')`, `COMMIT`, `DELETE FROM item`,
		}, []string{`true 42 ann - - - - - r why [1]`, nobody}},
		{
			"as a row, late",
			[]string{`BEGIN`, `INSERT INTO item VALUES (1)`, `SELECT annals_bind('42')`, `COMMIT`},
			[]string{`true 42 - - - - - - - - -`},
		},
		{"too long", []string{
			`BEGIN`, `SELECT annals_context(repeat('x', 300), ip => repeat('y', 50))`, `INSERT INTO item VALUES (1)`,
			`UPDATE annals_revision SET user_id = length(user_id)::text, ip = length(ip)::text`, `COMMIT`,
		}, []string{`true 255 - - - - 45 - - - -`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s.sub(t)
			s.psql("DELETE FROM item;\n" + pgForget)
			conn := s.conn()
			for _, st := range c.run {
				s.execOn(conn, st)
			}
			s.same("revisions", s.rows(`SELECT managed, user_id, user_name, user_email, user_type, context, ip, user_agent,
				request_id, comment, extra FROM annals_revision ORDER BY id`), c.want...)
			s.same("receipts without revision", s.rows(`SELECT id FROM annals_revision_entity e WHERE NOT EXISTS
				(SELECT FROM annals_revision v WHERE v.id = e.revision)`))
			s.exec(`DELETE FROM item`)
		})
	}
}

// conn is a connection of the scene's pool.
func (s *scene) conn() *sql.Conn {
	s.t.Helper()
	conn, err := s.DB.Conn(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return conn
}

// TestPostgresRevisions: one for each transaction, whoever comes in between, with
// the database's own facts and a hash that differs.
func TestPostgresRevisions(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgItems, entities("item"))
	s.install()
	a, b := s.conn(), s.conn()
	s.execOn(a, `SET application_name = 'a'`, `BEGIN`, `INSERT INTO item VALUES (1)`)
	s.execOn(b, `SET application_name = ''`, `BEGIN`, `INSERT INTO item VALUES (2)`)
	s.execOn(a, `UPDATE item SET name = 'a' WHERE id = 1`)
	s.execOn(b, `UPDATE item SET name = 'b' WHERE id = 2`, `COMMIT`)
	s.execOn(a, `DELETE FROM item WHERE id = 1`, `COMMIT`)
	s.same("receipts", s.receipts(), "1 item insert 1", "2 item insert 1", "1 item update 1", "2 item update 1",
		"1 item delete 1")
	s.same("facts", s.rows(`SELECT source, application, db_user = session_user, client_addr IS NOT NULL FROM annals_revision
		ORDER BY id`), "app a true true", "app - true true")
	s.same("hashes", s.rows(`SELECT count(DISTINCT transaction_hash), count(*) FILTER (WHERE transaction_hash ~
			('^[0-9a-f]{12}' || left(encode(sha256('app'), 'hex'), 8) || '[0-9a-f]{12}$')),
		count(*) FILTER (WHERE ('x' || left(transaction_hash, 12))::bit(48)::bigint =
			floor(extract(epoch FROM created_at) * 1000)) FROM annals_revision`), "2 2 2")
	s.same("times", s.rows(`SELECT count(*) FROM annals_revision v JOIN annals_revision_entity e ON e.revision = v.id
		WHERE e.created_at >= v.created_at`), "5")
	s.same("numbers", s.rows(`SELECT count(*) FROM item_audit c JOIN annals_revision_entity e
		ON e.id = c.annals_revision_entity_id WHERE c.annals_id / 2 = c.annals_seq AND c.annals_seq = e.id
		AND c.annals_id % 2 = CASE c.annals_image WHEN 'after' THEN 1 ELSE 0 END`), "7")
}

// TestPostgresRestored: a transaction whose number was another's in a former life of
// the database gets a revision of its own.
func TestPostgresRestored(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgItems, entities("item"))
	s.install()
	s.exec(`INSERT INTO annals_revision (id, source, transaction_hash, xid, managed, user_id, created_at)
		SELECT -n, 'app', 'old' || n, txid_current() + n, true, 'long ago', now() - interval '1 day'
		FROM generate_series(1, 1000) n`,
		`INSERT INTO item VALUES (1)`, `BEGIN; SELECT annals_context('42'); INSERT INTO item VALUES (2); COMMIT`)
	s.same("revisions", s.rows(`SELECT DISTINCT user_id FROM annals_revision WHERE id < 0`), "long ago")
	s.same("new ones", s.rows(`SELECT user_id FROM annals_revision v JOIN annals_revision_entity e ON e.revision = v.id
		WHERE EXISTS (SELECT FROM annals_revision o WHERE o.xid = v.xid AND o.id < 0) ORDER BY v.id`), "-", "42")
}
