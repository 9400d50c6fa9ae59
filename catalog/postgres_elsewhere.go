package catalog

import (
	"context"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

const pgElsewhere = `
SELECT ns.nspname::text AS sch, c.relname::text AS tab FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace ns ON ns.oid = c.relnamespace
WHERE ns.nspname IS DISTINCT FROM pg_catalog.current_schema()
AND ns.nspname <> 'information_schema'
AND NOT pg_catalog.starts_with(ns.nspname::text, 'pg_')
AND c.relkind IN ('r', 'p') AND NOT c.relispartition
AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e
  WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid
  AND e.deptype = 'e')
ORDER BY sch, tab`

func (postgres) elsewhere(ctx context.Context, q dialect.Queryer) ([]annals.Table, error) {
	var tables []annals.Table
	err := query(ctx, q, statement{what: "tables", sql: pgElsewhere}, func(scan scanFunc) error {
		var t annals.Table
		err := scan(&t.Schema, &t.Name)
		tables = append(tables, t)
		return err
	})
	return tables, err
}
