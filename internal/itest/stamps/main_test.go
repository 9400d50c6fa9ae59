// Package stamps_test holds the stamps of the GORM capture to their promises on real
// databases: which statement stamps what, and the indexes that they are found by.
package stamps_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// The models: people have numbers, and may be unknown.
type author struct {
	ID    int64
	Name  string
	Books []book
	gormcapture.Stamps[*int64]
}

type book struct {
	ID        int64
	AuthorID  *int64
	Title     string `gorm:"size:50;uniqueIndex"`
	Pages     int
	DeletedAt gorm.DeletedAt
	gormcapture.Stamps[*int64]
}

// note is not audited, and its people have texts that are never null.
type note struct {
	ID   int64
	Text string
	gormcapture.Stamps[string]
}

// scene is a database with the models' tables and a clock.
type scene struct {
	t   *testing.T
	sql *testdb.DB
	db  *gorm.DB
	aud *auditor.Auditor
	now time.Time
}

func newScene(t *testing.T, db *testdb.DB, change ...func(*auditor.Config)) *scene {
	t.Helper()
	s := &scene{t: t, sql: db, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	cfg := auditor.Config{
		Sources: map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect}},
		Entities: map[string]config.Entity{
			"author": {Table: "authors"}, "book": {Table: "books", SoftDelete: "deleted_at"},
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if s.aud, err = auditor.New(cfg); err != nil {
		t.Fatal(err)
	}
	s.db, err = gorm.Open(orm.Dialector(db.Dialect, db.DB), &gorm.Config{
		Logger: logger.Default.LogMode(logger.Silent), NowFunc: func() time.Time { return s.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Use(gormcapture.New(s.aud)); err != nil {
		t.Fatal(err)
	}
	// The tables' own, without those of annals: the tests of schema make them.
	if err := s.db.AutoMigrate(&author{}, &book{}, &note{}); err != nil {
		t.Fatal(err)
	}
	s.aud.Refresh()
	s.update()
	return s
}

func (s *scene) update() {
	s.t.Helper()
	m, err := s.aud.Schema(s.t.Context(), nil)
	if err == nil {
		_, err = m.Update(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// later moves the clock.
func (s *scene) later() time.Time {
	s.now = s.now.Add(time.Minute)
	return s.now
}

// as is GORM in the name of somebody; "" means nobody.
func (s *scene) as(id string) *gorm.DB {
	ctx := context.Background()
	if id != "" {
		ctx = annals.WithActor(ctx, annals.Actor{ID: id, Name: "n" + id})
	}
	return s.db.WithContext(ctx)
}

func (s *scene) must(tx *gorm.DB) {
	s.t.Helper()
	if tx.Error != nil {
		s.t.Fatal(tx.Error)
	}
}

// row is a row's stamps as the database has them: minutes since the start, and ids
// with "-" for null.
type row struct {
	created, updated     int
	createdBy, updatedBy string
}

func (s *scene) row(table string, id int64) row {
	s.t.Helper()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var created, updated time.Time
	var by, last sql.NullString
	err := s.db.WithContext(context.Background()).Table(table).Where("id = ?", id).
		Select("created_at, created_by_id, updated_at, updated_by_id").Row().
		Scan(&created, &by, &updated, &last)
	if err != nil {
		s.t.Fatalf("%s %d: %v", table, id, err)
	}
	text := func(v sql.NullString) string {
		if !v.Valid {
			return "-"
		}
		return v.String
	}
	return row{
		int(created.UTC().Sub(start).Minutes()), int(updated.UTC().Sub(start).Minutes()),
		text(by), text(last),
	}
}

func (s *scene) check(table string, id int64, want row) {
	s.t.Helper()
	if got := s.row(table, id); got != want {
		s.t.Errorf("%s %d: got %+v, want %+v", table, id, got, want)
	}
}
