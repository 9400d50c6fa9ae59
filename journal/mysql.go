package journal

import (
	"context"
	"embed"
	"regexp"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

//go:embed sql
var templates embed.FS

// template is one of the SQL texts, without its last line break.
func template(name string) string {
	text, err := templates.ReadFile("sql/" + name)
	if err != nil {
		panic("journal: " + err.Error()) // it is compiled in
	}
	return strings.TrimRight(string(text), "\n")
}

// mysqlGenerator is the SQL of MySQL and MariaDB.
type mysqlGenerator struct{ j *Journal }

func newMySQL(j *Journal) generator { return mysqlGenerator{j} }

func (mysqlGenerator) home(ctx context.Context, q dialect.Queryer) (string, error) {
	var name string
	err := scan(ctx, q, "SELECT COALESCE(DATABASE(), '')", nil,
		func(scan func(...any) error) error { return scan(&name) })
	return name, err
}

// myComment is what COLUMN_TYPE adds for versions of the server, as COMPRESSED.
var myComment = regexp.MustCompile(`\s*/\*.*?\*/`)

// copyType: an enumeration becomes text, so that a value which its type gets later
// fits. Texts keep their character set and collation: then a value is copied as the
// bytes that it is.
func (mysqlGenerator) copyType(c *Column) string {
	switch {
	case c.Masked:
		return "boolean"
	case c.Kind == dialect.KindJSON:
		return "json" // MariaDB's is a longtext
	}
	kind := myComment.ReplaceAllString(c.Type, "")
	switch myTypeName(c.Type) {
	case "enum":
		kind = "varchar(255)"
	case "set":
		kind = "mediumtext"
	}
	if c.Charset == "" || c.Charset == "binary" {
		return kind
	}
	return kind + " CHARACTER SET " + c.Charset + " COLLATE " + c.Collation
}

// myTypeName is the name that a type begins with, in lower case.
func myTypeName(columnType string) string {
	name := strings.ToLower(columnType)
	if i := strings.IndexAny(name, "( "); i >= 0 {
		name = name[:i]
	}
	return name
}

func (mysqlGenerator) fold(name string) string { return strings.ToLower(name) }

func (g mysqlGenerator) fit(name string, room int) string {
	return cutName(name, room, g.j.cfg.Dialect.Limits())
}

func (g mysqlGenerator) mariaDB() bool { return g.j.cfg.Dialect.Features().MariaDB }

// myText is a literal where the sql_mode is mySQLMode: backslashes mean themselves.
func myText(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// mySQLMode is what triggers and procedures run with, whatever the session has:
// strict, so that nothing is cut; with every date that a table may hold.
const mySQLMode = "STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_BACKSLASH_ESCAPES"

// myNames are annals' tables in the storage's database, quoted.
type myNames struct {
	schema                            string
	revision, receipt, rules, columns string
}

func (g mysqlGenerator) names(schema string) myNames {
	table := func(name string) string {
		return g.j.cfg.Dialect.Table(annals.Table{Schema: schema, Name: name})
	}
	return myNames{
		schema: schema, revision: table(layout.RevisionTable), receipt: table(layout.RevisionEntityTable),
		rules: table(layout.RulesTable), columns: table(layout.TargetColumnTable),
	}
}

func (mysqlGenerator) copyExpr(c *Column, ref string) string {
	if c.Masked {
		return "(" + ref + " IS NOT NULL)"
	}
	return ref
}
