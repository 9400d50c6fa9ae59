package catalog

import "strings"

// parseTrigger reads timing and event from the text of a CREATE TRIGGER, which
// is the only place where SQLite has them.
func parseTrigger(definition string) Trigger {
	words := triggerWords(definition)
	t := Trigger{Timing: "BEFORE"} // SQLite's default
	for i, w := range words {
		switch w {
		case "BEFORE", "AFTER":
			t.Timing = w
		case "INSTEAD":
			t.Timing = "INSTEAD OF"
		case "INSERT", "UPDATE", "DELETE":
			t.Event = w
			return t
		case "OF":
			continue
		default:
			if i > 0 {
				return t
			}
		}
	}
	return t
}

// triggerWords returns the words that follow the trigger's name, in capitals.
func triggerWords(definition string) []string {
	tokens := sqlTokens(definition)
	for i := 0; i < len(tokens); i++ {
		if !strings.EqualFold(tokens[i], "TRIGGER") {
			continue
		}
		i++
		if i+2 < len(tokens) && strings.EqualFold(tokens[i], "IF") &&
			strings.EqualFold(tokens[i+1], "NOT") && strings.EqualFold(tokens[i+2], "EXISTS") {
			i += 3
		}
		i++ // the name
		if i < len(tokens) && tokens[i] == "." {
			i += 2 // it was the schema
		}
		if i > len(tokens) {
			return nil
		}
		words := tokens[i:]
		for n, w := range words {
			words[n] = strings.ToUpper(w)
		}
		return words
	}
	return nil
}

// triggerTokens bounds how much of a definition is looked at: what counts stands
// at its beginning.
const triggerTokens = 16

// sqlTokens splits the beginning of a statement into words, quoted names (one
// token each, quotes kept) and single marks; comments are left out.
func sqlTokens(s string) []string {
	var tokens []string
	for len(s) > 0 && len(tokens) < triggerTokens {
		n := tokenLength(s)
		token := s[:n]
		s = s[n:]
		if strings.TrimSpace(token) == "" || strings.HasPrefix(token, "--") ||
			strings.HasPrefix(token, "/*") {
			continue
		}
		tokens = append(tokens, token)
	}
	return tokens
}

// tokenLength is the length of the first token of a text that is not empty.
func tokenLength(s string) int {
	switch {
	case strings.HasPrefix(s, "--"):
		return through(s, "\n", 2)
	case strings.HasPrefix(s, "/*"):
		return through(s, "*/", 2)
	case s[0] == '"' || s[0] == '`' || s[0] == '\'':
		return quotedLength(s)
	case s[0] == '[':
		return through(s, "]", 1)
	}
	n := 0
	for n < len(s) && isWord(s[n]) {
		n++
	}
	return max(n, 1)
}

// through is the length up to and with the first end after from.
func through(s, end string, from int) int {
	if i := strings.Index(s[from:], end); i >= 0 {
		return from + i + len(end)
	}
	return len(s)
}

// quotedLength is the length of a quoted name with its doubled quotes.
func quotedLength(s string) int {
	n := 1
	for n < len(s) {
		if s[n] != s[0] {
			n++
			continue
		}
		if n+1 < len(s) && s[n+1] == s[0] {
			n += 2
			continue
		}
		return n + 1
	}
	return n
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 ||
		'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
