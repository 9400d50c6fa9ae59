package conn

import (
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
)

// writes finds the tables that a statement's tokens say are written.
type writes struct {
	syntax Syntax
	tokens []token
	found  []Write
	// with: a WITH stands before the statement proper. loose: a statement may
	// begin anywhere.
	with, loose bool
	// counted: see Write.
	counted bool
}

// at is the token at i, and a token that is nothing past the end.
func (w *writes) at(i int) token {
	if i < 0 || i >= len(w.tokens) {
		return token{}
	}
	return w.tokens[i]
}

func (w *writes) add(operation string, tables ...annals.Table) {
	for _, t := range tables {
		found := Write{Operation: operation, Table: t, Counted: w.counted}
		if !t.IsZero() && !slices.Contains(w.found, found) {
			w.found = append(w.found, found)
		}
	}
}

// explained looks into EXPLAIN ANALYZE, which runs what it explains; ANALYZE of a
// table writes none of its rows.
func (w *writes) explained() {
	runs := false
	for i := 0; i < min(len(w.tokens), 40); i++ {
		switch t := w.at(i); {
		case t.is("ANALYZE", "ANALYSE"):
			runs = !w.at(i+1).is("FALSE", "OFF", "TABLE", "TABLES", "LOCAL") &&
				(w.at(i+1).raw != "0")
		case t.is("WITH"):
			w.with = true
			fallthrough
		case t.is("SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "MERGE"):
			if runs {
				w.tokens = w.tokens[i:]
				w.scan()
				for n := range w.found {
					w.found[n].Counted = false
				}
			}
			return
		}
	}
}

// anonymous looks into a block of PostgreSQL's, DO 'text'. It returns false for
// MySQL's DO, which evaluates an expression.
func (w *writes) anonymous() bool {
	body := slices.IndexFunc(w.tokens, func(t token) bool { return t.kind == aText })
	if body < 1 || w.at(body-1).kind != aWord {
		return false
	}
	inner := w.syntax.read(w.at(body).name)
	block := &writes{syntax: w.syntax, tokens: inner.tokens, loose: true}
	block.scan()
	w.found = block.found
	return true
}

// scan goes through the tokens and reads each statement that begins among them.
func (w *writes) scan() {
	depth := 0
	for i := range w.tokens {
		t := w.at(i)
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.kind == aWord && w.begins(i, depth):
			w.counted = !w.loose && w.at(0).is(w.at(i).upper, "WITH") && depth == 0
			w.write(i)
		}
	}
}

// begins reports whether a statement can begin at i: at the start, as the body of
// a CTE, or behind the last of these.
func (w *writes) begins(i, depth int) bool {
	if i == 0 {
		return true
	}
	before := w.at(i - 1)
	if w.loose {
		return !before.is("FOR", "KEY", "DO", "ON", "BEFORE", "AFTER", "OR", ".", ",", "OF") &&
			!w.at(i+1).is("(", ".", ",", ")", "=")
	}
	switch {
	case before.is("("):
		return w.at(i-2).is("AS", "MATERIALIZED")
	case before.is(")"):
		return w.with && depth == 0 && !w.at(i+1).is("(")
	}
	return false
}

// write reads the tables of the statement at i, if it is one that writes.
func (w *writes) write(i int) {
	operation := strings.ToLower(w.at(i).upper)
	switch w.at(i).upper {
	case "INSERT", "REPLACE":
		i = w.pass(i+1, "LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "OVERWRITE",
			"OR", "ROLLBACK", "ABORT", "FAIL", "REPLACE")
		w.single(operation, w.pass(i, "INTO"))
	case "MERGE":
		w.single(operation, w.pass(i+1, "INTO", "ONLY"))
	case "UPDATE":
		w.update(i + 1)
	case "DELETE":
		w.remove(w.pass(i+1, "LOW_PRIORITY", "QUICK", "IGNORE", "HISTORY"))
	case "TRUNCATE":
		w.truncate(w.pass(i+1, "TABLE"))
	case "COPY":
		w.copied(w.pass(i+1, "BINARY"))
	case "LOAD":
		for n := i + 1; n < len(w.tokens); n++ {
			if w.at(n).is("INTO") && w.at(n+1).is("TABLE") {
				w.single(operation, n+2)
				return
			}
		}
	}
}

// pass returns the first place at or behind i with none of these words.
func (w *writes) pass(i int, words ...string) int {
	for w.at(i).is(words...) {
		i++
	}
	return i
}

func (w *writes) single(operation string, i int) {
	table, _ := w.name(i)
	w.add(operation, table)
}

// copied reads COPY table FROM; COPY … TO reads.
func (w *writes) copied(i int) {
	table, i := w.name(i)
	if w.at(i).is("(") {
		i = w.behind(i)
	}
	if w.at(i).is("FROM") {
		w.add("copy", table)
	}
}

func (w *writes) truncate(i int) {
	first := len(w.found)
	for {
		table, next := w.name(w.pass(i, "ONLY", "("))
		w.add("truncate", table)
		next = w.pass(next, "*", ")")
		if next <= i || !w.at(next).is(",") {
			i = next
			break
		}
		i = next + 1
	}
	for ; i < len(w.tokens) && !w.at(i).is(";"); i++ {
		if w.at(i).is("CASCADE") {
			for n := first; n < len(w.found); n++ {
				w.found[n].Cascade = true
			}
		}
	}
}

// Ref is a table that a statement names, and what it is called in it.
type Ref struct {
	Table annals.Table
	// Alias is empty where the table keeps its name.
	Alias string
}

