package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// CreateDatabase makes the database of that name, in an encoding that holds all
// text, and reports whether it was missing. admin is a connection to another
// database of the server; on SQLite it is the one to the file, which opening
// creates, and name is for messages only. A PostgreSQL database in another
// encoding than UTF8 is refused with an error that matches annals.ErrConfig.
func CreateDatabase(
	ctx context.Context, admin *sql.DB, d dialect.Dialect, name string,
) (created bool, err error) {
	t := &Target{Name: name, Dialect: d}
	created, err = creatorFor(d).createDatabase(ctx, admin, name)
	if err != nil {
		return false, explain(t, "create database", name, err)
	}
	return created, nil
}

type creator interface {
	createDatabase(ctx context.Context, admin *sql.DB, name string) (bool, error)
}

func creatorFor(d dialect.Dialect) creator {
	switch d.Name() {
	case dialect.MySQLName:
		return mysqlFlavour{d}
	case dialect.SQLiteName:
		return sqliteFlavour{d}
	}
	return postgresFlavour{d}
}

func (f postgresFlavour) createDatabase(
	ctx context.Context, admin *sql.DB, name string,
) (bool, error) {
	switch encoding, err := f.encoding(ctx, admin, name); {
	case err != nil:
		return false, err
	case encoding != "":
		return false, checkEncoding(encoding)
	}
	// template0 takes any encoding, and nobody's connection to it is in the way.
	statement := "CREATE DATABASE " + f.d.Quote(name) + " TEMPLATE template0 ENCODING 'UTF8'"
	_, err := admin.ExecContext(ctx, statement)
	if err == nil {
		return true, nil
	}
	// Somebody else may have been faster.
	if encoding, again := f.encoding(ctx, admin, name); again == nil && encoding != "" {
		return false, checkEncoding(encoding)
	}
	return false, err
}

// encoding of a database; "" where there is no such database.
func (f postgresFlavour) encoding(
	ctx context.Context, admin *sql.DB, name string,
) (encoding string, err error) {
	const q = `SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = $1`
	err = admin.QueryRowContext(ctx, q, name).Scan(&encoding)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return encoding, err
}

func checkEncoding(encoding string) error {
	if encoding == "UTF8" {
		return nil
	}
	return fmt.Errorf("it exists with encoding %s instead of UTF8: %w", encoding, annals.ErrConfig)
}

func (f mysqlFlavour) createDatabase(
	ctx context.Context, admin *sql.DB, name string,
) (bool, error) {
	var found int
	err := admin.QueryRowContext(ctx, mySchemaExists, name).Scan(&found)
	if !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	_, err = admin.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+f.d.Quote(name)+
		" CHARACTER SET utf8mb4 COLLATE "+f.collation())
	return err == nil, err
}

// createDatabase: the first write makes the file; a pragma that changes nothing
// is one.
func (sqliteFlavour) createDatabase(
	ctx context.Context, admin *sql.DB, _ string,
) (bool, error) {
	conn, err := admin.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	var pages, version int64
	if err := conn.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil || pages > 0 {
		return false, err
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return false, err
	}
	_, err = conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
	return err == nil, err
}
