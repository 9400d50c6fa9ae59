package journal

import (
	"regexp"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/track"
)

func postTarget() *Target {
	live := &catalog.Table{Name: annals.Table{Name: "post"}, Key: []string{"id"}}
	return &Target{
		Name: "it's", Table: &track.Table{Live: live, Key: live.Key, Entity: &annals.Entity{Name: "it's"}},
		Source: annals.Table{Schema: "app", Name: "post"}, Copy: annals.Table{Schema: "audit", Name: "post_audit"},
		Columns: []Column{
			{Column: dialect.Column{Name: "id", Type: "int"}, Copy: "id", SQL: "int"},
			{Column: dialect.Column{Name: "data", Type: "json"}, Copy: "data", SQL: "json"},
			{Column: dialect.Column{Name: "at", Type: "timestamp(6)"}, Copy: "at", SQL: "timestamp(6)"},
			{Column: dialect.Column{Name: "pin", Type: "varchar(9)"}, Copy: "annals_m_pin", SQL: "boolean", Masked: true},
		},
	}
}

// TestMySQLTexts: MySQL gets nothing that MariaDB alone has, and each is recognized by
// what it was made from.
func TestMySQLTexts(t *testing.T) {
	t.Parallel()
	for _, maria := range []bool{false, true} {
		for _, row := range []bool{false, true} {
			g := mysqlGenerator{&Journal{cfg: Config{Source: "app", Dialect: dialect.MySQL(maria), ContextRow: row}}}
			n := g.names("audit")
			s, err := g.target(n, postTarget())
			if err != nil {
				t.Fatal(err)
			}
			text := s.script().String()
			for _, r := range g.routines(n) {
				text += r.sql
			}
			again, err := g.target(n, postTarget())
			if err != nil || !strings.HasPrefix(text, again.script().String()) {
				t.Errorf("another text each time (%v)", err)
			}
			for _, word := range []string{"OR REPLACE ", "@@in_transaction", "SESSION_STATUS"} {
				if strings.Contains(text, word) != maria {
					t.Errorf("MariaDB %t: the text has %q: %t", maria, word, !maria)
				}
			}
			for _, word := range []string{
				"DROP TRIGGER IF EXISTS ", "events_transactions_current", "information_schema_stats_expiry",
			} {
				if strings.Contains(text, word) == maria {
					t.Errorf("MariaDB %t: the text has %q: %t", maria, word, maria)
				}
			}
			if found := regexp.MustCompile(`\{[a-z_]+\}`).FindString(text); found != "" {
				t.Errorf("the token %s is left", found)
			}
			trigger := g.trigger(n, postTarget(), annals.OpUpdate)
			_, body, _ := strings.Cut(trigger.sql, "FOR EACH ROW\n")
			found := Installed{}
			if !g.recognize(&found, body, n.receipt) || found.Hash != trigger.Hash || found.Target != "it's" {
				t.Errorf("recognized %+v, made %+v", found, trigger.Installed)
			}
			if g.recognize(&found, body, "`else`.`annals_revision_entity`") {
				t.Error("a trigger of another storage is taken for this one's")
			}
		}
	}
}

// TestRowTriggerNames: names that are too long stay apart.
func TestRowTriggerNames(t *testing.T) {
	t.Parallel()
	lim := dialect.MySQL(true).Limits()
	long := strings.Repeat("é", 63)
	a, b := rowTriggerName(annals.OpInsert, long+"a", lim), rowTriggerName(annals.OpInsert, long+"b", lim)
	if a == b || len([]rune(a)) > 64 || !strings.HasPrefix(a, "annals_insert_é") {
		t.Errorf("%s and %s", a, b)
	}
	if name := rowTriggerName(annals.OpDelete, "post", lim); name != "annals_delete_post" {
		t.Error(name)
	}
	if name := rowTriggerName(annals.OpDelete, long+long, dialect.SQLite().Limits()); name != "annals_delete_"+long+long {
		t.Error(name)
	}
}

func TestMySQLCopyType(t *testing.T) {
	t.Parallel()
	latin := func(typ string) *Column {
		return &Column{Column: dialect.Column{Type: typ, Charset: "latin1", Collation: "latin1_bin"}}
	}
	g := mysqlGenerator{}
	for want, c := range map[string]*Column{
		"varchar(9) CHARACTER SET latin1 COLLATE latin1_bin":   latin("varchar(9) /*M!100301 COMPRESSED*/"),
		"varchar(255) CHARACTER SET latin1 COLLATE latin1_bin": latin("enum('a','b')"),
		"mediumtext CHARACTER SET latin1 COLLATE latin1_bin":   latin("set('a','b')"),
		"int(10) unsigned": {Column: dialect.Column{Type: "int(10) unsigned"}},
		"json":             {Column: dialect.Column{Type: "longtext", Kind: dialect.KindJSON, Charset: "utf8mb4"}},
		"boolean":          {Column: dialect.Column{Type: "text", Charset: "utf8mb4"}, Masked: true},
	} {
		if got := g.copyType(c); got != want {
			t.Errorf("%s: %s, want %s", c.Type, got, want)
		}
	}
}
