package auditor_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/reader"
)

// Tables and columns of any name are copied, and read back.
func TestMirrorOfOddNames(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d, err := dialect.Detect(t.Context(), db, db.Dialect)
		if err != nil {
			t.Fatal(err)
		}
		long := strings.Repeat("long_", 12)[:59]
		tables := map[string][]string{
			"Order":           {"Id", "Select", "annals_id"},
			`we"ird;` + "na`": {"id", `a"b'c;` + "`"},
			"größe":           {"id", "straße", "$x"},
			long:              {strings.Repeat("k", 60), strings.Repeat("c", 60)},
			"with space":      {"id", "two words", "trailing_"},
		}
		for name, columns := range tables {
			list := make([]string, len(columns))
			for i, c := range columns {
				list[i] = d.Quote(c) + " INTEGER"
			}
			list[0] += " PRIMARY KEY"
			exec(t, db, "CREATE TABLE "+d.Quote(name)+" ("+strings.Join(list, ", ")+")")
		}
		aud := newAuditor(t, auditor.Config{
			Sources:  map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect, Capture: config.CaptureTrigger}},
			Entities: map[string]config.Entity{"*": {}},
		})
		update(t, aud)
		aud.Refresh()
		mustBePlanned(t, aud)
		j, err := aud.Journal("")
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Create(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for name, columns := range tables {
			values := "1" + strings.Repeat(", 2", len(columns)-1)
			exec(t, db, "INSERT INTO "+d.Quote(name)+" VALUES ("+values+")",
				"UPDATE "+d.Quote(name)+" SET "+d.Quote(columns[1])+" = 3")
		}
		page, err := aud.Reader().Find(t.Context(), reader.Query{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for _, e := range page.Entries {
			got[e.Entity] = append(got[e.Entity], string(e.Type)+" "+e.ObjectID)
			for _, column := range tables[annals.ParseTable(e.Entity).Name] {
				if e.Type == "insert" && !strings.Contains(string(e.Diffs), strings.ReplaceAll(column, `"`, `\"`)) {
					t.Errorf("%s: column %s is not in %s", e.Entity, column, e.Diffs)
				}
			}
		}
		for name := range tables {
			if want := []string{"update 1", "insert 1"}; !slices.Equal(got[annals.Table{Name: name}.String()], want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	})
}
