package journal

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// Names of transition tables: no table may have a column that a statement would
// find in their place, so they are unlikely ones.
const (
	pgOldRows = "annals_old_rows"
	pgNewRows = "annals_new_rows"
)

// pgFunction is a trigger function.
type pgFunction struct {
	name annals.Table
	op   annals.Operation
	// sets are its SET clauses, body its text with the marker.
	sets       []string
	body, hash string
}

// pgBody writes the functions of one target.
type pgBody struct {
	g     postgresGenerator
	n     pgNames
	t     *Target
	facts *pgFacts
	b     strings.Builder
}

func (g postgresGenerator) function(n pgNames, t *Target, f *pgFacts, op annals.Operation) pgFunction {
	w := &pgBody{g: g, n: n, t: t, facts: f}
	switch {
	case op == annals.OpTruncate:
		w.truncate()
	case f.form() == FormRow:
		w.row(op)
	default:
		w.statement(op)
	}
	fn := pgFunction{
		name: g.own(n.schema, g.functionName(op, t.Name)), op: op,
		sets: append([]string{"search_path = pg_catalog, pg_temp"}, f.pins(t)...),
	}
	text := w.b.String()
	fn.hash = hashOf(text)
	fn.body = "\n" + marker(fn.hash, t.Name) + text
	return fn
}

// functionName is annals_<operation>_<target>, with a hash where that is too long.
func (g postgresGenerator) functionName(op annals.Operation, target string) string {
	name := "annals_" + string(op) + "_" + target
	if g.fit(name, 0) == name {
		return name
	}
	tail := "_" + nameHash(target)
	return g.fit(name, len(tail)) + tail
}

func (w *pgBody) line(parts ...string) {
	for _, p := range parts {
		w.b.WriteString(p)
	}
	w.b.WriteByte('\n')
}

func (w *pgBody) quote(name string) string { return w.g.j.cfg.Dialect.Quote(name) }
func (w *pgBody) copyName() string         { return w.g.j.cfg.Dialect.Table(w.t.Copy) }

// head declares the variables. Those win over columns of the same name, which are
// always qualified.
func (w *pgBody) head() {
	w.line()
	w.line("#variable_conflict use_variable")
	w.line("DECLARE")
	w.line("  annals_n bigint;        -- rows")
	w.line("  annals_s bigint;        -- first number, which is the receipt's")
	w.line("  annals_q bigint[];      -- all numbers")
	w.line("  annals_r bigint;        -- revision")
	w.line("  annals_x bigint;        -- transaction")
	w.line("  annals_c text[];        -- context")
	w.line("  annals_t timestamptz;   -- now")
	w.line("BEGIN")
}

// revision finds the transaction's revision or makes it. It was created since the
// transaction began: before that, the same xid was another life of the database's.
func (w *pgBody) revision() {
	w.line("  annals_x := txid_current(); -- pg_current_xact_id() as a bigint")
	w.line("  annals_t := greatest(clock_timestamp(), now());")
	w.line("  annals_s := nextval(", w.n.sequence, ");")
	w.line("  SELECT v.id INTO annals_r FROM ", w.n.revision,
		" v WHERE v.xid = annals_x AND v.created_at >= now() LIMIT 1;")
	w.line("  IF NOT FOUND THEN")
	w.line("    annals_r := annals_s;")
	w.line(pgReadContext("    "))
	w.line(w.g.insertRevision(w.n, "    "))
	w.line("  END IF;")
}

// receipt writes the firing's receipt; rows is how many there are.
func (w *pgBody) receipt(op annals.Operation, rows string) {
	w.line("  INSERT INTO ", w.n.receipt, " (id, revision, entity, type, entries, created_at)")
	w.line("  VALUES (annals_s, annals_r, ", pgLiteral(w.t.Name), ", '", string(op), "', ", rows,
		", annals_t);")
}

// section marks a part of the text that follows from the columns, so that the event
// trigger can write it anew when they change. No name of a column can end a section: a
// quote within a quoted name is doubled.
func section(name, text string) string {
	return `/*annals"` + name + "*/" + text + `/*annals"end*/`
}

