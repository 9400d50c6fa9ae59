package server

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver the readiness probe uses
)

const (
	superuser       = "annals"
	postgresPattern = "/usr/lib/postgresql/*/bin"
	postgresAdvice  = "install PostgreSQL 15 or newer (package postgresql), or set " +
		"ANNALS_TEST_POSTGRES_DSN=postgres://superuser:password@host:5432/postgres"
)

// postgresPrograms returns the paths of initdb and postgres.
func postgresPrograms(ctx context.Context) (initdb, postgres string, err error) {
	find := func() error {
		folders, err := filepath.Glob(postgresPattern)
		if err != nil {
			return fmt.Errorf("look for PostgreSQL: %w", err)
		}
		slices.SortFunc(folders, func(a, b string) int { return postgresMajor(b) - postgresMajor(a) })
		if initdb, err = findProgram(folders, "initdb"); err != nil {
			return err
		}
		// Both from one place: versions must not be mixed.
		if initdb, err = filepath.EvalSymlinks(initdb); err != nil {
			return fmt.Errorf("look for PostgreSQL: %w", err)
		}
		postgres, err = exec.LookPath(filepath.Join(filepath.Dir(initdb), "postgres"))
		return err
	}
	err = ensure(ctx, find, postgresAdvice, "postgresql")
	return initdb, postgres, err
}

// postgresMajor reads the version out of /usr/lib/postgresql/15/bin.
func postgresMajor(folder string) int {
	major, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return major
}

func (g *Group) startPostgres(ctx context.Context) (*Server, error) {
	initdb, postgres, err := postgresPrograms(ctx)
	if err != nil {
		return nil, err
	}
	user, err := unprivileged("postgres", "nobody")
	if err != nil {
		return nil, err
	}
	dir, err := newFolder(Postgres, user)
	if err != nil {
		return nil, err
	}
	if err := g.watch(dir, 0, "-"); err != nil {
		return nil, err
	}
	password, data, secret := newPassword(), dir+"/data", dir+"/password"
	if err := writeFile(secret, password, user); err != nil {
		return nil, err
	}
	// MD5 rather than SCRAM: tests open thousands of connections, and SCRAM is slow on purpose.
	err = runTool(ctx, user, dir, initdb, "-D", data, "-U", superuser, "--pwfile="+secret, "-E", "UTF8",
		"--locale=C", "--auth-local=trust", "--auth-host=md5", "--no-sync", "--no-instructions")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dsn := fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/postgres?sslmode=disable", superuser, password, port)
	process, err := g.run(ctx, launch{
		dir: dir, bin: postgres, args: postgresArgs(dir, data, port), user: user,
		signal: "QUIT", driver: "pgx", dsn: dsn,
	})
	if err != nil {
		return nil, err
	}
	return &Server{Kind: Postgres, DSN: dsn, Dir: dir, Connect: "psql '" + dsn + "'", running: process}, nil
}

// postgresArgs gives up durability, which a throwaway server has no use for, and keeps every
// setting that changes what a query answers at its default.
func postgresArgs(dir, data string, port int) []string {
	args := []string{"-D", data, "-p", strconv.Itoa(port), "-k", dir, "-h", "127.0.0.1"}
	for _, setting := range []string{
		"fsync=off",
		"synchronous_commit=off",
		"full_page_writes=off",
		"shared_buffers=64MB",
		"max_connections=300",
		"max_prepared_transactions=16",
		"max_wal_size=1GB",
		"checkpoint_timeout=1h",
		"logging_collector=off",
	} {
		args = append(args, "-c", setting)
	}
	return args
}
