package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-162b1470/annals"
)

func TestQuote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d                 Dialect
		name, want, table string
	}{
		{Postgres(), `a"b`, `"a""b"`, `"s"."a""b"`},
		{MySQL(false), "a`b", "`a``b`", "`s`.`a``b`"},
		{SQLite(), "a`b", "`a``b`", "`s`.`a``b`"},
	} {
		if got := c.d.Quote(c.name); got != c.want {
			t.Errorf("%s: %s, want %s", c.d.Name(), got, c.want)
		}
		if got := c.d.Table(annals.Table{Schema: "s", Name: c.name}); got != c.table {
			t.Errorf("%s: %s, want %s", c.d.Name(), got, c.table)
		}
		if got := c.d.Table(annals.Table{Name: c.name}); got != c.want {
			t.Errorf("%s: %s, want %s", c.d.Name(), got, c.want)
		}
	}
	if Postgres().Placeholder(2) != "$2" || MySQL(true).Placeholder(2) != "?" || SQLite().Placeholder(2) != "?" {
		t.Error("placeholders")
	}
}

func TestForScheme(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[string]string{
		"postgres": "postgres", "postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql",
		"sqlite": "sqlite", "MySQL": "mysql", "sqlite:": "sqlite",
	} {
		d, err := ForScheme(scheme)
		if err != nil || d.Name() != want {
			t.Errorf("%s: %v, %v", scheme, d, err)
		}
	}
	for _, scheme := range []string{"", "oracle", "jsonl"} {
		_, err := ForScheme(scheme)
		if !errors.Is(err, annals.ErrConfig) || !strings.Contains(err.Error(), "postgres, mysql") {
			t.Errorf("%q: %v", scheme, err)
		}
	}
}

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"10.11.6-MariaDB-0+deb12u1 Debian 12":    "MariaDB 10.11",
		"5.5.5-10.6.1-MariaDB-log x":             "MariaDB 10.6",
		"8.0.36 MySQL Community Server - GPL":    "MySQL 8.0",
		"8.4.0-0ubuntu0 (Ubuntu)":                "MySQL 8.4",
		"11.4.2 mariadb.org binary distribution": "MariaDB 11.4",
		"":                                       "MySQL 0.0",
	} {
		product, version := parseMySQLVersion(text)
		if got := product + " " + version.String(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if v := parseVersion("3.38.5"); !v.atLeast(serverVersion{3, 38}) || v.atLeast(serverVersion{3, 39}) ||
		!v.atLeast(serverVersion{2, 99}) {
		t.Errorf("comparison of %v", v)
	}
}

// stateError is what pgx's errors look like, numberError what those of the
// MySQL driver, codeError what modernc's.
type (
	stateError  string
	numberError struct {
		Number  uint16
		Message string
	}
	codeError int
	textError struct {
		codeError
		text string
	}
)

func (e stateError) Error() string    { return "state" }
func (e stateError) SQLState() string { return string(e) }
func (e *numberError) Error() string  { return "number" }
func (e codeError) Error() string     { return "code" }
func (e codeError) Code() int         { return int(e) }
func (e textError) Error() string     { return e.text }

func TestClassify(t *testing.T) {
	t.Parallel()
	number := func(n uint16) error { return &numberError{Number: n} }
	for _, c := range []struct {
		d    Dialect
		err  error
		want Class
	}{
		{Postgres(), stateError("23505"), ClassDuplicate},
		{Postgres(), stateError("28P01"), ClassAccess},
		{Postgres(), stateError("40P01"), ClassRetryable},
		{Postgres(), stateError("57P01"), ClassUnreachable},
		{Postgres(), stateError("08006"), ClassUnreachable},
		{Postgres(), stateError("54000"), ClassTooLarge},
		{Postgres(), stateError("23503"), ClassUnknown},
		{MySQL(false), number(1062), ClassDuplicate},
		{MySQL(false), number(1146), ClassMissingTable},
		{MySQL(false), number(1054), ClassMissingColumn},
		{MySQL(false), number(1049), ClassMissingDatabase},
		{MySQL(true), number(1045), ClassAccess},
		{MySQL(true), number(1213), ClassRetryable},
		{MySQL(true), number(2006), ClassUnreachable},
		{MySQL(true), number(1153), ClassTooLarge},
		{MySQL(true), number(1), ClassUnknown},
		{SQLite(), codeError(2067), ClassDuplicate},
		{SQLite(), codeError(517), ClassRetryable},
		{SQLite(), codeError(8), ClassAccess},
		{SQLite(), codeError(14), ClassUnreachable},
		{SQLite(), codeError(18), ClassTooLarge},
		{SQLite(), codeError(787), ClassUnknown},
		{SQLite(), textError{1, "SQL logic error: no such table: t (1)"}, ClassMissingTable},
		{SQLite(), textError{1, "SQL logic error: table t has no column named c (1)"}, ClassMissingColumn},
		{SQLite(), textError{1, "SQL logic error: near x (1)"}, ClassUnknown},
	} {
		for _, err := range []error{
			c.err, fmt.Errorf("wrapped: %w", c.err), errors.Join(errors.New("other"), c.err),
		} {
			if got := c.d.Classify(err); got != c.want {
				t.Errorf("%s, %#v: class %d, want %d", c.d.Name(), err, got, c.want)
			}
		}
	}
}

func TestClassifyTransport(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, d := range []Dialect{Postgres(), MySQL(false), SQLite()} {
		for _, err := range []error{
			driver.ErrBadConn, context.Canceled, context.DeadlineExceeded, io.ErrUnexpectedEOF,
			refused, syscall.ECONNRESET, &net.DNSError{}, net.ErrClosed,
		} {
			if got := d.Classify(fmt.Errorf("wrapped: %w", err)); got != ClassUnreachable {
				t.Errorf("%s, %v: class %d", d.Name(), err, got)
			}
		}
		for _, err := range []error{nil, errors.New("other"), (*numberError)(nil)} {
			if got := d.Classify(err); got != ClassUnknown {
				t.Errorf("%s, %v: class %d", d.Name(), err, got)
			}
		}
	}
}
