package journal_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestPostgresNames: whatever tables, columns and entities are called.
func TestPostgresNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 31)
	for _, c := range []struct {
		name, table string
		columns     []string
	}{
		{"reserved", `"order"`, []string{"select", "from", "user", "table"}},
		{"mixed case", `"MixedCase"`, []string{"Name", "name", "NAME"}},
		{"odd", `"a ""b"" $annals$ 'c' \d"`, []string{`x"y`, `$1`, `a b`, `'`, `\`, `%s`, `ü`, `:name`, `;`}},
		{"in a schema", `"My Shop"."Item"`, []string{"n"}},
		{"long", `"` + long + `"`, []string{long}},
		{"long elsewhere", `"My Shop"."` + long + `"`, []string{long}},
		{"ours", `ours`, []string{
			"annals_n", "annals_s", "annals_q", "annals_r", "annals_x", "annals_c", "annals_t", "annals_old_rows",
			"annals_new_rows", "r", "i", "o", "n", "g", "v", "c1", "c2", "l", "e", "old", "new", "tg_op", "tg_relid",
			"found", "annals_id", "annals_seq", "annals_image", "annals_ordinal", "annals_revision_entity_id", "now",
			"txid_current", "entity", "type", "xid", "created_at", "annals_m_v", "revision",
		}},
		{"ours as a table", `annals_new_rows`, []string{"n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, form := range []string{"statement", "row"} {
				columns, values, set := "", "", ""
				for _, name := range c.columns {
					quoted := `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
					columns += ", " + quoted + " int"
					values += ", 1"
					set += ", " + quoted + " = " + quoted + " + 1"
				}
				e := annals.Entity{Name: c.table, Table: parse(c.table)}
				if form == "row" {
					columns += ", masked text"
					values += ", 'x'"
					e.Mask = []string{"masked"}
				}
				s := newScene(t, testdb.New(t, "postgres"), `CREATE SCHEMA "My Shop";
					CREATE TABLE `+c.table+` (id int PRIMARY KEY`+columns+`);`, entity(e), lostRows(c.table))
				s.install()
				s.install()
				s.exec(`INSERT INTO `+c.table+` VALUES (1`+values+`)`, `INSERT INTO `+c.table+` VALUES (2`+values+`), (3`+values+`)`,
					`UPDATE `+c.table+` SET `+strings.TrimPrefix(set, ", ")+` WHERE id < 3`, `DELETE FROM `+c.table+` WHERE id = 1`,
					`TRUNCATE `+c.table)
				targets, err := s.j.Targets(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				sum := ""
				for i := range targets[0].Columns {
					if col := &targets[0].Columns[i]; !col.Masked && col.Name != "id" {
						sum += " + " + s.d.Quote(col.Copy)
					}
				}
				got := s.rows(`SELECT c.annals_image, sum(` + strings.TrimPrefix(sum, " + ") + `), count(*) FROM ` +
					s.d.Table(targets[0].Copy) + ` c GROUP BY annals_image ORDER BY 1`)
				n := len(c.columns)
				s.same(form+" images", got, sums("after", 3*n+2*2*n, 5), sums("before", 2*n+2*n+2*n+n, 5))
				installed, err := s.j.Installed(t.Context())
				if err != nil || len(installed) != 4 || installed[0].Target != c.table {
					t.Errorf("installed: %+v, %v", installed, err)
				}
				if err := s.j.Drop(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				s.same("left behind", s.rows(`SELECT proname FROM pg_proc WHERE proname LIKE 'annals%'`))
			}
		})
	}
}

// parse reads a quoted name as SQL has it.
func parse(quoted string) annals.Table {
	var parts []string
	rest := quoted
	for rest != "" {
		if rest[0] != '"' {
			parts = append(parts, rest)
			break
		}
		end := 1
		for ; end < len(rest); end++ {
			if rest[end] == '"' {
				if end+1 < len(rest) && rest[end+1] == '"' {
					end++
					continue
				}
				break
			}
		}
		parts = append(parts, strings.ReplaceAll(rest[1:end], `""`, `"`))
		rest = strings.TrimPrefix(rest[end+1:], ".")
	}
	if len(parts) == 1 {
		return annals.Table{Name: parts[0]}
	}
	return annals.Table{Schema: parts[0], Name: parts[1]}
}

func sums(image string, sum, count int) string {
	return image + " " + strconv.Itoa(sum) + " " + strconv.Itoa(count)
}
