package epoch

import (
	"context"
	"database/sql"

	"github.com/seed-162b1470/annals/dialect"
)

// engine is what differs between the databases.
type engine interface {
	// open prepares the session, close puts it back.
	open(ctx context.Context, conn *sql.Conn) error
	close(ctx context.Context, conn *sql.Conn) error
	// begin begins the transaction of a batch.
	begin(ctx context.Context, conn *sql.Conn) error
	// prepare reads what the engine needs to know of a table, into the plan.
	prepare(ctx context.Context, q dialect.Queryer, p *plan) error
	// hold keeps trigger create away from the table until the transaction ends.
	hold(ctx context.Context, conn *sql.Conn, p *plan) error
	// insert locks the rows of a batch and gives them their baselines; it says how
	// many. Without wait, a row that another transaction holds gives an error of
	// dialect.ClassRetryable.
	insert(ctx context.Context, conn *sql.Conn, b batch) (int64, error)
	// next writes a query for the number that comes next.
	next(p *plan) string
	// script does what Run does for one table, for the database's own client; head and
	// foot stand round the scripts of all tables.
	script(p *plan, o scripting) string
	head(p *plan) string
	foot() string
	// sorted is a key column as rows are sorted and compared by it, read its value as
	// a text that is exact, typed an expression of such a text as the value again, and
	// arg what is bound for such a text.
	sorted(c keyColumn, ref string) string
	read(c keyColumn, ref string) string
	typed(c keyColumn, text string) string
	arg(c keyColumn, text string) (any, error)
	// rowValues tells that (a, b) > (x, y) makes use of an index.
	rowValues() bool
	// truth is a truth value.
	truth(b bool) string
	// now is the clock, UTC.
	now() string
}

// keyColumn is a column of the key.
type keyColumn struct {
	dialect.Column
	// charset and collation are those of a text (MySQL).
	charset, collation string
}

// batch is one step.
type batch struct {
	*plan
	span
	since int64
	which pass
	size  int
	wait  bool
	// all: every row within the span is one of the batch's.
	all bool
	// text is how a text of the plan gets into the statement.
	text func(string) expr
}

func engineOf(d dialect.Dialect) engine {
	switch d.Name() {
	case dialect.MySQLName:
		return &mysql{maria: d.Features().MariaDB}
	case dialect.SQLiteName:
		return sqlite{}
	}
	return postgres{}
}