// Tables returns the tables of a FROM clause, which stands without its keyword.
// Sub-queries are none.
func (s Syntax) Tables(from string) []Ref {
	r := s.read(from)
	w := &writes{syntax: s, tokens: r.tokens}
	refs, _ := w.refs(0)
	return refs
}

// update reads UPDATE refs SET …: where several tables are joined (MySQL), those
// are written of which a column is set.
func (w *writes) update(i int) {
	refs, i := w.refs(w.pass(i, "LOW_PRIORITY", "IGNORE"), "SET")
	if len(refs) < 2 {
		w.add("update", tablesOf(refs)...)
		return
	}
	var set []Ref
	depth := 0
	for first := true; i+1 < len(w.tokens); i++ {
		switch t := w.at(i); {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case depth == 0 && t.is("WHERE", "ORDER", "LIMIT", ";"):
			w.add("update", tablesOf(set)...)
			return
		case depth == 0 && (first || t.is(",")):
			column, _ := w.name(i + 1)
			owner := annals.Table{Name: column.Schema}
			if column.Schema == "" {
				w.add("update", tablesOf(refs)...) // whose column it is cannot be told
				return
			}
			set = append(set, Ref{Table: resolve(refs, owner)})
		}
		first = false
	}
	w.add("update", tablesOf(set)...)
}

// remove reads DELETE FROM table, and MySQL's DELETE a, b FROM refs and DELETE
// FROM a, b USING refs, which may call tables by their aliases.
func (w *writes) remove(i int) {
	var named, from []Ref
	if w.at(i).is("FROM") {
		named, i = w.refs(i+1, "USING", "WHERE")
		if w.at(i).is("USING") {
			from, _ = w.refs(i+1, "WHERE")
		}
	} else {
		named, i = w.refs(i, "FROM")
		from, _ = w.refs(i+1, "WHERE")
	}
	for _, n := range named {
		w.add("delete", resolve(from, n.Table))
	}
}

// resolve finds the table that a statement means by a name.
func resolve(refs []Ref, name annals.Table) annals.Table {
	for _, r := range refs {
		if name.Schema == "" && strings.EqualFold(r.Alias, name.Name) {
			return r.Table
		}
	}
	for _, r := range refs {
		if strings.EqualFold(r.Table.Name, name.Name) {
			return r.Table
		}
	}
	return name
}

func tablesOf(refs []Ref) (tables []annals.Table) {
	for _, r := range refs {
		tables = append(tables, r.Table)
	}
	return tables
}

// notAlias are words that follow a table and do not name it.
func notAlias() []string {
	return []string{
		"SET", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS", "NATURAL",
		"STRAIGHT_JOIN", "ON", "USING", "WHERE", "FROM", "PARTITION", "USE", "FORCE", "IGNORE",
		"INDEXED", "NOT", "ORDER", "LIMIT", "RETURNING", "FOR", "TABLESAMPLE",
	}
}

// refs reads the tables from i on, up to one of the words that end them.
func (w *writes) refs(i int, until ...string) (refs []Ref, end int) {
	expected, depth := true, 0
	until = append(until, "WHERE", "ORDER", "LIMIT", "RETURNING", "SET", ";")
	for i < len(w.tokens) {
		t := w.at(i)
		switch {
		case depth == 0 && t.is(until...):
			return refs, i
		case t.is("("):
			if !expected || w.at(i+1).is("SELECT", "WITH", "VALUES") {
				i, expected = w.behind(i), false
				continue
			}
			depth++
		case t.is(")"):
			depth--
			if depth < 0 {
				return refs, i
			}
		case t.is(",", "JOIN", "STRAIGHT_JOIN"):
			expected = true
		case !expected, t.is("ONLY", "LATERAL"):
		case t.is("OR"):
			i++ // UPDATE OR IGNORE (SQLite)
		default:
			table, next := w.name(i)
			if next == i {
				break
			}
			r := Ref{Table: table}
			next = w.pass(next, "*", "AS")
			if t := w.at(next); t.kind == aName || (t.kind == aWord && !t.is(notAlias()...)) {
				r.Alias = word(t)
				next++
			}
			refs, i, expected = append(refs, r), next, false
			continue
		}
		i++
	}
	return refs, i
}

// behind returns the place behind the parenthesis that closes the one at i.
func (w *writes) behind(i int) int {
	depth := 0
	for ; i < len(w.tokens); i++ {
		switch {
		case w.at(i).is("("):
			depth++
		case w.at(i).is(")"):
			depth--
			if depth == 0 {
				return i + 1
			}
		}
	}
	return i
}

// name reads a table's name of up to three parts, of which the last two count,
// and MySQL's ".*" behind it. Nothing is read where there is no name.
func (w *writes) name(i int) (table annals.Table, next int) {
	for {
		t := w.at(i)
		if t.kind != aWord && t.kind != aName && t.kind != aText && t.kind != aNumber {
			return table, i
		}
		part := word(t)
		if t.kind == aWord && w.syntax.fold {
			part = lower(part)
		}
		table.Schema, table.Name = table.Name, part
		i++
		if !w.at(i).is(".") {
			return table, i
		}
		i++
		if w.at(i).is("*") {
			return table, i + 1
		}
	}
}

// lower folds a name as PostgreSQL does: letters outside of ASCII stay.
func lower(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return r
	}, name)
}

func word(t token) string {
	if t.kind == aName || t.kind == aText {
		return t.name
	}
	return t.raw
}
