package server

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// The databases tests can ask for.
const (
	Postgres = "postgres"
	MariaDB  = "mariadb"
	MySQL    = "mysql"
	SQLite   = "sqlite"
)

// The variables that choose the databases and keep their data.
const (
	EnvDatabases = "ANNALS_TEST_DATABASES"
	EnvKeep      = "ANNALS_TEST_KEEP"
)

// Asked returns the databases the run has to cover: the list in ANNALS_TEST_DATABASES, else
// PostgreSQL, MariaDB and SQLite, and MySQL where its DSN is set. Unknown names are a fault, so
// that a typing error never makes a run cover less in silence.
func Asked() ([]string, error) {
	list := os.Getenv(EnvDatabases)
	if list == "" {
		kinds := []string{Postgres, MariaDB, SQLite}
		if os.Getenv(EnvDSN(MySQL)) != "" {
			kinds = append(kinds, MySQL)
		}
		return kinds, nil
	}
	var kinds []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains([]string{Postgres, MariaDB, MySQL, SQLite}, name) {
			return nil, fmt.Errorf("%s: unknown database %q, want a list of %s, %s, %s, %s",
				EnvDatabases, name, Postgres, MariaDB, SQLite, MySQL)
		}
		if !slices.Contains(kinds, name) {
			kinds = append(kinds, name)
		}
	}
	return kinds, nil
}

// Keep reports whether servers and data are to stay after the run.
func Keep() bool {
	v := os.Getenv(EnvKeep)
	return v != "" && v != "0"
}

// EnvDSN names the variable that points tests at a running server of that kind.
func EnvDSN(kind string) string {
	return "ANNALS_TEST_" + strings.ToUpper(kind) + "_DSN"
}
