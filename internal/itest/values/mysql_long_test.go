package values

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestMySQLLongText: a text whose UTF-8 form is over max_allowed_packet, while the
// column's own is not, is read whole, also by what reads JSON.
func TestMySQLLongText(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"mariadb", "mysql"} {
		if !slices.Contains(testdb.Kinds(), kind) {
			continue
		}
		db := testdb.New(t, kind)
		var limit int
		if err := db.QueryRowContext(t.Context(), "SELECT @@max_allowed_packet").Scan(&limit); err != nil {
			t.Fatal(err)
		}
		n := limit/2 + 1024
		repeat := func(latin1 string) string { return fmt.Sprintf("repeat(_latin1 x'%s', %d)", latin1, n) }
		tab := create(t, db, []sample{{
			Type:   "LONGTEXT CHARACTER SET latin1",
			Values: []string{repeat("E9"), repeat("E8"), "NULL", "''"},
		}})[0]
		d := detect(t, db)
		want := []string{
			`"` + strings.Repeat("é", n) + `"`, `"` + strings.Repeat("è", n) + `"`, "null", `""`,
		}
		check := func(tab table, want []string) {
			t.Helper()
			for _, s := range mysqlSessions {
				c := connect(t, db, s)
				for i, got := range read(t, d, c, tab, s.args) {
					if string(got) != want[i] {
						t.Errorf("%s, row %d: %d bytes that begin with %.20s, want %d", s.name, i, len(got), got,
							len(want[i]))
					}
				}
			}
		}
		check(tab, want)
		tab.column.Kind = dialect.KindJSON
		check(tab, want) // a text that is no JSON, and not null
	}
}
