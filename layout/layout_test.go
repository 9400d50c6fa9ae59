package layout_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

var (
	inBytes = dialect.Limits{Identifier: 63, Bytes: true}
	inChars = dialect.Limits{Identifier: 64}
	noLimit = dialect.Limits{}
)

func TestAuditTable(t *testing.T) {
	long := strings.Repeat("a", 63)
	tests := map[string]struct {
		table          annals.Table
		prefix, suffix string
		want           annals.Table
	}{
		"default":         {annals.Table{Name: "posts"}, "", "_audit", annals.Table{Name: "posts_audit"}},
		"schema":          {annals.Table{Schema: "blog", Name: "posts"}, "audit_", "_suffix", annals.Table{Schema: "blog", Name: "audit_posts_suffix"}},
		"no suffix":       {annals.Table{Name: "posts"}, "audit_", "", annals.Table{Name: "audit_posts"}},
		"dots and quotes": {annals.Table{Name: "a.b\"c`d"}, "", "_audit", annals.Table{Name: "a.b\"c`d_audit"}},
		"just fits":       {annals.Table{Name: long[:57]}, "", "_audit", annals.Table{Name: long[:57] + "_audit"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := layout.AuditTable(tt.table, tt.prefix, tt.suffix, inBytes); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAuditTableShortened(t *testing.T) {
	long := strings.Repeat("a", 63)
	got := layout.AuditTable(annals.Table{Name: long}, "x_", "_audit", inBytes).Name
	if len(got) != 63 || !strings.HasPrefix(got, "x_aaaa") || !strings.HasSuffix(got, "_audit") {
		t.Errorf("shortened to %q", got)
	}
	if again := layout.AuditTable(annals.Table{Name: long}, "x_", "_audit", inBytes).Name; again != got {
		t.Errorf("not the same twice: %q, %q", got, again)
	}
	if same := layout.AuditTable(annals.Table{Name: long}, "x_", "_audit", noLimit).Name; same != "x_"+long+"_audit" {
		t.Errorf("shortened without a limit: %q", same)
	}
	huge := layout.AuditTable(annals.Table{Name: "t"}, long, long, inBytes).Name
	if len(huge) != 63 {
		t.Errorf("prefix and suffix past the limit: %d bytes", len(huge))
	}
}

func TestIndexName(t *testing.T) {
	columns := []string{"object_id", "created_at"}
	if got := layout.IndexName("users_audit", columns, inBytes); got != "idx_users_audit_object_id_created_at" {
		t.Errorf("got %q", got)
	}
	a := layout.UniqueIndexName("a", []string{"b_c"}, 0, inBytes)
	b := layout.UniqueIndexName("a_b", []string{"c"}, 0, inBytes)
	if a == b {
		t.Errorf("both are %q", a)
	}
	if a, b := layout.UniqueIndexName("a", []string{"b_c"}, 0, noLimit), layout.UniqueIndexName("a_b", []string{"c"}, 0, noLimit); a == b {
		t.Errorf("both are %q", a)
	}
}

func TestParseIndexSet(t *testing.T) {
	for text, want := range map[string]layout.IndexSet{
		"": layout.Lean, "lean": layout.Lean, "classic": layout.Classic,
	} {
		if got, err := layout.ParseIndexSet(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := layout.ParseIndexSet("fat"); !errors.Is(err, annals.ErrConfig) {
		t.Errorf("got %v", err)
	}
}

func TestShapesAreSound(t *testing.T) {
	name := annals.Table{Schema: "s", Name: "posts_audit"}
	tables := append(layout.Own(inBytes), layout.Seq().Ticket,
		layout.Entries(name, layout.Lean, inBytes), layout.Entries(name, layout.Classic, inBytes))
	for _, table := range tables {
		seen := map[string]bool{}
		for _, c := range table.Columns {
			if seen[c.Name] {
				t.Errorf("%s has %s twice", table.Name, c.Name)
			}
			seen[c.Name] = true
			if (c.Type == layout.VarChar) != (c.Size > 0) {
				t.Errorf("%s.%s has size %d", table.Name, c.Name, c.Size)
			}
			if c.Auto && (len(table.Key) != 1 || !table.IsKey(c.Name)) {
				t.Errorf("%s.%s numbers itself and is not the key", table.Name, c.Name)
			}
		}
		names := map[string]bool{}
		for _, i := range table.Indexes {
			if names[i.Name] || len(i.Name) > 63 {
				t.Errorf("%s has a bad index name %q", table.Name, i.Name)
			}
			names[i.Name] = true
			for _, c := range i.Columns {
				if !seen[c] {
					t.Errorf("index %s is on %s, which is not there", i.Name, c)
				}
			}
		}
	}
}

func FuzzAuditTable(f *testing.F) {
	f.Add("posts", "", "_audit")
	f.Add(strings.Repeat("é", 40), "audit_", "")
	f.Add(strings.Repeat("😀", 30), "", "_audit")
	f.Fuzz(func(t *testing.T, name, prefix, suffix string) {
		if !utf8.ValidString(name) || !utf8.ValidString(prefix) || !utf8.ValidString(suffix) {
			return // a name is text
		}
		for _, lim := range []dialect.Limits{inBytes, inChars, noLimit} {
			got := layout.AuditTable(annals.Table{Name: name}, prefix, suffix, lim).Name
			size := utf8.RuneCountInString(got)
			if lim.Bytes {
				size = len(got)
			}
			if lim.Identifier > 0 && size > lim.Identifier {
				t.Errorf("%q is %d long", got, size)
			}
			if !utf8.ValidString(got) {
				t.Errorf("%q is cut within a character", got)
			}
		}
	})
}
