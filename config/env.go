package config

import (
	"fmt"
	"strings"
)

// expand replaces ${NAME} and ${NAME:-default} in s by the environment's values.
// $${ stands for a literal ${. What a variable holds is taken as it is: it is
// not expanded again. A default cannot hold a reference. The second result tells what is wrong, "" for nothing.
func expand(s string, env func(string) (string, bool)) (text, problem, remedy string) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), "", ""
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1])
			b.WriteString("${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		reference, rest, closed := strings.Cut(s[i+2:], "}")
		name, fallback, hasFallback := strings.Cut(reference, ":-")
		if hasFallback && envName(name) && strings.Contains(fallback, "${") {
			return "", fmt.Sprintf("the default of ${%s} holds another reference", name),
				fmt.Sprintf("write ${%s} and set %s, or a default without ${", name, name)
		}
		if !closed || !envName(name) {
			return "", "a reference to an environment variable is malformed",
				"write ${NAME} or ${NAME:-default}, and $${ for a literal ${"
		}
		value, set := env(name)
		switch {
		case hasFallback && value == "":
			value = fallback
		case !set && !hasFallback:
			return "", fmt.Sprintf("environment variable %s is not set", name),
				fmt.Sprintf("set %s, or write ${%s:-default}", name, name)
		}
		b.WriteString(value)
		s = rest
	}
}

// envName reports whether s can be the name of an environment variable.
func envName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// EscapeEnv writes a text so that reading it as part of a file gives it back.
func EscapeEnv(s string) string { return strings.ReplaceAll(s, "${", "$${") }
