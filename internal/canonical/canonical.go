// Package canonical writes JSON in its one canonical form, so that equal values
// are equal bytes:
//
//   - no spaces; the keys of an object sorted by the bytes of their UTF-8 text;
//     of a key that occurs twice the last value counts
//   - numbers in plain decimal digits, without exponent, trailing zeros of the
//     fraction or a negative zero: 1.0 is 1, 1e2 is 100. They never pass through
//     a float, so any number of digits is exact
//   - strings with as few escapes as JSON allows: \" \\ \b \f \n \r \t, and
//     \u00xx in lower case for other control characters
//
// It works on bytes in one pass and builds no tree. All functions are pure.
package canonical

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Reasons to refuse a text; they come wrapped in an *Error.
var (
	// ErrSyntax: the text is not one JSON value.
	ErrSyntax = errors.New("not valid JSON")
	// ErrUnicode: a string holds invalid UTF-8 or half a surrogate pair.
	ErrUnicode = errors.New("string is not valid Unicode")
	// ErrNumber: an exponent would need more than MaxZeros further digits.
	ErrNumber = errors.New("number is too long in plain digits")
	// ErrDepth: arrays and objects are nested too deep.
	ErrDepth = errors.New("nested too deep")
)

const (
	// MaxDepth is how deep arrays and objects may be nested.
	MaxDepth = 512
	// MaxZeros is how many digits a number's plain form may have beyond those it
	// is written with: enough for every float64, and 1e999999999 fills no memory.
	MaxZeros = 400
)

// Error says where and why a text was refused. The text itself is not in it.
type Error struct {
	// Offset is the place in bytes from the start.
	Offset int
	Err    error
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("canonical JSON, byte %d: %v", e.Offset, e.Err)
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Canonical returns the canonical form of src, which must be one JSON value.
func Canonical(src []byte) ([]byte, error) {
	return Append(make([]byte, 0, len(src)), src)
}

// Append appends the canonical form of src to dst. On an error it returns dst as
// it was.
func Append(dst, src []byte) ([]byte, error) {
	return AppendDepth(dst, src, MaxDepth)
}

// AppendDepth is Append with another limit of depth: 0 for scalars only, at most
// MaxDepth.
func AppendDepth(dst, src []byte, depth int) ([]byte, error) {
	s := scanner{src: src, out: dst, room: min(depth, MaxDepth)}
	s.space()
	err := s.value()
	if err == nil {
		if s.space(); s.pos < len(s.src) {
			err = s.refuse(ErrSyntax)
		}
	}
	if err != nil {
		return dst, err
	}
	return s.out, nil
}

// HasNUL reports whether a string in canonical JSON holds the character U+0000,
// which some databases cannot store in JSON.
func HasNUL(canonical []byte) bool {
	const nul = `\u0000`
	if !bytes.Contains(canonical, []byte(nul)) {
		return false
	}
	for i := 0; i < len(canonical); i++ {
		if canonical[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(canonical[i:], []byte(nul)) {
			return true
		}
		i++ // an escaped backslash must not begin an escape
	}
	return false
}

// scanner reads src and writes out.
type scanner struct {
	src  []byte
	pos  int
	out  []byte
	room int // levels that may still be opened
	// members is a stack of the members of the objects that are open.
	members []member
	scratch []byte
}

// member is one "key":value in out: key without quotes is out[key:keyEnd], all
// of it is out[start:end].
type member struct{ start, keyEnd, end int }

func (s *scanner) refuse(reason error) error { return &Error{Offset: s.pos, Err: reason} }

// space skips white space.
func (s *scanner) space() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end: 0 begins nothing in JSON.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

func (s *scanner) value() error {
	switch c := s.peek(); {
	case c == '"':
		return s.text()
	case c == '{' || c == '[':
		return s.nested(c)
	case c == '-' || isDigit(c):
		return s.number()
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if len(s.src)-s.pos >= len(word) && string(s.src[s.pos:s.pos+len(word)]) == word {
			s.pos += len(word)
			s.out = append(s.out, word...)
			return nil
		}
	}
	return s.refuse(ErrSyntax)
}

// nested reads an array or object, whichever c opens, one level down.
func (s *scanner) nested(c byte) (err error) {
	if s.room == 0 {
		return s.refuse(ErrDepth)
	}
	s.room--
	if c == '{' {
		err = s.object()
	} else {
		err = s.array()
	}
	s.room++
	return err
}

func (s *scanner) array() error {
	s.pos++
	s.out = append(s.out, '[')
	for n := 0; ; n++ {
		s.space()
		if s.peek() == ']' && n == 0 {
			break
		}
		if err := s.value(); err != nil {
			return err
		}
		s.space()
		if c := s.peek(); c == ']' {
			break
		} else if c != ',' {
			return s.refuse(ErrSyntax)
		}
		s.pos++
		s.out = append(s.out, ',')
	}
	s.pos++
	s.out = append(s.out, ']')
	return nil
}

func (s *scanner) object() error {
	s.pos++
	s.out = append(s.out, '{')
	start, base, sorted := len(s.out), len(s.members), true
	for n := 0; ; n++ {
		s.space()
		if s.peek() == '}' && n == 0 {
			break
		}
		if err := s.member(); err != nil {
			return err
		}
		if n > 0 && sorted {
			sorted = s.compare(s.members[base+n-1], s.members[base+n]) < 0
		}
		s.space()
		if c := s.peek(); c == '}' {
			break
		} else if c != ',' {
			return s.refuse(ErrSyntax)
		}
		s.pos++
		s.out = append(s.out, ',')
	}
	s.pos++
	if !sorted {
		s.sort(start, s.members[base:])
	}
	s.members = s.members[:base]
	s.out = append(s.out, '}')
	return nil
}

// member reads one "key":value and puts it on the stack.
func (s *scanner) member() error {
	m := member{start: len(s.out)}
	if s.peek() != '"' {
		return s.refuse(ErrSyntax)
	}
	if err := s.text(); err != nil {
		return err
	}
	m.keyEnd = len(s.out) - 1
	s.space()
	if s.peek() != ':' {
		return s.refuse(ErrSyntax)
	}
	s.pos++
	s.out = append(s.out, ':')
	s.space()
	// The value may use the stack itself, so the member goes on it afterwards.
	if err := s.value(); err != nil {
		return err
	}
	m.end = len(s.out)
	if s.members == nil {
		s.members = make([]member, 0, 16)
	}
	s.members = append(s.members, m)
	return nil
}

// compare orders two members by their keys.
func (s *scanner) compare(a, b member) int {
	return compareKeys(s.out[a.start+1:a.keyEnd], s.out[b.start+1:b.keyEnd])
}

// sort writes the members, all that stands in out from start on, once more in
// order. Of equal keys the last is kept.
func (s *scanner) sort(start int, members []member) {
	slices.SortStableFunc(members, s.compare)
	s.scratch = s.scratch[:0]
	for i, m := range members {
		if i+1 < len(members) && s.compare(m, members[i+1]) == 0 {
			continue
		}
		if len(s.scratch) > 0 {
			s.scratch = append(s.scratch, ',')
		}
		s.scratch = append(s.scratch, s.out[m.start:m.end]...)
	}
	s.out = append(s.out[:start], s.scratch...)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
