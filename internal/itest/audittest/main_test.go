// Package audittest_test holds audittest to its promises on real databases.
package audittest_test

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/audittest"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

type post struct {
	ID        uint
	Title     string `gorm:"size:40"`
	Body      *string
	Price     string `gorm:"type:decimal(10,2)"`
	Weight    float64
	Active    bool
	At        time.Time `gorm:"precision:3"`
	Data      []byte
	Token     string
	UpdatedAt time.Time
	Tags      []tag `gorm:"many2many:post_tags"`
}

type tag struct {
	ID   uint
	Name string
}

// line has a key of two columns.
type line struct {
	OrderID uint `gorm:"primaryKey;autoIncrement:false"`
	No      uint `gorm:"primaryKey;autoIncrement:false"`
	Text    string
}

func entities() map[string]config.Entity {
	return map[string]config.Entity{
		"post": {Table: "posts", Label: "title", Mask: []string{"token"}},
		"tag":  {Table: "tags"},
		"line": {Table: "lines"},
	}
}

func configOf(db *sql.DB, name string) auditor.Config {
	return auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: db, Dialect: name}},
		Entities: entities(),
	}
}

// open opens GORM and makes the audited tables.
func open(tb testing.TB, db *sql.DB, name string) *gorm.DB {
	tb.Helper()
	g := orm.Open(tb, name, db, gorm.Config{})
	if err := g.AutoMigrate(&tag{}, &post{}, &line{}); err != nil {
		tb.Fatal(err)
	}
	return g
}

// world is an audited database.
type world struct {
	*gorm.DB
	aud *auditor.Auditor
	sql *sql.DB
}

func newWorld(tb testing.TB, db *sql.DB, name string) *world {
	tb.Helper()
	g := open(tb, db, name)
	aud := audittest.New(tb, configOf(db, name))
	if err := g.Use(gormcapture.New(aud, gormcapture.Models(&post{}, &tag{}))); err != nil {
		tb.Fatal(err)
	}
	return &world{DB: g, aud: aud, sql: db}
}

// must fails the test where a statement failed.
func must(tb testing.TB, db *gorm.DB) {
	tb.Helper()
	if db.Error != nil {
		tb.Fatal(db.Error)
	}
}

// inMemory is a database that nobody else has.
func inMemory(tb testing.TB) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", ":memory:?_pragma=foreign_keys(1)")
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(1) // each connection would be a database of its own
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// spy is a test that may fail without failing the one around it.
type spy struct {
	testing.TB
	ctx   context.Context //nolint:containedctx // stands in for the test's
	fatal bool
	text  strings.Builder
}

func (s *spy) Context() context.Context {
	if s.ctx != nil {
		return s.ctx
	}
	return s.TB.Context()
}

func (s *spy) Helper()           {}
func (s *spy) Error(args ...any) { fmt.Fprintln(&s.text, args...) }

func (s *spy) Errorf(format string, args ...any) { fmt.Fprintf(&s.text, format+"\n", args...) }

func (s *spy) Fatalf(format string, args ...any) {
	s.fatal = true
	s.Errorf(format, args...)
	runtime.Goexit()
}

// watch runs f in a test of its own and returns what it told.
func watch(tb testing.TB, f func(*spy)) *spy {
	s := &spy{TB: tb}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(s)
	}()
	<-done
	return s
}

// exampleContext is that of a test in an example, which has none.
func exampleContext() context.Context { return context.Background() }

func (s *spy) Cleanup(f func()) {
	if s.ctx == nil {
		s.TB.Cleanup(f)
	}
}
