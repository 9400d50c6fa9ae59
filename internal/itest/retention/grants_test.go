package retention_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/retention"
	"github.com/seed-162b1470/annals/schema"
)

// account makes an account without rights that lives as long as the test.
func account(t *testing.T, db *testdb.DB) (user, password string) {
	t.Helper()
	user, password = "annals_"+strings.ToLower(rand.Text())[:10], rand.Text()
	admin := testdb.Superuser(t, db.Kind)
	create, drop := "CREATE USER '"+user+"'@'%' IDENTIFIED BY '"+password+"'", "DROP USER '"+user+"'@'%'"
	if db.Dialect == dialect.PostgresName {
		create, drop = "CREATE ROLE "+user+" LOGIN PASSWORD '"+password+"'", "DROP ROLE "+user
	}
	if _, err := admin.ExecContext(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if db.Dialect == dialect.PostgresName {
			if _, err := db.ExecContext(ctx, "DROP OWNED BY "+user); err != nil {
				t.Error(err)
			}
		}
		if _, err := admin.ExecContext(ctx, drop); err != nil {
			t.Error(err)
		}
	})
	return user, password
}

// The rights of the role retention are enough for a whole run, over entities that are no longer
// configured too.
func TestLeastRights(t *testing.T) {
	for _, kind := range testdb.Kinds() {
		if kind == dialect.SQLiteName {
			continue // has no accounts
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, testdb.New(t, kind), layout.Lean)
			s.record(t, 30, cutoff().Add(-time.Minute))
			s.record(t, 3, cutoff())
			// The other entity was configured once.
			m, err := schema.New(schema.Config{Targets: []schema.Target{s.target(layout.Lean, "post")}})
			if err != nil {
				t.Fatal(err)
			}
			user, password := account(t, s.DB)
			plans, err := m.Grants(t.Context(), map[schema.Role]string{schema.RoleRetention: user})
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range plans[0].Statements {
				s.exec(t, st.SQL)
			}
			db := s.OpenAs(t, user, password)
			targets := s.targets(entities()...)
			targets[0].DB, targets[0].Cleaner = db, s.open(t, db)
			results, err := retention.Run(t.Context(), targets, retention.Options{Before: cutoff(), Batch: 10})
			if err != nil || results[0].Entries() != 70 || results[0].Revisions != 30 {
				t.Errorf("removed %v, %v", results, err)
			}
			s.mustBalance(t, true)
			for _, forbidden := range []string{
				"UPDATE " + s.table("post") + " SET diffs = '{}'", "DELETE FROM annals_clean",
				"UPDATE annals_clean SET actor = 'x'", "DELETE FROM annals_audit_entity",
				"UPDATE annals_revision SET comment = 'x'",
			} {
				if _, err := db.ExecContext(t.Context(), forbidden); s.d.Classify(err) != dialect.ClassAccess {
					t.Errorf("%s: %v", forbidden, err)
				}
			}
		})
	}
}
