package dialect

import (
	"slices"
	"strconv"
	"strings"
)

// SameType reports whether two types are the same, however they are spelled: as
// copies of a column have them, character set and collation included where they are
// written. What one of the two leaves open is no difference.
func SameType(d Dialect, a, b string) bool {
	x, y := typeOf(d, a), typeOf(d, b)
	if d.Name() == SQLiteName {
		return x.name == y.name
	}
	return x.name == y.name && x.tail == y.tail && slices.Equal(x.size, y.size) &&
		x.sameText(y)
}

// Widens reports whether a column of type from becomes one of type to by the
// catalogue alone: no row is written, and every value keeps its JSON form. Equal
// types widen each other. On SQLite, where a type is an affinity, nothing has to be
// altered for it.
func Widens(d Dialect, from, to string) bool {
	if SameType(d, from, to) {
		return true
	}
	x, y := typeOf(d, from), typeOf(d, to)
	if !x.sameText(y) || x.tail != y.tail {
		return false
	}
	switch d.Name() {
	case PostgresName:
		return postgresWidens(x, y)
	case MySQLName:
		return mysqlWidens(x, y)
	}
	return false
}

// sqlType is the type of a column, taken apart.
type sqlType struct {
	// name in lower case; on SQLite the affinity. tail is what follows the size:
	// "unsigned", "with time zone", "[]".
	name, tail string
	// size are the numbers in brackets, or the values of an enumeration.
	size []string
	// charset and collation, "" where they are not written.
	charset, collation string
}

func (t sqlType) sameText(o sqlType) bool {
	same := func(a, b string) bool { return a == "" || b == "" || plainUTF8(a) == plainUTF8(b) }
	return same(t.charset, o.charset) && same(t.collation, o.collation)
}

// plainUTF8 brings the former name of a character set or collation to today's: servers
// say utf8mb3 where older ones said utf8.
func plainUTF8(name string) string {
	name = strings.ToLower(name)
	if rest, ok := strings.CutPrefix(name, "utf8"); ok && (rest == "" || rest[0] == '_') {
		return "utf8mb3" + rest
	}
	return name
}

// CharsetWidth is the most bytes that a character of a character set of MySQL has; 4 of
// one that is not known, or "".
func CharsetWidth(charset string) int {
	switch plainUTF8(charset) {
	case "latin1", "ascii", "binary", "latin2", "latin5", "latin7", "cp1250", "cp1251", "cp1256",
		"cp1257", "cp850", "cp852", "cp866", "greek", "hebrew", "koi8r", "koi8u", "tis620",
		"armscii8", "dec8", "hp8", "swe7", "macce", "macroman", "keybcs2", "geostd8":
		return 1
	case "ucs2", "big5", "gb2312", "gbk", "sjis", "cp932", "euckr":
		return 2
	case "utf8mb3", "eucjpms", "ujis":
		return 3
	}
	return 4
}

// typeOf reads a type as catalogues and CREATE TABLE write it.
func typeOf(d Dialect, text string) sqlType {
	if d.Name() == SQLiteName {
		return sqlType{name: Affinity(text)}
	}
	var t sqlType
	text, t.charset, t.collation = splitCharset(strings.TrimSpace(text))
	head, rest, bracket := strings.Cut(text, "(")
	t.name = head
	if bracket {
		var inner string
		inner, t.tail = closing(rest)
		t.size = members(inner)
	}
	t.name = strings.Join(strings.Fields(strings.ToLower(t.name)), " ")
	t.tail = strings.Join(strings.Fields(strings.ToLower(t.tail)), " ")
	if name, ok := strings.CutSuffix(t.name, "[]"); ok {
		t.name, t.tail = name, "[]"+t.tail
	}
	if d.Name() == PostgresName {
		t.name, t.tail = postgresName(t.name, t.tail)
		return t
	}
	if word, tail, ok := strings.Cut(t.name, " "); ok && t.size == nil && word != "double" {
		t.name, t.tail = word, tail // "bigint unsigned"
	}
	if d.Name() == MySQLName {
		t.displayed()
	}
	return t
}

// displayed leaves out the width that numbers are displayed in, which newer servers do
// not tell any more. One of a tinyint(1) is a statement about its values.
func (t *sqlType) displayed() {
	switch t.name {
	case "smallint", "mediumint", "int", "bigint", "year":
		if !strings.Contains(t.tail, "zerofill") {
			t.size = nil
		}
	case "tinyint":
		if len(t.size) == 1 && t.size[0] != "1" && !strings.Contains(t.tail, "zerofill") {
			t.size = nil
		}
	}
}

// splitCharset takes CHARACTER SET and COLLATE off the end of a type. Neither stands
// within the values of an enumeration, which end with a bracket.
func splitCharset(text string) (rest, charset, collation string) {
	end := strings.LastIndexByte(text, ')') + 1
	words := strings.Fields(text[end:])
	for i := 0; i < len(words); i++ {
		switch word := strings.ToUpper(words[i]); {
		case word == "COLLATE" && i+1 < len(words):
			collation = unquoted(strings.Join(words[i+1:], " "))
			return text[:end] + " " + strings.Join(words[:i], " "), charset, collation
		case word == "CHARACTER" && i+2 < len(words) && strings.EqualFold(words[i+1], "SET"):
			charset = words[i+2]
			words = slices.Delete(words, i, i+3)
			i--
		}
	}
	return text[:end] + " " + strings.Join(words, " "), charset, ""
}

