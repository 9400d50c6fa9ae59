package conn

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode"
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
	// Name is the savepoint's, without quotes, folded to lower case where it was
	// not quoted.
	Name string
	// Keyword is the first word in capitals.
	Keyword string
}

// Parse tells what the first words of a statement do to its transaction. It
// reads PostgreSQL's, MySQL's and SQLite's forms and skips leading comments.
func Parse(query string) Control {
	rest := skipSpace(query)
	word, rest := nextWord(rest)
	c := Control{Keyword: strings.ToUpper(word)}
	switch c.Keyword {
	case "SAVEPOINT":
		c.Action, c.Name = Saves, savepointName(rest)
	case "RELEASE":
		c.Action, c.Name = Releases, savepointName(skipWords(rest, "SAVEPOINT"))
	case "BEGIN", "START":
		c.Action = Begins
	case "COMMIT", "END":
		c.Action = Commits
		if hasWord(rest, "PREPARED") {
			c.Action = None
		}
	case "ABORT":
		c.Action = RollsBack
	case "ROLLBACK":
		rest = skipWords(rest, "WORK", "TRANSACTION")
		if next, after := nextWord(skipSpace(rest)); strings.EqualFold(next, "TO") {
			c.Action = RollsBackTo
			c.Name = savepointName(skipWords(after, "SAVEPOINT"))
		} else if !strings.EqualFold(next, "PREPARED") {
			c.Action = RollsBack
		}
	}
	return c
}

func hasWord(s, word string) bool {
	next, _ := nextWord(skipSpace(s))
	return strings.EqualFold(next, word)
}

// skipWords passes over any of words at the start of s, in any number.
func skipWords(s string, words ...string) string {
	for {
		next, rest := nextWord(skipSpace(s))
		found := false
		for _, w := range words {
			found = found || strings.EqualFold(next, w)
		}
		if !found {
			return s
		}
		s = rest
	}
}

// savepointName reads an identifier, quoted in any database's way or bare.
func savepointName(s string) string {
	s = skipSpace(s)
	if s == "" {
		return ""
	}
	closing := map[byte]byte{'"': '"', '`': '`', '[': ']', '\'': '\''}[s[0]]
	if closing == 0 {
		word, _ := nextWord(s)
		return strings.ToLower(word)
	}
	var name strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] == closing {
			if i+1 < len(s) && s[i+1] == closing && closing != ']' {
				i++
			} else {
				break
			}
		}
		name.WriteByte(s[i])
	}
	return name.String()
}

// nextWord splits s after its leading letters, digits and underscores.
func nextWord(s string) (word, rest string) {
	s = skipSpace(s)
	end := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if end < 0 {
		return s, ""
	}
	return s[:end], s[end:]
}

// skipSpace passes over white space and comments.
func skipSpace(s string) string {
	for {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		switch {
		case strings.HasPrefix(s, "--"), strings.HasPrefix(s, "#"):
			end := strings.IndexByte(s, '\n')
			if end < 0 {
				return ""
			}
			s = s[end+1:]
		case strings.HasPrefix(s, "/*"):
			end := strings.Index(s, "*/")
			if end < 0 {
				return ""
			}
			s = s[end+2:]
		default:
			return s
		}
	}
}

// joinRollback adds what went wrong while rolling back because of err.
func joinRollback(err, rollback error) error {
	if rollback == nil || errors.Is(rollback, sql.ErrTxDone) {
		return err
	}
	return errors.Join(err, fmt.Errorf("roll back: %w", rollback))
}
