package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // registers "pgx"
	"modernc.org/sqlite"               // registers "sqlite"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
)

// connectTimeout bounds the first contact with a server.
const connectTimeout = 10 * time.Second

// open opens the database of a DSN and asks which one it is.
func open(ctx context.Context, dsn string) (*sql.DB, dialect.Dialect, error) {
	d, err := config.ParseDSN(dsn)
	if err != nil {
		return nil, nil, fmt.Errorf("open database: %w", err)
	}
	db, err := handle(d)
	if err != nil {
		return nil, nil, explain(d, err)
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, nil, explain(d, err)
	}
	dia, err := dialect.Detect(ctx, db, d.Scheme)
	if err != nil {
		_ = db.Close()
		return nil, nil, fmt.Errorf("open %s: %w", d.Where(), err)
	}
	return db, dia, nil
}

// handle opens a pool, which connects to nothing yet.
func handle(d config.DSN) (*sql.DB, error) {
	switch d.Scheme {
	case config.SchemePostgres:
		return sql.Open("pgx", d.Text())
	case config.SchemeMySQL:
		return openMySQL(d)
	case config.SchemeSQLite:
		return openSQLite(d)
	}
	return nil, fmt.Errorf("files of JSON lines cannot be read by this command yet: %w",
		annals.ErrConfig)
}

// openMySQL turns the URL into the driver's configuration: times parsed and in
// UTC, all of Unicode.
func openMySQL(d config.DSN) (*sql.DB, error) {
	// The driver reads parameters from the text after the question mark only.
	options := url.Values{}
	for name, values := range d.Options {
		if name != "socket" {
			options[name] = values
		}
	}
	c, err := mysql.ParseDSN("/?" + options.Encode())
	if err != nil {
		return nil, wrongParameter(d)
	}
	c.Net, c.Addr = "tcp", d.Server()
	if d.Socket != "" {
		c.Net = "unix"
	}
	c.User, c.DBName = d.User, d.Database
	c.Passwd, _ = d.Password()
	c.ParseTime, c.Loc = true, time.UTC
	if c.Timeout == 0 {
		c.Timeout = connectTimeout
	}
	if err := c.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, fmt.Errorf("set the character set: %w", err)
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, wrongParameter(d)
	}
	return sql.OpenDB(connector), nil
}

// openSQLite opens a file that exists; one that does not is made only where the
// DSN says mode=rwc. The journal mode stays the file's own.
func openSQLite(d config.DSN) (*sql.DB, error) {
	options := url.Values{}
	for name, values := range d.Options {
		options[name] = values
	}
	if !options.Has("_pragma") {
		options["_pragma"] = []string{"busy_timeout(5000)", "foreign_keys(1)"}
	}
	if d.Path == ":memory:" {
		db, err := sql.Open("sqlite", ":memory:?"+options.Encode())
		if err == nil {
			db.SetMaxOpenConns(1) // each connection would be a database of its own
		}
		return db, err
	}
	if !options.Has("mode") {
		options.Set("mode", "rw")
	}
	if options.Get("mode") != "rwc" {
		info, err := os.Stat(d.Path)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			return nil, fmt.Errorf("it is a folder: %w", annals.ErrConfig)
		}
	}
	if err := checkHeader(d.Path); err != nil {
		return nil, err
	}
	file := url.URL{Scheme: "file", Opaque: (&url.URL{Path: d.Path}).EscapedPath()}
	file.RawQuery = options.Encode()
	return sql.Open("sqlite", file.String())
}

// sqliteHeader begins every SQLite file that is not empty.
const sqliteHeader = "SQLite format 3\x00"

// errNoSQLite: the driver would tell only with the first question.
var errNoSQLite = fmt.Errorf("the file is no SQLite database: %w", annals.ErrConfig)

// checkHeader refuses a file that holds something else than a database.
func checkHeader(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	head := make([]byte, len(sqliteHeader))
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if n > 0 && string(head[:n]) != sqliteHeader {
		return errNoSQLite
	}
	return nil
}

