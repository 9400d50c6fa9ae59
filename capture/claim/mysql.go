package claim

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// MySQLClear is the statement that takes back what MySQLSet bound.
const MySQLClear = "SET @annals_tx = NULL, @annals_context = NULL"

// MySQLSet returns the statement that binds a claim to the transaction that the
// connection of MySQL or MariaDB is in, or to its next statement. It lasts until it
// is overwritten or taken back. The stamp is empty.
func MySQLSet(c Claim) string {
	return "SET @annals_tx = " + newNumber() + ", @annals_context = " +
		mysqlText(c.joined())
}

// MySQLContext returns the statement that binds a claim to the open transaction
// through the routine for everybody: what it sets is of no use to the next
// transaction, whoever forgets to take it back.
func MySQLContext(schema string, c Claim) string {
	return "CALL " + mysqlRoutine(schema, contextRoutine) + "(" + arguments(c, mysqlText) + ")"
}

// MySQLBind returns the statement that binds a claim by a row of its own, and
// MySQLUnbind the one that has to precede the commit then.
func MySQLBind(schema string, c Claim) string {
	return "CALL " + mysqlRoutine(schema, bindRoutine) + "(" + arguments(c, mysqlText) + ")"
}

// MySQLUnbind is MySQLBind's.
func MySQLUnbind(schema string) string {
	return "CALL " + mysqlRoutine(schema, unbindRoutine) + "()"
}

func mysqlRoutine(schema, name string) string {
	return dialect.MySQL(true).Table(annals.Table{Schema: schema, Name: name})
}

// newNumber is an expression that names a transaction: above what another
// connection's number or a float without rounding could be. Its low bits are those of
// the connection's own number, without which a trigger takes it for nobody's: who has
// seen another's number is not bound by it.
func newNumber() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	high := binary.BigEndian.Uint64(b[:])>>26 | 1<<38
	return strconv.FormatUint(high<<24, 10) + " | CONNECTION_ID() & 16777215"
}

// mysqlText is a literal that reads the same whatever the session's sql_mode and
// character set.
func mysqlText(value string) string {
	return "_utf8mb4 X'" + hex.EncodeToString([]byte(value)) + "'"
}
