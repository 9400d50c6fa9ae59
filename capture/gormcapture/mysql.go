package gormcapture

import (
	"context"
	"database/sql"
	"regexp"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/dialect"
)

// mysql is MySQL or MariaDB.
type mysql struct{}

var _ engine = mysql{}

// syntax implements engine.
func (mysql) syntax() conn.Syntax { return conn.MySQL() }

// ended implements engine: a deadlock takes the whole transaction, a lock timeout
// does where the server is set so. No savepoint outlives the statement that sets it
// where there is no transaction.
func (mysql) ended(
	ctx context.Context, tx dialect.Execer, class dialect.Class, _ error,
) bool {
	if class != dialect.ClassRetryable {
		return false
	}
	if _, err := tx.ExecContext(ctx, "SAVEPOINT annals_probe"); err != nil {
		return false
	}
	_, err := tx.ExecContext(ctx, "RELEASE SAVEPOINT annals_probe")
	return err != nil
}

// scratch implements engine.
func (mysql) scratch(annals.Table) bool { return false }

// mark implements engine.
func (mysql) mark(context.Context, *statement) (string, error) { return "", nil }

// returnsMet implements engine.
func (mysql) returnsMet() bool { return true }

// lockMet implements engine. A locking read of a row that is not there locks the
// gap, and two of those make each other's insert wait for ever. Where the rows
// met stay as they are a plain read serves: under REPEATABLE READ it tells the
// rows of others from new ones, because both reads see one snapshot.
func (mysql) lockMet(harmless bool) string {
	if harmless {
		return ""
	}
	return "FOR UPDATE"
}

// lockAgain implements engine: under REPEATABLE READ a plain read shows a row
// that the statement did not have to change as it was when the transaction first
// read, but the locking read before it showed what was committed last.
func (mysql) lockAgain() string { return "FOR UPDATE" }

// lockInner implements engine: a sub-query of an UPDATE locks what it reads and so
// sees what was committed last; one of a SELECT … FOR UPDATE does not.
func (mysql) lockInner() string { return "LOCK IN SHARE MODE" }

// targets implements engine.
func (mysql) targets() bool { return false }

// rewrites implements engine.
func (mysql) rewrites() bool { return true }

// typed implements engine.
func (mysql) typed(dialect.Column) (before, after string) { return "(", ")" }

// rounded are the types that round what they are given, as a cast names them.
var rounded = regexp.MustCompile(`^(?:(decimal)\((\d+),(\d+)\)|(datetime|timestamp|time)(\(\d+\))?|(date))`)

// stored implements engine.
func (mysql) stored(c dialect.Column, placeholder string) string {
	m := rounded.FindStringSubmatch(strings.ToLower(c.Type))
	switch {
	case m == nil:
		return placeholder
	case m[1] != "":
		return "CAST(" + placeholder + " AS DECIMAL(" + m[2] + "," + m[3] + "))"
	case m[4] == "time":
		return "CAST(" + placeholder + " AS TIME" + m[5] + ")"
	case m[4] != "":
		return "CAST(" + placeholder + " AS DATETIME" + m[5] + ")"
	}
	return "CAST(" + placeholder + " AS DATE)"
}

// rule implements engine.
func (mysql) rule(context.Context, *statement) (string, error) { return "", nil }

// result implements engine: the number is the first that the statement made.
func (mysql) result(
	_ context.Context, _ dialect.Queryer, in *insert, s *statement,
) (sql.Result, error) {
	r := counted{affected: s.affected}
	for n, column := range s.reader.Table().Key {
		c, _ := s.reader.Table().Live.Column(column)
		if !c.AutoIncrement {
			continue
		}
		for i := range in.returned {
			r.lastID, _ = in.returned[i].key[n].(int64)
			if _, given := in.literal(i, []string{column}); !given {
				break // else it is the last that was given
			}
		}
	}
	return r, nil
}

// bind implements engine. Variables of the session would stay when database/sql rolls
// a transaction back by itself; those of the routine are no use to another one.
func (mysql) bind(b *binding, c claim.Claim) (string, []any) {
	if b.row {
		return claim.MySQLBind(b.schema, c), nil
	}
	return claim.MySQLContext(b.schema, c), nil
}

// unbind implements engine.
func (mysql) unbind(b *binding) string {
	if b.row {
		return claim.MySQLUnbind(b.schema)
	}
	return ""
}

// lasts implements engine.
func (mysql) lasts(b *binding) bool { return !b.row }
