package gormcapture

import (
	"context"
	"database/sql"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/dialect"
)

// mysql is MySQL or MariaDB.
type mysql struct{}

var _ engine = mysql{}

// syntax implements engine.
func (mysql) syntax() conn.Syntax { return conn.MySQL() }

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

// result implements engine: the number is the first that the statement made.
func (mysql) result(
	_ context.Context, _ dialect.Queryer, in *insert, s *statement,
) (sql.Result, error) {
	r := counted{affected: s.affected}
	for n, column := range s.reader.Table().Key {
		c, _ := s.reader.Table().Live.Column(column)
		for i := range in.returned {
			if _, given := in.literal(i, []string{column}); given || !c.AutoIncrement {
				continue
			}
			r.lastID, _ = in.returned[i].key[n].(int64)
			break
		}
	}
	return r, nil
}
