package blog_test

import (
	"database/sql"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	_ "modernc.org/sqlite"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/audittest"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"

	blog "github.com/seed-162b1470/annals/examples/testing"
)

// guide: begin

// newBlog returns an audited blog in a database in memory, which only this test
// has.
func newBlog(t *testing.T) (*blog.Blog, *auditor.Auditor) {
	t.Helper()
	sqlDB, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sqlDB.Close() })
	sqlDB.SetMaxOpenConns(1) // each connection would be a database of its own
	db, err := gorm.Open(&sqlite.Dialector{DriverName: "sqlite", Conn: sqlDB})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.AutoMigrate(&blog.Post{}); err != nil {
		t.Fatal(err)
	}
	aud := audittest.New(t, auditor.Config{
		Sources:  map[string]auditor.Source{"blog": {DB: sqlDB, Dialect: dialect.SQLiteName}},
		Entities: map[string]config.Entity{"post": {Table: "posts", Label: "title"}},
	})
	if err := db.Use(gormcapture.New(aud)); err != nil {
		t.Fatal(err)
	}
	return blog.New(db), aud
}

func TestPublish(t *testing.T) {
	b, aud := newBlog(t)
	ctx := annals.WithActor(t.Context(), annals.Actor{ID: "42", Name: "ann"})
	post, err := b.Write(ctx, "First thoughts")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(ctx, post.ID, "ticket 1187"); err != nil {
		t.Fatal(err)
	}
	audittest.Expect(t, aud).Ignoring("updated_at").Revisions(
		audittest.Revision(
			audittest.Insert("post", "1",
				audittest.Set("title", "First thoughts"), audittest.Set("published", false)),
		).By("42"),
		audittest.Revision(
			audittest.Update("post", "1", audittest.Change("published", false, true)),
		).By("42").Comment("ticket 1187"),
	)
}

// Reading leaves no trace.
func TestFind(t *testing.T) {
	b, aud := newBlog(t)
	if _, err := b.Write(t.Context(), "First thoughts"); err != nil {
		t.Fatal(err)
	}
	entries := audittest.Record(t, aud, func() {
		if _, err := b.Find(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	})
	audittest.Expect(t, aud).Of(entries).None()
}

// guide: end
