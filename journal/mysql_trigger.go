package journal

import (
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// rowOperations are what row triggers fire for.
var rowOperations = []annals.Operation{annals.OpInsert, annals.OpUpdate, annals.OpDelete}

// rowTrigger is a trigger of MySQL or SQLite.
type rowTrigger struct {
	Installed
	// sql creates it.
	sql string
}

// rowTriggerName keeps names of tables apart that are cut alike.
func rowTriggerName(op annals.Operation, table string, lim dialect.Limits) string {
	name := "annals_" + string(op) + "_" + table
	if cut := cutName(name, 0, lim); cut != name {
		tail := "_" + nameHash(table)
		name = cutName(name, len(tail), lim) + tail
	}
	return name
}

// myLabel begins a trigger's or procedure's block, in place of a comment: the mysql
// client takes comments out of what it sends.
func (g mysqlGenerator) myLabel(hash string) string {
	return "annals_trigger_" + strconv.Itoa(Version) + "_" + hash + "_" + sourceHash(g.j.cfg.Source)
}

// labelled fills in a template, with a label that has the hash of the rest.
func (g mysqlGenerator) labelled(text string, tokens ...string) (sql, hash string) {
	replace := ""
	if g.mariaDB() {
		replace = "OR REPLACE "
	}
	unlabelled := strings.NewReplacer(append(tokens, "{or_replace}", "")...).Replace(text)
	hash = hashOf(unlabelled)
	tokens = append(tokens, "{or_replace}", replace, "{label}", g.myLabel(hash))
	return strings.NewReplacer(tokens...).Replace(text), hash
}

// trigger is the trigger of a target for an operation.
func (g mysqlGenerator) trigger(n myNames, t *Target, op annals.Operation) rowTrigger {
	d := g.j.cfg.Dialect
	name := rowTriggerName(op, t.Source.Name, d.Limits())
	columns, images := g.images(t, op)
	event := strings.ToUpper(string(op))
	text := template("mysql/trigger.sql")
	// Parts that themselves have tokens come first.
	text = strings.NewReplacer("{stamp}", g.stamp("      "), "{bound}", g.bound(n)).Replace(text)
	sql, hash := g.labelled(text,
		"{trigger}", d.Table(annals.Table{Schema: t.Source.Schema, Name: name}),
		"{event}", event, "{table}", d.Table(t.Source), "{type}", string(op),
		"{revision}", n.revision, "{receipt}", n.receipt, "{copy}", d.Table(t.Copy),
		"{revision_columns}", g.list(myRevisionColumns()),
		"{revision_values}", g.revisionValues("@annals_xid", myFields()), "{clock}", myClock,
		"{target}", myText(t.Name), "{source}", myText(g.j.cfg.Source),
		"{copy_columns}", g.list(columns), "{images}", images,
	)
	return rowTrigger{sql: sql, Installed: Installed{
		Target: t.Name, Table: t.Source, Name: name, Operation: op, Form: FormRow, Enabled: true,
		Version: Version, Hash: hash,
	}}
}

// list quotes and joins names.
func (g mysqlGenerator) list(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = g.j.cfg.Dialect.Quote(n)
	}
	return strings.Join(quoted, ", ")
}

// myRevisionColumns are those of annals_revision, in the order of revisionValues.
func myRevisionColumns() []string {
	return []string{
		layout.ColSource, layout.ColTransactionHash, layout.ColXID, layout.ColManaged,
		layout.ColUserID, layout.ColUserName, layout.ColUserEmail, layout.ColUserType,
		layout.ColContext, layout.ColIP, layout.ColUserAgent, layout.ColRequestID, layout.ColComment,
		layout.ColExtra, layout.ColDBUser, layout.ColClientAddr, layout.ColCreatedAt,
	}
}

// myClaims is what a context says, in its order, and how much of it is kept.
var myClaims = []struct {
	column string
	limit  int
}{
	{layout.ColUserID, 255},
	{layout.ColUserName, 255},
	{layout.ColUserEmail, 255},
	{layout.ColUserType, 255},
	{layout.ColContext, 100},
	{layout.ColIP, 45},
	{layout.ColUserAgent, 0},
	{layout.ColRequestID, 255},
	{layout.ColComment, 0},
	{layout.ColExtra, 0},
}

// myFields are the parts of annals_fields.
func myFields() []string {
	fields := make([]string, len(myClaims))
	for i := range myClaims {
		fields[i] = "SUBSTRING_INDEX(SUBSTRING_INDEX(@annals_fields, _utf8mb4 X'1F', " +
			strconv.Itoa(i+1) + "), _utf8mb4 X'1F', -1)"
	}
	return fields
}

// myClock is the clock in UTC: the statement's start and what has passed since. Where
// that is no short time, the session has set its own, or a statement took long: then
// it is the clock of the session's time zone, which in the hour that is set back
// says the same twice.
const myClock = "IF(@annals_wait BETWEEN 0 AND 59999999, " +
	"UTC_TIMESTAMP(6) + INTERVAL @annals_wait MICROSECOND, " +
	"'1970-01-01' + INTERVAL UNIX_TIMESTAMP(SYSDATE(6)) SECOND)"