// into begins the INSERT of copied rows.
func (w *pgBody) into(indent string) {
	names := []string{
		layout.ColCopyID, layout.ColCopyReceipt, layout.ColCopySeq, layout.ColCopyImage,
		layout.ColCopyOrdinal,
	}
	columns := ""
	for i := range w.t.Columns {
		columns += ", " + w.quote(w.t.Columns[i].Copy)
	}
	w.line(indent, "INSERT INTO ", section("copy", w.copyName()), " (", strings.Join(names, ", "),
		section("columns", columns), ")")
}

// images of an operation: which transition table, which image, and what is added
// to twice the number.
type pgImage struct{ rows, record, image, plus string }

func pgImages(op annals.Operation) []pgImage {
	before := pgImage{pgOldRows, "OLD", layout.ImageBefore, ""}
	after := pgImage{pgNewRows, "NEW", layout.ImageAfter, " + 1"}
	switch op {
	case annals.OpInsert:
		return []pgImage{after}
	case annals.OpDelete:
		return []pgImage{before}
	}
	return []pgImage{before, after}
}

// values are the expressions of the kept columns of a record; of masked ones
// whether they are set.
func (w *pgBody) values(record string) string {
	var b strings.Builder
	for i := range w.t.Columns {
		c := &w.t.Columns[i]
		b.WriteString(", " + pgValue(c, record+"."+w.quote(c.Name)))
	}
	return section(record, b.String())
}

// numbered are the rows of a table with their places, as o, and their kept columns,
// as c1, c2 …: a name that the table's own columns might have would be ambiguous.
func (w *pgBody) numbered(rows string) string {
	var b strings.Builder
	for i := range w.t.Columns {
		fmt.Fprintf(&b, ", i.%s AS c%d", w.quote(w.t.Columns[i].Name), i+1)
	}
	return "(SELECT (row_number() OVER ())::integer AS o" + section("numbered", b.String()) +
		" FROM " + rows + " i)"
}

// renamed are values of the columns c1, c2 … of r.
func (w *pgBody) renamed() string {
	var b strings.Builder
	for i := range w.t.Columns {
		b.WriteString(", " + pgValue(&w.t.Columns[i], fmt.Sprintf("r.c%d", i+1)))
	}
	return section("renamed", b.String())
}

// pgValue is what the copy keeps of a column: its value, as the type of the copy.
func pgValue(c *Column, ref string) string {
	switch {
	case c.Masked:
		// A composite is not null to IS NOT NULL only if all of its fields are.
		return ref + " IS DISTINCT FROM NULL"
	case c.Kind == dialect.KindSent:
		// The bytes that Codec.ReadExpr reads as hexadecimal digits.
		return "record_send(ROW(" + ref + "))"
	case c.Base != c.Type:
		return ref + "::" + c.Base
	}
	return ref
}

// statement writes a function for transition tables.
func (w *pgBody) statement(op annals.Operation) {
	images := pgImages(op)
	w.head()
	w.line("  SELECT count(*) INTO annals_n FROM ", images[0].rows, ";")
	w.line("  IF annals_n = 0 THEN")
	w.line("    RETURN NULL;")
	w.line("  END IF;")
	w.revision()
	w.receipt(op, "annals_n")
	w.line("  IF annals_n = 1 THEN")
	w.into("    ")
	for i, m := range images {
		if i > 0 {
			w.line("    UNION ALL")
		}
		w.line("    SELECT 2 * annals_s", m.plus, ", annals_s, annals_s, '", m.image, "', 1",
			w.values("r"), " FROM ", m.rows, " r", end(i == len(images)-1))
	}
	w.line("    RETURN NULL;")
	w.line("  END IF;")
	w.line("  annals_q := ARRAY(SELECT CASE g WHEN 1 THEN annals_s ELSE nextval(", w.n.sequence,
		") END FROM generate_series(1, annals_n) g);")
	for _, m := range images {
		w.into("  ")
		w.line("  SELECT 2 * annals_q[r.o]", m.plus, ", annals_s, annals_q[r.o], '", m.image, "', r.o",
			w.renamed())
		w.line("  FROM ", w.numbered(m.rows), " r;")
	}
	w.line("  RETURN NULL;")
	w.line("END")
}

func end(last bool) string {
	if last {
		return ";"
	}
	return ""
}

