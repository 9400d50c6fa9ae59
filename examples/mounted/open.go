package main

import (
	"fmt"
	"strings"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"
)

// open opens the shop's database once: a SQLite file as sqlite:FILE, a server by
// the DSN of its Go driver behind postgres: or mysql:.
func (s *shop) open() (*gorm.DB, error) {
	if s.db != nil {
		return s.db, nil
	}
	kind, dsn, _ := strings.Cut(s.database, ":")
	var dialector gorm.Dialector
	switch kind {
	case "sqlite":
		dialector = sqlite.New(sqlite.Config{DriverName: "sqlite", DSN: dsn})
	case "postgres":
		dialector = postgres.Open(s.database)
	case "mysql":
		dialector = mysql.Open(dsn)
	default:
		return nil, fmt.Errorf("--database %q: write sqlite:FILE, postgres:DSN or mysql:DSN", kind)
	}
	var err error
	s.db, err = gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	return s.db, err
}
