package journal

import (
	"context"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// sqliteGenerator is the SQL of SQLite.
type sqliteGenerator struct{ j *Journal }

func newSQLite(j *Journal) generator { return sqliteGenerator{j} }

func (sqliteGenerator) home(context.Context, dialect.Queryer) (string, error) {
	return "", nil
}

// copyType is the declared type: only its affinity matters, and what a column of the
// same affinity gets was converted to it already. ANY is numeric outside of STRICT
// tables, where it converts nothing.
func (sqliteGenerator) copyType(c *Column) string {
	switch {
	case c.Masked:
		return "boolean"
	case strings.EqualFold(strings.TrimSpace(c.Type), "any"):
		return "BLOB"
	}
	return c.Base
}

func (sqliteGenerator) fold(name string) string { return strings.ToLower(name) }

func (g sqliteGenerator) fit(name string, room int) string {
	return cutName(name, room, g.j.cfg.Dialect.Limits())
}

func (sqliteGenerator) copyExpr(c *Column, ref string) string {
	if c.Masked {
		return "(" + ref + " IS NOT NULL)"
	}
	return ref
}

// liteText is a literal.
func liteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// main names something of the file itself: of a temporary table of the same name
// nobody else would know.
func (g sqliteGenerator) main(name string) string {
	return g.j.cfg.Dialect.Table(annals.Table{Schema: "main", Name: name})
}
