package server

import (
	"context"
	"fmt"
	"os/exec"
)

// clients are the databases' own programs for a shell, with their packages: scripts
// that annals prints are tried with them.
var clients = []struct{ program, instead, pkg string }{
	{"psql", "psql", "postgresql-client"},
	{"mariadb", "mysql", "mariadb-client"},
	{"sqlite3", "sqlite3", "sqlite3"},
}

// EnsureClients makes sure that the databases' own programs are there.
func EnsureClients(ctx context.Context) error {
	for _, c := range clients {
		err := ensure(ctx, func() error {
			if _, err := exec.LookPath(c.program); err == nil {
				return nil
			}
			if _, err := exec.LookPath(c.instead); err != nil {
				return fmt.Errorf("find %s: %w", c.program, err)
			}
			return nil
		}, "install "+c.program+" (package "+c.pkg+")", c.pkg)
		if err != nil {
			return err
		}
	}
	return nil
}
