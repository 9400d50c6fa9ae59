package gorm_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

var errStop = errors.New("stop")

// TestTransaction runs the same scenes with each way that GORM has of handling
// connections.
func TestTransaction(t *testing.T) {
	for name, cfg := range map[string]gorm.Config{
		"plain":    {},
		"prepared": {PrepareStmt: true},
		"skip":     {SkipDefaultTransaction: true},
		"both":     {PrepareStmt: true, SkipDefaultTransaction: true},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, cfg, append(transactions(), savepoints()...))
		})
	}
}

func transactions() []scene {
	return []scene{
		{
			name: "explicit: one revision",
			do: func(db *gorm.DB) any {
				tx := db.Begin()
				tx.Create(&Doc{ID: "a"})
				tx.Create(&Doc{ID: "b"})
				tx.Model(&Doc{ID: "a"}).Update("body", "x")
				return see(tx.Commit())
			},
			want: []string{
				`insert doc a: body=> id=>a size=>7`, `insert doc b: body=> id=>b size=>7`,
				`update doc a: body=>x`,
			},
		},
		{
			name: "no transaction: a revision each",
			do: func(db *gorm.DB) any {
				one := see(db.Create(&Doc{ID: "a"}))
				return []saw{one, see(db.Delete(&Doc{ID: "a"}))}
			},
			want: []string{
				`insert doc a: body=> id=>a size=>7`, `remove doc a: body=> id=a> size=7>`,
			},
			revisions: 2,
		},
		{
			name: "rolled back",
			do: func(db *gorm.DB) any {
				tx := db.Begin()
				tx.Create(&Doc{ID: "a"})
				return see(tx.Rollback())
			},
		},
		{
			name: "rolled back by an error",
			do: func(db *gorm.DB) any {
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					tx.Create(&Doc{ID: "a"})
					return errStop
				}))
			},
		},
		{
			name: "rolled back by a panic",
			do: func(db *gorm.DB) (v any) {
				defer func() { v = recover() }()
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					tx.Create(&Doc{ID: "a"})
					panic("stop")
				}))
			},
		},
		{
			name: "cancelled on the way",
			do: func(db *gorm.DB) any {
				ctx, cancel := context.WithCancel(db.Statement.Context)
				defer cancel()
				err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
					tx.Create(&Doc{ID: "a"})
					cancel()
					return nil
				})
				return err != nil
			},
		},
		{
			name: "used after its end",
			do: func(db *gorm.DB) any {
				tx := db.Begin()
				tx.Create(&Doc{ID: "a"})
				tx.Commit()
				return []saw{
					see(tx.Session(&gorm.Session{NewDB: true}).Create(&Doc{ID: "b"})),
					see(tx.Session(&gorm.Session{NewDB: true}).Commit()),
				}
			},
			want: []string{`insert doc a: body=> id=>a size=>7`},
		},
		{
			name: "Off for one statement",
			do: func(db *gorm.DB) any {
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					tx.WithContext(annals.Off(tx.Statement.Context)).Create(&Bare{Name: "x"})
					return tx.Create(&Doc{ID: "b"}).Error
				}))
			},
			want: []string{`insert doc b: body=> id=>b size=>7`},
		},
		{
			name: "one connection",
			do: func(db *gorm.DB) any {
				return seeErr(db.Connection(func(c *gorm.DB) error {
					return c.Create(&Doc{ID: "a"}).Error
				}))
			},
			want: []string{`insert doc a: body=> id=>a size=>7`},
		},
		{
			name: "a session with prepared statements",
			do: func(db *gorm.DB) any {
				s := db.Session(&gorm.Session{PrepareStmt: true})
				return seeErr(s.Transaction(func(tx *gorm.DB) error {
					tx.Create(&Doc{ID: "a"})
					return tx.Model(&Doc{ID: "a"}).Update("body", "x").Error
				}))
			},
			want: []string{`insert doc a: body=> id=>a size=>7`, `update doc a: body=>x`},
		},
		{
			name: "failing statement, then others, where the database goes on",
			seed: []any{Doc{ID: "a", Size: 1}},
			do: func(db *gorm.DB) any {
				if db.Dialector.Name() == dialect.PostgresName {
					return nil
				}
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					_ = tx.Create(&Doc{ID: "a"})
					_ = tx.Create(&[]Author{{Name: "x", Email: text("e")}, {Name: "y", Email: text("e")}})
					return tx.Create(&Doc{ID: "b"}).Error
				}))
			},
			want: []string{`insert doc b: body=> id=>b size=>7`},
			on:   map[string][]string{dialect.PostgresName: nil},
		},
	}
}

