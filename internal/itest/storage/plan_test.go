package storage_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/internal/itest/wire"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
)

// PostgreSQL keeps one plan for all objects once a statement was prepared often. It
// must not be one that reads and sorts all entries of an object, since one object
// may have thousands.
func TestPlanOfAnyObject(t *testing.T) {
	db := testdb.New(t, "postgres")
	d := dialectOf(t, db)
	install(t, db.DB, d, "post")
	pool, rec := record(t, db)
	s := open(t, pool, d)
	fill(t, s, 20_000, "post")
	exec(t, db.DB, "ANALYZE")
	rec.taken()
	q := storage.Query{Entities: []string{"post"}, ObjectIDs: []string{"7"}, Limit: 2000}
	if _, err := s.Find(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	statements := rec.taken()
	if len(statements) != 1 {
		t.Fatalf("%d statements, want one", len(statements))
	}
	plan := genericPlan(t, db, statements[0])
	if !strings.Contains(plan, `Index Scan Backward using "idx_Order post_audit_object_id`) ||
		strings.Contains(plan, `Bitmap Index Scan on "idx_Order post_audit_object_id`) {
		t.Errorf("the index is not read in order:\n%s", plan)
	}
}

// genericPlan is the plan of a statement that does not know its arguments.
func genericPlan(t *testing.T, db *testdb.DB, st wire.Statement) string {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	args := make([]string, len(st.Args))
	for i, a := range st.Args {
		args[i] = "'" + strings.ReplaceAll(fmt.Sprint(a.Value), "'", "''") + "'"
	}
	for _, sql := range []string{
		"SET plan_cache_mode = force_generic_plan", "PREPARE asked AS " + st.SQL,
	} {
		if _, err := conn.ExecContext(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN EXECUTE asked("+strings.Join(args, ", ")+")")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