// row writes a function for one row.
func (w *pgBody) row(op annals.Operation) {
	w.head()
	w.revision()
	w.receipt(op, "1")
	w.into("  ")
	w.line("  VALUES")
	images := pgImages(op)
	for i, m := range images {
		comma := ","
		if i == len(images)-1 {
			comma = ";"
		}
		w.line("    (2 * annals_s", m.plus, ", annals_s, annals_s, '", m.image, "', 1",
			w.rowValues(op, m.record), ")", comma)
	}
	w.line("  RETURN NULL;")
	w.line("END")
}

// rowValues are values; of masked columns of an after image whether they have
// changed.
func (w *pgBody) rowValues(op annals.Operation, record string) string {
	if op != annals.OpUpdate || record != "NEW" {
		return w.values(record)
	}
	var b strings.Builder
	for i := range w.t.Columns {
		c := &w.t.Columns[i]
		name := w.quote(c.Name)
		if c.Masked {
			b.WriteString(", " + pgDistinct(c, name))
			continue
		}
		b.WriteString(", " + pgValue(c, record+"."+name))
	}
	return section("changed", b.String())
}

// pgOwnEquality are the types, as they are printed, whose own equality tells apart
// what canonical forms do. Others are compared as texts, byte by byte: by what they
// send they cannot be, since that is converted for the client.
const pgOwnEquality = `^(boolean|smallint|integer|bigint|date|numeric(\([-0-9,]+\))?` +
	`|time(\([0-9]\))? without time zone|timestamp(\([0-9]\))? with(out)? time zone)$`

var pgOwnEqual = regexp.MustCompile(pgOwnEquality)

// pgDistinct compares a column's old and new value as their canonical forms would:
// false where they are the same, true where the new one is another, null where it is
// null and the old one was not (layout.MaskedPrefix).
func pgDistinct(c *Column, name string) string {
	form := `%s::text COLLATE "C"`
	if pgOwnEqual.MatchString(c.Base) {
		form = "%s"
	}
	same := fmt.Sprintf(form+" IS NOT DISTINCT FROM "+form, "OLD."+name, "NEW."+name)
	return "CASE WHEN " + same + " THEN false WHEN NEW." + name + " IS DISTINCT FROM NULL THEN true END"
}

// truncate writes the function that fires before TRUNCATE. The table that is
// truncated as a whole writes a marker, after the lost rows if those are wanted. A
// partition that is truncated with its parent comes after it and finds the marker;
// alone it is no truncation of the table, and its rows are deleted ones.
func (w *pgBody) truncate() {
	w.head()
	only := "ONLY "
	if w.facts.partitioned() {
		only = ""
		w.line("  annals_x := txid_current();")
		w.line("  IF TG_RELID <> pg_partition_root(TG_RELID) THEN")
		w.line("    IF (SELECT e.type FROM ", w.n.receipt, " e JOIN ", w.n.revision,
			" v ON v.id = e.revision")
		w.line("        WHERE v.xid = annals_x AND v.created_at >= now() AND e.entity = ",
			pgLiteral(w.t.Name))
		w.line("        ORDER BY e.id DESC LIMIT 1) = 'truncate' THEN")
		w.line("      RETURN NULL;")
		w.line("    END IF;")
		w.lost("", "    ")
		w.line("    RETURN NULL;")
		w.line("  END IF;")
	}
	if w.t.LostRows {
		w.lost(only, "  ")
	}
	w.revision()
	w.receipt(annals.OpTruncate, "1")
	w.line("  RETURN NULL;")
	w.line("END")
}

// lost records the rows of the table that the trigger fires on as deleted ones.
func (w *pgBody) lost(only, indent string) {
	const quote = "$annals_lost$"
	w.line(indent, "EXECUTE 'SELECT count(*) FROM ", only, "' || TG_RELID::regclass INTO annals_n;")
	w.line(indent, "IF annals_n > 0 THEN")
	w.revision()
	w.receipt(annals.OpDelete, "annals_n")
	w.line(indent, "  EXECUTE ", quote)
	w.into(indent)
	w.line(indent, "SELECT 2 * r.n, $1, r.n, '", layout.ImageBefore, "', r.o", w.renamed())
	w.line(indent, "FROM (SELECT l.*, CASE l.o WHEN 1 THEN $1 ELSE nextval(", w.n.sequence, ") END AS n FROM ",
		w.numbered(only+quote+" || TG_RELID::regclass || "+quote), " l OFFSET 0) r", quote, " USING annals_s;")
	w.line(indent, "END IF;")
}