func savepoints() []scene {
	return []scene{
		{
			name: "nested transaction rolled back",
			do: func(db *gorm.DB) any {
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					tx.Create(&Doc{ID: "a"})
					_ = tx.Transaction(func(in *gorm.DB) error {
						in.Create(&Doc{ID: "b"})
						return errStop
					})
					return tx.Create(&Doc{ID: "c"}).Error
				}))
			},
			want: []string{
				`insert doc a: body=> id=>a size=>7`, `insert doc c: body=> id=>c size=>7`,
			},
		},
		{
			name: "nested transaction kept",
			do: func(db *gorm.DB) any {
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					return tx.Transaction(func(in *gorm.DB) error {
						return in.Create(&Doc{ID: "b"}).Error
					})
				}))
			},
			want: []string{`insert doc b: body=> id=>b size=>7`},
		},
		{
			name: "SavePoint and RollbackTo, twice",
			do: func(db *gorm.DB) any {
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					tx.Create(&Doc{ID: "a"})
					tx.SavePoint("one")
					tx.Create(&Doc{ID: "b"})
					tx.SavePoint("two")
					tx.Create(&Doc{ID: "c"})
					tx.RollbackTo("two")
					tx.RollbackTo("one")
					tx.Create(&Doc{ID: "d"})
					tx.RollbackTo("one")
					return tx.Create(&Doc{ID: "e"}).Error
				}))
			},
			want: []string{
				`insert doc a: body=> id=>a size=>7`, `insert doc e: body=> id=>e size=>7`,
			},
		},
		{
			name: "savepoints as SQL",
			do: func(db *gorm.DB) any {
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					tx.Exec("SAVEPOINT s1")
					tx.Create(&Doc{ID: "a"})
					tx.Exec("ROLLBACK TO SAVEPOINT S1")
					tx.Create(&Doc{ID: "b"})
					tx.Exec("SAVEPOINT s2")
					tx.Create(&Doc{ID: "c"})
					return tx.Exec("RELEASE SAVEPOINT s2").Error
				}))
			},
			want: []string{
				`insert doc b: body=> id=>b size=>7`, `insert doc c: body=> id=>c size=>7`,
			},
		},
		{
			name: "a failing statement undone by its savepoint",
			seed: []any{Doc{ID: "a", Size: 1}},
			do: func(db *gorm.DB) any {
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					_ = tx.Transaction(func(in *gorm.DB) error {
						in.Create(&Doc{ID: "b"})
						return in.Create(&Doc{ID: "a"}).Error
					})
					return tx.Create(&Doc{ID: "c"}).Error
				}))
			},
			want: []string{`insert doc c: body=> id=>c size=>7`},
		},
	}
}

// TestForeignTransaction audits a *gorm.DB that was opened on a *sql.Tx: each
// statement is recorded at once, in that transaction.
func TestForeignTransaction(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, true, gorm.Config{})
		before := w.live()
		for _, commit := range []bool{false, true} {
			raw, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			tx := w.db.Session(&gorm.Session{NewDB: true})
			tx.Statement.ConnPool = raw
			if err := tx.Create(&Doc{ID: "a"}).Error; err != nil {
				t.Fatal(err)
			}
			tx.Model(&Doc{ID: "a"}).Update("body", "x")
			end := raw.Rollback
			if commit {
				end = raw.Commit
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
		}
		entries := w.stored()
		if got := story(t, entries); len(got) != 2 {
			t.Errorf("story %q", got)
		}
		w.replay(before, entries)
	})
}

// TestCommitFails: a constraint that is checked at the commit, so on PostgreSQL
// and SQLite.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		if db.Dialect == dialect.MySQLName {
			return // it checks no constraint that late
		}
		w := newWorld(t, db, true, gorm.Config{})
		w.exec("CREATE TABLE late (id integer PRIMARY KEY, doc varchar(36) REFERENCES docs (id) " +
			"DEFERRABLE INITIALLY DEFERRED)")
		err := w.db.Transaction(func(tx *gorm.DB) error {
			tx.Create(&Doc{ID: "a"})
			return tx.Exec("INSERT INTO late (id, doc) VALUES (1, 'none')").Error
		})
		if err == nil || errors.Is(err, annals.ErrCapture) {
			t.Errorf("commit says %v", err)
		}
		if n := w.count("docs") + w.count("docs_audit") + w.count("annals_revision"); n != 0 {
			t.Errorf("%d rows are left of it", n)
		}
	})
}

// TestConcurrent has goroutines change the same and other rows at once.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, true, gorm.Config{})
		w.fill([]any{Doc{ID: "shared", Size: 1}})
		before := w.live()
		const workers, rounds = 4, 10
		var group sync.WaitGroup
		for n := range workers {
			group.Go(func() {
				ctx := annals.WithActor(context.Background(), annals.Actor{ID: fmt.Sprint(n)})
				for r := range rounds {
					if err := w.work(ctx, fmt.Sprintf("d-%d-%d", n, r)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		entries := w.stored()
		if len(entries) != workers*rounds*3 {
			t.Errorf("%d entries", len(entries))
		}
		hashes := map[string]string{}
		for _, e := range entries {
			if was, ok := hashes[e.TransactionHash]; ok && was != e.Blame.ID {
				t.Errorf("revision %s has actors %s and %s", e.TransactionHash, was, e.Blame.ID)
			}
			hashes[e.TransactionHash] = e.Blame.ID
		}
		w.replay(before, entries)
	})
}

// work is one transaction of a worker; those that a database refuses because of
// another's are tried again, as programs do.
func (w *world) work(ctx context.Context, id string) error {
	d := w.dialect()
	for {
		err := w.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&Doc{}).Where("id = ?", "shared").
				Update("size", gorm.Expr("size + 1")).Error; err != nil {
				return err
			}
			if err := tx.Create(&Doc{ID: id, Size: 2}).Error; err != nil {
				return err
			}
			return tx.Clauses(clause.OnConflict{UpdateAll: true}).
				Create(&Doc{ID: id, Size: 3}).Error
		})
		if err == nil || d.Classify(err) != dialect.ClassRetryable {
			return err
		}
	}
}
