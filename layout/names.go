package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// hashDigits is how much of a hash a shortened name carries: 48 bits keep even
// millions of names apart.
const hashDigits = 12

// AuditTable returns the audit table of t: prefix + name + suffix, in the
// schema of t. An empty suffix means none. A name past the limit keeps prefix
// and suffix and as much of its beginning as fits, with a hash of the whole in
// between, so that different names stay different and the same name always
// gives the same result.
func AuditTable(t annals.Table, prefix, suffix string, lim dialect.Limits) annals.Table {
	full := prefix + t.Name + suffix
	if fits(full, lim) {
		return annals.Table{Schema: t.Schema, Name: full}
	}
	tail := "_" + digest(full) + suffix
	if length(prefix, lim)+length(tail, lim) >= lim.Identifier {
		// A suffix that leaves no room is shortened with the rest.
		tail = "_" + digest(full)
	}
	return annals.Table{Schema: t.Schema, Name: cut(prefix+t.Name, tail, lim) + tail}
}

// EntityTable returns the audit table of an entity: the one its rule
// audit_table names ("name" or "schema.name", taken as it is), else AuditTable
// of its table.
func EntityTable(e annals.Entity, prefix, suffix string, lim dialect.Limits) annals.Table {
	if e.AuditTable != "" {
		return annals.ParseTable(e.AuditTable)
	}
	return AuditTable(e.Table, prefix, suffix, lim)
}

// IndexName returns idx_<table>_<columns>, shortened like AuditTable's names.
// Index names share a namespace per schema on PostgreSQL and SQLite; where a
// name is taken by something else, package schema uses UniqueIndexName.
func IndexName(table string, columns []string, lim dialect.Limits) string {
	full := indexName(table, columns)
	if fits(full, lim) {
		return full
	}
	return UniqueIndexName(table, columns, 0, lim)
}

// UniqueIndexName returns IndexName with a hash that tells apart what reads the
// same: table a on (b_c) and table a_b on (c). Each n has a name of its own, for
// where even that is taken.
func UniqueIndexName(table string, columns []string, n int, lim dialect.Limits) string {
	full := indexName(table, columns)
	text := table + "\x00" + strings.Join(columns, "\x00")
	if n > 0 {
		text += "\x00" + strconv.Itoa(n)
	}
	tail := "_" + digest(text)
	return cut(full, tail, lim) + tail
}

func indexName(table string, columns []string) string {
	return "idx_" + table + "_" + strings.Join(columns, "_")
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:hashDigits]
}

func fits(name string, lim dialect.Limits) bool {
	return lim.Identifier == 0 || length(name, lim) <= lim.Identifier
}

func length(s string, lim dialect.Limits) int {
	if lim.Bytes {
		return len(s)
	}
	return utf8.RuneCountInString(s)
}

// cut returns as many whole characters of head as leave room for tail.
func cut(head, tail string, lim dialect.Limits) string {
	if lim.Identifier == 0 {
		return head
	}
	room := lim.Identifier - length(tail, lim)
	used := 0
	for i, r := range head {
		size := 1
		if lim.Bytes {
			size = utf8.RuneLen(r)
			if size < 0 { // not UTF-8: the one byte that was read
				size = 1
			}
		}
		if used+size > room {
			return head[:i]
		}
		used += size
	}
	return head
}
