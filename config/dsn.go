package config

import (
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
)

// Schemes of DSNs.
const (
	SchemePostgres = "postgres"
	SchemeMySQL    = "mysql"
	SchemeSQLite   = "sqlite"
	SchemeJSONL    = "jsonl"
)

// hidden stands for a password, as net/url writes it.
const hidden = "xxxxx"

// memory is the SQLite database that has no file.
const memory = ":memory:"

// DSN is the address of a database or file, taken apart. Values are immutable.
type DSN struct {
	// Scheme is one of the constants above; "postgresql" became SchemePostgres.
	Scheme string
	// User, Host, Port and Database of a server; Port has the scheme's default.
	// Where PostgreSQL's client is to try several servers, Host lists them with
	// their ports, "db1:5432,db2:5433", and Port is empty.
	User, Host, Port, Database string
	// Socket is the path of a Unix socket (postgres: its folder), instead of Host.
	Socket string
	// Path of a SQLite or JSON lines file, ":memory:" for none.
	Path string
	// Options are the parameters after the question mark, as they are written.
	Options url.Values

	password string
	has      bool
	text     string
}

// Password returns the password and whether there is one.
func (d DSN) Password() (string, bool) { return d.password, d.has }

// Text returns the DSN as it was given, password included: never print it.
func (d DSN) Text() string { return d.text }

// IsSQL reports whether it is a database rather than a file of JSON lines.
func (d DSN) IsSQL() bool { return d.Scheme != SchemeJSONL }

// Secret reports whether the text holds a password.
func (d DSN) Secret() bool { return d.has || RedactDSN(d.text) != d.text }

// String implements fmt.Stringer with the redacted text.
func (d DSN) String() string { return RedactDSN(d.text) }

// Where names the place for people, without account and password:
// "postgres db.example.org:5432/shop", "sqlite /var/lib/shop.db".
func (d DSN) Where() string {
	return d.Scheme + " " + d.place()
}

// Server names the server alone: "db.example.org:5432", or the file.
func (d DSN) Server() string {
	switch {
	case d.Path != "":
		return d.Path
	case d.Socket != "":
		return d.Socket
	case d.Port == "":
		return d.Host
	}
	return net.JoinHostPort(d.Host, d.Port)
}

func (d DSN) place() string {
	if d.Path != "" {
		return d.Path
	}
	return d.Server() + "/" + d.Database
}

// Together reports whether one transaction can reach both: the same database
// (postgres), the same server (mysql) or the same file (sqlite).
func (d DSN) Together(o DSN) bool {
	if d.Scheme != o.Scheme || !d.IsSQL() {
		return false
	}
	if d.Scheme == SchemeSQLite {
		return samePath(d.Path, o.Path)
	}
	server := d.Socket == o.Socket && d.Port == o.Port && sameHost(d.Host, o.Host)
	return server && (d.Scheme == SchemeMySQL || d.Database == o.Database)
}

