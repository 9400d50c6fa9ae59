package conn

import "strings"

// Reach is how far the condition of a statement looks.
type Reach int

// The reaches.
const (
	// OwnRow: at the columns of the row and at given values. It says the same of a
	// locked row whenever it is asked.
	OwnRow Reach = iota
	// Calls: at functions too that say the same throughout a transaction or move
	// with the clock.
	Calls
	// Beyond: at other rows, at the number of rows, at variables, or at functions
	// of which nothing is known. It may choose other rows each time.
	Beyond
)

// Reach tells how far a text of conditions, orders and limits looks.
func (s Syntax) Reach(text string) Reach {
	l := &lexer{Syntax: s, text: text}
	tokens := l.all()
	if l.broken || l.unsure {
		return Beyond
	}
	reach := OwnRow
	for i, t := range tokens {
		called := i+1 < len(tokens) && tokens[i+1].is("(")
		switch {
		case t.is("SELECT", "WITH", "TABLE", "LIMIT", "OFFSET"), s.hash && t.is("@"):
			return Beyond
		case t.kind == aName && called:
			return Beyond
		case t.kind != aWord:
		case called && !operators[t.upper]:
			if !steady[t.upper] {
				return Beyond
			}
			reach = Calls
		case strings.HasPrefix(t.upper, "CURRENT_"), strings.HasPrefix(t.upper, "LOCALTIME"):
			reach = Calls
		}
	}
	return reach
}

// operators are words that a parenthesis may follow without a call.
var operators = set("WHERE AND OR NOT IN IS LIKE ILIKE BETWEEN XOR REGEXP RLIKE SIMILAR TO GLOB " +
	"ANY SOME ALL BY ESCAPE DIV MOD THEN WHEN ELSE CASE ROW DISTINCT FROM ARRAY BINARY")

// steady are functions whose answer depends on their arguments and the clock.
var steady = set("ABS CAST CEIL CEILING CHAR_LENGTH COALESCE CONCAT DATE DATETIME DATE_ADD " +
	"DATE_SUB DATE_TRUNC EXTRACT FLOOR IFNULL JSON_EXTRACT JULIANDAY LENGTH LOWER LTRIM NOW " +
	"NULLIF ROUND RTRIM STRFTIME SUBSTR SUBSTRING TRIM UPPER")

func set(words string) map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(words) {
		all[w] = true
	}
	return all
}

// LockInner puts a locking clause at the end of each sub-query that has none.
// all is false where one cannot take it.
func (s Syntax) LockInner(text, lock string) (locked string, all bool) {
	l := &lexer{Syntax: s, text: text}
	tokens := l.all()
	if l.broken || l.unsure {
		return text, false
	}
	var b strings.Builder
	from, all := 0, true
	var open []inner
	for i, t := range tokens {
		switch {
		case t.is("("):
			query := i+1 < len(tokens) && tokens[i+1].is("SELECT")
			open = append(open, inner{query: query})
		case len(open) == 0:
		case t.is(")"):
			in := open[len(open)-1]
			open = open[:len(open)-1]
			if in.query && in.several {
				all = false
			} else if in.query && !in.locked {
				b.WriteString(text[from:t.at] + " " + lock)
				from = t.at
			}
		case t.is("UNION", "INTERSECT", "EXCEPT"):
			open[len(open)-1].several = true
		case t.is("LOCK"), t.is("FOR") && i+1 < len(tokens) && tokens[i+1].is("UPDATE", "SHARE"):
			open[len(open)-1].locked = true
		}
	}
	b.WriteString(text[from:])
	return b.String(), all
}

// inner is what stands in parentheses: a query, one that has a lock, or several
// that make one.
type inner struct{ query, locked, several bool }
