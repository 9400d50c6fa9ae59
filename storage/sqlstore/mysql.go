package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// mysql is MariaDB 10.6 and MySQL 8. Where they differ, begin chooses.
type mysql struct{ dialect.Dialect }

func (mysql) instant(ref string) string {
	return "DATE_FORMAT(" + ref + ", '%Y-%m-%dT%H:%i:%s.%fZ')"
}

// bindInstant drops what DATETIME has no place for. A text is compared and
// stored as it stands, whatever the session's time zone is.
func (mysql) bindInstant(text string) string {
	return strings.Replace(strings.TrimSuffix(text, "Z"), "T", " ", 1)
}

func (mysql) jsonText(ref string) string { return ref }

// same spells equality as a range, and the order names the column: for "=" the
// optimizer takes the index by that column alone and reads all that lies between
// the end of the index and the page; this way it takes the other columns too.
func (mysql) same(b *builder, ref string, write func()) (sorted bool) {
	b.text(ref, " >= ")
	write()
	b.text(" AND ", ref, " <= ")
	write()
	return true
}

// term needs no derived table, of which each would be a temporary one.
func (mysql) term() (open, shut string) { return "(", ")" }

// past spells the comparison of rows out, as ranges that do not overlap: MySQL
// and MariaDB scan the whole index for "(a, b) < (?, ?)".
func (mysql) past(b *builder, columns []string, op string, values []any) {
	b.text("(")
	for i := range columns {
		if i > 0 {
			b.text(" OR ")
		}
		b.text("(")
		for j := range i {
			b.name(columns[j])
			b.text(" = ")
			b.bind(values[j])
			b.text(" AND ")
		}
		b.name(columns[i])
		b.text(" ", op, " ")
		b.bind(values[i])
		b.text(")")
	}
	b.text(")")
}

// hasField looks the name up among the keys as a JSON value.
func (mysql) hasField(b *builder, ref string, fields []string) {
	for i, f := range fields {
		if i > 0 {
			b.text(" OR ")
		}
		b.text("JSON_CONTAINS(JSON_KEYS(", ref, ", '$.changes'), ")
		b.bind(jsonString(f))
		b.text(")")
	}
}

// hasChange looks for the values in any column: a path cannot have a name that is
// bound. MariaDB compares texts as they are written, which is the canonical way in
// what annals wrote; others' diffs are left to Go.
func (d mysql) hasChange(b *builder, ref string, c change) {
	b.name(layout.ColSchemaVersion)
	b.text(" <> ")
	b.number(annals.SchemaVersion)
	b.text(" OR (TRUE")
	if len(c.fields) > 0 {
		b.text(" AND (")
		d.hasField(b, ref, c.fields)
		b.text(")")
	}
	c.sides(b, func(side, value string) {
		b.text("JSON_CONTAINS(JSON_EXTRACT(", ref, ", '$.changes.*.", side, "'), ")
		b.bind(value)
		b.text(")")
	})
	b.text(")")
}

func (mysql) hasMember(b *builder, ref string, names []string) {
	b.text("JSON_TYPE(", ref, ") <> 'OBJECT'")
	for _, n := range names {
		b.text(" OR JSON_CONTAINS(JSON_KEYS(", ref, "), ")
		b.bind(jsonString(n))
		b.text(")")
	}
}

func (mysql) ids(b *builder, ref string, ids []int64) { b.numbers(ref, ids) }

func (mysql) keepsPlans() bool { return false }

func (mysql) unindexed(ref string) string { return "COALESCE(" + ref + ", '')" }

func (mysql) contains(b *builder, ref, part string) {
	b.text("LOCATE(LOWER(")
	b.bind(part)
	b.text("), LOWER(", ref, ")) > 0")
}

// fact is what the database knows of the session better than the program. There
// is no application name outside performance_schema, which not everyone may read.
func (mysql) fact(column string) string {
	switch column {
	case layout.ColDBUser:
		return "LEFT(USER(), 255)"
	case layout.ColClientAddr:
		return "SUBSTRING_INDEX(USER(), '@', -1)"
	case layout.ColXID, layout.ColApplication:
		return "NULL"
	}
	return ""
}

// columnNumbers is how many numbers the statement of the revision draws in a column
// each; of more it makes one text.
const columnNumbers = 500

// mostNumbers is how many numbers a statement draws at most: as many rows as the
// cross join has. roomForNumbers is before such a statement, whatever length the
// session allows: a text that is cut fails an INSERT in strict mode.
const (
	mostNumbers    = 10_000
	roomForNumbers = "SET STATEMENT group_concat_max_len = 1048576 FOR "
)