// schemeForm is what a DSN starts with.
var schemeForm = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*:`)

// ErrDSN is the family of what ParseDSN refuses. It is a configuration fault.
var ErrDSN = dsnError("wrong DSN")

type dsnError string

// Error implements error.
func (e dsnError) Error() string { return string(e) }

// Unwrap makes errors.Is(ErrDSN, annals.ErrConfig) true.
func (e dsnError) Unwrap() error { return annals.ErrConfig }

// dsnFault is a DSN that is refused. The DSN's text stands nowhere in it.
type dsnFault struct{ problem, remedy string }

// Error tells the problem and the remedy.
func (e *dsnFault) Error() string {
	if e.remedy == "" {
		return e.problem
	}
	return e.problem + "; " + e.remedy
}

// Unwrap makes the fault match ErrDSN.
func (e *dsnFault) Unwrap() error { return ErrDSN }

// The forms of DSNs, for remedies.
const dsnForms = "write postgres://user:password@host:5432/database, " +
	"mysql://user:password@host:3306/database, sqlite:path or jsonl:path"

// What is said of a scheme that is none.
const (
	noScheme      = "DSN has no known scheme"
	unknownScheme = "unknown scheme "
)

// ParseDSN takes a DSN apart. The scheme is postgres (or postgresql), mysql,
// sqlite or jsonl. In sqlite: and jsonl: a path follows as it is, with the
// parameters after a question mark; sqlite://path and sqlite:///path are
// percent-encoded. Errors match ErrDSN and never repeat the text.
func ParseDSN(text string) (DSN, error) {
	if text == "" {
		return DSN{}, &dsnFault{"DSN is empty", dsnForms}
	}
	scheme := strings.ToLower(strings.TrimSuffix(schemeForm.FindString(text), ":"))
	rest := text[min(len(scheme)+1, len(text)):]
	switch scheme {
	case SchemePostgres, "postgresql":
		return serverDSN(text, SchemePostgres, "5432")
	case SchemeMySQL:
		return serverDSN(text, SchemeMySQL, "3306")
	case SchemeSQLite, SchemeJSONL:
		return fileDSN(text, scheme, rest)
	case "":
		return DSN{}, &dsnFault{"DSN has no scheme", dsnForms}
	case "mariadb":
		return DSN{}, &dsnFault{unknownScheme + `"mariadb"`, "write mysql:, which is for MariaDB too"}
	}
	problem := noScheme
	if strings.HasPrefix(rest, "//") {
		problem = unknownScheme + strconv.Quote(scheme)
	}
	return DSN{}, &dsnFault{problem, dsnForms}
}

func fileDSN(text, scheme, rest string) (DSN, error) {
	path, query, _ := strings.Cut(rest, "?")
	if after, ok := strings.CutPrefix(path, "//"); ok {
		decoded, err := url.PathUnescape(after)
		if err != nil {
			return DSN{}, &dsnFault{
				"DSN has a wrong percent-encoding",
				"write " + scheme + ":path, where the path stands as it is",
			}
		}
		path = decoded
	}
	if path == "" {
		return DSN{}, &dsnFault{"DSN names no file", "write " + scheme + ":path"}
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return DSN{}, &dsnFault{"DSN has wrong parameters", "write ?name=value&name=value"}
	}
	if path != memory {
		path = filepath.Clean(path)
	}
	return DSN{Scheme: scheme, Path: path, Options: options, text: text}, nil
}

func serverDSN(text, scheme, port string) (DSN, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return DSN{}, &dsnFault{
			"DSN is no valid URL",
			"write " + scheme + "://user:password@host:" + port +
				"/database, with special characters of the password percent-encoded",
		}
	}
	// A password with / ? or # ends the host part early, and the rest of it would
	// show up in messages as a path.
	if u.User == nil && strings.ContainsRune(text, '@') {
		return DSN{}, &dsnFault{
			"DSN has an @ outside of user:password@host",
			"percent-encode special characters of the password (/ is %2F, ? is %3F, # is %23)",
		}
	}
	options, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return DSN{}, &dsnFault{"DSN has wrong parameters", "write ?name=value&name=value"}
	}
	d := DSN{
		Scheme: scheme, Host: u.Hostname(), Port: u.Port(), Options: options, text: text,
		Database: strings.TrimPrefix(u.Path, "/"),
	}
	if scheme == SchemePostgres && strings.Contains(u.Host, ",") {
		d.Host, d.Port = u.Host, ""
	}
	if u.User != nil {
		d.User = u.User.Username()
		d.password, d.has = u.User.Password()
	}
	d.fromOptions()
	if d.Host == "" && d.Socket == "" {
		d.Host = "localhost"
	}
	if strings.Contains(d.Host, ",") {
		d.Host, d.Port = servers(d.Host, d.Port, port), ""
	} else {
		or(&d.Port, port)
	}
	if d.Database == "" {
		return DSN{}, &dsnFault{"DSN names no database", "end it with /database"}
	}
	return d, nil
}

// fromOptions applies the parameters that say where the server is: libpq's host,
// port and dbname, and socket for MySQL.
func (d *DSN) fromOptions() {
	if d.Scheme == SchemeMySQL {
		d.Socket = d.Options.Get("socket")
		return
	}
	if host := d.Options.Get("host"); strings.HasPrefix(host, "/") {
		d.Socket, d.Host = host, ""
	} else if host != "" {
		d.Host = host
	}
	if port := d.Options.Get("port"); port != "" {
		d.Port = port
	}
	if name := d.Options.Get("dbname"); name != "" {
		d.Database = name
	}
	if name := d.Options.Get("user"); name != "" {
		d.User = name
	}
}

// servers lists the servers of a DSN that names several, each with its port: its
// own, the one of ports at its place or the only one there, or else the default.
func servers(hosts, ports, port string) string {
	list, given := strings.Split(hosts, ","), strings.Split(ports, ",")
	for i, host := range list {
		name, own, err := net.SplitHostPort(host)
		if err != nil {
			name, own = strings.Trim(host, "[]"), ""
		}
		switch {
		case own != "":
		case len(given) == len(list):
			own = given[i]
		case len(given) == 1:
			own = given[0]
		}
		or(&name, "localhost")
		or(&own, port)
		list[i] = net.JoinHostPort(name, own)
	}
	return strings.Join(list, ",")
}

// sameHost compares hosts without case; the names of this machine are one.
func sameHost(a, b string) bool {
	return strings.EqualFold(local(a), local(b))
}

func local(host string) string {
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return "localhost"
	}
	return host
}

// samePath compares files by their absolute path, symbolic links resolved where
// they exist.
func samePath(a, b string) bool {
	return a == b || (a != memory && b != memory && realPath(a) == realPath(b))
}

func realPath(p string) string {
	abs, err := filepath.Abs(p)
	if err != nil {
		return p
	}
	if resolved, err := filepath.EvalSymlinks(abs); err == nil {
		return resolved
	}
	// The file may be yet to come: its folder counts.
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		return filepath.Join(dir, filepath.Base(abs))
	}
	return abs
}
