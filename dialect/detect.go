package dialect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
)

// ForScheme returns the dialect of a DSN's scheme. An unknown scheme gives an
// error that matches annals.ErrConfig and names those that work. For "mysql" it
// is MySQL's; Detect tells it from MariaDB's.
func ForScheme(scheme string) (Dialect, error) {
	switch strings.ToLower(strings.TrimSuffix(scheme, ":")) {
	case PostgresName, "postgresql":
		return Postgres(), nil
	case MySQLName:
		return MySQL(false), nil
	case "mariadb":
		return MySQL(true), nil
	case SQLiteName, "sqlite3":
		return SQLite(), nil
	}
	return nil, &annals.Error{
		Op: "choose dialect", Subject: strconv.Quote(scheme),
		Remedy: "use one of postgres, mysql (MariaDB too), sqlite",
		Err:    fmt.Errorf("unknown database scheme: %w", annals.ErrConfig),
	}
}

// Detect returns the dialect of the server behind q: name (a scheme) says which
// database to expect, the server says whether "mysql" is MySQL or MariaDB. A
// server older than annals supports gives an error that matches
// annals.ErrConfig, one that does not answer annals.ErrUnreachable.
func Detect(ctx context.Context, q Queryer, name string) (Dialect, error) {
	d, err := ForScheme(name)
	if err != nil {
		return nil, err
	}
	product, version, err := askVersion(ctx, q, d)
	if err != nil {
		if d.Classify(err) == ClassUnreachable {
			err = fmt.Errorf("%w: %w", annals.ErrUnreachable, err)
		}
		return nil, &annals.Error{Op: "ask version of", Subject: d.Name(), Err: err}
	}
	if product == productMariaDB || product == productMySQL {
		d = MySQL(product == productMariaDB)
	}
	least := leastVersions(product)
	if !version.atLeast(least) {
		return nil, &annals.Error{
			Op: "check version of", Subject: d.Name(),
			Remedy: fmt.Sprintf("upgrade to %s %s or later", product, least),
			Err:    fmt.Errorf("%s %s is too old: %w", product, version, annals.ErrConfig),
		}
	}
	return d, nil
}

// The products, as their makers write them.
const (
	productPostgres = "PostgreSQL"
	productMySQL    = "MySQL"
	productMariaDB  = "MariaDB"
	productSQLite   = "SQLite"
)

// leastVersions is the oldest version of a product that annals supports.
func leastVersions(product string) serverVersion {
	switch product {
	case productPostgres:
		return serverVersion{13, 0}
	case productMySQL:
		return serverVersion{8, 0}
	case productMariaDB:
		return serverVersion{10, 6}
	}
	return serverVersion{3, 38}
}

// askVersion asks the server what it is.
func askVersion(ctx context.Context, q Queryer, d Dialect) (string, serverVersion, error) {
	switch d.Name() {
	case PostgresName:
		// server_version_num is 130004 for 13.4.
		text, err := queryText(ctx, q, "SELECT pg_catalog.current_setting('server_version_num')")
		n, _ := strconv.Atoi(text)
		return productPostgres, serverVersion{n / 10000, n % 10000}, err
	case MySQLName:
		text, err := queryText(ctx, q, "SELECT CONCAT(VERSION(), ' ', @@version_comment)")
		product, version := parseMySQLVersion(text)
		return product, version, err
	}
	text, err := queryText(ctx, q, "SELECT sqlite_version()")
	return productSQLite, parseVersion(text), err
}

// parseMySQLVersion reads "10.11.6-MariaDB-0+deb12u1 Debian 12" and "8.0.36
// Source distribution". Old MariaDB servers put "5.5.5-" before their version,
// for replicas that know no two-digit version.
func parseMySQLVersion(text string) (product string, v serverVersion) {
	if !strings.Contains(strings.ToLower(text), "mariadb") {
		return productMySQL, parseVersion(text)
	}
	return productMariaDB, parseVersion(strings.TrimPrefix(text, "5.5.5-"))
}

// serverVersion is major and minor.
type serverVersion [2]int

func (v serverVersion) String() string { return fmt.Sprintf("%d.%d", v[0], v[1]) }

func (v serverVersion) atLeast(o serverVersion) bool {
	if v[0] != o[0] {
		return v[0] > o[0]
	}
	return v[1] >= o[1]
}

// parseVersion reads the first two numbers of a text like "3.45.1"; what is not
// there is 0, which is too old for everything.
func parseVersion(text string) serverVersion {
	var v serverVersion
	part := 0
	for i := 0; i < len(text) && part < len(v); i++ {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			v[part] = v[part]*10 + int(c-'0')
		case c == '.':
			part++
		default:
			return v
		}
	}
	return v
}

// queryText runs a query of one row and one column.
func queryText(ctx context.Context, q Queryer, query string) (string, error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return "", err //nolint:wrapcheck // the caller says what was asked
	}
	defer rows.Close()
	var text sql.NullString
	if rows.Next() {
		err = rows.Scan(&text)
	}
	return text.String, errors.Join(err, rows.Err())
}
