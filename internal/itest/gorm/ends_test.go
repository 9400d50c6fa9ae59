package gorm_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

const (
	docA = `insert doc a: body=> id=>a size=>7`
	docB = `insert doc b: body=> id=>b size=>7`
	docC = `insert doc c: body=> id=>c size=>7`
)

// onlyOn has a scene run on some databases.
func onlyOn(s scene, dialects ...string) scene {
	do := s.do
	s.do = func(db *gorm.DB) any {
		if !slices.Contains(dialects, db.Name()) {
			return nil
		}
		return do(db)
	}
	s.on = map[string][]string{}
	for _, d := range dialects {
		s.on[d] = s.want
	}
	s.want = nil
	return s
}

// TestEndsUnseen: statements that end a transaction, or seem to, or set and go
// back to savepoints, by whichever call they come.
func TestEndsUnseen(t *testing.T) {
	for name, cfg := range rawConfigs() {
		t.Run(name, func(t *testing.T) {
			scenes := append(append(implicitEnds(), guardedEnds()...), savepointNames()...)
			if !cfg.PrepareStmt { // which MariaDB refuses to prepare
				scenes = append(scenes, onlyOn(scene{
					name: "EXECUTE IMMEDIATE of a COMMIT", want: []string{docA},
					do: thenRollback("EXECUTE IMMEDIATE 'COMMIT'"),
				}, dialect.MySQLName))
			}
			play(t, cfg, scenes)
		})
	}
}

// thenRollback creates a document, runs a statement and rolls back.
func thenRollback(statements ...string) func(db *gorm.DB) any {
	return func(db *gorm.DB) any {
		tx := db.Begin()
		seen := []saw{see(tx.Create(&Doc{ID: "a"}))}
		for _, s := range statements {
			seen = append(seen, seeErr(tx.Exec(s).Error))
		}
		return append(seen, see(tx.Rollback()))
	}
}

func implicitEnds() []scene {
	var scenes []scene
	for _, s := range []string{
		"START TRANSACTION", "BEGIN", "FLUSH STATUS", "SET PASSWORD FOR nobody@nowhere = ''",
	} {
		scenes = append(scenes, onlyOn(scene{
			name: s + " keeps what came before", do: thenRollback(s), want: []string{docA},
		}, dialect.MySQLName))
	}
	return append(append(scenes, behindEnds()...),
		onlyOn(scene{
			name: "autocommit off and on keeps what came before", want: []string{docA},
			do: thenRollback("SET autocommit = 0", "SET @x = 1, @@session.autocommit = 1"),
		}, dialect.MySQLName),
		onlyOn(scene{
			name: "autocommit on as it was does nothing", do: thenRollback("SET autocommit = 1"),
		}, dialect.MySQLName),
		onlyOn(scene{
			name: "a procedure that rolls back",
			do: func(db *gorm.DB) any {
				db.Exec("CREATE OR REPLACE PROCEDURE undo_all() BEGIN ROLLBACK; END")
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					tx.Create(&Doc{ID: "a"})
					return tx.Exec("CALL undo_all()").Error
				}))
			},
		}, dialect.MySQLName),
		onlyOn(scene{
			name: "a procedure that leaves the transaction alone", want: []string{docA, docB},
			revisions: 2,
			do: func(db *gorm.DB) any {
				db.Exec("CREATE OR REPLACE PROCEDURE nothing() BEGIN SET @x = 1; END")
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					tx.Create(&Doc{ID: "a"})
					tx.Exec("CALL nothing()")
					return tx.Create(&Doc{ID: "b"}).Error
				}))
			},
		}, dialect.MySQLName),
	)
}

