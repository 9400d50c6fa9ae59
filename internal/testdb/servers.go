package testdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/seed-162b1470/annals/internal/testdb/server"
)

// running holds this process's servers: each starts with the first test that needs it.
var running struct {
	group server.Group
	mu    sync.Mutex
	kinds map[string]func() (*onServer, error)
}

// onServer makes and drops databases on one server.
type onServer struct {
	dsn   dsn
	admin *sql.DB
}

// serverOf returns the server of the kind, starting it when no DSN names one.
func serverOf(kind string) (*onServer, error) {
	if !known(kind) {
		return nil, fmt.Errorf("unknown kind of database server %q", kind)
	}
	running.mu.Lock()
	start, ok := running.kinds[kind]
	if !ok {
		if running.kinds == nil {
			running.kinds = map[string]func() (*onServer, error){}
		}
		start = sync.OnceValues(func() (*onServer, error) { return connect(kind) })
		running.kinds[kind] = start
	}
	running.mu.Unlock()
	return start()
}

func connect(kind string) (*onServer, error) {
	text := os.Getenv(server.EnvDSN(kind))
	if text == "" {
		// A server outlives the test that happened to need it first.
		started, err := running.group.Start(context.Background(), kind)
		if err != nil {
			return nil, err
		}
		text = started.DSN
		if server.Keep() {
			fmt.Fprintf(os.Stderr, "testdb: %s stays in %s, connect with: %s\n", kind, started.Dir, started.Connect)
		}
	}
	d, err := parseDSN(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", server.EnvDSN(kind), err)
	}
	admin, err := sql.Open(d.driver(), d.driverDSN())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", kind, err)
	}
	admin.SetMaxOpenConns(4)
	return &onServer{dsn: d, admin: admin}, nil
}

// Stop closes what this process holds on its servers and stops those it started. Main calls it;
// it is for packages with their own TestMain. Servers of a process that never calls it stop when
// the process ends.
func Stop() error {
	running.mu.Lock()
	defer running.mu.Unlock()
	var err error
	for _, start := range running.kinds {
		if s, failed := start(); failed == nil {
			err = errors.Join(err, s.admin.Close())
		}
	}
	running.kinds = nil
	return errors.Join(err, running.group.Stop())
}

// create makes an empty database; name needs no quoting.
func (s *onServer) create(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	statement := "CREATE DATABASE " + name + " CHARACTER SET utf8mb4"
	if s.dsn.dialect() == postgresDialect {
		// Nobody is ever connected to template0, so that creations side by side do not collide.
		// The default strategy from version 15 on, wal_log, is the fast one.
		statement = "CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'UTF8'"
	}
	if _, err := s.admin.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}

// drop removes the database, ending connections a test left open.
func (s *onServer) drop(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	statement := "DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"
	if s.dsn.dialect() == mysqlDialect {
		statement = "DROP DATABASE IF EXISTS " + name
		if err := s.disconnect(ctx, name); err != nil {
			return err
		}
	}
	if _, err := s.admin.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("drop database: %w", err)
	}
	return nil
}

// disconnect ends the idle connections to a MySQL database: a transaction left open would hold the
// locks DROP DATABASE waits for. One that works may be another test's: while it reads
// information_schema the server counts it as one of each database in turn.
func (s *onServer) disconnect(ctx context.Context, name string) error {
	rows, err := s.admin.QueryContext(ctx, "SELECT id FROM information_schema.processlist "+
		"WHERE db = ? AND command = 'Sleep'", name)
	if err != nil {
		return fmt.Errorf("list connections: %w", err)
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("list connections: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list connections: %w", err)
	}
	for _, id := range ids {
		// It may be gone by now; what matters is that DROP DATABASE gets through.
		_, _ = s.admin.ExecContext(ctx, fmt.Sprintf("KILL %d", id))
	}
	return nil
}
