package crash_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

// accounts is how many rows writers meet in.
const accounts = 12

// tables makes the tables and what writers find in them.
func tables(t *testing.T, db *sql.DB) {
	t.Helper()
	statements := []string{
		"CREATE TABLE account (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, note VARCHAR(40))",
		"CREATE TABLE line (account INTEGER NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (account, id))",
	}
	for id := range accounts {
		statements = append(statements, fmt.Sprintf("INSERT INTO account VALUES (%d, 0, NULL)", id))
	}
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// writer changes rows by transactions of a few statements, of which some are taken
// back in part or as a whole.
type writer struct {
	db *sql.DB
	r  *rand.Rand
	// begin begins a transaction that is going to write.
	begin string
	// done, where there is one, counts transactions.
	done *atomic.Int64
}

// forever writes until something fails.
func (w *writer) forever(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for {
		if err := w.transaction(ctx, conn); err != nil {
			return err
		}
		if w.done != nil {
			w.done.Add(1)
		}
	}
}

func (w *writer) transaction(ctx context.Context, conn *sql.Conn) error {
	statements := []string{w.begin}
	// In the order of their ids, so that two writers do not wait for each other.
	first := w.r.IntN(accounts - 1)
	for _, id := range []int{first, first + 1 + w.r.IntN(accounts-first-1)} {
		statements = append(statements, w.change(id)...)
	}
	if w.r.IntN(3) == 0 {
		statements = append(statements, "SAVEPOINT a")
		statements = append(statements, w.change(first)...)
		statements = append(statements, "ROLLBACK TO SAVEPOINT a")
	}
	end := "COMMIT"
	if w.r.IntN(6) == 0 {
		end = "ROLLBACK"
	}
	for _, statement := range append(statements, end) {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// change changes an account once, and its lines.
func (w *writer) change(id int) []string {
	line := w.r.Int64N(1 << 40)
	return []string{
		fmt.Sprintf("UPDATE account SET n = n + 1, note = 'note %d' WHERE id = %d", line, id),
		fmt.Sprintf("INSERT INTO line VALUES (%d, %d)", id, line),
		fmt.Sprintf("DELETE FROM line WHERE account = %d AND id < %d", id, w.r.Int64N(1<<40)),
	}
}

// check holds every account's number of changes against the changes on record, and
// the rest by replay.
func check(t *testing.T, a *annals, db *sql.DB) {
	t.Helper()
	const query = `SELECT a.id, a.n, (SELECT COUNT(*) FROM account_audit c
JOIN annals_revision_entity e ON e.id = c.annals_revision_entity_id
JOIN annals_revision v ON v.id = e.revision
WHERE c.id = a.id AND c.annals_image = 'after' AND e.type = 'update') FROM account a ORDER BY a.id`
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	total := 0
	for rows.Next() {
		var id, changes, recorded int
		if err := rows.Scan(&id, &changes, &recorded); err != nil {
			t.Fatal(err)
		}
		if changes != recorded {
			t.Errorf("account %d was changed %d times, %d of them on record", id, changes, recorded)
		}
		total += changes
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if total == 0 {
		t.Error("nothing was changed")
	}
	t.Logf("%d changes", total)
	a.run("verify", "--replay")
}
