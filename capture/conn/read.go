package conn

import (
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
)

// Text is a text of SQL statements, as far as its words tell what it does.
type Text struct {
	Statements []Statement
	// Unclear: what the text does, or to what, depends on more than its words.
	Unclear bool
}

// Statement is one statement of a text.
type Statement struct {
	Control
	// Writes are the tables whose rows it changes.
	Writes []Write
	// Defines: it changes the schema.
	Defines bool
	// Unclear: it may do more than Writes tells, as a call of a procedure.
	Unclear bool

	tokens []token
	// cut is the number of tokens that every way to read the text agrees on; -1
	// means all.
	cut int
}

// Write is a table whose rows a statement changes.
type Write struct {
	// Operation is the word that says how, in lower case: insert, replace, update,
	// delete, merge, truncate, copy, load.
	Operation string
	Table     annals.Table
	// Cascade: TRUNCATE … CASCADE.
	Cascade bool
	// Counted: the rows that the database counts are those of this write, rather
	// than what a WITH is followed by or EXPLAIN prints.
	Counted bool
}

// Writes returns what all statements of the text change.
func (t *Text) Writes() (all []Write) {
	for i := range t.Statements {
		all = append(all, t.Statements[i].Writes...)
	}
	return all
}

// Counted reports whether the number of rows that the database counts is that of
// all that the text writes.
func (t *Text) Counted() bool {
	return len(t.Statements) == 1 && !slices.ContainsFunc(t.Statements[0].Writes,
		func(w Write) bool { return !w.Counted })
}

// Ends reports whether a statement of the text ends its transaction.
func (t *Text) Ends(s Syntax) bool {
	return slices.ContainsFunc(t.Statements, func(st Statement) bool {
		return st.Action == RollsBack || s.Ends(st.Control)
	})
}

// Read reads a text. It never fails: what it cannot understand it calls unclear.
func (s Syntax) Read(query string) Text {
	text := s.read(query)
	if !s.either || !strings.Contains(query, `\`) {
		return text.text()
	}
	// Whether a backslash escapes depends on a setting of the session. Where that
	// leaves one way to read the text that comes to an end, it is that one.
	other := s
	other.backslash = !s.backslash
	second := other.read(query)
	switch {
	case text.broken && !second.broken:
		return second.text()
	case second.broken || text.same(&second):
		return text.text()
	}
	return text.both(&second)
}

// reading is one way to read a text.
type reading struct {
	syntax         Syntax
	tokens         []token
	broken, unsure bool
}

func (s Syntax) read(query string) reading {
	l := &lexer{Syntax: s, text: query}
	return reading{syntax: s, tokens: l.all(), broken: l.broken, unsure: l.unsure}
}

func (r *reading) text() Text {
	t := Text{Unclear: r.broken || r.unsure}
	for _, tokens := range split(r.tokens) {
		st := r.syntax.statement(tokens)
		t.Unclear = t.Unclear || st.Unclear
		t.Statements = append(t.Statements, st)
	}
	return t
}

func (r *reading) same(o *reading) bool {
	return slices.EqualFunc(r.tokens, o.tokens, func(a, b token) bool {
		return a.at == b.at && a.kind == b.kind && a.raw == b.raw
	})
}

// both is what the text does in either reading. No token behind the first that
// they do not share is shown: it may be a part of a value.
func (r *reading) both(o *reading) Text {
	t, second := r.text(), o.text()
	t.Unclear = true
	differ := 0
	for differ < min(len(r.tokens), len(o.tokens)) && r.tokens[differ].raw == o.tokens[differ].raw {
		differ++
	}
	t.Statements = append(t.Statements, second.Statements...)
	for i := range t.Statements {
		st := &t.Statements[i]
		st.cut = 0
		for st.cut < len(st.tokens) && differ < len(r.tokens) &&
			st.tokens[st.cut].at < r.tokens[differ].at {
			st.cut++
		}
	}
	return t
}

// split cuts at semicolons. The body of a routine belongs to the statement that
// creates it, and a block to the statement that it is.
func split(tokens []token) (all [][]token) {
	for len(tokens) > 0 {
		n := length(tokens)
		if n > 0 {
			all = append(all, tokens[:n])
		}
		tokens = tokens[min(n+1, len(tokens)):]
	}
	return all
}

// length is the number of tokens of the first statement.
func length(tokens []token) int {
	if len(tokens) > 1 && isBlock(tokens) {
		return len(tokens)
	}
	depth, routine := 0, isRoutine(tokens)
	for i, t := range tokens {
		switch {
		case t.is(";") && depth <= 0:
			return i
		case !routine:
		case t.is("BEGIN", "CASE"):
			depth++
		case t.is("END"):
			if i+1 == len(tokens) || !tokens[i+1].is("IF", "LOOP", "WHILE", "REPEAT", "FOR") {
				depth--
			}
			if i+1 < len(tokens) && tokens[i+1].is("CASE") {
				depth-- // which is going to be counted
			}
		}
	}
	return len(tokens)
}

// isBlock tells a block of statements that stands alone (MariaDB).
func isBlock(tokens []token) bool {
	first := tokens[0]
	return first.is("IF", "LOOP", "WHILE", "REPEAT", "CASE", "FOR") ||
		(first.is("BEGIN") && tokens[1].is("NOT"))
}

// isRoutine tells the statement that creates a routine or trigger.
func isRoutine(tokens []token) bool {
	if !tokens[0].is("CREATE", "ALTER") {
		return false
	}
	for _, t := range tokens[:min(len(tokens), 24)] {
		switch {
		case t.is("TRIGGER", "FUNCTION", "PROCEDURE", "EVENT", "PACKAGE"):
			return true
		case t.is("TABLE", "VIEW", "INDEX", ";"):
			return false
		}
	}
	return false
}

// statement tells what one statement does.
func (s Syntax) statement(tokens []token) Statement {
	st := Statement{Control: s.control(tokens), tokens: tokens, cut: -1}
	w := &writes{syntax: s, tokens: tokens}
	switch st.Keyword {
	case "CREATE", "ALTER", "DROP", "RENAME", "COMMENT":
		st.Defines = true
		return st
	case "EXPLAIN", "DESCRIBE", "DESC":
		w.explained()
	case "DO":
		st.Unclear = w.anonymous()
	case "CALL", "EXECUTE", "EXEC", "PREPARE":
		st.Unclear = true
		return st
	case "WITH":
		w.with = true
		w.scan()
	default:
		if st.Unclear = len(tokens) > 1 && isBlock(tokens); st.Unclear {
			w.loose = true
		}
		w.scan()
	}
	st.Writes = w.found
	return st
}
