package notice_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/itest/wire"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// world is a database with the models' tables, with annals or without.
type world struct {
	tb      testing.TB
	sql     *testdb.DB
	db      *gorm.DB
	aud     *auditor.Auditor
	wire    *wire.Recorder
	audited bool
	// name is the database's, which errors repeat.
	name string
}

// when is the program's clock.
var when = time.Date(2031, 5, 4, 3, 2, 1, 0, time.UTC)

// newWorld makes one on a database of its own; two of them differ in nothing but
// annals.
func newWorld(t *testing.T, kind string, audited bool, cfg gorm.Config) *world {
	t.Helper()
	w := &world{tb: t, audited: audited}
	w.sql, w.wire = wire.Open(t, testdb.New(t, kind))
	w.name = w.sql.DSN[strings.LastIndex(w.sql.DSN, "/")+1:]
	w.name, _, _ = strings.Cut(w.name, "?")
	w.db = open(t, w.sql, cfg)
	if !audited {
		if err := w.db.AutoMigrate(models()...); err != nil {
			t.Fatal(err)
		}
		return w
	}
	var err error
	w.aud, err = auditor.New(auditor.Config{
		Sources: map[string]auditor.Source{
			"app": {DB: w.sql.DB, Dialect: w.sql.Dialect},
		},
		Entities: rules(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.Use(gormcapture.New(w.aud)); err != nil {
		t.Fatal(err)
	}
	if err := gormcapture.AutoMigrate(t.Context(), w.db, models()...); err != nil {
		t.Fatal(err)
	}
	return w
}

// open opens GORM on a pool.
func open(tb testing.TB, db *testdb.DB, cfg gorm.Config) *gorm.DB {
	tb.Helper()
	cfg.NowFunc = func() time.Time { return when }
	return orm.Open(tb, db.Dialect, db.DB, cfg)
}

// dump is the content of every table of the models, in the order of the rows'
// text.
func (w *world) dump() map[string][]string {
	w.tb.Helper()
	all := map[string][]string{}
	for _, table := range tables() {
		var rows []map[string]any
		order := "1, 2"
		if err := w.db.Table(table).Order(order).Find(&rows).Error; err != nil {
			w.tb.Fatal(err)
		}
		for _, row := range rows {
			all[table] = append(all[table], fmt.Sprint(row))
		}
	}
	return all
}
