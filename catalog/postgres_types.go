package catalog

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

// pgType is a row of pg_type.
type pgType struct {
	name    string
	builtin bool   // of pg_catalog
	class   string // typtype: b base, c composite, d domain, e enum, p pseudo, r range, m multirange
	array   bool
	elem    int64
	base    int64  // of a domain
	baseFmt string // the base type of a domain, printed with its modifier
	fmt     string // printed without modifier
}

// pgTypes resolves the types of columns.
type pgTypes struct {
	d     dialect.Dialect
	types map[int64]pgType
}

// The closure of the columns' types over domains and array elements. name,
// int2vector and oidvector have elements too but are no arrays to users.
const pgTypesQuery = `
WITH RECURSIVE wanted(oid) AS (
  SELECT unnest($1::text::oid[])
  UNION
  SELECT v.oid FROM wanted w JOIN pg_catalog.pg_type t ON t.oid = w.oid
  CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) AS v(oid)
  WHERE v.oid <> 0::oid
)
SELECT t.oid::int8, t.typname::text, n.nspname = 'pg_catalog', t.typtype::text,
  t.typcategory = 'A' AND t.typlen = -1 AND t.typelem <> 0::oid
    AND t.typname NOT IN ('int2vector', 'oidvector'),
  t.typelem::int8, t.typbasetype::int8,
  CASE WHEN t.typbasetype <> 0::oid
    THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) ELSE '' END,
  pg_catalog.format_type(t.oid, NULL)
FROM wanted w JOIN pg_catalog.pg_type t ON t.oid = w.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace`

func (p postgres) types(ctx context.Context, q dialect.Queryer, oids []int64) (pgTypes, error) {
	wanted := slices.Clone(oids)
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	texts := make([]string, len(wanted))
	for i, oid := range wanted {
		texts[i] = strconv.FormatInt(oid, 10)
	}
	r := pgTypes{d: p.d, types: make(map[int64]pgType)}
	list := "{" + strings.Join(texts, ",") + "}"
	err := query(ctx, q, statement{"types", pgTypesQuery, []any{list}},
		func(scan scanFunc) error {
			var oid int64
			var t pgType
			err := scan(&oid, &t.name, &t.builtin, &t.class, &t.array, &t.elem, &t.base,
				&t.baseFmt, &t.fmt)
			r.types[oid] = t
			return err
		})
	return r, err
}

// resolve fills in Kind, Base and Elem of a column of that type.
func (r pgTypes) resolve(c *dialect.Column, oid int64) {
	c.Kind, c.Base, c.Elem = r.kind(oid, c.Type)
}

// kind follows a type down to what it is made of; printed is its text with its
// modifier.
func (r pgTypes) kind(oid int64, printed string) (dialect.Kind, string, *dialect.Column) {
	t := r.types[oid]
	switch {
	case t.class == "d":
		return r.kind(t.base, t.baseFmt)
	case t.array:
		return r.array(t, printed)
	case !t.builtin || t.class == "c" || t.class == "e":
		return dialect.KindText, "text", nil
	}
	kind := dialect.KindOf(r.d, t.name)
	if subtype, ok := dialect.RangeOf(t.name); ok {
		elem := &dialect.Column{Type: subtype, Base: subtype, Kind: dialect.KindOf(r.d, subtype)}
		return kind, printed, elem
	}
	return kind, printed, nil
}

// array resolves an array. An element that is an array itself (through a
// domain) has no type that a copy could take, so such a column is text.
func (r pgTypes) array(t pgType, printed string) (dialect.Kind, string, *dialect.Column) {
	elem := &dialect.Column{Type: r.types[t.elem].fmt}
	elem.Kind, elem.Base, elem.Elem = r.kind(t.elem, elem.Type)
	if elem.Kind == dialect.KindArray {
		return dialect.KindText, "text", nil
	}
	base := elem.Base + "[]"
	if e := r.types[t.elem]; e.builtin && e.class != "d" {
		base = printed
	}
	return dialect.KindArray, base, elem
}
