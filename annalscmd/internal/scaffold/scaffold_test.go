package scaffold_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/scaffold"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
)

// table makes a table: its key columns, then others as "name type".
func table(name, key string, columns ...string) *catalog.Table {
	t := &catalog.Table{Name: annals.Table{Name: name}, Transactional: true}
	if key != "" {
		t.Key = strings.Split(key, ",")
	}
	for _, k := range t.Key {
		t.Columns = append(t.Columns, dialect.Column{Name: k, Type: "bigint"})
	}
	for _, c := range columns {
		column, declared, _ := strings.Cut(c, " ")
		if !slices.Contains(t.Key, column) {
			t.Columns = append(t.Columns,
				dialect.Column{Name: column, Type: declared, Nullable: true})
		}
	}
	return t
}

// refer adds a foreign key: "a,b" to "table(x,y)".
func refer(t *catalog.Table, columns, to string) *catalog.Table {
	parent, key, _ := strings.Cut(strings.TrimSuffix(to, ")"), "(")
	t.ForeignKeys = append(t.ForeignKeys, catalog.ForeignKey{
		Columns: strings.Split(columns, ","), References: annals.Table{Name: parent},
		ReferencedColumns: strings.Split(key, ","),
	})
	return t
}

func TestSecrets(t *testing.T) {
	secret := []string{
		"password", "password_hash", "passwordHash", "PASSWD", "user_pwd", "api_key text", "apiKey",
		"APIKey", "apikey", "access_token", "token", "secret", "client_secret", "salt", "otp",
		"ssn", "iban", "credit_card", "creditCardNumber", "card_number", "cvv", "private_key",
		"totp_secret", "recovery_codes", "pin int",
	}
	plain := []string{
		"password_changed_at", "has_password boolean", "token_id", "token_count", "token_type",
		"reset_token_expires", "passwordless bool", "name", "tokenizer", "spin", "pinned_at",
		"assault", "saltwater", "secretary", "card_type", "key", "password_set date",
		"otp_enabled tinyint(1)", "notes", "compass",
	}
	r := scaffold.Propose([]*catalog.Table{table("users", "id", slices.Concat(secret, plain)...)})
	var want []string
	for _, c := range secret {
		name, _, _ := strings.Cut(c, " ")
		want = append(want, name)
	}
	if got := r.Entities["users"].Mask; !slices.Equal(got, want) {
		t.Errorf("masked %v\nwant %v", got, want)
	}
}

func TestNeverMasksWhatIsNeeded(t *testing.T) {
	users := table("users", "token", "label text", "pin_code text")
	sessions := refer(table("sessions", "id", "secret text", "user_token text"),
		"user_token", "users(token)")
	r := scaffold.Propose([]*catalog.Table{users, sessions})
	if got := r.Entities["users"].Mask; !slices.Equal(got, []string{"pin_code"}) {
		t.Errorf("users masks %v", got)
	}
	if got := r.Entities["sessions"].Mask; !slices.Equal(got, []string{"secret"}) {
		t.Errorf("sessions masks %v", got)
	}
	if len(r.Notes) != 1 || r.Notes[0].Table != "users" {
		t.Errorf("notes = %v", r.Notes)
	}
}

func TestLabelAndSoftDelete(t *testing.T) {
	r := scaffold.Propose([]*catalog.Table{
		table("a", "id", "email text", "title text", "deleted_at timestamp"),
		table("b", "id", "Code text", "DeletedAt datetime"),
		table("c", "id", "body text"),
	})
	for name, want := range map[string][2]string{
		"a": {"title", "deleted_at"}, "b": {"Code", "DeletedAt"}, "c": {"", ""},
	} {
		e := r.Entities[name]
		if e.Label != want[0] || e.SoftDelete != want[1] {
			t.Errorf("%s: label %q, soft delete %q, want %q", name, e.Label, e.SoftDelete, want)
		}
	}
}

