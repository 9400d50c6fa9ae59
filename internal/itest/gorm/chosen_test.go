package gorm_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// ownTables is a program on tables of its own. Its entries must tell all that it
// changed.
type ownTables struct {
	name string
	// on are the dialects that can run it; none means all.
	on []string
	// ddl makes the tables; special adds what one dialect needs.
	ddl     []string
	special map[string][]string
	audited []string
	seed    func(db *gorm.DB) error
	// do is the program; it returns what it saw.
	do func(t *testing.T, db *gorm.DB) any
	// want is the story; unsaid where chance decides.
	want   []string
	unsaid bool
	// alone: chance decides what the program does, so that it is not compared with
	// one that is not audited.
	alone bool
	// redefined: the tables do not stay as they were, so that entries cannot be
	// played back on them.
	redefined bool
}

func playOwn(t *testing.T, cases []ownTables) {
	t.Helper()
	t.Parallel()
	for i := range cases {
		c := &cases[i]
		t.Run(c.name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				if len(c.on) == 0 || slices.Contains(c.on, db.Dialect) {
					c.play(t, db)
				}
			})
		})
	}
}

func (c *ownTables) play(t *testing.T, db *testdb.DB) {
	t.Helper()
	w := c.world(t, db, true)
	before := w.live()
	ctx := annals.WithActor(context.Background(), annals.Actor{ID: "42"})
	saw := view(c.do(t, w.db.WithContext(ctx)))
	var entries []annals.Entry
	for _, table := range c.audited {
		entries = append(entries, w.storedIn(table, table+"_audit")...)
	}
	slices.SortFunc(entries, func(a, b annals.Entry) int { return int(a.Seq - b.Seq) })
	if !c.redefined {
		w.replay(before, entries)
	}
	got := story(t, entries)
	if !c.unsaid {
		if diff := cmp.Diff(strings.Join(c.want, "\n"), strings.Join(got, "\n")); diff != "" {
			t.Errorf("story (-want +got):\n%s", diff)
		}
	}
	if c.alone {
		return
	}
	bare := c.world(t, testdb.New(t, db.Kind), false)
	if diff := cmp.Diff(view(c.do(t, bare.db.WithContext(ctx))), saw); diff != "" {
		t.Errorf("the program sees something else (-without +with annals):\n%s", diff)
	}
}

func (c *ownTables) world(t *testing.T, db *testdb.DB, audited bool) *world {
	t.Helper()
	w := &world{tb: t, sql: db, all: c.audited}
	w.exec(c.ddl...)
	w.exec(c.special[db.Dialect]...)
	w.db = open(t, db, gorm.Config{})
	if c.seed != nil {
		if err := c.seed(w.db); err != nil {
			t.Fatal(err)
		}
	}
	if !audited {
		return w
	}
	w.aud = newAuditor(t, db.DB, db.Dialect, func(cfg *auditor.Config) {
		cfg.Entities = map[string]config.Entity{}
		for _, table := range c.audited {
			cfg.Entities[table] = config.Entity{}
		}
	})
	if err := w.db.Use(gormcapture.New(w.aud)); err != nil {
		t.Fatal(err)
	}
	if err := gormcapture.AutoMigrate(t.Context(), w.db); err != nil {
		t.Fatal(err)
	}
	return w
}

// manyJobs seeds a table of jobs.
func manyJobs(n int) func(db *gorm.DB) error {
	return func(db *gorm.DB) error {
		rows := make([]map[string]any, n)
		for i := range rows {
			rows[i] = map[string]any{"id": i + 1, "state": "new", "worker": 0}
		}
		return db.Table("jobs").CreateInBatches(rows, 1000).Error
	}
}

// byChance is a condition that chooses other rows each time.
func byChance(db *gorm.DB, n int) string {
	random := "random()"
	if db.Name() == dialect.MySQLName {
		random = "rand()"
	}
	return fmt.Sprintf("id IN (SELECT id FROM (SELECT id FROM jobs ORDER BY %s LIMIT %d) x)",
		random, n)
}

// next is the condition of a worker that takes the next job.
const next = "id = (SELECT id FROM (SELECT id FROM jobs WHERE state = ? ORDER BY id LIMIT 1%s) x)"

