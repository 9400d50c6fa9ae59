// Package demo is "annals demo": a small shop on a database of its own, audited
// through GORM, changed as a program would change it, and its history read.
package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/reader"
)

// Run runs the demonstration, or removes it.
func Run(ctx context.Context, d annalscmd.Demo) error {
	if d.Drop {
		return drop(ctx, d)
	}
	s, err := open(ctx, d)
	if err != nil {
		return err
	}
	defer func() { _ = s.db.Close() }()
	if err := s.checkEmpty(ctx); err != nil {
		return err
	}
	if err := s.writeConfig(); err != nil {
		return err
	}
	hash, err := s.perform(ctx)
	if err != nil {
		return err
	}
	return s.show(ctx, hash)
}

// stage is where a demonstration plays.
type stage struct {
	d       annalscmd.Demo
	dsn     string
	config  string
	db      *sql.DB
	dialect dialect.Dialect
	file    *config.Config
}

func open(ctx context.Context, d annalscmd.Demo) (*stage, error) {
	s := &stage{d: d, dsn: d.DSN, config: filepath.Join(d.Folder, "annals.yaml")}
	if s.dsn == "" {
		folder, err := filepath.Abs(d.Folder)
		if err != nil {
			return nil, fmt.Errorf("find folder %s: %w", d.Folder, err)
		}
		if err := fresh(folder); err != nil {
			return nil, err
		}
		s.dsn = "sqlite:" + filepath.Join(folder, "shop.db")
	}
	if err := os.MkdirAll(d.Folder, 0o750); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	opened := s.dsn
	if d.DSN == "" {
		opened += "?mode=rwc&_time_format=sqlite"
	}
	var err error
	s.db, s.dialect, err = d.Open(ctx, opened)
	return s, err
}

// fresh removes an earlier run's SQLite files, and only those.
func fresh(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read folder: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if name != "annals.yaml" && !strings.HasPrefix(name, "shop.db") {
			return &annals.Error{
				Op: "use", Subject: "folder " + folder,
				Err:    fmt.Errorf("it holds %s, which is not the demonstration's", name),
				Remedy: "name another one with --folder",
			}
		}
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
			return fmt.Errorf("remove the earlier demonstration: %w", err)
		}
	}
	return nil
}

// checkEmpty refuses a database in which the demonstration, or annals, is at home
// already: nobody's data is touched.
func (s *stage) checkEmpty(ctx context.Context) error {
	present, err := catalog.List(ctx, s.db, s.dialect)
	if err != nil {
		return fmt.Errorf("look into the database: %w", err)
	}
	for _, t := range present {
		if strings.HasPrefix(t.Name, "shop_") || strings.HasPrefix(t.Name, "annals_") {
			return &annals.Error{
				Op: "use", Subject: "the database",
				Err:    fmt.Errorf("it has a table %s already", t.Name),
				Remedy: "remove an earlier demonstration with --drop, or name an empty database",
			}
		}
	}
	return nil
}

// perform creates, audits and changes the shop. It returns the hash of the
// revision to show.
func (s *stage) perform(ctx context.Context) (hash string, err error) {
	db, err := gorm.Open(dialector(s.dialect, s.db), &gorm.Config{
		Logger: logger.Default.LogMode(logger.Silent),
	})
	if err != nil {
		return "", fmt.Errorf("open GORM: %w", err)
	}
	aud, err := auditor.Open(ctx, s.file,
		func(context.Context, string) (*sql.DB, dialect.Dialect, error) {
			return s.db, s.dialect, nil
		})
	if err != nil {
		return "", err
	}
	if err := db.Use(gormcapture.New(aud, gormcapture.Models(models()...))); err != nil {
		return "", fmt.Errorf("audit GORM: %w", err)
	}
	if err := gormcapture.AutoMigrate(ctx, db, models()...); err != nil {
		return "", err
	}
	if err := work(ctx, db); err != nil {
		return "", err
	}
	page, err := aud.Reader().Find(ctx, reader.Query{
		Entity: "product", ObjectID: "1", Types: []annals.EntryType{annals.Update}, Limit: 2,
	})
	if err != nil {
		return "", err
	}
	for _, e := range page.Entries {
		hash = e.TransactionHash // the older of the two: the price correction
	}
	return hash, nil
}

// dialector is GORM's view of a database that is open.
func dialector(d dialect.Dialect, db *sql.DB) gorm.Dialector {
	return map[string]gorm.Dialector{
		dialect.PostgresName: postgres.New(postgres.Config{Conn: db}),
		dialect.MySQLName:    mysql.New(mysql.Config{Conn: db}),
		dialect.SQLiteName:   sqlite.New(sqlite.Config{Conn: db}),
	}[d.Name()]
}

// show reads the history with the commands that people are invited to try.
func (s *stage) show(ctx context.Context, hash string) error {
	acts := []struct {
		title string
		args  []string
	}{
		{"The last entries, newest first", []string{"log", "--limit", "8"}},
		{"The story of one product", []string{"history", "product", "1"}},
		{"One revision: everything that one transaction changed", []string{"show", hash}},
	}
	for _, act := range acts {
		_, err := fmt.Fprintf(s.d.Out, "\n# %s\n# annals %s\n\n", act.title,
			strings.Join(act.args, " "))
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if err := s.annals(ctx, act.args...); err != nil {
			return err
		}
	}
	return s.invite(hash)
}

