package canonical

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string in canonical form. Bytes that are not
// UTF-8 become U+FFFD, so check first where that must not happen.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	run := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' {
				dst = append(dst, s[run:i]...)
				dst = appendEscaped(dst, c)
				run = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, s[run:i]...)
			dst = utf8.AppendRune(dst, utf8.RuneError)
			run = i + 1
		}
		i += size
	}
	dst = append(dst, s[run:]...)
	return append(dst, '"')
}

// appendEscaped appends a byte that cannot stand in a string as it is.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

// text reads a string and writes it in canonical form.
func (s *scanner) text() error {
	s.pos++
	s.out = append(s.out, '"')
	for {
		if err := s.run(); err != nil {
			return err
		}
		switch s.peek() {
		case '"':
			s.pos++
			s.out = append(s.out, '"')
			return nil
		case '\\':
			if err := s.escape(); err != nil {
				return err
			}
		default:
			// The end, or a control character that must not stand here.
			return s.refuse(ErrSyntax)
		}
	}
}

// run copies what needs no escape, up to a quote, backslash, control character
// or the end.
func (s *scanner) run() error {
	start := s.pos
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' {
				break
			}
			s.pos++
			continue
		}
		r, size := utf8.DecodeRune(s.src[s.pos:])
		if r == utf8.RuneError && size == 1 {
			return s.refuse(ErrUnicode)
		}
		s.pos += size
	}
	s.out = append(s.out, s.src[start:s.pos]...)
	return nil
}

// escape reads one escape and writes the character it stands for.
func (s *scanner) escape() error {
	s.pos++
	c := s.peek()
	switch c {
	case '"', '\\':
		s.out = append(s.out, '\\', c)
	case '/':
		s.out = append(s.out, '/')
	case 'b', 'f', 'n', 'r', 't':
		s.out = append(s.out, '\\', c)
	case 'u':
		return s.unicode()
	default:
		return s.refuse(ErrSyntax)
	}
	s.pos++
	return nil
}

// unicode reads uXXXX, with its second half where it is a surrogate.
func (s *scanner) unicode() error {
	r, ok := s.hex4()
	if !ok {
		return s.refuse(ErrSyntax)
	}
	if utf16.IsSurrogate(r) {
		low := rune(-1)
		if bytes.HasPrefix(s.src[s.pos:], []byte(`\u`)) {
			s.pos++
			if low, ok = s.hex4(); !ok {
				return s.refuse(ErrSyntax)
			}
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return s.refuse(ErrUnicode)
		}
	}
	if r < ' ' || r == '"' || r == '\\' {
		s.out = appendEscaped(s.out, byte(r))
		return nil
	}
	s.out = utf8.AppendRune(s.out, r)
	return nil
}

// hex4 reads a letter u and four hex digits.
func (s *scanner) hex4() (r rune, ok bool) {
	const width = 5
	if len(s.src)-s.pos < width {
		return 0, false
	}
	for _, c := range s.src[s.pos+1 : s.pos+width] {
		v := hexValue(c)
		if v < 0 {
			return 0, false
		}
		r = r<<4 | v
	}
	s.pos += width
	return r, true
}

func hexValue(c byte) rune {
	switch {
	case isDigit(c):
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}

// compareKeys orders two canonical strings (without their quotes) by the bytes
// of the text they stand for. Escapes sort elsewhere than their characters.
func compareKeys(a, b []byte) int {
	if bytes.IndexByte(a, '\\') < 0 && bytes.IndexByte(b, '\\') < 0 {
		return bytes.Compare(a, b)
	}
	for len(a) > 0 && len(b) > 0 {
		var x, y byte
		x, a = nextByte(a)
		y, b = nextByte(b)
		if x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

// nextByte is the first byte of the text of a canonical string that is not
// empty, and what follows.
func nextByte(s []byte) (byte, []byte) {
	if s[0] != '\\' {
		return s[0], s[1:]
	}
	switch s[1] {
	case 'b':
		return '\b', s[2:]
	case 'f':
		return '\f', s[2:]
	case 'n':
		return '\n', s[2:]
	case 'r':
		return '\r', s[2:]
	case 't':
		return '\t', s[2:]
	case 'u':
		return byte(hexValue(s[4])<<4 | hexValue(s[5])), s[6:]
	}
	return s[1], s[2:]
}