// behindEnds change something behind a statement that has ended the transaction:
// each statement commits by itself then, and a rollback finds nothing to undo.
func behindEnds() []scene {
	const ddl = "CREATE TABLE IF NOT EXISTS scratch_pad (i int)"
	type action = func(tx *gorm.DB)
	behind := func(end string, do ...action) func(db *gorm.DB) any {
		return func(db *gorm.DB) any {
			tx := db.Begin()
			seen := []saw{see(tx.Create(&Doc{ID: "a"})), seeErr(tx.Exec(end).Error)}
			for _, f := range do {
				f(tx)
			}
			tx.Rollback() // of which the drivers say this or that
			return seen
		}
	}
	create := func(id string) action { return func(tx *gorm.DB) { tx.Create(&Doc{ID: id}) } }
	exec := func(sql string) action { return func(tx *gorm.DB) { tx.Exec(sql) } }
	b7 := "update doc b: size=7>8"
	scenes := []scene{
		{
			name: "changes behind a schema statement", revisions: 3,
			do: behind(ddl, create("b"), create("c")), want: []string{docA, docB, docC},
		},
		{
			name: "changes behind a schema statement, committed", revisions: 2,
			do: behind(ddl, create("b"), func(tx *gorm.DB) { tx.Commit() }), want: []string{docA, docB},
		},
		{
			name: "an update and a delete behind a schema statement", revisions: 4,
			do: behind(ddl, create("b"),
				func(tx *gorm.DB) { tx.Model(&Doc{ID: "b"}).Update("size", 8) },
				func(tx *gorm.DB) { tx.Delete(&Doc{ID: "a"}) }),
			want: []string{docA, docB, b7, "remove doc a: body=> id=a> size=7>"},
		},
		{
			name: "a savepoint behind a schema statement", revisions: 2,
			do: behind(ddl, func(tx *gorm.DB) { tx.SavePoint("s") }, create("b"),
				func(tx *gorm.DB) { tx.RollbackTo("s") }),
			want: []string{docA, docB},
		},
		{
			name: "a transaction begun anew behind a schema statement",
			do:   behind(ddl, exec("BEGIN"), create("b")), want: []string{docA},
		},
		{
			name: "two schema statements with a change between", revisions: 3,
			do: behind(ddl, create("b"), exec(ddl), create("c")), want: []string{docA, docB, docC},
		},
		{
			name: "a statement that fails behind a schema statement", revisions: 2,
			do: behind(ddl, create("a"), create("b")), want: []string{docA, docB},
		},
		{
			name: "a schema statement in a session that does not commit by itself",
			do: behind("SET autocommit = 0", exec(ddl), create("b"), exec("ROLLBACK"),
				exec("SET autocommit = 1")), want: []string{docA},
		},
	}
	for i := range scenes {
		scenes[i] = onlyOn(scenes[i], dialect.MySQLName)
	}
	return append(scenes,
		scene{
			name: "changes behind a COMMIT", revisions: 3,
			do: behind("COMMIT", create("b"), create("c")), want: []string{docA, docB, docC},
		},
		scene{
			name: "a change behind a ROLLBACK",
			do:   behind("ROLLBACK", create("b")), want: []string{docB},
		},
	)
}

func guardedEnds() []scene {
	nested := func(statement string) func(db *gorm.DB) any {
		return func(db *gorm.DB) any {
			return seeErr(db.Transaction(func(tx *gorm.DB) error {
				tx.Create(&Doc{ID: "a"})
				_ = tx.Transaction(func(in *gorm.DB) error {
					in.Create(&Doc{ID: "b"})
					in.Exec(statement)
					return errStop
				})
				return tx.Create(&Doc{ID: "c"}).Error
			}))
		}
	}
	return []scene{
		{
			name: "a temporary table made in a savepoint that is rolled back",
			do: func(db *gorm.DB) any {
				v := nested("CREATE TEMPORARY TABLE scratch_pad (i int)")(db)
				db.Exec("DROP TABLE IF EXISTS scratch_pad")
				return v
			},
			want: []string{docA, docC},
		},
		onlyOn(scene{
			name: "a schema statement that fails in a savepoint that is rolled back",
			do:   nested("ALTER TABL oops"), want: []string{docA, docC},
		}, dialect.MySQLName),
		onlyOn(scene{
			name: "a schema statement that fails, then a rollback to an older savepoint",
			do: func(db *gorm.DB) any {
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					tx.Create(&Doc{ID: "a"})
					tx.SavePoint("s")
					tx.Create(&Doc{ID: "b"})
					tx.Exec("LOCK oops")
					tx.RollbackTo("s")
					return nil
				}))
			},
			want: []string{docA},
		}, dialect.MySQLName),
		onlyOn(scene{
			name: "a schema statement that fails behind its commit",
			do: func(db *gorm.DB) any {
				tx := db.Begin()
				tx.Create(&Doc{ID: "a"})
				failed := tx.Exec("ALTER TABLE nowhere ADD x int").Error != nil
				return []any{failed, see(tx.Rollback())}
			},
			want: []string{docA},
		}, dialect.MySQLName),
	}
}

