package schema

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// mysqlFlavour is the SQL of MySQL and MariaDB.
type mysqlFlavour struct{ d dialect.Dialect }

// collation compares bytes and keeps trailing spaces apart.
func (f mysqlFlavour) collation() string {
	if f.d.Features().MariaDB {
		return "utf8mb4_nopad_bin"
	}
	return "utf8mb4_0900_bin"
}

func (f mysqlFlavour) createSchema(name string) (string, bool) {
	return "CREATE DATABASE " + f.d.Quote(name) + " CHARACTER SET utf8mb4 COLLATE " +
		f.collation(), true
}

func (f mysqlFlavour) createSequence(name annals.Table) string {
	return "CREATE SEQUENCE " + f.d.Table(name) + " NOCACHE ENGINE=InnoDB"
}

func (f mysqlFlavour) columnType(c layout.Column) string {
	if c.Auto {
		return "bigint NOT NULL AUTO_INCREMENT"
	}
	var sql string
	switch c.Type {
	case layout.BigInt:
		sql = "bigint"
	case layout.Integer:
		sql = "int"
	case layout.SmallInt:
		sql = "smallint"
	case layout.Boolean:
		sql = "boolean"
	case layout.VarChar:
		sql = "varchar(" + strconv.Itoa(c.Size) + ") " + f.charset()
	case layout.JSON:
		sql = "json"
	case layout.Instant:
		sql = "datetime(6)"
	case layout.Raw:
		return c.SQL + " NULL" // a TIMESTAMP without the word may get a default and NOT NULL
	default:
		sql = "longtext " + f.charset()
	}
	return sql + notNull(c)
}

func (f mysqlFlavour) charset() string {
	return "CHARACTER SET utf8mb4 COLLATE " + f.collation()
}

// zero: what is stored outside of the row takes no literal as default on MySQL,
// but an expression.
func (mysqlFlavour) zero(c layout.Column) string {
	switch c.Type {
	case layout.BigInt, layout.Integer, layout.SmallInt, layout.Boolean:
		return "0"
	case layout.JSON:
		return "('{}')"
	case layout.Instant:
		return "'1970-01-01 00:00:00'"
	case layout.Text:
		return "('')"
	default:
		return "''"
	}
}

// tableOptions leaves nothing to the server's settings. DYNAMIC rows allow keys
// of 3,072 bytes.
func (f mysqlFlavour) tableOptions() string {
	return " ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=" + f.collation()
}

func (f mysqlFlavour) keyType(c layout.Column) (string, bool) { return f.columnType(c), false }
func (mysqlFlavour) column(name string) string                { return strings.ToLower(name) }

// implied: keys have their names per table, and numbers come from no sequence.
func (mysqlFlavour) implied(layout.Table, func(string) bool) []string { return nil }

// createIndex: there are no partial indexes, and InnoDB builds one beside its
// writers by default.
func (f mysqlFlavour) createIndex(t annals.Table, i layout.Index, _ bool) Statement {
	return Statement{SQL: indexSQL(f.d, indexVerb(i), f.d.Quote(i.Name), f.d.Table(t), i)}
}

// mendIndex is never needed: no index of InnoDB is invalid.
func (mysqlFlavour) mendIndex(annals.Table, string) Statement { return Statement{} }

// literal avoids the backslash, whose meaning depends on NO_BACKSLASH_ESCAPES.
func (mysqlFlavour) literal(s string) string {
	if strings.Contains(s, `\`) {
		return "_utf8mb4 x'" + hex.EncodeToString([]byte(s)) + "'"
	}
	return quoteText(s)
}

func (mysqlFlavour) begin() []string { return nil }
