// Package demo is "annals demo": a small shop on a database of its own, audited
// through GORM, changed as a program would change it, and its history read.
package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
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
	if err := mark(ctx, s.db, s.dialect); err != nil {
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
	home    *home
	dsn     string
	config  string
	db      *sql.DB
	dialect dialect.Dialect
	file    *config.Config
}

// open finds the place of the demonstration. An earlier one on the folder's own
// SQLite file makes way; nothing else does.
func open(ctx context.Context, d annalscmd.Demo) (*stage, error) {
	h, err := look(ctx, d)
	if err != nil {
		return nil, err
	}
	s := &stage{d: d, home: h, dsn: d.DSN, config: filepath.Join(d.Folder, configFile)}
	opened := s.dsn
	if s.dsn == "" {
		s.dsn = h.shop()
		opened = s.dsn + "?mode=rwc&_time_format=sqlite"
	}
	if err := h.free(d, s.dsn); err != nil {
		return nil, err
	}
	if d.DSN == "" {
		if err := h.clear(); err != nil {
			return nil, err
		}
		if err := h.make(); err != nil {
			return nil, err
		}
	}
	s.db, s.dialect, err = d.Open(ctx, opened)
	return s, err
}

// checkEmpty refuses a database in which a demonstration, or annals, is at home
// already, or anybody else has tables of such names: nobody's data is touched.
func (s *stage) checkEmpty(ctx context.Context) error {
	has, err := holdings(ctx, s.db, s.dialect)
	if err != nil || !has.marked && len(has.taken) == 0 {
		return err
	}
	e := &annals.Error{
		Op: "use", Subject: "the database " + config.RedactDSN(s.dsn),
		Remedy: "name an empty database",
	}
	if has.marked {
		e.Err = errors.New("it holds an earlier demonstration")
		e.Remedy = "remove that one first: " + dropCommand(s.d.Folder)
		if s.home.dsn != s.dsn {
			e.Remedy += " --dsn DSN"
		}
	} else {
		e.Err = fmt.Errorf("it has a table %s already, which no demonstration made", has.taken[0])
	}
	return e
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
	if err := db.WithContext(ctx).AutoMigrate(models()...); err != nil {
		return "", fmt.Errorf("make the shop's tables: %w", err)
	}
	if err := audit(ctx, aud); err != nil {
		return "", err
	}
	// The triggers record whoever writes; the plugin tells them who that is.
	if err := db.Use(gormcapture.New(aud)); err != nil {
		return "", fmt.Errorf("audit GORM: %w", err)
	}
	if err := work(ctx, db); err != nil {
		return "", err
	}
	if err := console(ctx, s.db); err != nil {
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

// audit makes annals' tables and the triggers, as "schema update" and "trigger
// create" do.
func audit(ctx context.Context, aud *auditor.Auditor) error {
	manager, err := aud.Schema(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := manager.Update(ctx); err != nil {
		return err
	}
	j, err := aud.Journal("")
	if err != nil {
		return err
	}
	return j.Create(ctx, nil)
}

// console changes the shop past every program.
func console(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, consoleSQL); err != nil {
		return fmt.Errorf("change the shop by plain SQL: %w", err)
	}
	return nil
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
	fmt.Fprintf(&b, "\nEvery writer is seen. Change something by hand, and ask who it was:\n\n    %s\n"+
		"    %s --config %s log --limit 1\n", s.client(), program, quote(s.config))
	fmt.Fprintf(&b, "\nRemove it with:\n\n    %s\n", dropCommand(s.d.Folder))
	_, err := fmt.Fprint(s.d.Out, b.String())
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// client is a command line that changes the shop with the database's own client.
func (s *stage) client() string {
	const statement = `"UPDATE shop_product SET price = 3.5 WHERE id = 1"`
	d, err := config.ParseDSN(s.dsn)
	if err != nil {
		return statement // it is open: it was parsed before
	}
	switch d.Scheme {
	case config.SchemeSQLite:
		return "sqlite3 " + quote(d.Path) + " " + statement
	case config.SchemePostgres:
		return "psql " + quote(config.RedactDSN(s.dsn)) + " -c " + statement
	}
	where := "-h " + quote(d.Host) + " -P " + d.Port
	if d.Socket != "" {
		where = "-S " + quote(d.Socket)
	}
	return "mariadb " + where + " -u " + quote(d.User) + " -p " + quote(d.Database) + " -e " + statement
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

// dropCommand is the command line that removes the demonstration of a folder.
func dropCommand(folder string) string {
	command := program() + " demo --drop"
	if folder != annalscmd.DemoFolder {
		command += " --folder " + quote(folder)
	}
	return command
}

// drop removes what a run made: its tables, and its files.
func drop(ctx context.Context, d annalscmd.Demo) error {
	h, err := look(ctx, d)
	if err != nil && d.DSN == "" {
		return err
	}
	if d.DSN == "" && len(h.files) == 0 {
		return say(d, "there is no demonstration in %s", d.Folder)
	}
	dsn := d.DSN
	if dsn == "" {
		dsn = h.dsn
	}
	if dsn != "" && (h == nil || dsn != h.shop()) {
		if err := dropFrom(ctx, d, dsn); err != nil {
			return err
		}
	}
	if h == nil || h.dsn != dsn {
		return nil // the folder is nobody's, or another demonstration's
	}
	if err := h.leave(); err != nil {
		return err
	}
	return say(d, "removed the files in %s", d.Folder)
}

// dropFrom drops a demonstration's tables from a database.
func dropFrom(ctx context.Context, d annalscmd.Demo, dsn string) error {
	where := config.RedactDSN(dsn)
	db, dia, err := d.Open(ctx, dsn)
	if errors.Is(err, annals.ErrNotFound) {
		return say(d, "there is no database %s any more", where)
	}
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	has, err := holdings(ctx, db, dia)
	if err != nil {
		return err
	}
	if !has.marked {
		return say(d, "there is no demonstration in %s: nothing was dropped", where)
	}
	if err := dropTables(ctx, db, dia, has, dsn); err != nil {
		return err
	}
	return say(d, "removed the demonstration from %s", where)
}

// say tells what was done.
func say(d annalscmd.Demo, format string, args ...any) error {
	if _, err := fmt.Fprintf(d.Out, format+"\n", args...); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
