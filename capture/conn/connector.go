package conn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/dialect"
)

// How a claim is bound to a transaction.
const (
	// ContextSession binds by what a session remembers; the default.
	ContextSession = "session"
	// ContextRow binds by a row, where a proxy sets connections aside that use
	// session state. SQLite always does.
	ContextRow = "row"
)

// Options say how a connector binds.
type Options struct {
	// Dialect is the name of the database: postgres, mysql (MariaDB too), sqlite.
	Dialect string
	// Context is ContextSession or ContextRow; empty means the former.
	Context string
	// Actor is asked once a transaction, where its context has no actor. Nil asks
	// nobody. It must not use the pool that it is called for.
	Actor func(context.Context) (annals.Actor, error)
	// Schema is where annals' routines are, for ContextRow: a schema of PostgreSQL, a
	// database of MySQL; empty where the connection finds them without.
	Schema string
}

// Wrap returns a connector to the same database whose connections tell the triggers
// of annals, of each transaction, what its context says: actor, origin, comment,
// extra data (package annals). Nothing of it outlives the transaction. All else is
// as the driver has it.
//
// sql.Conn.Raw is given a wrapped connection; Underlying gets at the driver's own.
func Wrap(c driver.Connector, o Options) (driver.Connector, error) {
	d, err := dialect.ForScheme(o.Dialect)
	if err != nil {
		return nil, err
	}
	if o.Context == "" {
		o.Context = ContextSession
	}
	if !slices.Contains([]string{ContextSession, ContextRow}, o.Context) {
		return nil, &annals.Error{
			Op: "wrap", Subject: "connector",
			Remedy: "use one of " + ContextSession + ", " + ContextRow,
			Err:    fmt.Errorf("unknown context %q: %w", o.Context, annals.ErrConfig),
		}
	}
	return &connector{
		below: c, ask: o.Actor, dialect: d,
		syntax: syntaxOf(d), binder: binderOf(d, o.Context == ContextRow, o.Schema),
	}, nil
}

// OpenDB is sql.OpenDB of a wrapped connector.
func OpenDB(c driver.Connector, o Options) (*sql.DB, error) {
	wrapped, err := Wrap(c, o)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(wrapped), nil
}

// Open opens a pool by a driver and its DSN, as sql.Open does by the driver's name.
func Open(d driver.Driver, dsn string, o Options) (*sql.DB, error) {
	if opener, ok := d.(driver.DriverContext); ok {
		c, err := opener.OpenConnector(dsn)
		if err != nil {
			return nil, err
		}
		return OpenDB(c, o)
	}
	return OpenDB(named{d, dsn}, o)
}

// Underlying returns the driver's own connection of what sql.Conn.Raw is given,
// wrapped or not. What runs on it directly is bound as the transaction is that it
// runs in; outside of one it is not.
func Underlying(driverConn any) any {
	if s, ok := driverConn.(interface{ underlying() driver.Conn }); ok {
		return s.underlying()
	}
	return driverConn
}

// Binds reports whether the connections of a pool come from a wrapped connector.
func Binds(ctx context.Context, db *sql.DB) (binds bool, err error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("look at a connection: %w", err)
	}
	defer func() { _ = c.Close() }()
	err = c.Raw(func(driverConn any) error {
		_, binds = driverConn.(*session)
		return nil
	})
	return binds, err
}

// connector is what Wrap returns.
type connector struct {
	below   driver.Connector
	ask     claim.ActorFunc
	dialect dialect.Dialect
	syntax  Syntax
	binder  binder
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	raw, err := c.below.Connect(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{raw: raw, own: c}
	if opener, ok := c.binder.(interface {
		opened(ctx context.Context, s *session) error
	}); ok {
		if err := opener.opened(ctx, s); err != nil {
			_ = raw.Close() // the first error says more
			return nil, fmt.Errorf("set up a connection for triggers: %w", err)
		}
	}
	return s, nil
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return c.below.Driver() }

// Close implements io.Closer where the connector below does.
func (c *connector) Close() error {
	if closer, ok := c.below.(interface{ Close() error }); ok {
		return closer.Close()
	}
	return nil
}

// named is the connector of a driver that has none.
type named struct {
	driver driver.Driver
	dsn    string
}

// Connect implements driver.Connector.
func (n named) Connect(context.Context) (driver.Conn, error) { return n.driver.Open(n.dsn) }

// Driver implements driver.Connector.
func (n named) Driver() driver.Driver { return n.driver }
