package conn

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

const (
	atEnd kind = iota
	aWord
	aName   // quoted
	aText   // a string
	aNumber // and what begins with a digit
	aMark   // one character of anything else
)

// token is a piece of SQL text, without the white space and comments round it.
type token struct {
	kind kind
	// raw is the text itself, upper the word in capitals, name what a quoted name
	// or string says.
	raw, upper, name string
	// at is where it starts; gap tells that white space or a comment precedes it.
	at  int
	gap bool
}

// is reports whether the token is one of these words or marks.
func (t token) is(words ...string) bool {
	for _, s := range words {
		if (t.kind == aWord && t.upper == s) || (t.kind == aMark && t.raw == s) {
			return true
		}
	}
	return false
}

// lexer cuts SQL text into tokens. It never fails: what has no end goes to the
// end of the text, and broken says so.
type lexer struct {
	Syntax
	text string
	at   int
	// inCode: within /*! … */, which MySQL runs.
	inCode bool
	// broken: something has no end. unsure: what is run depends on the server's
	// version, or a name cannot be read.
	broken, unsure bool
}

// all returns the rest of the tokens.
func (l *lexer) all() (tokens []token) {
	for t := l.next(); t.kind != atEnd; t = l.next() {
		tokens = append(tokens, t)
	}
	return tokens
}

func (l *lexer) next() token {
	from := l.at
	l.skip()
	t := token{at: l.at, gap: l.at > from}
	rest := l.text[l.at:]
	if rest == "" {
		return t
	}
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case r == '\'':
		t.kind = aText
		t.name = l.quoted('\'', l.backslash)
	case r == '"':
		t.kind = aName
		if l.doubleText {
			t.kind = aText
		}
		t.name = l.quoted('"', l.doubleText && l.backslash)
	case r == '`':
		t.kind, t.name = aName, l.quoted('`', false)
	case r == '[' && !l.fold && !l.hash: // SQLite; an array's index elsewhere
		t.kind, t.name = aName, l.quoted(']', false)
	case r == '$' && l.dollar && l.dollarQuoted(&t):
		t.kind = aText
	case isDigit(r), r == '.' && len(rest) > 1 && isDigit(rune(rest[1])) && !l.follows():
		t.kind = aNumber
		l.number()
	case isWord(r):
		t.kind = aWord
		l.word(&t)
	default:
		t.kind = aMark
		l.at += size
		if (r == '$' || r == '?') && l.digits() > 0 {
			l.at += l.digits() // a parameter's number
		}
	}
	t.raw = l.text[t.at:l.at]
	if t.kind == aWord {
		t.upper = strings.ToUpper(t.raw)
	}
	return t
}

// word reads a word, or the string that it is the beginning of.
func (l *lexer) word(t *token) {
	end := strings.IndexFunc(l.text[l.at:], func(r rune) bool {
		return !isWord(r) && !isDigit(r) && r != '$'
	})
	if end < 0 {
		l.at = len(l.text)
		return
	}
	word := l.text[l.at : l.at+end]
	l.at += end
	rest := l.text[l.at:]
	if strings.EqualFold(word, "u") && strings.HasPrefix(rest, `&"`) && l.fold {
		l.unsure = true // a name with escapes of its own
	}
	if rest[0] != '\'' || len(word) != 1 {
		return
	}
	switch word[0] {
	case 'e', 'E':
		if l.escape {
			t.kind, t.name = aText, l.quoted('\'', true)
		}
	case 'b', 'B', 'x', 'X', 'n', 'N':
		t.kind, t.name = aText, l.quoted('\'', l.backslash)
	}
}

// number reads digits and what hangs on them: 1, 1.5, 0x1F, 1e-9, 1st.
func (l *lexer) number() {
	start := l.at
	for l.at < len(l.text) {
		r, size := utf8.DecodeRuneInString(l.text[l.at:])
		sign := r == '+' || r == '-'
		exponent := l.at > start && strings.ContainsRune("eE", rune(l.text[l.at-1])) &&
			!strings.ContainsAny(l.text[start:l.at], "xX") && l.digitAt(l.at+1)
		if !isWord(r) && !isDigit(r) && r != '.' && (!sign || !exponent) {
			return
		}
		l.at += size
	}
}

