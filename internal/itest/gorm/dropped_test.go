package gorm_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals/dialect"
)

// TestDroppedColumn has someone else drop a column while the program runs: writes
// of the table go on, if not at once: an insert meets it when it has run, and on
// PostgreSQL a read that fails ends the transaction.
func TestDroppedColumn(t *testing.T) {
	drop := func(t *testing.T, db *gorm.DB) {
		t.Helper()
		pool, err := db.DB()
		if err == nil {
			_, err = pool.ExecContext(t.Context(), "ALTER TABLE goods DROP COLUMN old")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	goods := ownTables{
		ddl:     []string{"CREATE TABLE goods (id int PRIMARY KEY, v int, old int)"},
		audited: []string{"goods"}, alone: true, redefined: true,
		seed: func(db *gorm.DB) error {
			return db.Table("goods").Create(map[string]any{"id": 1, "v": 1, "old": 1}).Error
		},
	}
	programs := []struct {
		name string
		do   func(db *gorm.DB) error
		// atOnce: the first try works where the database lets it.
		atOnce bool
		want   string
	}{
		{"update", func(db *gorm.DB) error {
			return db.Table("goods").Where("id = 1").Update("v", gorm.Expr("v + 1")).Error
		}, true, `update goods 1: v=7>8`},
		{"delete", func(db *gorm.DB) error {
			return db.Table("goods").Where("id = 1").Delete(nil).Error
		}, true, `remove goods 1: id=1> v=7>`},
		{"insert", func(db *gorm.DB) error {
			return db.Table("goods").Create(map[string]any{"id": 2, "v": 1}).Error
		}, false, `insert goods 2: id=>2 v=>1`},
	}
	var cases []ownTables
	for _, p := range programs {
		c := goods
		c.name, c.want = p.name, []string{`update goods 1: v=1>7`, p.want}
		c.do = func(t *testing.T, db *gorm.DB) any {
			// The table is known from here on.
			if err := db.Table("goods").Where("id = 1").Update("v", 7).Error; err != nil {
				t.Fatal(err)
			}
			drop(t, db)
			err := p.do(db)
			if fails := !p.atOnce || db.Name() == dialect.PostgresName; fails != (err != nil) {
				t.Errorf("the first try fails: %v, want %v (%v)", err != nil, fails, err)
			}
			if err != nil {
				err = p.do(db)
			}
			if err != nil {
				t.Errorf("the second try fails: %v", err)
			}
			return nil
		}
		cases = append(cases, c)
	}
	playOwn(t, cases)
}