// revisionValues are the values of a revision. Its hash has the milliseconds, the
// source, what the server counts, and the connection's number, by which Foreign knows it.
func (g mysqlGenerator) revisionValues(xid string, fields []string) string {
	const bound = "TRIM(_utf8mb4 X'1F' FROM @annals_fields) <> ''"
	values := []string{
		myText(g.j.cfg.Source),
		"LOWER(CONCAT(LPAD(HEX(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " + myClock + ") DIV 1000), 12, '0'), '" +
			sourceHash(g.j.cfg.Source) + "', LPAD(HEX(UUID_SHORT() & 16777215), 6, '0'), " +
			"LPAD(HEX(CONNECTION_ID() & 16777215), 6, '0')))",
		xid, bound,
	}
	for i, claim := range myClaims {
		value := fields[i]
		if claim.limit > 0 {
			value = "LEFT(" + value + ", " + strconv.Itoa(claim.limit) + ")"
		}
		value = "NULLIF(" + value + ", '')"
		if claim.column == layout.ColUserName {
			value = "IF(" + bound + ", " + value + ", 'not orm')"
		}
		values = append(values, value)
	}
	values = append(values, "LEFT(USER(), 255)", "SUBSTRING_INDEX(USER(), '@', -1)", myClock)
	return strings.Join(values, ",\n        ")
}

// stamp is the statement that reads what tells the transaction that CALL
// annals_context was executed in from every other.
func (g mysqlGenerator) stamp(indent string) string {
	text := template("mysql/stamp_mysql.sql")
	if g.mariaDB() {
		text = template("mysql/stamp_mariadb.sql")
	}
	return strings.ReplaceAll(text, "\n", "\n"+indent)
}

// bound finds the revision that annals_bind made. It fixes what a transaction sees
// (REPEATABLE READ), and is left out where nothing is bound that way.
func (g mysqlGenerator) bound(n myNames) string {
	if !g.j.cfg.ContextRow {
		return ""
	}
	in := ""
	if g.mariaDB() {
		in = " AND @@in_transaction"
	}
	text := strings.NewReplacer("{revision}", n.revision, "{in_transaction}", in).
		Replace(template("mysql/bound.sql"))
	return text + "\n    "
}

// myOrdinal is of every row of a connection: see layout.OrdinalOfConnection.
var myOrdinal = "CONNECTION_ID() & 16777215 | " + strconv.Itoa(layout.OrdinalOfConnection)

// images are the columns of a copy and the rows for an operation.
func (g mysqlGenerator) images(t *Target, op annals.Operation) (columns []string, rows string) {
	columns = copyColumns(t)
	row := func(image, alias string, odd bool) string {
		id := "2 * LAST_INSERT_ID()"
		if odd {
			id += " + 1"
		}
		values := []string{id, "LAST_INSERT_ID()", "LAST_INSERT_ID()", "'" + image + "'", myOrdinal}
		for i := range t.Columns {
			c := &t.Columns[i]
			ref := alias + "." + g.j.cfg.Dialect.Quote(c.Name)
			switch {
			case c.Masked && op == annals.OpUpdate && odd:
				ref = "CASE WHEN " + g.same(c) + " THEN FALSE WHEN " + ref + " IS NOT NULL THEN TRUE END"
			case c.Masked:
				ref += " IS NOT NULL"
			}
			values = append(values, ref)
		}
		return "(" + strings.Join(values, ", ") + ")"
	}
	before, after := row(layout.ImageBefore, "OLD", false), row(layout.ImageAfter, "NEW", true)
	switch op {
	case annals.OpInsert:
		return columns, after
	case annals.OpDelete:
		return columns, before
	}
	return columns, before + ",\n    " + after
}

// copyColumns are the columns of a target's copy.
func copyColumns(t *Target) []string {
	columns := []string{
		layout.ColCopyID, layout.ColCopyReceipt, layout.ColCopySeq, layout.ColCopyImage,
		layout.ColCopyOrdinal,
	}
	for i := range t.Columns {
		columns = append(columns, t.Columns[i].Copy)
	}
	return columns
}

// same compares a column's old and new value as they are stored: texts by bytes,
// whatever their collation takes for equal, TIMESTAMP by the instant and not by the
// clock of the session's time zone, numbers by value.
func (g mysqlGenerator) same(c *Column) string {
	name := g.j.cfg.Dialect.Quote(c.Name)
	pair := func(before, after string) string {
		return before + "OLD." + name + after + " <=> " + before + "NEW." + name + after
	}
	switch myTypeName(c.Type) {
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set":
		// What the collation tells apart needs no second look, and a value over
		// max_allowed_packet converts to null.
		return pair("", "") + " AND " + pair("CONVERT(", " USING binary)")
	case "json":
		return pair("CONVERT(CAST(", " AS CHAR) USING binary)")
	case "timestamp":
		// A zero timestamp has no instant either, and is not null.
		return pair("", "") + " AND " + pair("UNIX_TIMESTAMP(", ")")
	}
	return pair("", "")
}
