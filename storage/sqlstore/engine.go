package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// engine is what SQL does differently from one database to the next. There is
// one implementation per file: postgres.go, mysql.go, sqlite.go.
type engine interface {
	reading
	writing
	cleaning
}

// reading is the SQL that finds entries.
type reading interface {
	// instant is an expression for the column as text of layout.InstantFormat,
	// independent of the session's time zone and the driver's settings.
	instant(ref string) string
	// bindInstant returns what is bound for a text of layout.InstantFormat.
	bindInstant(text string) string
	// jsonText is an expression for a JSON column as text.
	jsonText(ref string) string
	// same appends the condition that the column ref, which leads an index, has
	// the value that write writes; sorted tells that ORDER BY has to begin with it.
	same(b *builder, ref string, write func()) (sorted bool)
	// term returns what stands around one statement with ORDER BY and LIMIT in a
	// union.
	term() (open, shut string)
	// past appends the condition that the columns, in their order, lie behind
	// the values: below them where op is "<", above where it is ">".
	past(b *builder, columns []string, op string, values []any)
	// hasField appends the condition that one of the fields is a key of the
	// object "changes" in the JSON column ref. No key is put into a path, so
	// that names with dots and quotes need no quoting.
	hasField(b *builder, ref string, fields []string)
	// hasChange appends the condition that "changes" in the JSON column ref may have
	// what c says. It may hold for others too, but for all that have it.
	hasChange(b *builder, ref string, c change)
	// hasMember appends the condition that the JSON column ref is an object that has
	// one of the names, or no object.
	hasMember(b *builder, ref string, names []string)
	// unindexed is the column ref, which is never null, for conditions that must not
	// make the optimizer take an index by it: it would sort then.
	unindexed(ref string) string
	// contains appends the condition that part stands in the text ref, whatever the
	// case of A to Z is.
	contains(b *builder, ref, part string)
	// keepsPlans tells that drivers have the server keep a plan for each text it has
	// met: pages of many tables are asked by the same text then, whichever tables
	// have a part in them, or a connection keeps a plan for every set of tables.
	keepsPlans() bool
	// ids appends the condition that the number ref is one of ids.
	ids(b *builder, ref string, ids []int64)
	// running names the transactions that have written and may still commit; ok is
	// false where the account may not know.
	running(ctx context.Context, db *sql.DB) (names map[string]bool, ok bool, err error)
}

// writing is the SQL that stores entries.
type writing interface {
	// begin stores a revision, but for one that is stored already, and draws
	// w.numbers numbers, ascending. Where it can it stores the receipts too.
	begin(ctx context.Context, tx dialect.Execer, w revisionWrite) (begun, error)
	// finish comes after the entries and stores what begin has left.
	finish(ctx context.Context, tx dialect.Execer, w revisionWrite, b begun) error
	// insert stores rows of which none is there yet.
	insert(ctx context.Context, tx dialect.Execer, t layout.Table, rows [][]any) error
	// insertRevisions stores those revisions whose hash is not there yet. The ids
	// are by hash and may lack some, such as of those that were there.
	insertRevisions(ctx context.Context, tx dialect.Execer, t layout.Table, rows [][]any) (
		ids map[string]int64, err error)
	// insertNew stores those rows of an audit table whose (source, seq, part) is
	// not there yet, and counts them. It waits for transactions that store the
	// same rows.
	insertNew(ctx context.Context, tx dialect.Execer, w entriesWrite) error
	// addReceipts adds to the receipts' numbers of entries.
	addReceipts(ctx context.Context, tx dialect.Execer, rows [][]any) error
	// sizes cuts n rows, at most maxRows, into the sizes of the statements that
	// store them.
	sizes(n int) []int
}

// revisionWrite is a revision on its way into a transaction.
type revisionWrite struct {
	table layout.Table
	// row has a value for each of table.ColumnNames(); those of xid, db_user,
	// application and client_addr are not used: the database knows better.
	row      []any
	receipts []receipt
	numbers  int
	// stored is the id of a revision that is stored already, 0 of one that is not.
	// Then receipts come without numbers.
	stored int64
}

// entriesWrite are entries on their way into their audit table.
type entriesWrite struct {
	table layout.Table
	rows  [][]any
	// count is told how many entries of a type and a revision were new.
	count func(hash, typ string, entries int64)
}

// countFresh counts the rows that were new.
func (w *entriesWrite) countFresh(fresh []bool) {
	for i, isNew := range fresh {
		if isNew {
			w.count(textOf(w.rows[i][rowHash]), textOf(w.rows[i][rowType]), 1)
		}
	}
}

// begun is a revision that is stored.
type begun struct {
	id      int64
	numbers []int64
	// lastID is what LAST_INSERT_ID() of the session was.
	lastID string
	// rowID is what last_insert_rowid() of the connection was, ticket the highest
	// number drawn so far (SQLite).
	rowID, ticket int64
}

// key is a unique key: its columns, and where their values stand in a row.
type key struct {
	columns []string
	at      []int
}

func revisionKey() key { return key{[]string{layout.ColTransactionHash}, []int{1}} }

func entryKey() key {
	return key{
		[]string{layout.ColSource, layout.ColSeq, layout.ColPart},
		[]int{rowSource, rowSeq, rowPart},
	}
}

// of is the row's value of the key as one text.
func (k key) of(row []any) string {
	parts := make([]any, len(k.at))
	for i, at := range k.at {
		parts[i] = row[at]
	}
	return keyText(parts)
}

// keyText parts the values by NUL, which no stored text holds.
func keyText(values []any) string {
	var b strings.Builder
	for _, v := range values {
		if s, ok := v.(string); ok {
			b.WriteString(s)
		} else {
			fmt.Fprint(&b, v)
		}
		b.WriteByte(0)
	}
	return b.String()
}

// newEngine chooses by the dialect's name; an unknown one is a MySQL, which asks
// for the least.
func newEngine(d dialect.Dialect) engine {
	switch d.Name() {
	case dialect.PostgresName:
		return postgres{d}
	case dialect.SQLiteName:
		return sqlite{d}
	default:
		return mysql{d}
	}
}