func TestRelations(t *testing.T) {
	r := scaffold.Propose([]*catalog.Table{
		table("posts", "id"),
		table("tags", "id"),
		refer(refer(table("post_tag", "post_id,tag_id"), "tag_id", "tags(id)"),
			"post_id", "posts(id)"),
		refer(refer(table("follows", "a,b"), "a", "posts(id)"), "b", "posts(id)"),
		refer(refer(table("votes", "post_id,tag_id", "stars int"), "post_id", "posts(id)"),
			"tag_id", "tags(id)"),
		refer(table("comments", "id", "post_id int"), "post_id", "posts(id)"),
		refer(table("items", "id", "y int", "n int"), "y,n", "orders(year,no)"),
		table("orders", "year,no"),
		refer(table("odd", "id", "email text"), "email", "posts(email)"),
		refer(table("lost", "id", "log_id int"), "log_id", "logs(id)"),
		table("logs", ""),
	})
	want := map[string]config.Relation{
		"posts.tags":          {Entity: "tags", Through: "post_tag"},
		"posts.tags_by_votes": {Entity: "tags", Through: "votes"},
		"posts.comments":      {Entity: "comments", Column: "post_id"},
		"orders.items":        {Entity: "items", Columns: []string{"y", "n"}},
		"posts.posts_by_b": {
			Entity: "posts", Through: "follows", OwnerColumns: []string{"a"},
			TargetColumns: []string{"b"},
		},
	}
	if len(r.Relations) != len(want) {
		t.Errorf("relations = %v", r.Relations)
	}
	for name, w := range want {
		g := r.Relations[name]
		if g.Entity != w.Entity || g.Through != w.Through || g.Column != w.Column ||
			!slices.Equal(g.Columns, w.Columns) || !slices.Equal(g.OwnerColumns, w.OwnerColumns) ||
			!slices.Equal(g.TargetColumns, w.TargetColumns) {
			t.Errorf("%s = %+v, want %+v", name, g, w)
		}
	}
	if _, ok := r.Entities["post_tag"]; ok {
		t.Error("a mere join table is an entity")
	}
	if _, ok := r.Entities["votes"]; !ok {
		t.Error("a join table with columns of its own is no entity")
	}
}

// Tables of other schemas are left out and told, and so is what leads to them.
func TestOtherSchemas(t *testing.T) {
	elsewhere := func(schema, name string, columns ...string) *catalog.Table {
		t := table(name, "id", columns...)
		t.Name.Schema = schema
		return t
	}
	link := refer(table("sale", "post_id,invoice_id"), "post_id", "posts(id)")
	link.ForeignKeys = append(link.ForeignKeys, catalog.ForeignKey{
		Columns: []string{"invoice_id"}, ReferencedColumns: []string{"id"},
		References: annals.Table{Schema: "Sales", Name: "Invoice"},
	})
	r := scaffold.Propose([]*catalog.Table{
		table("posts", "id"), link, elsewhere("Sales", "Invoice"), elsewhere("a.b", "posts"),
		elsewhere("Sales", "Invoice_audit", "object_id", "transaction_hash", "diffs", "schema_version"),
	})
	want := []scaffold.Note{
		{Table: "Sales.Invoice", Text: "in another schema; to audit it, name it: " +
			"Invoice: {table: Sales.Invoice}"},
		{Table: `"a.b".posts`, Text: "in another schema; to audit it, name it: " +
			`posts: {table: "a.b".posts}`},
	}
	if !slices.Equal(r.Skipped, want) {
		t.Errorf("skipped %q\nwant %q", r.Skipped, want)
	}
	if len(r.Entities) != 2 || len(r.Relations) != 1 || r.Relations["posts.sale"].Column != "post_id" {
		t.Errorf("entities %v, relations %v", r.Entities, r.Relations)
	}
	notes := []scaffold.Note{{Table: "sale", Text: "foreign key invoice_id leads to Sales.Invoice, " +
		"in another schema: no relation made of it"}}
	if !slices.Equal(r.Notes, notes) {
		t.Errorf("notes %q\nwant %q", r.Notes, notes)
	}
}

// What is written is read back as the same, whatever the names are.
func TestWriteReadsBack(t *testing.T) {
	names := []string{
		`a.b`, `say "hi"`, `star*`, `tag:x`, "null", "true", "123", "*", "a: b", "# c", "日本語",
		"{x}", "'", "- a", " lead", "${HOME}",
	}
	var tables []*catalog.Table
	for _, name := range names {
		tables = append(tables, table(name, "id"))
	}
	tables = append(tables,
		refer(table("child", "id", "${A}_token text", "p int"), "p", "${HOME}(id)"))
	tables = append(tables, table("bad\nname", "id"), table("keyless\u2028", ""),
		table("annals_revision", "id"),
		table("x_audit", "id", "object_id", "transaction_hash", "diffs", "schema_version"))
	file := scaffold.File{
		Result: scaffold.Propose(tables), Source: config.Source{DSN: "sqlite:shop.db"},
		StorageDSN: "sqlite:shop.db",
	}
	text, err := file.Write()
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(text, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if got := c.Entities["child"].Mask; !slices.Equal(got, []string{"${A}_token"}) {
		t.Errorf("child masks %q", got)
	}
	if len(c.Entities) != len(names)+1 || len(file.Skipped) != 2 {
		t.Errorf("%d entities, %v skipped", len(c.Entities), file.Skipped)
	}
	read := map[string]bool{}
	for name, e := range c.WithDefaults().Entities {
		read[annals.ParseTable(e.Table).Name] = true
		if e.Entity(name).Table.Schema != "" {
			t.Errorf("entity %q has table %+v", name, e.Entity(name).Table)
		}
	}
	for _, name := range names {
		if !read[name] {
			t.Errorf("table %q is not in\n%s", name, text)
		}
	}
}
