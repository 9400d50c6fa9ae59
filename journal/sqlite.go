package journal

import (
	"context"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

// sqliteGenerator is the SQL of SQLite.
type sqliteGenerator struct{ j *Journal }

func newSQLite(j *Journal) generator { return sqliteGenerator{j} }

func (sqliteGenerator) home(context.Context, dialect.Queryer) (string, error) {
	return "", nil
}

func (sqliteGenerator) copyType(c *Column) string {
	if c.Masked {
		return "boolean"
	}
	return c.Base
}

func (sqliteGenerator) widened(string, string) bool { return false }
func (sqliteGenerator) fold(name string) string     { return strings.ToLower(name) }
func (g sqliteGenerator) fit(name string, room int) string {
	return cutName(name, room, g.j.cfg.Dialect.Limits())
}

func (sqliteGenerator) create(context.Context, queryers, []Target, bool) ([]step, error) {
	return nil, unsupported("SQLite")
}

func (sqliteGenerator) drop(context.Context, queryers, []Installed, bool) ([]step, error) {
	return nil, unsupported("SQLite")
}

func (sqliteGenerator) installed(context.Context, queryers) ([]Installed, error) {
	return nil, unsupported("SQLite")
}

func (sqliteGenerator) wanted(context.Context, queryers, []Target) ([]Installed, error) {
	return nil, unsupported("SQLite")
}

func (sqliteGenerator) copyExpr(c *Column, ref string) string {
	if c.Masked {
		return "(" + ref + " IS NOT NULL)"
	}
	return ref
}
