package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals/capture/claim"
)

// engine is one kind of database. There is one implementation per file:
// postgres.go, mariadb.go, sqlite.go.
type engine interface {
	server
	traits
	triggered
}

// server makes databases and connects to them.
type server interface {
	create(ctx context.Context, name string) error
	drop(ctx context.Context, name string) error
	close() error
	// connector connects to a database, through t where that is not nil.
	connector(name, variant string, t *tracer) (driver.Connector, error)
	dialector(db *sql.DB) gorm.Dialector
	// about has the query of the version, then those of settings that matter.
	about() []string
	// settle statements bring statistics up to date and clear away dead rows.
	settle(tables ...string) []string
	// pour stores rows as fast as the database takes them.
	pour(ctx context.Context, p *place, rows pouring) error
}

// traits are what is known of it.
type traits interface {
	// kind names it on the command line, title in the document, scheme is the
	// name of annals' dialect.
	kind() string
	title() string
	scheme() string
	// wire: statements travel to a server.
	wire() bool
	// variants are ways of connecting that differ in what travels; "" is the
	// driver's default.
	variants() []string
	// prepares: the driver prepares every statement that has arguments.
	prepares(variant string) bool
	// extra is how many statements a transaction takes over the design's number,
	// remark tells why.
	extra(w work) int
	remark() string
}

// triggered is what the measurement of triggers needs (floors_postgres.go, …).
type triggered interface {
	// floors are triggers made by hand, that do part of what annals' do.
	floors() []floor
	// probe finds where the session's time and the log's bytes are read.
	probe(ctx context.Context, p *place, conn *sql.Conn) (probe, error)
	// empty is the statement that empties a table as fast as may be.
	empty(table string) string
	// bind is the statement that tells triggers who acts, after BEGIN, as the connector
	// does it; unbind takes it back before COMMIT, "" where it ends by itself.
	bind(c claim.Claim) (query string, args []any)
	unbind() string
	// statementTriggers: annals' triggers fire once a statement.
	statementTriggers() bool
	// waiters asks how many of the database's sessions wait for a lock; "" where
	// nobody can tell. Waiting to make a table longer is not meant.
	waiters() string
	dropIndex(name, table string) string
	// revisions is the statement that stores n of them, as if of long ago.
	revisions(n int) string
}

func newEngine(kind, dir string) (engine, error) {
	switch kind {
	case "postgres":
		return newPostgres()
	case "mariadb":
		return newMariaDB()
	case "sqlite":
		return sqliteEngine{dir: dir}, nil
	}
	return nil, fmt.Errorf("unknown database %q: want postgres, mariadb or sqlite", kind)
}

// serverURL reads the variable of a server.
func serverURL(variable string) (*url.URL, error) {
	u, err := url.Parse(os.Getenv(variable))
	if err != nil || u.Host == "" || u.User == nil {
		// The cause would show the password.
		return nil, fmt.Errorf("%s is no DSN of a server; run this by make bench", variable)
	}
	return u, nil
}

// place is a database of its own.
type place struct {
	engine engine
	name   string
	db     *sql.DB
}

func newPlace(ctx context.Context, e engine) (*place, error) {
	p := &place{engine: e, name: "annals_bench_" + strings.ToLower(rand.Text())[:8]}
	if err := e.create(ctx, p.name); err != nil {
		return nil, fmt.Errorf("create database: %w", err)
	}
	var err error
	if p.db, err = p.open("", nil); err != nil {
		return nil, errors.Join(err, e.drop(ctx, p.name))
	}
	return p, nil
}

// open opens the database once more, with one connection where it is traced.
func (p *place) open(variant string, t *tracer) (*sql.DB, error) {
	c, err := p.engine.connector(p.name, variant, t)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return sql.OpenDB(c), nil
	}
	db := sql.OpenDB(tracedConnector{c, t})
	db.SetMaxOpenConns(1)
	return db, nil
}

func (p *place) exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := p.db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// close drops the database, even when the run was interrupted.
func (p *place) close(ctx context.Context) error {
	return errors.Join(p.db.Close(), p.engine.drop(context.WithoutCancel(ctx), p.name))
}

// describe asks for the version and the settings.
func describe(ctx context.Context, e engine) (version string, settings []string, err error) {
	p, err := newPlace(ctx, e)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	for i, q := range e.about() {
		var text string
		if err := p.db.QueryRowContext(ctx, q).Scan(&text); err != nil {
			return "", nil, fmt.Errorf("%s: %w", q, err)
		}
		if i == 0 {
			version = text
		} else {
			settings = append(settings, text)
		}
	}
	return version, settings, nil
}

// dialer opens a connection that t listens on.
func dialer(t *tracer) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &tracedWire{Conn: c, t: t}, nil
	}
}
