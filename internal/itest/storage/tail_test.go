package storage_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
)

// Without the right to know who runs, a tail still misses nothing.
func TestTailWithoutProcessRight(t *testing.T) {
	for _, kind := range testdb.Kinds() {
		if kind != "mariadb" && kind != "mysql" {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			db := testdb.New(t, kind)
			d := dialectOf(t, db)
			install(t, db.DB, d, "post")
			var name string
			if err := db.QueryRow("SELECT DATABASE()").Scan(&name); err != nil {
				t.Fatal(err)
			}
			user := "t" + strings.TrimPrefix(name, "annals_")
			user = user[:min(len(user), 30)]
			exec(t, db.DB, fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY 'read-only'", user))
			t.Cleanup(func() { _, _ = db.Exec(fmt.Sprintf("DROP USER '%s'@'%%'", user)) })
			exec(t, db.DB, fmt.Sprintf("GRANT SELECT ON `%s`.* TO '%s'@'%%'", name, user))
			_, rest, _ := strings.Cut(db.DriverDSN, "@")
			pool, err := sql.Open(db.DriverName, user+":read-only@"+rest)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			writer, reading := open(t, db.DB, d), open(t, pool, d)
			tail, err := reading.Tail(t.Context(), storage.Query{Entities: []string{"post"}})
			if err != nil {
				t.Fatal(err)
			}
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			rev := revision(7)
			late := changes(1, "post")
			rev.Source, late[0].Source, late[0].ObjectID = "other", "other", "late"
			if err := writer.WriteTx(t.Context(), tx, &rev, late); err != nil {
				t.Fatal(err)
			}
			fill(t, writer, 4, "post")
			var seen []string
			look := func() {
				found, err := tail.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range found {
					seen = append(seen, e.ObjectID)
				}
			}
			for range 5 {
				look()
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			look()
			look()
			if len(seen) != 5 || seen[4] != "late" {
				t.Errorf("saw %v", seen)
			}
		})
	}
}

// Where others ask often who runs, the server answers from an old copy. A tail does not
// take it for the truth.
func TestTailBesideMonitors(t *testing.T) {
	for _, kind := range testdb.Kinds() {
		if kind != "mariadb" && kind != "mysql" {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			db := testdb.New(t, kind)
			d := dialectOf(t, db)
			install(t, db.DB, d, "post")
			store := open(t, db.DB, d)
			defer monitor(t, db.DB)()
			tail, err := store.Tail(t.Context(), storage.Query{Entities: []string{"post"}})
			if err != nil {
				t.Fatal(err)
			}
			var seen, want []string
			look := func() {
				t.Helper()
				found, err := tail.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range found {
					seen = append(seen, e.ObjectID)
				}
			}
			write := func(n int) *sql.Tx {
				t.Helper()
				tx, err := db.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				rev, list := revision(n), changes(1, "post")
				rev.Source, list[0].Source, list[0].ObjectID = "other", "other", fmt.Sprint(n)
				if err := store.WriteTx(t.Context(), tx, &rev, list); err != nil {
					t.Fatal(err)
				}
				return tx
			}
			commit := func(tx *sql.Tx, n int) {
				t.Helper()
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}
				want = append(want, fmt.Sprint(n))
			}
			for n := 1; n < 20; n += 2 {
				late := write(n)
				commit(write(n+1), n+1)
				for range 4 {
					look()
				}
				commit(late, n)
				look()
			}
			if !slices.Equal(seen, want) {
				t.Errorf("saw %v, want %v", seen, want)
			}
		})
	}
}

// monitor asks every few milliseconds who runs, until it is stopped.
func monitor(t *testing.T, db *sql.DB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	asked, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for first := true; ; first = false {
			var n int
			err := db.QueryRowContext(context.WithoutCancel(ctx),
				"SELECT COUNT(*) FROM information_schema.INNODB_TRX").Scan(&n)
			if first {
				close(asked)
			}
			select {
			case <-ctx.Done():
				ended <- err
				return
			case <-tick.C:
			}
		}
	}()
	<-asked
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("monitor: %v", err)
		}
	}
}
