package middleware

import (
	"net/netip"
	"strings"
)

// forwarded reads Forwarded (RFC 7239). It reads each value from its end: what
// the nearest proxy wrote is understood whatever a client put before it, also an
// opening quote.
func forwarded(values []string, visit func(netip.Addr, bool) bool) {
	for i := len(values) - 1; i >= 0; i-- {
		for rest, more := values[i], true; more; {
			var element string
			rest, element, more = cutLast(rest, ',')
			if !visit(forNode(element)) {
				return
			}
		}
	}
}

// cutLast cuts s at its last sep that is outside of quotes, as seen from the
// end; more is false where there is none.
func cutLast(s string, sep byte) (before, after string, more bool) {
	for i := len(s) - 1; i >= 0; i-- {
		switch s[i] {
		case sep:
			return s[:i], s[i+1:], true
		case '"':
			open := openingQuote(s, i)
			if open < 0 {
				return "", s, false
			}
			i = open
		}
	}
	return "", s, false
}

// openingQuote finds the quote that the one at end closes; -1 where there is none.
func openingQuote(s string, end int) int {
	for i := end - 1; i >= 0; i-- {
		if s[i] != '"' {
			continue
		}
		escapes := 0
		for escapes < i && s[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
	return -1
}

// forNode returns the address in the "for" of one element.
func forNode(element string) (addr netip.Addr, ok bool) {
	found := false
	for more := true; more; {
		var pair string
		element, pair, more = cutLast(element, ';')
		name, value, assigned := strings.Cut(strings.Trim(pair, " \t"), "=")
		if !assigned || !strings.EqualFold(name, "for") {
			continue
		}
		if found {
			return netip.Addr{}, false // which of the two is meant cannot be told
		}
		found = true
		if value, ok = unquote(value); !ok {
			return netip.Addr{}, false
		}
		// An IPv6 address stands in brackets here.
		if addr, ok = node(value); ok && addr.Is6() && !strings.HasPrefix(value, "[") {
			return netip.Addr{}, false
		}
		if !ok {
			return netip.Addr{}, false
		}
	}
	return addr, found
}

// unquote reads a token or a quoted string.
func unquote(s string) (string, bool) {
	inner, quoted := strings.CutPrefix(s, `"`)
	if !quoted {
		return s, !strings.ContainsAny(s, "\" \t")
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		switch inner[i] {
		case '"':
			return b.String(), i == len(inner)-1
		case '\\':
			if i++; i == len(inner) {
				return "", false
			}
		}
		b.WriteByte(inner[i])
	}
	return "", false
}
