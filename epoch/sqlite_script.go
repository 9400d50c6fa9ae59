package epoch

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals/layout"
)

// sqliteBlocks is the most batches that a script is written out for; a larger table is
// taken in larger ones.
const sqliteBlocks = 400

func (sqlite) head(*plan) string { return "-- for sqlite3\n.bail on\n.timeout 60000\n" }
func (sqlite) foot() string      { return "" }

// sqliteText is a text as a literal.
func sqliteText(s string) string {
	if strings.ContainsRune(s, 0) {
		return "CAST(X'" + hex.EncodeToString([]byte(s)) + "' AS TEXT)"
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// script has each batch written out: there are no loops. The keys of a batch wait in a
// table of the session.
func (e sqlite) script(p *plan, o scripting) string {
	size, blocks := int64(o.size), int64(1)
	if o.rows > 0 {
		size = max(size, (o.rows+sqliteBlocks-1)/sqliteBlocks)
		blocks = (o.rows + size - 1) / size
	}
	table := p.own(layout.EpochTable)
	run := "source = " + sqliteText(p.source) + " AND entity = " + sqliteText(p.target.Name) +
		" AND id > " + strconv.FormatInt(o.beyond, 10)
	started := "0"
	if o.again {
		started = "(" + e.next(p) + ")"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `BEGIN IMMEDIATE;
INSERT INTO %[1]s (source, entity, started_seq, done, created_at)
SELECT %[2]s, %[3]s, %[4]s, 0, %[5]s WHERE NOT EXISTS (SELECT 1 FROM %[1]s WHERE %[6]s);
COMMIT;
DROP TABLE IF EXISTS temp.annals_epoch_keys;
DROP TABLE IF EXISTS temp.annals_epoch_last;
DROP TABLE IF EXISTS temp.annals_epoch_batch;
DROP TABLE IF EXISTS temp.annals_epoch_sum;
CREATE TEMP TABLE annals_epoch_keys (annals_n INTEGER PRIMARY KEY, %[7]s);
CREATE TEMP TABLE annals_epoch_last (%[7]s);
CREATE TEMP TABLE annals_epoch_batch (annals_base INTEGER, annals_revision INTEGER);
CREATE TEMP TABLE annals_epoch_sum AS SELECT 0 AS annals_n;
%[8]s`, table, sqliteText(p.source), sqliteText(p.target.Name), started, sqliteNow, run,
		strings.Join(e.keyNames(p), ", "), e.last(p, o.key))
	block := e.block(p, run, size)
	for range blocks {
		b.WriteString(block)
	}
	b.WriteString(e.block(p, run, -1))
	b.WriteString(e.moved(p, run))
	fmt.Fprintf(&b, "UPDATE %[1]s SET done = 1 WHERE %[2]s;\nSELECT %[3]s || ': done';\n",
		table, run, sqliteText(p.target.Name))
	return b.String()
}

func (sqlite) keyNames(p *plan) []string {
	names := make([]string, len(p.key))
	for i := range p.key {
		names[i] = "annals_k" + strconv.Itoa(i)
	}
	return names
}

// last puts the key that the run had come to into the session.
func (e sqlite) last(p *plan, key []string) string {
	if len(key) != len(p.key) {
		return ""
	}
	literals := make([]string, len(key))
	for i, text := range key {
		v, err := e.arg(p.key[i], text)
		if err != nil {
			return "" // it begins at the beginning
		}
		switch v := v.(type) {
		case string:
			literals[i] = sqliteText(v)
		case []byte:
			literals[i] = "X'" + hex.EncodeToString(v) + "'"
		default:
			number, err := json.Marshal(v)
			if err != nil {
				return ""
			}
			literals[i] = string(number)
		}
	}
	return "INSERT INTO temp.annals_epoch_last VALUES (" + strings.Join(literals, ", ") + ");\n"
}

// unfinished is the condition that a run is not done.
func (sqlite) unfinished(run string, p *plan) string {
	return "EXISTS (SELECT 1 FROM " + p.own(layout.EpochTable) + " WHERE " + run + " AND done = 0)"
}

func (e sqlite) since(run string, p *plan) expr {
	return is("(SELECT MAX(started_seq) FROM " + p.own(layout.EpochTable) + " WHERE " + run + ")")
}

// block is one batch: the keys first, then what they lead to.
func (e sqlite) block(p *plan, run string, size int64) string {
	names := strings.Join(e.keyNames(p), ", ")
	keys := strings.Join(p.keyRefs(e), ", ")
	order := "temp.annals_epoch_keys"
	marks := make([]string, len(p.key))
	for i, name := range e.keyNames(p) {
		marks[i] = e.read(p.key[i], name)
	}
	find := fmt.Sprintf(`BEGIN IMMEDIATE;
DELETE FROM temp.annals_epoch_keys;
INSERT INTO temp.annals_epoch_keys SELECT NULL, %[1]s FROM %[2]s
WHERE (NOT EXISTS (SELECT 1 FROM temp.annals_epoch_last) OR (%[1]s) > (SELECT %[3]s FROM temp.annals_epoch_last))
AND %[4]s ORDER BY %[1]s LIMIT %[5]d;
`, keys, p.inTable(), names, e.unfinished(run, p), size)
	remember := fmt.Sprintf(`DELETE FROM temp.annals_epoch_last WHERE EXISTS (SELECT 1 FROM %[1]s);
INSERT INTO temp.annals_epoch_last SELECT %[2]s FROM %[1]s ORDER BY annals_n DESC LIMIT 1;
UPDATE %[3]s SET last_key = (SELECT json_array(%[4]s) FROM temp.annals_epoch_last)
WHERE %[5]s AND done = 0 AND EXISTS (SELECT 1 FROM %[1]s);
COMMIT;
`, order, names, p.own(layout.EpochTable), strings.Join(marks, ", "), run)
	return find + e.fill(p, run, first) + remember + fmt.Sprintf(`UPDATE temp.annals_epoch_sum SET annals_n = annals_n +
(SELECT COUNT(*) FROM %[1]s WHERE revision = (SELECT annals_revision FROM temp.annals_epoch_batch));
SELECT %[2]s || ': ' || annals_n || ' rows' FROM temp.annals_epoch_sum
WHERE EXISTS (SELECT 1 FROM temp.annals_epoch_keys);
`, p.own(layout.RevisionEntityTable), sqliteText(p.target.Name))
}

func (e sqlite) moved(p *plan, run string) string {
	find := fmt.Sprintf(`BEGIN IMMEDIATE;
DELETE FROM temp.annals_epoch_keys;
INSERT INTO temp.annals_epoch_keys SELECT NULL, %[1]s FROM %[2]s WHERE %[3]s AND %[4]s ORDER BY %[1]s;
`, strings.Join(p.keyRefs(e), ", "), p.inTable(), e.unfinished(run, p),
		written(p, func(q *query) { p.untold(q, e.since(run, p)) }))
	return find + e.fill(p, run, second) + "COMMIT;\n"
}

// fill gives the rows whose keys wait their baselines.
func (e sqlite) fill(p *plan, run string, which pass) string {
	join := make([]string, len(p.key))
	for i, ref := range p.keyRefs(e) {
		join[i] = ref + " = t.annals_k" + strconv.Itoa(i)
	}
	columns, values := p.copied()
	since := e.since(run, p)
	where := written(p, func(q *query) { (&batch{plan: p, which: which}).where(q, e, since) })
	source := " FROM temp.annals_epoch_keys t JOIN " + p.inTable() + " ON " + strings.Join(join, " AND ")
	at := batch{plan: p, text: func(s string) expr { return is(sqliteText(s)) }}
	number := is("(" + e.base(layout.RevisionTable) + ") + 1")
	revision := written(p, func(q *query) { e.revision(q, at, numbers{revision: number}) })
	head, list, _ := strings.Cut(revision, " VALUES (")
	return fmt.Sprintf(`DELETE FROM temp.annals_epoch_batch;
INSERT INTO temp.annals_epoch_batch SELECT (%[3]s), NULL;
%[4]s SELECT %[5]s WHERE EXISTS (SELECT 1%[1]s%[2]s);
UPDATE temp.annals_epoch_batch SET annals_revision = last_insert_rowid() WHERE EXISTS (SELECT 1%[1]s%[2]s);
INSERT INTO %[6]s (id, revision, entity, type, entries, created_at)
SELECT annals_base + ROW_NUMBER() OVER (ORDER BY t.annals_n), annals_revision, %[7]s, 'epoch', 1, %[8]s%[1]s,
temp.annals_epoch_batch%[2]s;
INSERT INTO %[9]s
`, source, where, e.base(layout.RevisionEntityTable), head, strings.TrimSuffix(list, ")"),
		p.own(layout.RevisionEntityTable),
		sqliteText(p.target.Name), sqliteNow, e.copies(p, columns, values, source, where))
}

// copies writes the rows.
func (sqlite) copies(p *plan, columns, values []string, source, where string) string {
	return p.copy() + " (annals_id, annals_revision_entity_id, annals_seq, annals_image, annals_ordinal, " +
		strings.Join(columns, ", ") + ")\nSELECT 2 * annals_n + 1, annals_n, annals_n, 'after', 1, " +
		strings.Join(columns, ", ") +
		" FROM (SELECT annals_base + ROW_NUMBER() OVER (ORDER BY t.annals_n) AS annals_n, " +
		strings.Join(aliased(values, columns), ", ") + source + ", temp.annals_epoch_batch" + where + ");"
}

func aliased(values, names []string) []string {
	out := make([]string, len(values))
	for i := range values {
		out[i] = values[i] + " AS " + names[i]
	}
	return out
}