// unquoted is the collation's own name: "pg_catalog"."C" is C.
func unquoted(name string) string {
	name = strings.TrimSpace(name)
	if i := strings.LastIndex(name, `"."`); i >= 0 {
		name = name[i+2:]
	} else if schema, own, ok := strings.Cut(name, "."); ok && !strings.Contains(schema, `"`) {
		name = own
	}
	return strings.ReplaceAll(strings.Trim(name, "\"`"), `""`, `"`)
}

// closing cuts at the bracket that closes; quotes may hold others.
func closing(text string) (inner, rest string) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\'':
			quoted = !quoted
		case ')':
			if !quoted {
				return text[:i], text[i+1:]
			}
		}
	}
	return text, ""
}

// members splits what stands in brackets at its commas outside of quotes.
func members(text string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i <= len(text); i++ {
		switch {
		case i == len(text) || (text[i] == ',' && !quoted):
			out = append(out, strings.TrimSpace(text[start:i]))
			start = i + 1
		case text[i] == '\'':
			quoted = !quoted
		}
	}
	return out
}

// number is the i-th number in brackets; ok is false where there is none.
func (t sqlType) number(i int) (n int, ok bool) {
	if i >= len(t.size) {
		return 0, false
	}
	n, err := strconv.Atoi(t.size[i])
	return n, err == nil
}

// postgresName brings the words that the SQL standard and people have for a type to
// the one that the catalogue prints.
func postgresName(name, tail string) (string, string) {
	for _, suffix := range []string{" without time zone", " with time zone"} {
		if base, ok := strings.CutSuffix(name, suffix); ok {
			name, tail = base, strings.TrimSpace(strings.TrimSpace(suffix)+" "+tail)
		}
	}
	switch name {
	case "varchar":
		name = "character varying"
	case "char", "bpchar":
		name = "character"
	case "varbit":
		name = "bit varying"
	case "int", "int4":
		name = "integer"
	case "int8":
		name = "bigint"
	case "int2":
		name = "smallint"
	case "bool":
		name = "boolean"
	case "decimal":
		name = "numeric"
	case "float8":
		name = "double precision"
	case "float4":
		name = "real"
	case "timestamptz":
		name, tail = "timestamp", strings.TrimSpace("with time zone "+tail)
	case "timetz":
		name, tail = "time", strings.TrimSpace("with time zone "+tail)
	case "timestamp", "time":
		if !strings.Contains(tail, "time zone") {
			tail = strings.TrimSpace("without time zone " + tail)
		}
	}
	return name, tail
}

// postgresWidens: what ALTER TABLE … TYPE does without rewriting the table. Arrays
// are always written again.
func postgresWidens(x, y sqlType) bool {
	if strings.Contains(x.tail, "[]") {
		return false
	}
	grows := func() bool {
		n, sized := x.number(0)
		m, bound := y.number(0)
		return !bound || (sized && m >= n)
	}
	text := func(name string) bool { return name == "character varying" || name == "text" }
	switch {
	case text(x.name) && text(y.name):
		return y.name == "text" || grows()
	case x.name != y.name:
		return false
	case x.name == "bit varying", x.name == "timestamp", x.name == "time":
		return grows()
	case x.name == "numeric":
		if len(y.size) == 0 {
			return true
		}
		scale, _ := x.number(1)
		wanted, _ := y.number(1)
		return grows() && scale == wanted
	}
	return false
}

// mysqlWidens: what changes neither the bytes of a row nor their number of bytes for
// lengths.
func mysqlWidens(x, y sqlType) bool {
	if x.name != y.name {
		return false
	}
	switch x.name {
	case "varchar", "varbinary":
		n, okN := x.number(0)
		m, okM := y.number(0)
		width := 1
		if x.name == "varchar" {
			width = min(CharsetWidth(x.charset), CharsetWidth(y.charset))
		}
		return okN && okM && m >= n && (n*width > 255) == (m*width > 255)
	case "enum", "set":
		// New values at the end, where their number needs no more bytes.
		n, m := len(x.size), len(y.size)
		if m < n || !slices.Equal(x.size, y.size[:n]) {
			return false
		}
		if x.name == "enum" {
			return (n > 255) == (m > 255)
		}
		return (n+7)/8 == (m+7)/8
	}
	return false
}

// Affinity is what SQLite makes of values in a column of a declared type: integer,
// text, none, real or numeric.
func Affinity(declared string) string {
	declared = strings.ToUpper(declared)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(declared, w) })
	}
	switch {
	case has("INT"):
		return "integer"
	case has("CHAR", "CLOB", "TEXT"):
		return "text"
	case strings.TrimSpace(declared) == "" || has("BLOB"):
		return "none"
	case has("REAL", "FLOA", "DOUB"): //nolint:misspell // the beginning of DOUBLE, as SQLite takes it
		return "real"
	}
	return "numeric"
}
