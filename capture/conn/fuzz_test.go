package conn_test

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRead: reading never fails, a template has no text of a string or number,
// and reading it again gives the same.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"UPDATE posts SET a = 'x' WHERE b = 1", "DELETE FROM \"a\"; SELECT $$;$$",
		"/* /* */ */ DELETE FROM `a` # x\n", `SELECT 'a\'; DELETE FROM b; -- '`,
		"UPDATE a JOIN (b, c) SET a.x = (1", "WITH x AS (DELETE FROM a) SELECT 1",
		"/*!50000 TRUNCATE a, b */ CASCADE", "DO $x$ UPDATE a SET b $x$", "COPY a (b FROM",
		"CREATE TRIGGER x BEGIN CASE END; END; DELETE FROM a", "EXPLAIN ANALYZE", "E'\\'", "\xff\x00'",
		"TRUNCATE ( ( a ) ), ,", "DELETE a.* , FROM", "UPDATE , ( SET .. = [", "$1$", "? ?1 :a @b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for name, syntax := range syntaxes() {
			_ = syntax.Parse(sql)
			text := syntax.Read(sql)
			for i := range text.Statements {
				template := text.Statements[i].Template(nil)
				if !utf8.ValidString(template) || len(template) > 5000+len(sql) {
					t.Fatalf("%s: template %q", name, template)
				}
				if strings.Contains(template, "'") && !strings.Contains(template, `"`) &&
					!strings.ContainsAny(template, "`[$") {
					t.Fatalf("%s: the template of %q keeps a string: %q", name, sql, template)
				}
			}
			if len(syntax.Controls(sql)) < len(text.Statements) && strings.Contains(sql, ";") {
				t.Fatalf("%s: %q has statements without control", name, sql)
			}
		}
	})
}

// FuzzValues: a value never comes through to a template, however it is written.
func FuzzValues(f *testing.F) {
	f.Add("secret", "x")
	f.Add(`\`, "--")
	f.Add("'", "/*")
	f.Fuzz(func(t *testing.T, value, comment string) {
		// The marks round the value are what is looked for.
		value = "VALUE" + strings.ReplaceAll(value, "\x00", "") + "VALUE"
		comment = strings.NewReplacer("*", "", "/", "", "!", "").Replace(comment)
		doubled := strings.ReplaceAll(value, "'", "''")
		escaped := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value)
		for name, literals := range map[string][]string{
			"postgres": {
				"'" + doubled + "'",
				"E'" + escaped + "'", "$VALUE_q$" + strings.ReplaceAll(value, "$", "") + "$VALUE_q$",
			},
			"mysql":  {"'" + escaped + "'", `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`},
			"sqlite": {"'" + doubled + "'"},
		} {
			for _, literal := range literals {
				sql := "UPDATE posts SET a = " + literal + " /* VALUE" + comment + " */ WHERE b = 1"
				text := syntaxes()[name].Read(sql)
				for i := range text.Statements {
					if got := text.Statements[i].Template(nil); strings.Contains(got, "VALUE") {
						t.Fatalf("%s: %s\ngives %s", name, sql, got)
					}
				}
				found := false
				for _, w := range text.Writes() {
					found = found || w.Table.Name == "posts"
				}
				if !found {
					t.Fatalf("%s: the table of %s is not found", name, sql)
				}
			}
		}
	})
}
