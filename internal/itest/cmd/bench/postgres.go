package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals/dialect"
)

type postgresEngine struct {
	url   *url.URL
	admin *sql.DB
}

func newPostgres() (engine, error) {
	u, err := serverURL("ANNALS_TEST_POSTGRES_DSN")
	if err != nil {
		return nil, err
	}
	admin, err := sql.Open("pgx", u.String())
	return postgresEngine{url: u, admin: admin}, err
}

func (postgresEngine) kind() string       { return "postgres" }
func (postgresEngine) scheme() string     { return dialect.PostgresName }
func (postgresEngine) title() string      { return "PostgreSQL" }
func (postgresEngine) wire() bool         { return true }
func (postgresEngine) variants() []string { return []string{""} }
func (e postgresEngine) close() error     { return e.admin.Close() }

// prepares: once for a text and connection, which does not count.
func (postgresEngine) prepares(string) bool { return false }

func (e postgresEngine) create(ctx context.Context, name string) error {
	_, err := e.admin.ExecContext(ctx, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
	return err
}

func (e postgresEngine) drop(ctx context.Context, name string) error {
	_, err := e.admin.ExecContext(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
	return err
}

func (e postgresEngine) connector(name, _ string, t *tracer) (driver.Connector, error) {
	u := *e.url
	u.Path = "/" + name
	cfg, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("read ANNALS_TEST_POSTGRES_DSN") //nolint:err113 // it has the password
	}
	if t != nil {
		cfg.DialFunc = dialer(t)
	}
	return stdlib.GetConnector(*cfg), nil
}

func (postgresEngine) dialector(db *sql.DB) gorm.Dialector {
	return postgres.New(postgres.Config{Conn: db})
}

func (postgresEngine) about() []string {
	queries := []string{"SELECT current_setting('server_version')"}
	for _, s := range []string{
		"fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size",
	} {
		queries = append(queries, "SELECT '"+s+"=' || current_setting('"+s+"')")
	}
	return queries
}

func (postgresEngine) settle(tables ...string) []string {
	var statements []string
	for _, t := range tables {
		statements = append(statements, "VACUUM (ANALYZE) "+t)
	}
	return statements
}

// pour copies.
func (postgresEngine) pour(ctx context.Context, p *place, rows pouring) (err error) {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(c any) error {
		_, err := c.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{rows.table}, rows.columns,
			pgx.CopyFromRows(rows.rows))
		return err
	})
}

// extra: one statement stores the revision and its receipts and draws numbers.
func (postgresEngine) extra(work) int { return 0 }

func (postgresEngine) remark() string {
	return "One statement stores the revision and its receipts and draws the numbers. pgx prepares\n" +
		"a statement the first time a connection meets its text: a round trip more, once."
}
