package testdb

import (
	"fmt"
	"net/url"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // registers "pgx"
	_ "modernc.org/sqlite"             // registers "sqlite"
)

const (
	postgresDialect = "postgres"
	mysqlDialect    = "mysql"
)

// dsn is the address of a database on a server.
type dsn struct{ url url.URL }

// parseDSN reads postgres://… and mysql://…, and their common other spellings.
func parseDSN(text string) (dsn, error) {
	u, err := url.Parse(text)
	if err != nil {
		// The cause would repeat the text, and with it the password.
		return dsn{}, fmt.Errorf("parse DSN: want scheme://user:password@host:port/database")
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		u.Scheme = postgresDialect
	case "mysql", "mariadb":
		u.Scheme = mysqlDialect
	default:
		return dsn{}, fmt.Errorf("parse DSN: unknown scheme %q, want postgres or mysql", u.Scheme)
	}
	if u.Host == "" || u.User == nil {
		return dsn{}, fmt.Errorf("parse DSN: want %s://user:password@host:port/database", u.Scheme)
	}
	return dsn{url: *u}, nil
}

func (d dsn) String() string  { return d.url.String() }
func (d dsn) dialect() string { return d.url.Scheme }

// database is the same server's other database.
func (d dsn) database(name string) dsn {
	d.url.Path = "/" + name
	return d
}

// as is the same database for another user.
func (d dsn) as(user, password string) dsn {
	d.url.User = url.UserPassword(user, password)
	return d
}

func (d dsn) driver() string {
	if d.dialect() == postgresDialect {
		return "pgx"
	}
	return "mysql"
}

// driverDSN is the form the driver takes. Times are UTC and parsed on MySQL, as annals needs them.
func (d dsn) driverDSN() string {
	if d.dialect() == postgresDialect {
		return d.url.String()
	}
	password, _ := d.url.User.Password()
	port := d.url.Port()
	if port == "" {
		port = "3306"
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd = d.url.User.Username(), password
	cfg.Net, cfg.Addr = "tcp", d.url.Hostname()+":"+port
	if len(d.url.Path) > 1 {
		cfg.DBName = d.url.Path[1:]
	}
	text := cfg.FormatDSN()
	query := d.url.Query()
	for key, value := range map[string]string{"parseTime": "true", "loc": "UTC", "charset": "utf8mb4"} {
		query.Set(key, value)
	}
	// FormatDSN adds parameters only for settings that differ from the defaults.
	if _, _, more := cutLast(text, '?'); more {
		return text + "&" + query.Encode()
	}
	return text + "?" + query.Encode()
}

// cutLast cuts at the last separator: a password may hold it too.
func cutLast(s string, sep byte) (before, after string, found bool) {
	for i := len(s) - 1; i >= 0 && s[i] != '/'; i-- {
		if s[i] == sep {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}
