package search

import (
	"strings"
	"time"
	"unicode"

	"github.com/seed-162b1470/annals/reader"
)

// String writes a query in the language: Parse of it gives the query again, in
// normal form. Limit and Cursor are not part of it, nor are empty texts that no
// entry has (of comments, types and the like).
func String(q reader.Query) string {
	q = normal(q)
	w := &writer{}
	for _, k := range textKeys() {
		w.texts(k.name, *k.with(&q), k.name)
		if k.without != nil {
			w.texts("-"+k.name, *k.without(&q), k.name)
		}
	}
	for _, t := range []struct {
		key   string
		types []string
	}{{"type", texts(q.Types)}, {"-type", texts(q.Not.Types)}} {
		w.texts(t.key, t.types, "type")
	}
	for _, k := range partKeys() {
		w.parts(k.name, *k.with(&q))
		w.parts("-"+k.name, *k.without(&q))
	}
	for _, e := range q.Extra {
		values := e.Values
		key := extraKey + escapePath(e.Path)
		if len(values) == 0 {
			w.term(key, "*")
			continue
		}
		w.texts(key, values, "extra")
	}
	w.time("after", q.Since)
	w.time("before", q.Until)
	if q.Ascending {
		w.term("order", "oldest")
	}
	if q.Related {
		w.term("related", "yes")
	}
	return strings.Join(w.terms, " ")
}

type writer struct{ terms []string }

func (w *writer) term(key, values string) { w.terms = append(w.terms, key+":"+values) }

func (w *writer) texts(key string, values []string, kind string) {
	if len(values) == 0 {
		return
	}
	out := make([]string, len(values))
	for i, v := range values {
		switch {
		case kind == "extra" && v == "*":
			out[i] = `"*"`
		case (kind == "from" || kind == "to" || kind == "extra") && v == `"null"`:
			out[i] = `"null"`
		default:
			out[i] = quote(v)
		}
	}
	w.term(key, strings.Join(out, ","))
}

func (w *writer) parts(key string, values []reader.Text) {
	out := make([]string, 0, len(values))
	for _, v := range values {
		switch {
		case !v.Part:
			out = append(out, "="+quote(v.Value))
		case strings.HasPrefix(v.Value, "="):
			out = append(out, inQuotes(v.Value))
		default:
			out = append(out, quote(v.Value))
		}
	}
	if len(out) > 0 {
		w.term(key, strings.Join(out, ","))
	}
}

func (w *writer) time(key string, t time.Time) {
	if !t.IsZero() {
		w.term(key, t.UTC().Format(time.RFC3339Nano))
	}
}

// quote writes a value so that it is read as it is; bare where that is possible.
func quote(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || r == ',' || r == '"' || r == '\\'
	}) < 0 {
		return s
	}
	return inQuotes(s)
}

func inQuotes(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func escapePath(path string) string {
	var b strings.Builder
	for _, r := range path {
		if r == '\\' || r == ':' || r == '"' || r == ' ' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}