func (l *lexer) digitAt(i int) bool { return i < len(l.text) && isDigit(rune(l.text[i])) }

// digits counts those that follow.
func (l *lexer) digits() (n int) {
	for l.digitAt(l.at + n) {
		n++
	}
	return n
}

// follows reports whether the text goes on from a name, without a gap.
func (l *lexer) follows() bool {
	if l.at == 0 {
		return false
	}
	r, _ := utf8.DecodeLastRuneInString(l.text[:l.at])
	return isWord(r) || strings.ContainsRune("\"`]", r)
}

// quoted reads from an opening quote to the closing one, which stands for itself
// where it is doubled.
func (l *lexer) quoted(closing byte, backslash bool) string {
	var said strings.Builder
	for l.at++; l.at < len(l.text); l.at++ {
		c := l.text[l.at]
		switch {
		case c == '\\' && backslash && l.at+1 < len(l.text):
			l.at++
			said.WriteByte(l.text[l.at])
		case c != closing:
			said.WriteByte(c)
		case closing != ']' && l.at+1 < len(l.text) && l.text[l.at+1] == closing:
			l.at++
			said.WriteByte(c)
		default:
			l.at++
			return said.String()
		}
	}
	l.broken = true
	return said.String()
}

// dollarQuoted reads a dollar-quoted string, if there is one.
func (l *lexer) dollarQuoted(t *token) bool {
	rest := l.text[l.at:]
	tag := strings.IndexFunc(rest[1:], func(r rune) bool { return !isWord(r) && !isDigit(r) })
	if tag < 0 || rest[1+tag] != '$' || (tag > 0 && isDigit(rune(rest[1]))) {
		return false
	}
	opening := rest[:tag+2]
	end := strings.Index(rest[len(opening):], opening)
	if end < 0 {
		l.at, l.broken = len(l.text), true
		return true
	}
	t.name = rest[len(opening) : len(opening)+end]
	l.at += end + 2*len(opening)
	return true
}

// skip passes over white space and comments.
func (l *lexer) skip() {
	for {
		rest := l.text[l.at:]
		trimmed := strings.TrimLeftFunc(rest, isSpace)
		l.at += len(rest) - len(trimmed)
		switch {
		case strings.HasPrefix(trimmed, "--") && (!l.hash || spaceAt(trimmed, 2)),
			strings.HasPrefix(trimmed, "#") && l.hash:
			l.toEndOfLine(trimmed)
		case l.code && (strings.HasPrefix(trimmed, "/*!") || strings.HasPrefix(trimmed, "/*M!")):
			l.at += strings.IndexByte(trimmed, '!') + 1
			l.at += l.digits()
			l.inCode, l.unsure = true, true
		case l.inCode && strings.HasPrefix(trimmed, "*/"):
			l.at += 2
			l.inCode = false
		case strings.HasPrefix(trimmed, "/*"):
			l.comment(trimmed)
		default:
			return
		}
	}
}

func (l *lexer) toEndOfLine(rest string) {
	newlines := "\n"
	if l.nested {
		newlines = "\r\n" // PostgreSQL
	}
	end := strings.IndexAny(rest, newlines)
	if end < 0 {
		end = len(rest) - 1
	}
	l.at += end + 1
}

func (l *lexer) comment(rest string) {
	depth := 0
	for i := 0; i+1 < len(rest); i++ {
		switch {
		case rest[i:i+2] == "/*" && (depth == 0 || l.nested):
			depth++
			i++
		case rest[i:i+2] == "*/":
			depth--
			i++
			if depth == 0 {
				l.at += i + 1
				return
			}
		}
	}
	// SQLite lets a comment end with the text; the others refuse it.
	l.at, l.broken = len(l.text), l.broken || l.fold || l.hash
}

func spaceAt(s string, i int) bool {
	return i >= len(s) || s[i] <= ' '
}

// isSpace takes the mark at the start of a file for white space, as SQLite does.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' }

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || r >= 0x80 }
