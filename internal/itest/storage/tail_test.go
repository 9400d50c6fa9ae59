package storage_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

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
