package conn

import "strings"

// maxTemplate is the length, in bytes, from which on a template is cut.
const maxTemplate = 4096

// Template is the statement's text without its values: strings and numbers are
// question marks, comments and line breaks are gone, and what goes on for long
// ends with an ellipsis. A word in double quotes that the database takes for a
// string where it is no name stays only if isName says that it is one.
func (s *Statement) Template(isName func(string) bool) string {
	var b strings.Builder
	for i, t := range s.tokens {
		if b.Len() > maxTemplate || i == s.cut {
			b.WriteString(" …")
			break
		}
		if t.gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		switch {
		case t.kind == aNumber, t.kind == aText && !s.names(i, isName):
			b.WriteByte('?')
		default:
			b.WriteString(t.raw)
		}
	}
	return strings.ToValidUTF8(b.String(), "�")
}

// names reports whether the string at i is a name after all.
func (s *Statement) names(i int, isName func(string) bool) bool {
	t := s.tokens[i]
	if !strings.HasPrefix(t.raw, `"`) {
		return false
	}
	return isName != nil && isName(t.name)
}
