package journal

import (
	"context"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// postgresGenerator is the SQL of PostgreSQL.
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

func (postgresGenerator) fold(name string) string { return name }

func (g postgresGenerator) fit(name string, room int) string {
	return cutName(name, room, g.j.cfg.Dialect.Limits())
}

// own names a table of the storage in full.
func (postgresGenerator) own(schema, name string) annals.Table {
	return annals.Table{Schema: schema, Name: name}
}

// pgNames are annals' tables, quoted.
type pgNames struct {
	schema                                 string
	revision, receipt, rules, columns, seq string
	sequence                               string // as a literal for nextval
	context, bind                          string
}

func (g postgresGenerator) names(schema string) pgNames {
	table := func(name string) string { return g.j.cfg.Dialect.Table(g.own(schema, name)) }
	seq := table(layout.SequenceName)
	return pgNames{
		schema: schema, revision: table(layout.RevisionTable), receipt: table(layout.RevisionEntityTable),
		rules: table(layout.RulesTable), columns: table(layout.TargetColumnTable), seq: seq,
		sequence: pgLiteral(seq) + "::pg_catalog.regclass",
		context:  table("annals_context"), bind: table("annals_bind"),
	}
}

// pgLiteral quotes a text, whatever standard_conforming_strings says.
func pgLiteral(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// pgDollar quotes a text that has lines.
func pgDollar(s string) string {
	tag := "$annals$"
	for n := 1; strings.Contains(s, tag); n++ {
		tag = "$annals" + strconv.Itoa(n) + "$"
	}
	return tag + s + tag
}

func (postgresGenerator) copyExpr(c *Column, ref string) string { return pgValue(c, ref) }