// explain says which database did not open, why, and what to do.
func explain(d config.DSN, err error) error {
	class := dialect.ClassUnknown
	if dia, unknown := dialect.ForScheme(d.Scheme); unknown == nil {
		class = dia.Classify(err)
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the subject names the path
	}
	if d.Scheme == config.SchemeSQLite && errors.Is(err, fs.ErrNotExist) {
		class = dialect.ClassMissingDatabase
	}
	e := &annals.Error{Op: "open", Subject: d.Where(), Err: err}
	switch class {
	case dialect.ClassMissingDatabase:
		e.Err = fmt.Errorf("there is no such database: %w", annals.ErrNotFound)
		e.Remedy = "check the DSN; annals schema update --force --create-database makes " +
			"the database of a storage"
	case dialect.ClassUnreachable:
		e.Err = fmt.Errorf("%w: %w", annals.ErrUnreachable, plain(err))
		e.Remedy = "check that the server runs at " + d.Server() + " and that the DSN is right"
	case dialect.ClassAccess:
		e.Err = plain(err)
		e.Remedy = "check user name and password of the DSN"
	default:
		e.Err = quiet(d, err)
	}
	if d.Scheme == config.SchemeSQLite {
		explainFile(d, class, e)
	}
	return e
}

// quiet is a failure of another class. What a driver says of a DSN repeats parts of
// it, and so does a server of what it does not accept, where they may be secrets.
func quiet(d config.DSN, err error) error {
	var unparsed *pgconn.ParseConfigError
	if errors.As(err, &unparsed) {
		return wrongParameter(d)
	}
	var said *pgconn.PgError
	var answer *mysql.MySQLError
	var lite *sqlite.Error
	code := ""
	switch {
	case errors.As(err, &said):
		err, code = said, "SQLSTATE "+said.Code
	case errors.As(err, &answer):
		code = fmt.Sprintf("error %d", answer.Number)
	case errors.As(err, &lite):
		code = fmt.Sprintf("code %d", lite.Code())
	}
	if code == "" || !d.HidesOptions() {
		return err
	}
	return fmt.Errorf("the connection was refused (%s), perhaps for a parameter of the DSN: %w",
		code, annals.ErrConfig)
}

// wrongParameter names the parameter that a driver does not accept, never its value.
// Drivers look at the values of those alone whose names they know.
func wrongParameter(d config.DSN) error {
	_, query, _ := strings.Cut(d.Text(), "?")
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		var err error
		switch d.Scheme {
		case config.SchemeMySQL:
			_, err = mysql.ParseDSN("/?" + pair)
		case config.SchemePostgres:
			_, err = pgconn.ParseConfig("postgres://localhost/?" + pair)
		}
		if decoded, bad := url.QueryUnescape(name); bad == nil && err != nil && d.Options.Has(decoded) {
			return fmt.Errorf("the value of parameter %s of the DSN is not accepted: %w",
				decoded, annals.ErrConfig)
		}
	}
	return fmt.Errorf("the driver does not accept the DSN's host, port or parameters: %w",
		annals.ErrConfig)
}

// explainFile says what is wrong with a file: there is no server to look for.
func explainFile(d config.DSN, class dialect.Class, e *annals.Error) {
	_, missing := os.Stat(filepath.Dir(d.Path))
	switch {
	case errors.Is(missing, fs.ErrNotExist):
		e.Err = fmt.Errorf("there is no folder %s: %w", filepath.Dir(d.Path), annals.ErrNotFound)
		e.Remedy = "check the DSN, or make the folder"
	case errors.Is(e.Err, errNoSQLite):
		e.Remedy = "check the path in the DSN"
	case errors.Is(e.Err, fs.ErrPermission), class == dialect.ClassUnreachable,
		class == dialect.ClassAccess:
		e.Remedy = "check that the file, and the folder that it is in, may be read and written"
	}
}

// plain is the cause below a driver's own words, which can fill a screen: what the
// server said, or why it was not reached.
func plain(err error) error {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	return err
}
