// Package large_test holds that transactions of any size are recorded, in little
// memory. Its tests run one after the other, so that memory can be measured.
package large_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/reader"
)

func TestMain(m *testing.M) { testdb.Main(m) }

type memo struct {
	ID   int64
	Body string `gorm:"size:1000"`
}

func memos(n int, body string) []memo {
	out := make([]memo, n)
	for i := range out {
		out[i] = memo{ID: int64(i + 1), Body: body}
	}
	return out
}

func open(t *testing.T, db *testdb.DB) (*gorm.DB, *auditor.Auditor) {
	t.Helper()
	aud, err := auditor.New(auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect}},
		Entities: map[string]config.Entity{"memo": {Table: "memos"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	g := orm.Open(t, db.Dialect, db.DB, gorm.Config{CreateBatchSize: 1000})
	if err := g.Use(gormcapture.New(aud)); err != nil {
		t.Fatal(err)
	}
	if err := gormcapture.AutoMigrate(t.Context(), g, &memo{}); err != nil {
		t.Fatal(err)
	}
	return g.WithContext(t.Context()), aud
}

// many is more than a transaction keeps in memory, in rows and in entries.
const many = 12_000

var errUndo = errors.New("undo")

// set changes every row.
func set(g *gorm.DB, body string) error {
	res := g.Model(&memo{}).Where("1 = 1").Update("body", body)
	if res.Error == nil && res.RowsAffected != many {
		return fmt.Errorf("%d rows affected", res.RowsAffected)
	}
	return res.Error
}

// undone runs a change in a savepoint, or a transaction, that is rolled back.
func undone(g *gorm.DB, change func(*gorm.DB) error) error {
	failed := errors.New("the change failed")
	err := g.Transaction(func(in *gorm.DB) error {
		if err := change(in); err != nil {
			return errors.Join(failed, err)
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) || errors.Is(err, failed) {
		return fmt.Errorf("no rollback: %w", err)
	}
	return nil
}

// A transaction of any size is one revision with receipts that count everything,
// and follows its savepoints.
func TestLargeTransactions(t *testing.T) {
	one := func(g *gorm.DB, body string) error {
		return g.Model(&memo{}).Where("id = ?", 8).Update("body", body).Error
	}
	steps := []struct {
		name string
		run  func(g *gorm.DB) error
		// entries are those of the step, revisions how many it makes.
		entries, revisions int
	}{
		{"create", func(g *gorm.DB) error {
			all := memos(many, "new")
			return g.Create(&all).Error
		}, many, 1},
		{"update by condition", func(g *gorm.DB) error { return set(g, "set") }, many, 1},
		{"rolled back savepoint, then little", func(g *gorm.DB) error {
			return g.Transaction(func(tx *gorm.DB) error {
				err := undone(tx, func(in *gorm.DB) error { return set(in, "gone") })
				return errors.Join(err, one(tx, "kept"))
			})
		}, 1, 1},
		{"much, rolled back savepoint, little", func(g *gorm.DB) error {
			return g.Transaction(func(tx *gorm.DB) error {
				return errors.Join(set(tx, "first"),
					undone(tx, func(in *gorm.DB) error { return set(in, "undone") }), one(tx, "second"))
			})
		}, many + 1, 1},
		{"little, savepoint with much, much", func(g *gorm.DB) error {
			return g.Transaction(func(tx *gorm.DB) error {
				return errors.Join(one(tx, "little"),
					tx.Transaction(func(in *gorm.DB) error { return set(in, "much") }),
					undone(tx, func(in *gorm.DB) error { return set(in, "undone") }), set(tx, "more"))
			})
		}, 2*many + 1, 1},
		{"roll back", func(g *gorm.DB) error {
			return undone(g, func(tx *gorm.DB) error { return tx.Where("1 = 1").Delete(&memo{}).Error })
		}, 0, 0},
		{"delete by condition", func(g *gorm.DB) error {
			return g.Where("1 = 1").Delete(&memo{}).Error
		}, many, 1},
	}
	for _, kind := range testdb.Kinds() {
		t.Run(kind, func(t *testing.T) {
			db := testdb.New(t, kind)
			g, aud := open(t, db)
			count := func(query string) (n int) {
				t.Helper()
				if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
					t.Fatalf("%s: %v", query, err)
				}
				return n
			}
			total := 0
			for _, step := range steps {
				entries := count("SELECT COUNT(*) FROM memos_audit")
				revisions := count("SELECT COUNT(*) FROM annals_revision")
				if err := step.run(g); err != nil {
					t.Fatalf("%s: %v", step.name, err)
				}
				entries = count("SELECT COUNT(*) FROM memos_audit") - entries
				revisions = count("SELECT COUNT(*) FROM annals_revision") - revisions
				if entries != step.entries || revisions != step.revisions {
					t.Errorf("%s: %d entries and %d revisions, want %d and %d", step.name, entries,
						revisions, step.entries, step.revisions)
				}
				total += step.entries
			}
			if n := count("SELECT SUM(entries) FROM annals_revision_entity"); n != total {
				t.Errorf("the receipts count %d entries of %d", n, total)
			}
			story(t, aud)
		})
	}
}

// story holds that one object's entries are in order: each found what the one
// before it left.
func story(t *testing.T, aud *auditor.Auditor) {
	t.Helper()
	var got []string
	last := "null"
	for e, err := range aud.Reader().History(t.Context(), "memo", "8", reader.HistoryOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		d, err := diff.Parse(e.Diffs)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := d.Change("body")
		if string(body.Old) != last {
			t.Errorf("entry %d found %s where the one before left %s", e.Seq, body.Old, last)
		}
		last = string(body.New)
		got = append(got, last)
	}
	want := `"new" "set" "kept" "first" "second" "little" "much" "more" null`
	if strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// rowsOfUpdate is how many rows one statement changes: 40,000, or what
// ANNALS_LARGE_ROWS says.
func rowsOfUpdate(t *testing.T) int {
	t.Helper()
	text := os.Getenv("ANNALS_LARGE_ROWS")
	if text == "" {
		return 40_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("ANNALS_LARGE_ROWS is %q", text)
	}
	return n
}

// An update of many rows by one condition takes memory for some of them.
func TestLargeUpdateTakesLittleMemory(t *testing.T) {
	rows := rowsOfUpdate(t)
	for _, kind := range testdb.Kinds() {
		t.Run(kind, func(t *testing.T) {
			db := testdb.New(t, kind)
			g, aud := open(t, db)
			if err := aud.Disable("memo"); err != nil {
				t.Fatal(err)
			}
			const part = 10_000
			for first := 0; first < rows; first += part {
				some := memos(min(part, rows-first), strings.Repeat("x", 700))
				for i := range some {
					some[i].ID += int64(first)
				}
				if err := g.Create(&some).Error; err != nil {
					t.Fatal(err)
				}
			}
			if err := aud.Enable("memo"); err != nil {
				t.Fatal(err)
			}
			before := heap()
			stop, peak := watch(time.Duration(max(1, rows/40_000)) * 20 * time.Millisecond)
			began := time.Now()
			err := g.Model(&memo{}).Where("1 = 1").Update("body", strings.Repeat("y", 700)).Error
			close(stop)
			most := <-peak
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d rows in %s: the heap grew from %d to %d MB, files to %d MB", rows,
				time.Since(began).Round(time.Second), before>>20, most.heap>>20, most.files>>20)
			// Rows before and after would be some 70 MB, their entries as much again.
			if grown := int64(most.heap) - int64(before); grown > 110<<20 {
				t.Errorf("the heap grew by %d MB", grown>>20)
			}
			var n int
			if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM memos_audit").
				Scan(&n); err != nil || n != rows {
				t.Errorf("%d entries, %v", n, err)
			}
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// size is memory that lives, and what is on the disk, in bytes.
type size struct{ heap, files uint64 }

// watch measures both until stop is closed.
func watch(every time.Duration) (stop chan struct{}, peak chan size) {
	stop, peak = make(chan struct{}), make(chan size)
	go func() {
		var most size
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-tick.C:
				most.heap = max(most.heap, heap())
				most.files = max(most.files, files())
			}
		}
	}()
	return stop, peak
}

// files is the size of the files in which rows are put aside. They have no name any
// more; where the system does not list what a process has open, it is 0.
func files() (n uint64) {
	open, _ := filepath.Glob("/proc/self/fd/*")
	for _, name := range open {
		of, _ := os.Readlink(name)
		if info, err := os.Stat(name); err == nil && strings.Contains(of, "annals-rows-") {
			n += uint64(info.Size())
		}
	}
	return n
}
