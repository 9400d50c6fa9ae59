package search

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-162b1470/annals"
)

// Error says what is wrong with a query, and where. It matches annals.ErrConfig.
type Error struct {
	// Offset is the place in bytes from the start.
	Offset int
	// Problem and Remedy say what is wrong there and what to write.
	Problem, Remedy string
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("query, character %d: %s", e.Offset+1, e.Problem)
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap returns annals.ErrConfig.
func (e *Error) Unwrap() error { return annals.ErrConfig }

// value is one alternative.
type value struct {
	text   string
	quoted bool
	// equals: a = stands before the quotes.
	equals bool
	offset int
}

// whole is the value with the sign that stands before its quotes.
func (v *value) whole() string {
	if v.equals {
		return "=" + v.text
	}
	return v.text
}

// term is a key with its values; a word has no key.
type term struct {
	key    string
	not    bool
	offset int
	values []value
}

// scanner cuts a query into terms.
type scanner struct {
	src string
	pos int
}

func (s *scanner) fail(at int, remedy, problem string, args ...any) error {
	return &Error{
		Offset:  utf8.RuneCountInString(s.src[:min(at, len(s.src))]),
		Problem: fmt.Sprintf(problem, args...), Remedy: remedy,
	}
}

func (s *scanner) space() {
	for s.pos < len(s.src) {
		r, size := utf8.DecodeRuneInString(s.src[s.pos:])
		if !unicode.IsSpace(r) {
			return
		}
		s.pos += size
	}
}

// next returns the next term; ok is false at the end.
func (s *scanner) next() (t term, ok bool, err error) {
	s.space()
	if s.pos == len(s.src) {
		return t, false, nil
	}
	t.offset = s.pos
	start := s.pos
	if s.src[s.pos] == '-' {
		t.not = true
		s.pos++
	}
	if key, ok := s.key(); ok {
		t.key = key
	} else {
		// A word is an object id, which may begin with a minus.
		s.pos, t.not = start, false
	}
	for {
		v, err := s.value()
		if err != nil {
			return t, false, err
		}
		t.values = append(t.values, v)
		if s.pos == len(s.src) || s.src[s.pos] != ',' {
			return t, true, nil
		}
		s.pos++
	}
}

// key reads a key and its colon, if there is one here.
func (s *scanner) key() (string, bool) {
	rest := s.src[s.pos:]
	end := strings.IndexFunc(rest, func(r rune) bool {
		return unicode.IsSpace(r) || r == ',' || r == '"' || r == '\\' || r == ':'
	})
	if strings.HasPrefix(rest, extraKey) {
		return s.extraKey()
	}
	if end < 1 || rest[end] != ':' {
		return "", false
	}
	s.pos += end + 1
	return rest[:end], true
}

// extraKey reads a path, in which characters may be escaped.
func (s *scanner) extraKey() (string, bool) {
	var b strings.Builder
	for i := s.pos; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case c == '\\' && i+1 < len(s.src):
			i++
			b.WriteByte(s.src[i])
		case c == ':':
			s.pos = i + 1
			return b.String(), true
		case c == ' ' || c == '"':
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// value reads up to a space or a comma.
func (s *scanner) value() (v value, err error) {
	v.offset = s.pos
	if rest := s.src[s.pos:]; strings.HasPrefix(rest, `"`) {
		return s.quoted()
	} else if strings.HasPrefix(rest, `="`) {
		s.pos++
		v, err = s.quoted()
		v.equals = true
		return v, err
	}
	var b strings.Builder
	for s.pos < len(s.src) {
		r, size := utf8.DecodeRuneInString(s.src[s.pos:])
		switch {
		case unicode.IsSpace(r) || r == ',':
			v.text = b.String()
			return v, nil
		case r == '"':
			return v, s.fail(s.pos, `put the whole value in quotes, or write \" for a quote`,
				"a quote stands within a value")
		case r == '\\':
			s.pos += size
			if s.pos == len(s.src) {
				return v, s.fail(s.pos-1, `write \\ for a backslash`, "a backslash stands at the end")
			}
			_, size = utf8.DecodeRuneInString(s.src[s.pos:])
		}
		b.WriteString(s.src[s.pos : s.pos+size])
		s.pos += size
	}
	v.text = b.String()
	return v, nil
}

func (s *scanner) quoted() (v value, err error) {
	v.quoted, v.offset = true, s.pos
	var b strings.Builder
	for i := s.pos + 1; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case c == '\\' && i+1 < len(s.src):
			i++
			b.WriteByte(s.src[i])
		case c == '"':
			s.pos, v.text = i+1, b.String()
			if r, _ := utf8.DecodeRuneInString(s.src[s.pos:]); s.pos < len(s.src) && r != ',' &&
				!unicode.IsSpace(r) {
				return v, s.fail(s.pos, "put a space or a comma there", "something follows a closing quote")
			}
			return v, nil
		default:
			b.WriteByte(c)
		}
	}
	return v, s.fail(v.offset, `end the value with "`, "a quote is not closed")
}