// annals runs another command on the demonstration.
func (s *stage) annals(ctx context.Context, args ...string) error {
	return s.d.Annals(ctx, append([]string{"--config", s.config}, args...)...)
}

// invite prints what to try next; each line works as printed.
func (s *stage) invite(hash string) error {
	var b strings.Builder
	where := config.RedactDSN(s.dsn)
	fmt.Fprintf(&b, "\nThe shop stays in %s, its configuration in %s. Try:\n\n", where, s.config)
	program := program()
	for _, args := range []string{
		"log --actor 42",
		"log --entity product --type update --json",
		"history product 1 --field price",
		"show " + hash,
		"config show --routes",
		"schema update --dump-sql",
	} {
		fmt.Fprintf(&b, "    %s --config %s %s\n", program, quote(s.config), args)
	}
	remove := program + " demo --drop"
	if s.d.Folder != "annals-demo" {
		remove += " --folder " + quote(s.d.Folder)
	}
	fmt.Fprintf(&b, "\nRemove it with:\n\n    %s\n", remove)
	_, err := fmt.Fprint(s.d.Out, b.String())
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// program is how this program was started: by "go run" or by its own name.
func program() string {
	exe, err := os.Executable()
	if err == nil && strings.Contains(filepath.ToSlash(exe), "/go-build") {
		return "go run ./cmd/annals"
	}
	return quote(os.Args[0])
}

// quote protects a word from the shell where it needs that.
func quote(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\n'\"\\$`*?[]{}()<>|&;~#!") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// drop removes what a run made: the folder's files, and on a server the tables
// that have the shop's and annals' names.
func drop(ctx context.Context, d annalscmd.Demo) error {
	if d.DSN == "" {
		var err error
		if d.DSN, err = writtenDSN(d.Folder); err != nil {
			return err
		}
	}
	if d.DSN == "" {
		if _, err := os.Stat(d.Folder); errors.Is(err, fs.ErrNotExist) {
			_, err := fmt.Fprintf(d.Out, "there is no demonstration in %s\n", d.Folder)
			return err
		}
		if err := fresh(d.Folder); err != nil {
			return err
		}
		if err := os.Remove(d.Folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove folder: %w", err)
		}
		_, err := fmt.Fprintf(d.Out, "removed %s\n", d.Folder)
		return err
	}
	db, dia, err := d.Open(ctx, d.DSN)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := dropTables(ctx, db, dia); err != nil {
		return err
	}
	if err := fresh(d.Folder); err != nil {
		return err
	}
	if err := os.Remove(d.Folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove folder: %w", err)
	}
	_, err = fmt.Fprintf(d.Out, "removed the demonstration from %s\n", config.RedactDSN(d.DSN))
	return err
}

// dropTables drops the demonstration's tables where they all are its own: an
// annals that audits anything else is left alone.
func dropTables(ctx context.Context, db *sql.DB, dia dialect.Dialect) error {
	foreign, err := foreignEntities(ctx, db, dia)
	if err != nil {
		return err
	}
	if len(foreign) > 0 {
		return &annals.Error{
			Op: "drop", Subject: "the demonstration",
			Err:    fmt.Errorf("annals audits %s in this database too", strings.Join(foreign, ", ")),
			Remedy: "drop the shop_ tables by hand",
		}
	}
	var drops []string
	for _, name := range tables() {
		drops = append(drops, "DROP TABLE IF EXISTS "+dia.Quote(name),
			"DROP TABLE IF EXISTS "+dia.Quote(name+config.DefaultSuffix))
	}
	for _, t := range layout.Own(dia.Limits()) {
		drops = append(drops, "DROP TABLE IF EXISTS "+dia.Table(t.Name))
	}
	kind := "TABLE"
	if dia.Features().Sequences {
		kind = "SEQUENCE"
	}
	drops = append(drops, "DROP "+kind+" IF EXISTS "+dia.Table(layout.Seq().Name))
	for _, statement := range drops {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("drop the demonstration: %w", err)
		}
	}
	return nil
}

// foreignEntities lists what annals' registry has besides the shop.
func foreignEntities(ctx context.Context, db *sql.DB, dia dialect.Dialect) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT "+dia.Quote("name")+", "+dia.Quote("table_name")+
		" FROM "+dia.Quote(layout.AuditEntityTable))
	if err != nil {
		if dia.Classify(err) == dialect.ClassMissingTable {
			return nil, nil
		}
		return nil, fmt.Errorf("read what is audited: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var foreign []string
	for rows.Next() {
		var name, table string
		if err := rows.Scan(&name, &table); err != nil {
			return nil, fmt.Errorf("read what is audited: %w", err)
		}
		if !strings.HasPrefix(table, "shop_") {
			foreign = append(foreign, name)
		}
	}
	return foreign, rows.Err()
}
