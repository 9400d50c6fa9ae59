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
	send    string // its send function, "" for none
	subtype int64  // of a range; the range of a multirange
	fields  string // the types of a composite's attributes, in order
}

// pgTypes resolves the types of columns.
type pgTypes struct {
	d     dialect.Dialect
	types map[int64]pgType
}

// The closure of the columns' types over domains, array elements, the subtypes of
// ranges and the attributes of composites. name, int2vector and oidvector have
// elements too but are no arrays to users. PostgreSQL 13 knows no multiranges, and
// no column that leads from one to its range.
const pgTypesQuery = `
WITH RECURSIVE ranges(oid, subtype) AS (
  SELECT r.rngtypid, r.rngsubtype FROM pg_catalog.pg_range r
  UNION ALL
  SELECT (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::oid, r.rngtypid FROM pg_catalog.pg_range r
),
wanted(oid) AS (
  SELECT unnest($1::text::oid[])
  UNION
  SELECT v.oid FROM wanted w JOIN pg_catalog.pg_type t ON t.oid = w.oid
  CROSS JOIN LATERAL (
    VALUES (t.typbasetype), (t.typelem)
    UNION ALL
    SELECT r.subtype FROM ranges r WHERE r.oid = t.oid
    UNION ALL
    SELECT a.atttypid FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS v(oid)
  WHERE v.oid <> 0::oid
)
SELECT t.oid::int8, t.typname::text, n.nspname = 'pg_catalog', t.typtype::text,
  t.typcategory = 'A' AND t.typlen = -1 AND t.typelem <> 0::oid
    AND t.typname NOT IN ('int2vector', 'oidvector'),
  t.typelem::int8, t.typbasetype::int8,
  CASE WHEN t.typbasetype <> 0::oid
    THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) ELSE '' END,
  pg_catalog.format_type(t.oid, NULL),
  COALESCE((SELECT p.proname::text FROM pg_catalog.pg_proc p WHERE p.oid = t.typsend::oid), ''),
  COALESCE((SELECT r.subtype::int8 FROM ranges r WHERE r.oid = t.oid), 0),
  COALESCE((SELECT pg_catalog.string_agg(a.atttypid::text, ',' ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '')
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
				&t.baseFmt, &t.fmt, &t.send, &t.subtype, &t.fields)
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
		return r.array(oid, printed)
	case t.class == "e":
		return dialect.KindText, "text", nil
	case !t.builtin || t.class == "c":
		return r.foreign(oid)
	}
	kind := dialect.KindOf(r.d, t.name)
	if subtype, ok := dialect.RangeOf(t.name); ok {
		elem := &dialect.Column{Type: subtype, Base: subtype, Kind: dialect.KindOf(r.d, subtype)}
		return kind, printed, elem
	}
	return kind, printed, nil
}

// array resolves an array. One whose elements are read in binary form is read so
// itself. An element that is an array (through a domain) has no type that a copy
// could take.
func (r pgTypes) array(oid int64, printed string) (dialect.Kind, string, *dialect.Column) {
	t := r.types[oid]
	elem := &dialect.Column{Type: r.types[t.elem].fmt}
	elem.Kind, elem.Base, elem.Elem = r.kind(t.elem, elem.Type)
	if elem.Kind == dialect.KindArray || elem.Kind == dialect.KindSent {
		return r.foreign(oid)
	}
	base := elem.Base + "[]"
	if e := r.types[t.elem]; e.builtin && e.class != "d" {
		base = printed
	}
	return dialect.KindArray, base, elem
}

// foreign resolves what is made of types that users define: text, unless that
// follows the session's settings and there is a binary form.
func (r pgTypes) foreign(oid int64) (dialect.Kind, string, *dialect.Column) {
	if c, follows, ok := r.sent(oid); ok && follows {
		return dialect.KindSent, "bytea", &c
	}
	return dialect.KindText, "text", nil
}

// sent resolves a type of values that are read in binary form. follows tells that
// its text follows the session's settings; ok is false where it, or a part of it,
// has no binary form.
func (r pgTypes) sent(oid int64) (c dialect.Column, follows, ok bool) {
	t := r.types[oid]
	c.Type = t.fmt
	switch {
	case t.class == "d":
		return r.sent(t.base)
	case t.send == "":
		return c, false, false
	case t.array:
		return r.sentOver(dialect.KindArray, t.elem)
	case t.class == "r":
		return r.sentOver(dialect.KindRange, t.subtype)
	case t.class == "m":
		return r.sentOver(dialect.KindMultirange, r.types[t.subtype].subtype)
	case t.class == "c":
		return r.composite(t)
	}
	name := ""
	if t.builtin {
		name = t.name
	}
	c.Kind, follows = dialect.SentKind(name, t.send)
	return c, follows, true
}

func (r pgTypes) sentOver(kind dialect.Kind, oid int64) (c dialect.Column, follows, ok bool) {
	elem, follows, ok := r.sent(oid)
	return dialect.Column{Kind: kind, Elem: &elem}, follows, ok
}

func (r pgTypes) composite(t pgType) (c dialect.Column, follows, ok bool) {
	c.Kind = dialect.KindComposite
	for _, text := range strings.FieldsFunc(t.fields, func(r rune) bool { return r == ',' }) {
		oid, err := strconv.ParseInt(text, 10, 64)
		field, fieldFollows, fieldOK := r.sent(oid)
		if err != nil || !fieldOK {
			return c, false, false
		}
		follows = follows || fieldFollows
		c.Fields = append(c.Fields, field)
	}
	return c, follows, true
}
