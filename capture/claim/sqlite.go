package claim

import (
	"strings"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// sqliteTable is the table whose row binds a claim on SQLite.
const sqliteTable = "annals_context"

// SQLiteInsert returns the statement that binds a claim to the open transaction of
// SQLite, and its values. The row has to be deleted before the commit.
func SQLiteInsert(c Claim) (query string, args []any) {
	d := dialect.SQLite()
	columns := []string{
		layout.ColUserID, layout.ColUserName, layout.ColUserEmail, layout.ColUserType,
		layout.ColContext, layout.ColIP, layout.ColUserAgent, layout.ColRequestID,
		layout.ColComment, layout.ColExtra,
	}
	names := d.Quote(layout.ColID)
	for i, value := range c.fields() {
		names += ", " + d.Quote(columns[i])
		if value == "" {
			args = append(args, nil)
		} else {
			args = append(args, value)
		}
	}
	return "INSERT OR REPLACE INTO main." + d.Quote(sqliteTable) + " (" + names + ") VALUES (1" +
		strings.Repeat(", ?", len(columns)) + ")", args
}

// SQLiteDelete is the statement that takes the claim back.
func SQLiteDelete() string {
	return "DELETE FROM main." + dialect.SQLite().Quote(sqliteTable)
}

// SQLiteBound is the query that tells by a row whether a claim is bound.
func SQLiteBound() string {
	return "SELECT 1 FROM main." + dialect.SQLite().Quote(sqliteTable)
}
