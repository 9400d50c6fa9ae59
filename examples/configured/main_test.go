package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
)

func TestGettingStartedShowsThisProgram(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "getting-started.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(source), "// getting started: begin\n\n")
	code, _, end := strings.Cut(rest, "\n// getting started: end")
	if !ok || !end {
		t.Fatal("main.go has lost its marks")
	}
	if !strings.Contains(string(page), code) {
		t.Errorf("docs/getting-started.md does not show this code; paste it there:\n%s", code)
	}
}

// Without audit tables the write fails and says what to do; nothing is written.
func TestRunWithoutAuditTables(t *testing.T) {
	dir := t.TempDir()
	database, file := filepath.Join(dir, "shop.db"), filepath.Join(dir, "annals.yaml")
	text := "sources: {shop: {dsn: \"sqlite:" + database + "\"}}\nentities: {customer: {table: customers}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := gorm.Open(sqlite.New(sqlite.Config{DriverName: "sqlite", DSN: database}))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.AutoMigrate(&customer{}); err != nil {
		t.Fatal(err)
	}
	err = run(context.Background(), file, database)
	if !errors.Is(err, annals.ErrSchema) || !strings.Contains(err.Error(), "annals schema update") {
		t.Errorf("got %v", err)
	}
	var n int64
	if err := db.Model(&customer{}).Count(&n).Error; err != nil || n != 0 {
		t.Errorf("%d customers were written without their entries (%v)", n, err)
	}
}
