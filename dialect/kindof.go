package dialect

import "strings"

// KindOf returns the kind of a built-in type of d. typeName is what the
// catalogue of the database calls it: PostgreSQL pg_type.typname, MySQL
// COLUMN_TYPE, SQLite the declared type. A type it does not know is text
// (SQLite: KindDynamic). Domains, arrays and JSON columns of MariaDB, which
// their names do not tell, are resolved by package catalog.
func KindOf(d Dialect, typeName string) Kind {
	if t, ok := d.(interface{ kindOf(typeName string) Kind }); ok {
		return t.kindOf(typeName)
	}
	return KindText
}

// RangeOf returns the pg_type.typname of the subtype of a built-in PostgreSQL
// range or multirange; ok is false for any other type. Those that users define
// are resolved by their subtype in the catalogue.
func RangeOf(typname string) (subtype string, ok bool) {
	switch strings.Replace(typname, "multirange", "range", 1) {
	case "int4range":
		return "int4", true
	case "int8range":
		return "int8", true
	case "numrange":
		return "numeric", true
	case "daterange":
		return "date", true
	case "tsrange":
		return "timestamp", true
	case "tstzrange":
		return "timestamptz", true
	}
	return "", false
}

// Kinds of PostgreSQL and MySQL that need a reading of their own.
const (
	// kindObjectID: the reg… types, whose text depends on the search path.
	kindObjectID = KindPrivate + iota
	kindMoney
	// kindPaddedText: CHAR(n), blank-padded or not as the database has it.
	kindPaddedText
	// kindAddress: inet, whose cast to text adds a full mask.
	kindAddress
	kindPoint
	kindLine
	kindSegment
	kindBox
	kindPath
	kindPolygon
	kindCircle
	// kindCube: extension cube, whose text follows extra_float_digits.
	kindCube
	// Types that are texts everywhere but in binary form.
	kindUUID
	kindNetwork
	kindHardwareAddress
	kindChar
	kindLogPosition
	// kindVersioned: a byte for the version, then the text (jsonpath, ltree).
	kindVersioned
	// kindOpaque: a binary form that is not known here.
	kindOpaque
)

func (postgres) kindOf(typname string) Kind {
	switch typname {
	case "bool":
		return KindBool
	case "int2", "int4", "int8", "oid", "xid", "cid", "xid8":
		return KindInteger
	case "numeric":
		return KindDecimal
	case "float4":
		return KindFloat32
	case "float8":
		return KindFloat64
	case "bytea":
		return KindBytes
	case "bit", "varbit":
		return KindBits
	case "json", "jsonb":
		return KindJSON
	}
	if kind, ok := postgresTimeKind(typname); ok {
		return kind
	}
	return postgresPrivateKind(typname)
}

func postgresTimeKind(typname string) (Kind, bool) {
	switch typname {
	case "date":
		return KindDate, true
	case "time":
		return KindTime, true
	case "timetz":
		return KindTimeTZ, true
	case "timestamp":
		return KindTimestamp, true
	case "timestamptz":
		return KindInstant, true
	case "interval":
		return KindInterval, true
	}
	return KindText, false
}

func postgresPrivateKind(typname string) Kind {
	switch typname {
	case "regclass", "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper",
		"regoperator", "regproc", "regprocedure", "regrole", "regtype":
		return kindObjectID
	case "money":
		return kindMoney
	case "bpchar":
		return kindPaddedText
	case "inet":
		return kindAddress
	case "point":
		return kindPoint
	case "line":
		return kindLine
	case "lseg":
		return kindSegment
	case "box":
		return kindBox
	case "path":
		return kindPath
	case "polygon":
		return kindPolygon
	case "circle":
		return kindCircle
	}
	if _, ok := RangeOf(typname); ok {
		if strings.HasSuffix(typname, "multirange") {
			return KindMultirange
		}
		return KindRange
	}
	return KindText
}

func (mysql) kindOf(columnType string) Kind {
	name := strings.ToLower(columnType)
	if i := strings.IndexAny(name, "( "); i >= 0 {
		name = name[:i]
	}
	switch name {
	case "tinyint", "smallint", "mediumint", "int", "integer", "bigint", "year":
		return KindInteger
	case "bit":
		return KindBits
	case "decimal", "numeric":
		return KindDecimal
	case "float":
		return KindFloat32
	case "double", "real":
		return KindFloat64
	case "date":
		return KindDate
	case "time":
		return KindTime
	case "datetime":
		return KindTimestamp
	case "timestamp":
		return KindInstant
	case "json":
		return KindJSON
	case "char":
		return kindPaddedText
	}
	return mysqlTextKind(name)
}

func mysqlTextKind(name string) Kind {
	switch name {
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector",
		"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
		"multipolygon", "geometrycollection", "geomcollection":
		return KindBytes
	}
	return KindText
}

func (sqlite) kindOf(declared string) Kind {
	switch strings.ToUpper(strings.TrimSpace(declared)) {
	case "JSON", "JSONB":
		return KindJSON
	}
	return KindDynamic
}
