package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals/dialect"
)

// interpolated is the variant in which the driver puts values into the text of
// a statement itself, which saves preparing it.
const interpolated = "interpolateParams"

type mariadbEngine struct {
	url   *url.URL
	admin *sql.DB
}

func newMariaDB() (engine, error) {
	u, err := serverURL("ANNALS_TEST_MARIADB_DSN")
	if err != nil {
		return nil, err
	}
	e := mariadbEngine{url: u}
	c, err := e.connector("", "", nil)
	if err != nil {
		return nil, err
	}
	e.admin = sql.OpenDB(c)
	return e, nil
}

func (mariadbEngine) kind() string       { return "mariadb" }
func (mariadbEngine) scheme() string     { return dialect.MySQLName }
func (mariadbEngine) title() string      { return "MariaDB" }
func (mariadbEngine) wire() bool         { return true }
func (mariadbEngine) variants() []string { return []string{"", interpolated} }
func (e mariadbEngine) close() error     { return e.admin.Close() }

func (mariadbEngine) prepares(variant string) bool { return variant != interpolated }

func (e mariadbEngine) create(ctx context.Context, name string) error {
	_, err := e.admin.ExecContext(ctx, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
	return err
}

func (e mariadbEngine) drop(ctx context.Context, name string) error {
	_, err := e.admin.ExecContext(ctx, "DROP DATABASE "+name)
	return err
}

func (e mariadbEngine) connector(name, variant string, t *tracer) (driver.Connector, error) {
	cfg := mysqldriver.NewConfig()
	cfg.User = e.url.User.Username()
	cfg.Passwd, _ = e.url.User.Password()
	cfg.Net, cfg.Addr, cfg.DBName = "tcp", e.url.Host, name
	cfg.ParseTime, cfg.Loc = true, time.UTC
	cfg.InterpolateParams = variant == interpolated
	if err := cfg.Apply(mysqldriver.Charset("utf8mb4", "")); err != nil {
		return nil, err
	}
	if t != nil {
		cfg.DialFunc = dialer(t)
	}
	return mysqldriver.NewConnector(cfg)
}

func (mariadbEngine) dialector(db *sql.DB) gorm.Dialector {
	return mysql.New(mysql.Config{Conn: db})
}

func (mariadbEngine) about() []string {
	queries := []string{"SELECT VERSION()"}
	for _, s := range []string{
		"innodb_flush_log_at_trx_commit", "innodb_flush_method", "innodb_buffer_pool_size",
		"innodb_log_file_size", "log_bin",
	} {
		queries = append(queries, "SELECT CONCAT('"+s+"=', @@"+s+")")
	}
	return queries
}

func (mariadbEngine) settle(tables ...string) []string {
	return []string{"ANALYZE TABLE " + strings.Join(tables, ", ")}
}

// pour stores many rows with a statement, whose values the driver writes into its
// text.
func (mariadbEngine) pour(ctx context.Context, p *place, rows pouring) (err error) {
	db, err := p.open(interpolated, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for part := range slices.Chunk(rows.rows, batchSize) {
		_, err := db.ExecContext(ctx, rows.insert(len(part)), slices.Concat(part...)...)
		if err != nil {
			return err
		}
	}
	return nil
}

// extra: the receipts take a statement. Work of more than 10,000 rows would take one
// more for each further 10,000 numbers.
func (mariadbEngine) extra(w work) int {
	return 1 + max(0, w.rows-1)/10_000
}

func (mariadbEngine) remark() string {
	return "Limit here: one statement more, which stores the receipts, since no statement of MariaDB\n" +
		"writes two tables, and puts `LAST_INSERT_ID()` back. The driver prepares each statement\n" +
		"that has arguments, every time: a round trip more. `interpolateParams=true` in the DSN\n" +
		"spares it, for the application and for annals."
}
