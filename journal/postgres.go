package journal

import (
	"context"

	"github.com/seed-162b1470/annals/dialect"
)

// postgresGenerator is the SQL of Postgres.
type postgresGenerator struct{ j *Journal }

func newPostgres(j *Journal) generator { return postgresGenerator{j} }

func (postgresGenerator) home(ctx context.Context, q dialect.Queryer) (string, error) {
	var name string
	err := scan(ctx, q, "SELECT COALESCE(pg_catalog.current_schema()::text, '')", nil,
		func(scan func(...any) error) error { return scan(&name) })
	return name, err
}

func (postgresGenerator) copyType(c *Column) string {
	if c.Masked {
		return "boolean"
	}
	return c.Base
}

func (postgresGenerator) widened(string, string) bool { return false }
func (postgresGenerator) fold(name string) string     { return name }
func (g postgresGenerator) fit(name string, room int) string {
	return cutName(name, room, g.j.cfg.Dialect.Limits())
}

func (postgresGenerator) create(context.Context, queryers, []Target, bool) ([]step, error) {
	return nil, unsupported("Postgres")
}

func (postgresGenerator) drop(context.Context, queryers, []Installed, bool) ([]step, error) {
	return nil, unsupported("Postgres")
}

func (postgresGenerator) installed(context.Context, queryers) ([]Installed, error) {
	return nil, unsupported("Postgres")
}

func (postgresGenerator) wanted(context.Context, queryers, []Target) ([]Installed, error) {
	return nil, unsupported("Postgres")
}
