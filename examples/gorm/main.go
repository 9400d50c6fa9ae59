// Command gorm is the program of the README: twenty lines that audit a GORM
// program, and its history read back.
package main

import (
	"context"
	"fmt"
	"os"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	_ "modernc.org/sqlite"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/reader"
)

// Post is an ordinary GORM model.
type Post struct {
	ID    uint
	Title string
}

func main() {
	file := "blog.db"
	if len(os.Args) > 1 {
		file = os.Args[1]
	}
	if err := run(context.Background(), file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file string) error {
	// README: begin
	db, err := gorm.Open(sqlite.New(sqlite.Config{DriverName: "sqlite", DSN: file}), &gorm.Config{})
	if err != nil {
		return err
	}
	sqlDB, err := db.DB()
	if err != nil {
		return err
	}
	aud, err := auditor.New(auditor.Config{
		Sources:  map[string]auditor.Source{"blog": {DB: sqlDB, Dialect: dialect.SQLiteName}},
		Entities: map[string]config.Entity{"post": {Table: "posts", Label: "title"}},
	})
	if err != nil {
		return err
	}
	if err := db.Use(gormcapture.New(aud)); err != nil {
		return err
	}
	if err := gormcapture.AutoMigrate(ctx, db, &Post{}); err != nil {
		return err
	}

	ctx = annals.WithActor(ctx, annals.Actor{ID: "42", Name: "ann", Type: "User"})
	post := Post{Title: "First thoughts"}
	if err := db.WithContext(ctx).Create(&post).Error; err != nil {
		return err
	}
	ctx = annals.WithComment(ctx, "typo, ticket 1187")
	if err := db.WithContext(ctx).Model(&post).Update("title", "Second thoughts").Error; err != nil {
		return err
	}

	page, err := aud.Reader().Find(ctx, reader.Query{Entity: "post", ObjectID: "1"})
	if err != nil {
		return err
	}
	for _, e := range page.Entries {
		fmt.Println(e.Type, e.Entity, e.ObjectID, "by", e.Blame.User, string(e.Diffs))
	}
	// README: end
	return nil
}
