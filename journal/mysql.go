package journal

import (
	"context"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

// mysqlGenerator is the SQL of MySQL.
type mysqlGenerator struct{ j *Journal }

func newMySQL(j *Journal) generator { return mysqlGenerator{j} }

func (mysqlGenerator) home(ctx context.Context, q dialect.Queryer) (string, error) {
	var name string
	err := scan(ctx, q, "SELECT COALESCE(DATABASE(), '')", nil,
		func(scan func(...any) error) error { return scan(&name) })
	return name, err
}

func (mysqlGenerator) copyType(c *Column) string {
	if c.Masked {
		return "boolean"
	}
	return c.Base
}

func (mysqlGenerator) widened(string, string) bool { return false }
func (mysqlGenerator) fold(name string) string     { return strings.ToLower(name) }
func (g mysqlGenerator) fit(name string, room int) string {
	return cutName(name, room, g.j.cfg.Dialect.Limits())
}

func (mysqlGenerator) create(context.Context, queryers, []Target, bool) ([]step, error) {
	return nil, unsupported("MySQL")
}

func (mysqlGenerator) drop(context.Context, queryers, []Installed, bool) ([]step, error) {
	return nil, unsupported("MySQL")
}

func (mysqlGenerator) installed(context.Context, queryers) ([]Installed, error) {
	return nil, unsupported("MySQL")
}

func (mysqlGenerator) wanted(context.Context, queryers, []Target) ([]Installed, error) {
	return nil, unsupported("MySQL")
}

func (mysqlGenerator) copyExpr(c *Column, ref string) string {
	if c.Masked {
		return "(" + ref + " IS NOT NULL)"
	}
	return ref
}
