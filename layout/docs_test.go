package layout_test

import (
	"os"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
)

// The documents of the formats name every column and every index.
func TestShapesAreDocumented(t *testing.T) {
	documents := map[string][]layout.Table{
		"entries.md": {
			layout.Entries(annals.Table{Name: "posts_audit"}, layout.Lean, noLimit),
			layout.Entries(annals.Table{Name: "posts_audit"}, layout.Classic, noLimit),
		},
		"revisions.md": layout.Own(noLimit),
	}
	for name, tables := range documents {
		b, err := os.ReadFile("../docs/formats/" + name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(string(b)), " ")
		for _, table := range tables {
			for _, c := range table.Columns {
				if !strings.Contains(text, "`"+c.Name+"`") {
					t.Errorf("%s says nothing of %s.%s", name, table.Name, c.Name)
				}
			}
			for _, i := range table.Indexes {
				list := "(" + strings.Join(i.Columns, ", ") + ")"
				quoted := "(`" + strings.Join(i.Columns, "`, `") + "`)"
				single := len(i.Columns) == 1 && i.Unique
				if !strings.Contains(text, list) && !strings.Contains(text, quoted) && !single {
					t.Errorf("%s says nothing of index %s of %s", name, list, table.Name)
				}
			}
		}
	}
}