// begin stores the revision and draws its numbers. It also notes the session's
// LAST_INSERT_ID() for finish: within a statement the function still tells what
// the one before has left.
func (d mysql) begin(ctx context.Context, tx dialect.Execer, w revisionWrite) (begun, error) {
	if !d.Features().MariaDB {
		return d.beginWithTickets(ctx, tx, w)
	}
	b := &builder{d: d}
	first := w.numbers
	if first > columnNumbers {
		first = 0
		b.text(roomForNumbers)
	}
	if w.stored != 0 {
		b.text("SELECT ")
		b.bind(w.stored)
		b.text(", CAST(LAST_INSERT_ID() AS CHAR)")
	} else {
		d.insertRevision(b, w)
		b.text(" RETURNING id, CAST(LAST_INSERT_ID() AS CHAR)")
	}
	if first < w.numbers {
		b.text(", ")
		d.concatNumbers(b, w.numbers)
	}
	b.text(strings.Repeat(", NEXTVAL("+d.Table(layout.Seq().Name)+")", first))
	var out begun
	err := query(ctx, tx, b, func(scan func(...any) error) error {
		out.numbers = make([]int64, first, w.numbers)
		into := []any{&out.id, &out.lastID}
		for i := range out.numbers {
			into = append(into, &out.numbers[i])
		}
		if first == w.numbers {
			return scan(into...)
		}
		var text string
		err := scan(append(into, &text)...)
		out.split(text)
		return err
	})
	for err == nil && len(out.numbers) > 0 && len(out.numbers) < w.numbers {
		err = d.moreNumbers(ctx, tx, &out, w.numbers)
	}
	return ascending(out, w.numbers, err)
}

// concatNumbers writes an expression that draws up to mostNumbers of the numbers
// that are wanted, as a text with commas: a sequence advances for each row that is
// made, so the rows of a cross join will do.
func (d mysql) concatNumbers(b *builder, want int) {
	const ten = "(SELECT 0 UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 " +
		"UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 " +
		"UNION ALL SELECT 8 UNION ALL SELECT 9)"
	b.text("(SELECT GROUP_CONCAT(q.v) FROM (SELECT NEXTVAL(",
		d.Table(layout.Seq().Name), ") AS v FROM ", ten, " AS k CROSS JOIN ", ten, " AS l CROSS JOIN ",
		ten, " AS m CROSS JOIN ", ten, " AS n LIMIT ")
	b.number(min(want, mostNumbers))
	b.text(") AS q)")
}

// moreNumbers draws those that the statement before had no room for.
func (d mysql) moreNumbers(ctx context.Context, tx dialect.Execer, out *begun, want int) error {
	b := &builder{d: d}
	b.text(roomForNumbers, "SELECT ")
	d.concatNumbers(b, want-len(out.numbers))
	return query(ctx, tx, b, func(scan func(...any) error) error {
		var text string
		err := scan(&text)
		out.split(text)
		return err
	})
}

// split adds the numbers of a text; what is none is left out, and missed by
// ascending.
func (b *begun) split(text string) {
	for number := range strings.SplitSeq(text, ",") {
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			b.numbers = append(b.numbers, n)
		}
	}
}

// beginWithTickets is MySQL's, which has no RETURNING and no sequences. The ids
// of one INSERT with a known number of rows are consecutive
// (innodb_autoinc_lock_mode 0, 1 and 2), apart from the server's increment. The
// tickets stay: a DELETE would lock the gap in which the next ones are born.
func (d mysql) beginWithTickets(
	ctx context.Context, tx dialect.Execer, w revisionWrite,
) (begun, error) {
	var out begun
	var step int64
	before := &builder{d: d}
	before.text("SELECT CAST(LAST_INSERT_ID() AS CHAR), @@SESSION.auto_increment_increment")
	err := query(ctx, tx, before, func(scan func(...any) error) error {
		return scan(&out.lastID, &step)
	})
	if err != nil {
		return out, err
	}
	if out.id = w.stored; out.id == 0 {
		b := &builder{d: d}
		d.insertRevision(b, w)
		res, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
		if err != nil {
			return out, err
		}
		if out.id, err = res.LastInsertId(); err != nil {
			return out, err
		}
	}
	for len(out.numbers) < w.numbers {
		n := min(w.numbers-len(out.numbers), maxRows)
		b := &builder{d: d}
		b.insertInto(layout.Seq().Ticket.Name, []string{layout.ColID})
		b.text(" VALUES (NULL)", strings.Repeat(", (NULL)", n-1))
		res, err := tx.ExecContext(ctx, b.sql.String())
		if err != nil {
			return out, err
		}
		id, err := res.LastInsertId()
		if err != nil {
			return out, err
		}
		for i := range int64(n) {
			out.numbers = append(out.numbers, id+i*step)
		}
	}
	return ascending(out, w.numbers, nil)
}

func (d mysql) insertRevision(b *builder, w revisionWrite) {
	columns := columnsOf(w.table)
	b.insertInto(w.table.Name, columns)
	b.text(" VALUES (")
	for i, c := range columns {
		if i > 0 {
			b.text(", ")
		}
		if fact := d.fact(c); fact != "" {
			b.text(fact)
		} else {
			b.bind(w.row[i])
		}
	}
	b.text(")")
}

