// Package orm is GORM on the databases of the tests.
package orm

import (
	"testing"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-162b1470/annals/dialect"
)

// Dialector is GORM's view of a pool of the named dialect (dialect.PostgresName,
// …). SQLite goes by the driver that annals' tests link, without C.
func Dialector(name string, pool gorm.ConnPool) gorm.Dialector {
	switch name {
	case dialect.PostgresName:
		return postgres.New(postgres.Config{Conn: pool})
	case dialect.MySQLName:
		return mysql.New(mysql.Config{Conn: pool})
	}
	return &sqlite.Dialector{DriverName: "sqlite", Conn: pool}
}

// Open opens GORM on a pool, without its log. A test that cannot ends.
func Open(tb testing.TB, name string, pool gorm.ConnPool, cfg gorm.Config) *gorm.DB {
	tb.Helper()
	cfg.Logger = logger.Discard
	db, err := gorm.Open(Dialector(name, pool), &cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return db
}
