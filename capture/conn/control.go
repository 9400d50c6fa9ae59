package conn

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Action is what a statement does to its transaction.
type Action int

// The actions.
const (
	None Action = iota
	Begins
	Commits
	RollsBack
	Saves
	RollsBackTo
	Releases
)

// Control is a statement as transaction control sees it.
type Control struct {
	Action Action
	// Name is the savepoint's, without quotes, folded to lower case where the
	// database does not tell the cases apart.
	Name string
	// Keyword is the first word in capitals; of SET, with the setting that ends a
	// transaction where it changes one: "SET AUTOCOMMIT". "BEGIN NOT" begins a block.
	Keyword string
	// Temporary: it creates or drops a table of the session only.
	Temporary bool
	// Chains: another transaction begins where this one ends (COMMIT AND CHAIN).
	Chains bool
	// Manual: SET AUTOCOMMIT turns it off.
	Manual bool
}

// What Parse reads at most: settings may stand anywhere behind a SET.
const (
	firstTokens = 6
	setTokens   = 200
)

// Parse tells what the first words of a statement do to its transaction. It
// skips leading comments, and reads no further than it must.
func (s Syntax) Parse(query string) Control {
	l := &lexer{Syntax: s, text: query}
	var tokens []token
	for len(tokens) < firstTokens || (tokens[0].is("SET") && len(tokens) < setTokens) {
		t := l.next()
		if t.kind == atEnd {
			break
		}
		tokens = append(tokens, t)
	}
	return s.control(tokens)
}

// Controls tells it of each statement of a text.
func (s Syntax) Controls(query string) []Control {
	if !strings.Contains(query, ";") {
		return []Control{s.Parse(query)}
	}
	text := s.Read(query)
	controls := make([]Control, len(text.Statements))
	for i := range text.Statements {
		controls[i] = text.Statements[i].Control
	}
	return controls
}

func (s Syntax) control(tokens []token) Control {
	c := control(tokens)
	switch {
	case s.fold: // quoted names keep their case
	case s.hash:
		c.Name = strings.ToLower(c.Name)
	default:
		c.Name = lower(c.Name)
	}
	return c
}

func control(tokens []token) Control {
	t := tail(tokens)
	first := t.pop()
	c := Control{Keyword: first.upper}
	switch c.Keyword {
	case "CREATE", "DROP":
		t.skip("OR", "REPLACE")
		c.Temporary = t.peek().is("TEMPORARY")
	case "SET":
		for i, word := range t {
			if word.is("AUTOCOMMIT", "PASSWORD") {
				c.Keyword = "SET " + word.upper
				value := t[i+1:]
				value.skip("=", ":")
				c.Manual = value.peek().is("OFF", "FALSE") || value.peek().raw == "0"
				break
			}
		}
	case "ANALYZE":
		if t.peek().is("FORMAT", "SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "WITH") {
			c.Keyword = "EXPLAIN" // which is what MariaDB means
		}
	case "SAVEPOINT":
		c.Action, c.Name = Saves, t.name()
	case "RELEASE":
		t.skip("SAVEPOINT")
		c.Action, c.Name = Releases, t.name()
	case "BEGIN", "START":
		if t.peek().is("NOT") { // a block, on MariaDB
			c.Keyword = "BEGIN NOT"
		} else {
			c.Action = Begins
		}
	case "COMMIT", "END":
		if !t.peek().is("PREPARED") {
			c.Action, c.Chains = Commits, t.chains()
		}
	case "ABORT":
		c.Action, c.Chains = RollsBack, t.chains()
	case "ROLLBACK":
		t.skip("WORK", "TRANSACTION")
		switch {
		case t.peek().is("TO"):
			t.pop()
			t.skip("SAVEPOINT")
			c.Action, c.Name = RollsBackTo, t.name()
		case !t.peek().is("PREPARED"):
			c.Action, c.Chains = RollsBack, t.chains()
		}
	}
	return c
}

// tail is what is left of a statement's tokens.
type tail []token

func (t tail) peek() token {
	if len(t) == 0 {
		return token{}
	}
	return t[0]
}

func (t *tail) pop() token {
	first := t.peek()
	if len(*t) > 0 {
		*t = (*t)[1:]
	}
	return first
}

// skip passes over any of words, in any number.
func (t *tail) skip(words ...string) {
	for t.peek().is(words...) {
		t.pop()
	}
}

// chains reads whether the end of a transaction begins the next one.
func (t tail) chains() bool {
	t.skip("WORK", "TRANSACTION")
	first := t.pop()
	return first.is("AND") && t.peek().is("CHAIN")
}

// name reads a savepoint's.
func (t *tail) name() string {
	switch first := t.pop(); first.kind {
	case aName, aText:
		return first.name
	case aWord, aNumber:
		return strings.ToLower(first.raw)
	}
	return ""
}

// joinRollback adds what went wrong while rolling back because of err.
func joinRollback(err, rollback error) error {
	if rollback == nil || errors.Is(rollback, sql.ErrTxDone) {
		return err
	}
	return errors.Join(err, fmt.Errorf("roll back: %w", rollback))
}
