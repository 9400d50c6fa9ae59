// Package term shows data in a terminal: safely, aligned and in colours.
package term

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe returns s with everything escaped that a terminal would obey instead of
// showing: control characters, among them the escape that starts a sequence, and
// characters that turn the direction of writing round or are invisible. What is
// no UTF-8 is written as \xNN.
func Safe(s string) string {
	if safe(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case Hostile(r):
			escape(&b, r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// SafeJSON escapes the same characters in JSON text, where they can only stand
// in strings, so that the result is JSON of the same value.
func SafeJSON(s string) string {
	if safe(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r > 0xffff && Hostile(r):
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case Hostile(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Hostile reports whether a terminal should not get r as it is.
func Hostile(r rune) bool {
	switch {
	case unicode.IsControl(r): // C0, DEL and C1
		return true
	case r == 0x2028, r == 0x2029: // line and paragraph separators
		return true
	case r == 0x200d: // joins emoji
		return false
	}
	return unicode.Is(unicode.Cf, r) // directions, zero widths, tags
}

func safe(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return utf8.ValidString(s) && strings.IndexFunc(s, Hostile) < 0
		}
	}
	return true
}

func escape(b *strings.Builder, r rune) {
	switch {
	case r <= 0xff:
		fmt.Fprintf(b, `\x%02x`, r)
	case r <= 0xffff:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// Cut shortens s to at most n characters, and says how many are left out.
func Cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	return fmt.Sprintf("%s… (%d more)", string(runes[:n]), len(runes)-n)
}