func savepointNames() []scene {
	three := func(last string, statements ...string) func(db *gorm.DB) any {
		return func(db *gorm.DB) any {
			return seeErr(db.Transaction(func(tx *gorm.DB) error {
				for i, s := range statements {
					tx.Exec(s)
					if i < 2 {
						tx.Create(&Doc{ID: string(rune('a' + i))})
					}
				}
				return tx.Exec(last).Error
			}))
		}
	}
	quoted := func(name string) map[string]string {
		return map[string]string{
			dialect.MySQLName: "`" + name + "`", dialect.PostgresName: `"` + name + `"`,
			dialect.SQLiteName: `"` + name + `"`,
		}
	}
	twoCases := func(db *gorm.DB) any {
		small, big := quoted("x")[db.Name()], quoted("X")[db.Name()]
		return three("ROLLBACK TO SAVEPOINT "+small, "SAVEPOINT "+small, "SAVEPOINT "+big)(db)
	}
	byRow := func(statement string) func(db *gorm.DB) any {
		return func(db *gorm.DB) any {
			tx := db.Begin()
			tx.Create(&Doc{ID: "a"})
			tx.SavePoint("s")
			tx.Create(&Doc{ID: "b"})
			var x int
			_ = tx.Raw(statement).Row().Scan(&x)
			return tx.Commit().Error != nil
		}
	}
	return []scene{
		{
			name: "quoted names that differ in case", do: twoCases, want: []string{docA},
			on: map[string][]string{dialect.PostgresName: nil},
		},
		onlyOn(scene{
			name: "one name three times, released once",
			do: three("ROLLBACK TO SAVEPOINT s", "SELECT 1", "SAVEPOINT s", "SAVEPOINT s",
				"RELEASE SAVEPOINT s"),
			want: []string{docA},
		}, dialect.PostgresName, dialect.SQLiteName),
		{
			name: "ROLLBACK TO by Row", do: byRow("ROLLBACK TO SAVEPOINT s"), want: []string{docA},
		},
		{name: "COMMIT by Row", do: byRow("COMMIT"), want: []string{docA, docB}},
		{name: "ROLLBACK by Row", do: byRow("ROLLBACK")},
	}
}

// TestTransactionLost: the database rolls the whole transaction back because of a
// statement whose error the program does not mind. Nothing of it is recorded, and
// it does not commit.
func TestTransactionLost(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		for _, prepared := range []bool{false, true} {
			t.Run(fmt.Sprintf("prepared %t", prepared), func(t *testing.T) {
				w := newWorld(t, testdb.New(t, db.Kind), true, gorm.Config{PrepareStmt: prepared})
				w.fill([]any{&Doc{ID: "x", Size: 1}, &Doc{ID: "y", Size: 1}})
				before := w.live()
				switch db.Dialect {
				case dialect.MySQLName:
					w.deadlock(t)
				case dialect.SQLiteName:
					w.orRollback(t)
				}
				if n := w.count("docs"); n != 2 {
					t.Errorf("%d documents", n)
				}
				w.replay(before, w.stored())
			})
		}
	})
}

// deadlock has the transaction that a deadlock takes go on and commit.
func (w *world) deadlock(t *testing.T) {
	t.Helper()
	set := func(db *gorm.DB, id string) error {
		return db.Model(&Doc{}).Where("id = ?", id).Update("size", 100).Error
	}
	other := w.db.Begin()
	for i := range 30 { // the heavier of the two is spared
		other.Create(&Stock{Warehouse: "w", SKU: fmt.Sprint(i)})
	}
	if err := set(other, "y"); err != nil {
		t.Fatal(err)
	}
	err := w.db.Transaction(func(tx *gorm.DB) error {
		if err := set(tx, "x"); err != nil {
			t.Error(err)
		}
		done := make(chan error)
		go func() { done <- set(other, "x") }()
		if err := tx.Transaction(func(in *gorm.DB) error { return set(in, "y") }); err == nil {
			t.Error("no deadlock")
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		other.Rollback()
		_ = tx.Create(&Doc{ID: "later"})
		return nil
	})
	if err == nil || w.dialect().Classify(err) != dialect.ClassRetryable {
		t.Errorf("commit says %v", err)
	}
}

// orRollback does so with a conflict that takes the transaction.
func (w *world) orRollback(t *testing.T) {
	t.Helper()
	err := w.db.Transaction(func(tx *gorm.DB) error {
		tx.Create(&Doc{ID: "a"})
		_ = tx.Clauses(clause.Insert{Modifier: "OR ROLLBACK"}).Create(&Doc{ID: "x"})
		_ = tx.Create(&Doc{ID: "later"})
		return nil
	})
	if err == nil {
		t.Error("it commits")
	}
}

// TestGoroutinesShareTransaction: statements of one transaction from several
// goroutines follow each other.
func TestGoroutinesShareTransaction(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, true, gorm.Config{})
		for i := range 20 {
			w.fill([]any{&Doc{ID: fmt.Sprint(i), Size: 1}})
		}
		before := w.live()
		err := w.db.Transaction(func(tx *gorm.DB) error {
			var group sync.WaitGroup
			errs := make([]error, 20)
			for i := range errs {
				group.Go(func() {
					errs[i] = tx.Model(&Doc{}).Where("id = ?", fmt.Sprint(i)).Update("size", 2).Error
				})
			}
			group.Wait()
			return errors.Join(errs...)
		})
		if err != nil {
			t.Fatal(err)
		}
		entries := w.stored()
		if len(entries) != 20 {
			t.Errorf("%d entries", len(entries))
		}
		w.replay(before, entries)
	})
}

