package gorm_test

import (
	"fmt"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestRoundTrips counts what capture adds: a number of statements that does not
// grow with the rows, up to 1,000 of them.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	programs := []struct {
		name string
		do   func(db *gorm.DB, n int) error
		// added is what a captured statement may add.
		added int
	}{
		{"insert", func(db *gorm.DB, n int) error { return db.Create(manyDocs(n, "x")).Error }, 1},
		{"update", func(db *gorm.DB, _ int) error {
			return db.Model(&Doc{}).Where("body = ?", "x").Update("body", "y").Error
		}, 2},
		{"nothing", func(db *gorm.DB, _ int) error {
			return db.Model(&Doc{}).Where("body = ?", "none").Update("body", "z").Error
		}, 2},
		{"upsert", func(db *gorm.DB, n int) error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(manyDocs(n, "z")).Error
		}, 2},
		{"delete", func(db *gorm.DB, _ int) error {
			return db.Where("body = ?", "z").Delete(&Doc{}).Error
		}, 1},
		{"inserts with made keys", func(db *gorm.DB, n int) error {
			return db.Create(manyAuthors(n)).Error
		}, 1},
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		bare, bareCount := counted(t, testdb.New(t, db.Kind))
		audited, auditedCount := counted(t, db)
		worlds := []*world{
			newWorld(t, bare, false, gorm.Config{}), newWorld(t, audited, true, gorm.Config{}),
		}
		// For the revision, its numbers and receipts, and for the audit table; on
		// SQLite, where a statement is no round trip, they are cut small.
		perTransaction := map[string]int{
			dialect.PostgresName: 2, dialect.MySQLName: 3, dialect.SQLiteName: 7,
		}[db.Dialect]
		for round, n := range []int{1, 1, 1000} {
			first := round == 0 // it reads the catalogue
			for _, p := range programs {
				var counts [2][]string
				for i, c := range []*counter{bareCount, auditedCount} {
					c.take()
					if err := p.do(worlds[i].db, n); err != nil {
						t.Fatal(err)
					}
					counts[i] = c.take()
				}
				t.Run(fmt.Sprintf("%s %d", p.name, n), func(t *testing.T) {
					most := p.added + perTransaction
					if p.name == "nothing" {
						most = p.added
						if db.Dialect == dialect.SQLiteName {
							most++ // its write lock
						}
					}
					added := len(counts[1]) - len(counts[0])
					t.Logf("%d statements, %d added", len(counts[1]), added)
					if added > most && !first {
						t.Errorf("%d statements added, at most %d:\n%s", added, most, listed(counts[1]))
					}
				})
			}
		}
	})
}

func manyDocs(n int, body string) *[]Doc {
	ds := make([]Doc, n)
	for i := range ds {
		ds[i] = Doc{ID: fmt.Sprintf("d%06d", i), Body: body, Size: 1}
	}
	return &ds
}

func manyAuthors(n int) *[]Author {
	as := make([]Author, n)
	for i := range as {
		as[i].Name = fmt.Sprint(i)
	}
	return &as
}
