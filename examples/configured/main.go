// Command configured is the program of docs/getting-started.md: GORM audited by
// the annals.yaml that the command uses too.
package main

import (
	"context"
	"database/sql"
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
)

func main() {
	if err := run(context.Background(), "annals.yaml", "shop.db"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// customer is a table that the database has already.
type customer struct {
	ID   uint
	Name string
}

func (customer) TableName() string { return "customers" }

func run(ctx context.Context, configFile, database string) error {
	db, err := gorm.Open(sqlite.New(sqlite.Config{
		DriverName: "sqlite", DSN: database,
	}), &gorm.Config{})
	if err != nil {
		return err
	}
	if err := audit(ctx, db, configFile); err != nil {
		return err
	}
	ctx = annals.WithActor(ctx, annals.Actor{ID: "42", Name: "ann", Type: "User", Context: "api"})
	ctx = annals.WithOrigin(ctx, annals.Origin{IP: "203.0.113.7", RequestID: "req-1187"})
	ctx = annals.WithComment(ctx, "price correction, ticket 1187")
	return db.WithContext(ctx).Create(&customer{Name: "Žofie"}).Error
}

// getting started: begin

// audit puts the configured capture into db.
func audit(ctx context.Context, db *gorm.DB, configFile string) error {
	file, err := config.Load(configFile, os.LookupEnv)
	if err != nil {
		return err
	}
	sqlDB, err := db.DB()
	if err != nil {
		return err
	}
	// The program's own pool serves as source and storage, whatever the DSNs say.
	open := func(ctx context.Context, _ string) (*sql.DB, dialect.Dialect, error) {
		d, err := dialect.Detect(ctx, sqlDB, db.Name()) // postgres, mysql or sqlite
		return sqlDB, d, err
	}
	aud, err := auditor.Open(ctx, file, open)
	if err != nil {
		return err
	}
	return db.Use(gormcapture.New(aud))
}

// getting started: end