// finish stores the receipts, and puts LAST_INSERT_ID() back on the way: their
// table has no AUTO_INCREMENT column, so that what the function is given stays.
func (d mysql) finish(
	ctx context.Context, tx dialect.Execer, w revisionWrite, done begun,
) error {
	const restore = "LAST_INSERT_ID(CAST(? AS UNSIGNED))"
	if len(w.receipts) == 0 {
		_, err := tx.ExecContext(ctx, "DO "+restore, done.lastID)
		return err
	}
	t := layout.RevisionEntity(d.Limits())
	for part := range slices.Chunk(w.receipts, maxRows) {
		b := &builder{d: d}
		b.insertInto(t.Name, columnsOf(t))
		for i, r := range part {
			b.text([]string{" VALUES (", ", ("}[min(i, 1)])
			b.binds([]any{done.id, r.entity, r.typ, r.entries})
			if i == 0 {
				b.text(" + 0 * ", restore)
				b.args = append(b.args, done.lastID)
			}
			b.text(")")
		}
		if _, err := tx.ExecContext(ctx, b.sql.String(), b.args...); err != nil {
			return err
		}
	}
	return nil
}

func (d mysql) insert(
	ctx context.Context, tx dialect.Execer, t layout.Table, rows [][]any,
) error {
	b := insertRows(d, t, rows)
	_, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
	return err
}

// insertRevisions asks for the ids right away where the database tells them.
func (d mysql) insertRevisions(
	ctx context.Context, tx dialect.Execer, t layout.Table, rows [][]any,
) (map[string]int64, error) {
	if d.Features().Returning {
		b := insertRows(d, t, rows)
		b.text(" RETURNING id, transaction_hash")
		ids, err := idsByHash(ctx, tx, b)
		if err == nil || d.Classify(err) != dialect.ClassDuplicate {
			return ids, err
		}
	}
	_, err := d.insertMissing(ctx, tx, t, revisionKey(), rows)
	return nil, err
}

func (d mysql) insertNew(ctx context.Context, tx dialect.Execer, w entriesWrite) error {
	fresh, err := d.insertMissing(ctx, tx, w.table, entryKey(), w.rows)
	if err == nil {
		w.countFresh(fresh)
	}
	return err
}

// insertMissing takes every row for new until the unique key says otherwise: only
// then it asks which are there. InnoDB undoes the failed statement alone. INSERT
// IGNORE is no way, since it swallows every other fault of the rows too; ON
// DUPLICATE KEY UPDATE needs more rights and does not tell which rows were new.
func (d mysql) insertMissing(
	ctx context.Context, tx dialect.Execer, t layout.Table, k key, rows [][]any,
) ([]bool, error) {
	fresh := make([]bool, len(rows))
	duplicate := d.insert(ctx, tx, t, rows)
	if duplicate == nil {
		for i := range fresh {
			fresh[i] = true
		}
		return fresh, nil
	}
	if d.Classify(duplicate) != dialect.ClassDuplicate {
		return nil, duplicate
	}
	there, err := d.stored(ctx, tx, t, k, rows)
	if err != nil {
		return nil, err
	}
	var missing [][]any
	for i, row := range rows {
		fresh[i] = !there[k.of(row)]
		if fresh[i] {
			missing = append(missing, row)
		}
	}
	if len(missing) == len(rows) {
		return nil, fmt.Errorf("rows collide with something else than themselves: %w", duplicate)
	}
	if len(missing) > 0 {
		err = d.insert(ctx, tx, t, missing)
	}
	return fresh, err
}

// stored tells which of the rows are there, by the first two columns of the key.
// The lock makes it read what is committed now, not what the transaction's
// snapshot had; it needs no other right than SELECT.
func (d mysql) stored(
	ctx context.Context, tx dialect.Execer, t layout.Table, k key, rows [][]any,
) (map[string]bool, error) {
	groups := map[string][]any{}
	in := min(1, len(k.at)-1)
	for _, row := range rows {
		first := ""
		if in > 0 {
			first = textOf(row[k.at[0]])
		}
		groups[first] = append(groups[first], row[k.at[in]])
	}
	out := map[string]bool{}
	for first, values := range groups {
		b := &builder{d: d}
		b.text("SELECT ")
		b.names("", k.columns)
		b.text(" FROM ")
		b.table(t.Name)
		b.text(" WHERE ")
		if in > 0 {
			b.name(k.columns[0])
			b.text(" = ")
			b.bind(first)
			b.text(" AND ")
		}
		b.in(d.Quote(k.columns[in]), values)
		b.text(" LOCK IN SHARE MODE")
		if err := readKeys(ctx, tx, b, k, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d mysql) addReceipts(ctx context.Context, tx dialect.Execer, rows [][]any) error {
	t := layout.RevisionEntity(d.Limits())
	b := insertRows(d, t, rows)
	b.text(" ON DUPLICATE KEY UPDATE entries = entries + VALUES(entries)")
	_, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
	return err
}

func (mysql) sizes(n int) []int { return []int{n} }
