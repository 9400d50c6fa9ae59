package dialect

import "github.com/seed-162b1470/annals"

// mysql is MySQL 8 and later, or MariaDB 10.6 and later.
type mysql struct{ mariaDB bool }

var _ Dialect = mysql{}

// MySQL returns the dialect of MySQL, or of MariaDB where mariadb is set.
// Detect asks the server which of the two it is.
func MySQL(mariadb bool) Dialect { return mysql{mariaDB: mariadb} }

// Name implements Dialect.
func (mysql) Name() string { return MySQLName }

// Quote implements Dialect.
func (mysql) Quote(name string) string { return quoteWith(name, '`') }

// Table implements Dialect.
func (d mysql) Table(t annals.Table) string { return tableOf(d, t) }

// Placeholder implements Dialect.
func (mysql) Placeholder(int) string { return "?" }

// Limits implements Dialect.
func (mysql) Limits() Limits { return Limits{Identifier: 64, Parameters: 65535} }

// Features implements Dialect.
func (d mysql) Features() Features {
	return Features{
		Sequences: d.mariaDB, Returning: d.mariaDB, MariaDB: d.mariaDB,
		RowLocks: true, SkipLocked: true, LastInsertID: true,
		ImplicitCommits: implicitCommits, HiddenTables: true,
	}
}

// Classify implements Dialect.
func (mysql) Classify(err error) Class {
	number, ok := errorNumber(err)
	if !ok {
		return classifyTransport(err)
	}
	switch number {
	case 1062, 1169, 1586, 1859: // duplicate entry in its variants
		return ClassDuplicate
	case 1146, 1051: // no such table, unknown table
		return ClassMissingTable
	case 1054: // unknown column
		return ClassMissingColumn
	case 1049: // unknown database
		return ClassMissingDatabase
	}
	return classifyMySQLServer(number)
}

// classifyMySQLServer tells what the server could or would not do.
func classifyMySQLServer(number uint16) Class {
	switch number {
	case 1044, 1045, 1142, 1143, 1227, 1370, 1410, 1698, 1820, 3118, 4151:
		// Access denied to a database, for a user, command, column, privilege or
		// routine; no grant; wrong plugin; expired or locked account.
		return ClassAccess
	case 1020, 1205, 1213, 1412, 3572:
		// Row changed since read, lock wait timeout, deadlock, table definition
		// changed, NOWAIT.
		return ClassRetryable
	case 1040, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1927,
		2002, 2003, 2006, 2013, 4031:
		// Too many connections, shutdown, broken or killed connection.
		return ClassUnreachable
	case 1118, 1153, 1301, 1406, 3150:
		// Row, packet, result, column or JSON value too large.
		return ClassTooLarge
	}
	return ClassUnknown
}

// implicitCommits are the statements that end the transaction before they run
// (https://dev.mysql.com/doc/refman/8.0/en/implicit-commit.html).
var implicitCommits = []string{
	"ALTER", "ANALYZE", "CHECK", "CREATE", "DROP", "FLUSH", "GRANT", "INSTALL", "LOCK",
	"OPTIMIZE", "RENAME", "REPAIR", "RESET", "REVOKE", "TRUNCATE", "UNINSTALL", "UNLOCK",
	"BEGIN", "START", "STOP", "CACHE", "CHANGE", "SET AUTOCOMMIT", "SET PASSWORD",
}