// panicking is a value that cannot be bound.
type panicking struct{}

// Value implements driver.Valuer.
func (panicking) Value() (driver.Value, error) { panic("no value") }

// TestPanicLeavesNothingOpen: a panic while a statement runs in annals' own
// transaction ends it.
func TestPanicLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		for _, prepared := range []bool{false, true} {
			cfg := gorm.Config{SkipDefaultTransaction: true, PrepareStmt: prepared}
			w := newWorld(t, testdb.New(t, db.Kind), true, cfg)
			w.fill([]any{&Doc{ID: "a", Size: 1}})
			for name, do := range map[string]func(){
				"update": func() { w.db.Model(&Doc{}).Where("id = 'a'").Update("size", panicking{}) },
				"create": func() { w.db.Table("docs").Create(map[string]any{"id": panicking{}}) },
				"where":  func() { w.db.Where("id = ?", panicking{}).Delete(&Doc{}) },
				"exec":   func() { w.db.Exec("DELETE FROM docs WHERE id = ?", panicking{}) },
			} {
				func() {
					defer func() { _ = recover() }()
					do()
					t.Errorf("%s does not panic", name)
				}()
				if n := w.sql.Stats().InUse; n != 0 {
					t.Errorf("after %s, %d connections are in use", name, n)
				}
			}
			if err := w.db.Create(&Doc{ID: "b"}).Error; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestSchemaRolledBack: what was learnt of a table in a transaction is forgotten
// when its schema goes back.
func TestSchemaRolledBack(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		if db.Dialect == dialect.MySQLName {
			return // it commits schema statements
		}
		for name, undo := range map[string]func(tx *gorm.DB){
			"rollback": func(tx *gorm.DB) { tx.Rollback() },
			"savepoint": func(tx *gorm.DB) {
				tx.RollbackTo("s")
				tx.Commit()
			},
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, testdb.New(t, db.Kind), true, gorm.Config{})
				w.fill([]any{&Doc{ID: "a", Size: 1}})
				before := w.live()
				tx := w.db.Begin()
				tx.SavePoint("s")
				tx.Exec("ALTER TABLE docs ADD COLUMN extra int")
				tx.Create(&Doc{ID: "b"})
				undo(tx)
				if err := w.db.Model(&Doc{ID: "a"}).Update("size", 2).Error; err != nil {
					t.Error(err)
				}
				if err := w.db.Create(&Doc{ID: "c"}).Error; err != nil {
					t.Error(err)
				}
				w.replay(before, w.stored())
			})
		}
	})
}

// TestForeignTransactionUndone: in a transaction that annals did not begin, a
// change that cannot be recorded is undone, whatever the program does then.
func TestForeignTransactionUndone(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, true, gorm.Config{})
		w.exec("ALTER TABLE " + w.quote("docs_audit") + " RENAME TO " + w.quote("away"))
		raw, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		tx := w.db.Session(&gorm.Session{NewDB: true, Context: context.Background()})
		tx.Statement.ConnPool = raw
		if err := tx.Create(&Doc{ID: "a"}).Error; !errors.Is(err, annals.ErrCapture) &&
			!errors.Is(err, annals.ErrSchema) {
			t.Errorf("create says %v", err)
		}
		if err := raw.Commit(); err != nil {
			t.Error(err)
		}
		if n := w.count("docs"); n != 0 {
			t.Errorf("%d documents without entries", n)
		}
	})
}
