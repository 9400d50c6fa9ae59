package catalog

import "testing"

func TestParseTrigger(t *testing.T) {
	t.Parallel()
	for definition, want := range map[string]Trigger{
		"CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END":             {Event: "INSERT", Timing: "AFTER"},
		"create trigger a before update of x, y on t begin select 1; end":    {Event: "UPDATE", Timing: "BEFORE"},
		"CREATE TRIGGER a INSTEAD OF DELETE ON v BEGIN SELECT 1; END":        {Event: "DELETE", Timing: "INSTEAD OF"},
		"CREATE TRIGGER a DELETE ON t BEGIN SELECT 1; END":                   {Event: "DELETE", Timing: "BEFORE"},
		"CREATE TRIGGER after AFTER DELETE ON t BEGIN SELECT 1; END":         {Event: "DELETE", Timing: "AFTER"},
		"CREATE TRIGGER IF NOT EXISTS main.a AFTER UPDATE ON t":              {Event: "UPDATE", Timing: "AFTER"},
		"CREATE TRIGGER \"x\"\"AFTER insert\" /* DELETE */ BEFORE UPDATE ON": {Event: "UPDATE", Timing: "BEFORE"},
		"CREATE TRIGGER [a b].`c``d` -- INSERT\nAFTER INSERT ON t":           {Event: "INSERT", Timing: "AFTER"},
		"CREATE TRIGGER":        {Timing: "BEFORE"},
		"":                      {Timing: "BEFORE"},
		"CREATE TRIGGER \"open": {Timing: "BEFORE"},
	} {
		if got := parseTrigger(definition); got != want {
			t.Errorf("%s: %+v, want %+v", definition, got, want)
		}
	}
}

// FuzzParseTrigger: no text makes it panic or hang.
func FuzzParseTrigger(f *testing.F) {
	f.Add("CREATE TRIGGER IF NOT EXISTS a.b AFTER INSERT ON t")
	f.Add("TRIGGER /* -- [")
	f.Fuzz(func(t *testing.T, s string) {
		if got := parseTrigger(s); got.Timing == "" {
			t.Fatalf("%q: %+v", s, got)
		}
	})
}

func TestPGArray(t *testing.T) {
	t.Parallel()
	if got := pgArray([]string{"", `a"b`, `c\d`, "e,{}"}); got != `{"","a\"b","c\\d","e,{}"}` {
		t.Error(got)
	}
}
