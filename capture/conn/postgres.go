package conn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"reflect"

	"github.com/seed-162b1470/annals/capture/claim"
)

// Postgres is PostgreSQL's syntax.
func Postgres() Syntax {
	return Syntax{
		nested: true, either: true, escape: true, dollar: true, fold: true, begin: "BEGIN",
	}
}

// postgresBinder binds by a setting that the transaction takes along when it ends,
// or by a row of it.
type postgresBinder struct {
	row    bool
	schema string
}

var _ beginner = postgresBinder{}

func (b postgresBinder) statement(c claim.Claim) string {
	if b.row {
		return claim.PostgresBind(b.schema, c)
	}
	return claim.PostgresSet(c)
}

func (b postgresBinder) bind(ctx context.Context, s *session, c claim.Claim) error {
	return s.say(ctx, b.statement(c))
}

func (b postgresBinder) writes() bool { return b.row }

func (postgresBinder) unbind(context.Context, *session) error     { return nil }
func (postgresBinder) lasts() bool                                { return false }
func (postgresBinder) clear(context.Context, *session) error      { return nil }
func (postgresBinder) wraps() bool                                { return true }
func (postgresBinder) refuses() bool                              { return false }
func (postgresBinder) lost(context.Context, *session, error) bool { return false }

// commitsItself: "invalid transaction termination", of a procedure that commits.
func (postgresBinder) commitsItself(err error) bool {
	var coded interface{ SQLState() string }
	return errors.As(err, &coded) && coded.SQLState() == "2D000"
}

// begin sends BEGIN and the claim as one text. The end of the transaction is left to
// the driver, which knows what the server says to the commit of one that failed.
func (b postgresBinder) begin(
	ctx context.Context, s *session, opts driver.TxOptions, c claim.Claim,
) (driver.Tx, error) {
	begin, ok := beginText(opts)
	if !ok {
		return nil, nil // which the driver has an error for
	}
	text := begin + "; " + b.statement(c)
	if pool, ok := pgxOf(s.raw); ok {
		return pool.begin(ctx, text)
	}
	tx, ok := s.raw.(driver.Tx) // lib/pq
	if !ok {
		return nil, nil
	}
	_, err := s.exec(ctx, text, nil)
	if errors.Is(err, driver.ErrSkip) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return tx, nil
}

func beginText(opts driver.TxOptions) (text string, ok bool) {
	switch sql.IsolationLevel(opts.Isolation) {
	case sql.LevelDefault:
		return "BEGIN", true
	case sql.LevelReadUncommitted:
		return "BEGIN ISOLATION LEVEL READ UNCOMMITTED", true
	case sql.LevelReadCommitted:
		return "BEGIN ISOLATION LEVEL READ COMMITTED", true
	case sql.LevelRepeatableRead, sql.LevelSnapshot:
		return "BEGIN ISOLATION LEVEL REPEATABLE READ", true
	case sql.LevelSerializable:
		return "BEGIN ISOLATION LEVEL SERIALIZABLE", true
	}
	return "", false
}

// pgxConn is the connection of pgx below its driver for database/sql, which this
// module does not link: its BeginTx takes the text of the BEGIN.
type pgxConn struct {
	beginTx reflect.Value
	options reflect.Type
}

// pgxOf finds it by the shape that pgx has documented:
//
//	(*stdlib.Conn).Conn() *pgx.Conn
//	(*pgx.Conn).BeginTx(context.Context, pgx.TxOptions) (pgx.Tx, error)
func pgxOf(raw driver.Conn) (c pgxConn, ok bool) {
	get := reflect.ValueOf(raw).MethodByName("Conn")
	if !get.IsValid() || get.Type().NumIn() != 0 || get.Type().NumOut() != 1 {
		return c, false
	}
	below := get.Call(nil)[0]
	if below.Kind() != reflect.Pointer || below.IsNil() {
		return c, false
	}
	if closed, ok := below.Interface().(interface{ IsClosed() bool }); !ok || closed.IsClosed() {
		return c, false
	}
	c.beginTx = below.MethodByName("BeginTx")
	if !c.beginTx.IsValid() || c.beginTx.Type().NumIn() != 2 || c.beginTx.Type().NumOut() != 2 {
		return c, false
	}
	c.options = c.beginTx.Type().In(1)
	if c.options.Kind() != reflect.Struct {
		return c, false
	}
	field, ok := c.options.FieldByName("BeginQuery")
	return c, ok && field.Type.Kind() == reflect.String
}

func (c pgxConn) begin(ctx context.Context, text string) (driver.Tx, error) {
	options := reflect.New(c.options).Elem()
	options.FieldByName("BeginQuery").SetString(text)
	out := c.beginTx.Call([]reflect.Value{reflect.ValueOf(ctx), options})
	if err, _ := out[1].Interface().(error); err != nil {
		return nil, err
	}
	tx, ok := out[0].Interface().(pgxTx)
	if !ok {
		return nil, errors.New("begin: pgx has another kind of transaction than expected")
	}
	return endsWith{ctx, tx}, nil
}

// pgxTx is the part of pgx.Tx that ends it.
type pgxTx interface {
	Commit(ctx context.Context) error
	Rollback(ctx context.Context) error
}

// endsWith is a pgxTx for database/sql, as pgx's own is.
type endsWith struct {
	ctx context.Context //nolint:containedctx // as pgx's own
	tx  pgxTx
}

// Commit implements driver.Tx.
func (e endsWith) Commit() error { return e.tx.Commit(e.ctx) }

// Rollback implements driver.Tx.
func (e endsWith) Rollback() error { return e.tx.Rollback(e.ctx) }
