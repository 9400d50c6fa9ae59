package middleware

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The lengths of the columns in which an actor and an origin are kept.
const (
	maxIP      = 45
	maxContext = 100
	maxText    = 255
)

// clean makes a text fit to be kept: without control characters and bytes that
// are no UTF-8, without space round it, and cut after so many characters.
func clean(s string, most int) string {
	var b strings.Builder
	n := 0
	s = strings.TrimSpace(s)
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				continue
			}
		}
		if unicode.IsControl(r) {
			continue
		}
		if n == most {
			break
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}
