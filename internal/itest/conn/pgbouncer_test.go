package conn_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// Behind PgBouncer in transaction mode all clients share one server connection. Each
// transaction is its own client's.
func TestPgBouncer(t *testing.T) {
	db := testdb.New(t, dialect.PostgresName)
	h := newHarness(t, db)
	through := *db
	through.DriverDSN = db.PgBouncer(t)
	ann, bob := open(t, &through), open(t, &through)
	nobody := open(t, &through)
	pid := func(tx *sql.Tx) (pid int) {
		if err := tx.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	transaction := func(pool *sql.DB, who, title string, commit bool) int {
		ctx := h.Context()
		if who != "" {
			ctx = annals.WithComment(h.as(who), "by "+who)
		}
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		server := pid(tx)
		h.insert(ctx, tx, title)
		if !commit {
			_ = tx.Rollback()
			return server
		}
		h.commit(tx)
		return server
	}
	first := transaction(ann, "ann", "t1", true)
	for i := range 5 {
		title := fmt.Sprintf("t%d", i+2)
		servers := []int{
			transaction(bob, "bob", title+"b", true), transaction(ann, "ann", title+"x", false),
			transaction(nobody, "", title+"n", true), transaction(ann, "ann", title+"a", true),
		}
		h.insert(h.Context(), nobody, title+"alone")
		h.insert(h.as("bob"), bob, title+"bob")
		for _, s := range servers {
			if s != first {
				t.Fatalf("server connection %d, before %d", s, first)
			}
		}
		want := []string{
			title + "b:bob:by bob", title + "n:", title + "a:ann:by ann", title + "alone:", title + "bob:bob",
		}
		if i == 0 {
			want = append([]string{"t1:ann:by ann"}, want...)
		}
		h.want(want...)
	}
	// A setting that a client leaves in the session for good, with a stamp of its own.
	h.must(h.Context(), ann, "SELECT set_config('annals.context', "+
		"extract(epoch from now())::text || E'\\x1f7\\x1fmallory\\x1f\\x1f\\x1f\\x1f\\x1f\\x1f\\x1f\\x1f', false)")
	transaction(nobody, "", "left", true)
	h.want("left:")
}
