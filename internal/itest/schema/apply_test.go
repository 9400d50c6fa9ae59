package schema_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/lock"
	"github.com/seed-162b1470/annals/schema"
)

func TestReviewedPlanByOtherMeans(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts", "it's;odd")
		for _, st := range s.plan(t).Statements {
			s.exec(t, st.SQL)
		}
		s.mustBeDone(t)
		// The same with a table that is there and lacks something.
		s.exec(t, "ALTER TABLE posts_audit DROP COLUMN ip")
		s.dropIndex(t, "posts_audit", "idx_posts_audit_transaction_hash")
		for _, st := range s.plan(t).Statements {
			s.exec(t, st.SQL)
		}
		s.mustBeDone(t)
	})
}

func TestApplyReviewedPlan(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		plan := s.plan(t)
		var seen []schema.Progress
		m, err := schema.New(schema.Config{
			Targets:  []schema.Target{s.target()},
			Progress: func(p schema.Progress) { seen = append(seen, p) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Apply(t.Context(), plan); err != nil {
			t.Fatal(err)
		}
		s.mustBeDone(t)
		if n := len(seen); n != len(plan.Statements) || seen[n-1].Done != n || seen[n-1].Total != n {
			t.Errorf("%d of %d statements were reported", n, len(plan.Statements))
		}
		var fault *annals.Error
		err = m.Apply(t.Context(), plan)
		if !errors.Is(err, schema.ErrStale) || !errors.As(err, &fault) || fault.Remedy == "" {
			t.Errorf("applied twice: %v", err)
		}
		if err := m.Apply(t.Context(), schema.Plan{Storage: "default"}); err != nil {
			t.Errorf("an empty plan: %v", err)
		}
		if err := m.Apply(t.Context(), schema.Plan{Storage: "other"}); !errors.Is(err, annals.ErrConfig) {
			t.Errorf("an unknown storage: %v", err)
		}
	})
}

func TestLocked(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		other, err := sql.Open(db.DriverName, db.DriverDSN)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		held, err := lock.Acquire(t.Context(), other, s.d, schema.LockName)
		if err != nil {
			t.Fatal(err)
		}
		plan := s.plan(t) // looking needs no lock
		for what, work := range map[string]func() error{
			"apply":  func() error { return s.manager(t).Apply(t.Context(), plan) },
			"update": func() error { _, err := s.manager(t).Update(t.Context()); return err },
		} {
			var locked *annals.LockedError
			if err := work(); !errors.As(err, &locked) || locked.Holder == "" {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := held.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.update(t)
	})
}

// A pool of one connection is enough: the work runs on the lock's own.
func TestOneConnection(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.SetMaxOpenConns(1)
		s.update(t)
	})
}

func TestFailureInTheMiddle(t *testing.T) {
	prepare := map[string][]string{
		// A type of the name is in the way of the table's own row type.
		"postgres": {"CREATE TYPE annals_audit_entity AS ENUM ('a')"},
		"mysql":    {"CREATE TABLE posts_audit (id BIGINT PRIMARY KEY AUTO_INCREMENT, `type` VARCHAR(10), object_id VARCHAR(255), diffs JSON, source VARCHAR(64), seq BIGINT, part INT) CHARSET utf8mb4 COLLATE utf8mb4_nopad_bin", "INSERT INTO posts_audit (id, source, seq, part) VALUES (1, 1, 1, 1), (2, 1, 1, 1)"},
		"sqlite":   {"CREATE TABLE posts_audit (id INTEGER PRIMARY KEY, type TEXT, object_id TEXT, diffs TEXT, source TEXT, seq INT, part INT)", "INSERT INTO posts_audit (id, source, seq, part) VALUES (1, 1, 1, 1), (2, 1, 1, 1)"},
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.exec(t, prepare[s.d.Name()]...)
		before := s.plan(t)
		_, err := s.manager(t).Update(t.Context())
		var failed *schema.ApplyError
		if !errors.As(err, &failed) {
			t.Fatalf("got %v", err)
		}
		t.Log(err)
		if s.d.Features().TransactionalDDL {
			if failed.Done != 0 || s.plan(t).SQL() != before.SQL() {
				t.Errorf("%d statements stayed", failed.Done)
			}
			return
		}
		// What is done is done; the next plan takes up from there.
		if after := s.plan(t); failed.Done == 0 || len(after.Statements) != failed.Total-failed.Done {
			t.Errorf("done %d of %d, still planned %d", failed.Done, failed.Total, len(after.Statements))
		}
	})
}

// On PostgreSQL an index of a table that is there is built beside its writers.
func TestIndexBesideWriters(t *testing.T) {
	s := newSetup(t, testdb.New(t, "postgres"), "posts")
	for _, st := range s.update(t).Statements {
		if st.Alone {
			t.Errorf("a new table needs no %s", st.SQL)
		}
	}
	s.exec(t, "ALTER TABLE posts_audit DROP COLUMN blame_id")
	plan := s.plan(t)
	last := plan.Statements[len(plan.Statements)-1]
	if !last.Alone || !strings.Contains(last.SQL, "CREATE INDEX CONCURRENTLY") {
		t.Fatalf("planned\n%s", plan.SQL())
	}
	s.update(t)
	// One that broke off is there and useless.
	s.exec(t, "UPDATE pg_index SET indisvalid = false"+
		" WHERE indexrelid = 'idx_posts_audit_blame_id_created_at_source_seq_part'::regclass")
	s.mustPlan(t, "REINDEX INDEX CONCURRENTLY")
	s.update(t)
}

func TestMissingRight(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		weak := *db // the same database under a weaker account
		s := newSetup(t, &weak, "posts")
		if s.d.Name() == dialect.SQLiteName {
			readOnly, err := sql.Open(db.DriverName, "file:"+db.DSN[len("sqlite:"):]+"?mode=ro")
			if err != nil {
				t.Fatal(err)
			}
			defer readOnly.Close()
			s.exec(t, "CREATE TABLE something (id INTEGER)")
			weak.DB = readOnly
		} else {
			user, password := newUser(t, db)
			weak.DB = db.OpenAs(t, user, password)
			if s.d.Name() == dialect.MySQLName {
				grant := "GRANT SELECT ON `" + databaseName(t, db) + "`.* TO '" + user + "'@'%'"
				if _, err := testdb.Superuser(t, db.Kind).ExecContext(t.Context(), grant); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, err := s.manager(t).Update(t.Context())
		var fault *annals.Error
		if !errors.As(err, &fault) || fault.Remedy == "" || strings.Contains(err.Error(), "CREATE TABLE") {
			t.Errorf("got %v", err)
		}
		if s.d.Name() != dialect.SQLiteName && !errors.Is(err, schema.ErrRights) {
			t.Errorf("not a missing right: %v", err)
		}
		t.Log(err)
	})
}
