package journal_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// progress counts updates.
type progress struct {
	mu   sync.Mutex
	cond *sync.Cond
	n    int
	over bool
}

func (p *progress) add(n int, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n += n
	p.over = p.over || over
	p.cond.Broadcast()
}

// reach waits for the n-th update, or the end of all.
func (p *progress) reach(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.n < n && !p.over {
		p.cond.Wait()
	}
}

// writers update rows of a table by several clients. wait returns how many updates
// there were, once they are done.
func (s *scene) writers(clients, updates int, update string) (p *progress, wait func() int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Minute)
	s.t.Cleanup(cancel)
	var group sync.WaitGroup
	errs := make(chan error, clients)
	p = &progress{}
	p.cond = sync.NewCond(&p.mu)
	for n := range clients {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range updates {
				if _, err := s.ExecContext(ctx, update, n*1000+i%1000); err != nil {
					errs <- fmt.Errorf("client %d, update %d: %w", n, i, err)
					p.add(0, true)
					return
				}
				p.add(1, false)
			}
		}()
	}
	return p, func() int {
		s.t.Helper()
		group.Wait()
		close(errs)
		for err := range errs {
			s.t.Error(err)
		}
		return clients * updates
	}
}

// TestPostgresWhileWriting: triggers are installed, installed again with other rules
// and by psql while clients write; no write fails, and none goes by unrecorded from
// the first installation on.
func TestPostgresWhileWriting(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), `CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL, m text);
		INSERT INTO t SELECT n, 0 FROM generate_series(0, 3999) n`, entities("t"))
	s.install()
	p, wait := s.writers(4, 400, `UPDATE t SET n = n + 1 WHERE id = $1`)
	for i := range 5 {
		p.reach(i * 300)
		s.rules.Entities[0].Label = []string{"n", "m"}[i%2]
		s.renew(s.DB.DB)
		s.install()
		script, err := s.j.CreateScript(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.psql(script.String())
	}
	n := wait()
	s.same("updates", s.rows(`SELECT sum(n) FROM t`), fmt.Sprint(n))
	s.same("recorded", s.rows(`SELECT count(*) FILTER (WHERE annals_image = 'before'),
		count(*) FILTER (WHERE annals_image = 'after'), count(DISTINCT annals_seq) FROM t_audit`), fmt.Sprint(n, n, n))
	s.same("stories", s.rows(`SELECT id FROM (SELECT id, n, lag(n) OVER (PARTITION BY id ORDER BY annals_id) p FROM t_audit
		WHERE annals_image = 'after') x WHERE n <> coalesce(p, 0) + 1`))
	s.same("rules", s.rows(`SELECT count(*) FROM annals_rules`), "6")
}

// TestPostgresBusyTable: a table that somebody holds is left alone after a while, in
// an error that says what to do, and its writers go on.
func TestPostgresBusyTable(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgItems, entities("item"))
	holder := s.conn()
	s.execOn(holder, `BEGIN`, `INSERT INTO item VALUES (1)`)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	err := s.j.Create(ctx, nil)
	var failed *annals.Error
	if !errors.As(err, &failed) || failed.Subject != "entity item" || failed.Remedy == "" {
		t.Errorf("the error is %v", err)
	}
	s.execOn(holder, `INSERT INTO item VALUES (2)`, `COMMIT`)
	s.same("triggers", s.rows(`SELECT tgname FROM pg_trigger WHERE tgname LIKE '!annals%'`))
	// The server notices in its own time that the run which was broken off has gone.
	for err = annals.ErrLocked; errors.Is(err, annals.ErrLocked); {
		err = s.j.Create(t.Context(), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.install()
	s.exec(`DELETE FROM item`)
	s.same("receipts", s.receipts(), "1 item delete 2")
}

// TestPostgresFailure: a change that cannot be recorded does not happen, and the
// error says where it failed.
func TestPostgresFailure(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgItems, entities("item"))
	s.install()
	s.exec(`ALTER TABLE item_audit RENAME TO gone`)
	_, err := s.Exec(`INSERT INTO item VALUES (1)`)
	if err == nil || !strings.Contains(err.Error(), "item_audit") {
		t.Errorf("the error is %v", err)
	}
	s.exec(`ALTER TABLE gone RENAME TO item_audit`, `ALTER TABLE item_audit ADD CHECK (id < 5)`)
	if _, err := s.Exec(`INSERT INTO item VALUES (9)`); err == nil {
		t.Error("a change that is not recorded happened")
	}
	s.same("rows", s.rows(`SELECT id FROM item`))
	s.exec(`INSERT INTO item VALUES (1)`)
	s.same("receipts", s.receipts(), "1 item insert 1")
}