// TestChosenRows has statements whose condition may choose other rows when it is
// asked a second time. The rows that they change are those that have entries.
func TestChosenRows(t *testing.T) {
	servers := []string{dialect.PostgresName, dialect.MySQLName}
	ddl := []string{"CREATE TABLE jobs (id int PRIMARY KEY, state varchar(10), worker int)"}
	playOwn(t, []ownTables{
		{
			name: "by chance", ddl: ddl, audited: []string{"jobs"}, seed: manyJobs(200),
			unsaid: true, do: func(_ *testing.T, db *gorm.DB) any {
				return []saw{
					see(db.Table("jobs").Where(byChance(db, 1)).Update("state", "run")),
					see(db.Table("jobs").Where(byChance(db, 7)).Update("worker", 7)),
					see(db.Table("jobs").Where(byChance(db, 1)).Delete(nil)),
					see(db.Table("jobs").Where(byChance(db, 12)).Delete(nil)),
				}
			},
		},
		{
			name: "none of them", ddl: ddl, audited: []string{"jobs"}, seed: manyJobs(3),
			do: func(_ *testing.T, db *gorm.DB) any {
				return []saw{
					see(db.Table("jobs").Where(fmt.Sprintf(next, ""), "old").Update("worker", 7)),
					see(db.Table("jobs").Where(fmt.Sprintf(next, ""), "old").Delete(nil)),
				}
			},
		},
		{
			name: "values before and after the condition", ddl: ddl, audited: []string{"jobs"},
			seed: manyJobs(12),
			do: func(_ *testing.T, db *gorm.DB) any {
				var gone []map[string]any
				return []saw{
					see(db.Table("jobs").Where("id > ?", 8).Where(fmt.Sprintf(next, "")+" OR id = ?", "new", 10).
						Updates(map[string]any{"state": "run", "worker": gorm.Expr("worker + ?", 5)})),
					see(db.Table("jobs").Where("id < ? AND abs(id) < ?", 9, 2).
						Clauses(clause.Returning{}).Delete(&gone)),
				}
			},
			want: []string{
				`update jobs 10: state=new>run worker=0>5`,
				`remove jobs 1: id=1> state=new> worker=0>`,
			},
		},
		{
			name: "the last ones", ddl: ddl, audited: []string{"jobs"},
			on: []string{dialect.MySQLName}, seed: manyJobs(5),
			do: func(_ *testing.T, db *gorm.DB) any {
				last := db.Table("jobs").Where("id <> ?", 4).Order("id DESC").Limit(2)
				return []saw{
					see(last.Session(&gorm.Session{}).Update("worker", 7)),
					see(last.Session(&gorm.Session{}).Delete(nil)),
				}
			},
			want: []string{
				`update jobs 5: worker=0>7`, `update jobs 3: worker=0>7`,
				`remove jobs 5: id=5> state=new> worker=7>`,
				`remove jobs 3: id=3> state=new> worker=7>`,
			},
		},
		{
			name: "joined, with a key of two columns", audited: []string{"places"},
			on: []string{dialect.MySQLName},
			ddl: []string{
				"CREATE TABLE places (a int, b int, v int, PRIMARY KEY (a, b))",
				"CREATE TABLE prices (a int PRIMARY KEY, v int)",
				"INSERT INTO places VALUES (1, 1, 0), (1, 2, 0), (2, 1, 0)",
				"INSERT INTO prices VALUES (1, 10), (2, 20)",
			},
			do: func(_ *testing.T, db *gorm.DB) any {
				return see(db.Table("places p JOIN prices q ON q.a = p.a").
					Where("p.b = ? OR greatest(p.a, p.b) < ?", 2, 2).
					Update("p.v", gorm.Expr("q.v + ?", 1)))
			},
			want: []string{
				`update places [1,1]: v=0>11`, `update places [1,2]: v=0>11`,
			},
		},
		{
			name: "workers that take the next free job", ddl: ddl, audited: []string{"jobs"},
			on: servers, seed: manyJobs(120), unsaid: true, alone: true,
			do: func(t *testing.T, db *gorm.DB) any {
				work(t, db, fmt.Sprintf(next, " FOR UPDATE SKIP LOCKED"), false)
				return nil
			},
		},
		{
			name: "workers that take the next job", ddl: ddl, audited: []string{"jobs"},
			on: servers, seed: manyJobs(60), unsaid: true, alone: true,
			do: func(t *testing.T, db *gorm.DB) any {
				work(t, db, fmt.Sprintf(next, ""), true)
				return nil
			},
		},
		{
			name: "more rows than a statement can name", ddl: ddl, audited: []string{"jobs"},
			seed: manyJobs(10_500), unsaid: true, do: func(_ *testing.T, db *gorm.DB) any {
				all := "id IN (SELECT id FROM (SELECT id FROM jobs WHERE id > 0) x)"
				return []saw{
					see(db.Table("jobs").Where(all).Update("worker", gorm.Expr("worker + 1"))),
					see(db.Table("jobs").Where(all).Delete(nil)),
				}
			},
		},
	})
}

// work lets some workers take jobs; every other one gives its job back.
func work(t *testing.T, db *gorm.DB, condition string, deadlocks bool) {
	t.Helper()
	var all sync.WaitGroup
	for worker := range 6 {
		all.Go(func() {
			for i := range 10 {
				tx := db.Begin()
				err := tx.Table("jobs").Where(condition, "new").
					Updates(map[string]any{"state": "run", "worker": worker + 1}).Error
				if err != nil && !deadlocks {
					t.Error(err)
				}
				if i%2 == 0 && err == nil {
					tx.Commit()
				} else {
					tx.Rollback()
				}
			}
		})
	}
	all.Wait()
}