// TestPostgresSchemaMissing: triggers are not installed where annals' tables are not
// in place.
func TestPostgresSchemaMissing(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgItems, entities("item"))
	s.exec(`DROP TABLE annals_rules`)
	if err := s.j.Create(t.Context(), nil); !errors.Is(err, annals.ErrSchema) {
		t.Errorf("the error is %v", err)
	}
	s.same("triggers", s.rows(`SELECT tgname FROM pg_trigger WHERE tgname LIKE '!annals%'`))
	if err := s.j.Create(t.Context(), nil, "itme"); !errors.Is(err, annals.ErrUnknownEntity) {
		t.Errorf("the error is %v", err)
	}
}

// TestPostgresResults: what a program gets to see is as without triggers.
func TestPostgresResults(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), `CREATE TABLE item (id serial PRIMARY KEY, n int)`, entities("item"))
	s.install()
	conn := s.conn()
	exec := func(query string) int64 {
		t.Helper()
		result, err := conn.ExecContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var id, current int
	row := func(query string) *sql.Row { return conn.QueryRowContext(t.Context(), query) }
	if err := row(`INSERT INTO item (n) VALUES (7) RETURNING id`).Scan(&id); err != nil || id != 1 {
		t.Errorf("id %d, %v", id, err)
	}
	if err := row(`SELECT currval('item_id_seq')`).Scan(&current); err != nil || current != 1 {
		t.Errorf("currval %d, %v", current, err)
	}
	for _, c := range []struct {
		query string
		want  int64
	}{
		{`INSERT INTO item (n) SELECT 1 FROM generate_series(1, 9)`, 9},
		{`UPDATE item SET n = 2 WHERE id <= 4`, 4},
		{`UPDATE item SET n = 2 WHERE id = 77`, 0},
	} {
		if got := exec(c.query); got != c.want {
			t.Errorf("%s: %d rows, want %d", c.query, got, c.want)
		}
	}
}

// TestPostgresPlans: a session whose plans were made for one row takes thousands, and
// one whose plans were made for thousands takes one.
func TestPostgresPlans(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), `CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, n int);
		INSERT INTO t SELECT n, 0 FROM generate_series(1, 10000) n`, entities("t"))
	s.install()
	conn := s.conn()
	for range 7 {
		s.execOn(conn, `UPDATE t SET n = 1 WHERE id = 1`)
	}
	s.execOn(conn, `UPDATE t SET id = id + 1`, `UPDATE t SET n = 2 WHERE id = 5`, `DELETE FROM t`)
	s.same("pairs", s.rows(`SELECT count(*) FROM t_audit b JOIN t_audit a USING (annals_seq, annals_ordinal)
		WHERE b.annals_image = 'before' AND a.annals_image = 'after' AND b.annals_id = a.annals_id - 1
		AND a.id = b.id + 1`), "10000")
	s.same("ordinals", s.rows(`SELECT count(DISTINCT annals_ordinal), max(annals_ordinal) FROM t_audit
		WHERE annals_image = 'before' GROUP BY annals_revision_entity_id HAVING count(*) > 1`), "10000 10000", "10000 10000")
}
