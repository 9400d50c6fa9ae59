package mirror_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/storage"
)

// shop are tables of the common kinds.
var shop = []string{
	"CREATE TABLE authors (id INTEGER PRIMARY KEY, name VARCHAR(50))",
	"CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER, title VARCHAR(50), token VARCHAR(40), " +
		"price DECIMAL(10,2), note VARCHAR(50), deleted_at VARCHAR(30), kind VARCHAR(10))",
	"CREATE TABLE tags (id INTEGER PRIMARY KEY, name VARCHAR(50))",
	"CREATE TABLE post_tag (post_id INTEGER, tag_id INTEGER, PRIMARY KEY (post_id, tag_id), " +
		"FOREIGN KEY (post_id) REFERENCES posts (id), FOREIGN KEY (tag_id) REFERENCES tags (id))",
	"CREATE TABLE stocks (shelf VARCHAR(20), place INTEGER, amount INTEGER, PRIMARY KEY (shelf, place))",
}

func shopRules() auditor.Config {
	return auditor.Config{
		Entities: map[string]config.Entity{
			"author": {Table: "authors", Label: "name"},
			"post": {
				Table: "posts", Label: "title", Mask: []string{"token"}, Ignore: []string{"note"},
				SoftDelete: "deleted_at", Discriminator: "kind",
			},
			"tag":   {Table: "tags", Label: "name"},
			"stock": {Table: "stocks"},
		},
		Relations: map[string]config.Relation{
			"post.tags":    {Entity: "tag", Through: "post_tag"},
			"author.posts": {Entity: "post", Column: "author_id"},
		},
	}
}

var everything = []string{"author", "post", "stock", "tag"}

// Every kind of change gives the entries that docs/formats/diff.md describes, with
// the labels of the time.
func TestEntries(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := triggered(t, db, shopRules(), shop...)
		at := 0
		step := func(what string, want []string, statements ...string) {
			t.Helper()
			m.tx(statements...)
			all := m.find(storage.Query{Entities: everything})
			same(t, what, withLabels(all[at:]), want)
			at = len(all)
		}
		step("insert", []string{
			`author insert 1 {"changes":{"id":{"new":1,"old":null},"name":{"new":"ann","old":null}},"label":"ann"}`,
			`author insert 2 {"changes":{"id":{"new":2,"old":null}}}`,
		}, "INSERT INTO authors (id, name) VALUES (1, 'ann')", "INSERT INTO authors (id) VALUES (2)")
		step("child", []string{
			`post insert 1 (a) {"changes":{"author_id":{"new":1,"old":null},"id":{"new":1,"old":null},` +
				`"kind":{"new":"a","old":null},"price":{"new":` + price(db) + `,"old":null},"title":{"new":"one","old":null},` +
				`"token":{"new":{"masked":true},"old":null}},"label":"one"}`,
			`author associate 1 {"is_owning_side":false,"join_table":null,"subject":{"entity":"author","field":"posts",` +
				`"key":{"id":1},"label":"ann","table":"authors"},"target":{"entity":"post","field":null,"key":{"id":1},` +
				`"label":"one","table":"posts"}}`,
		}, "INSERT INTO posts (id, author_id, title, token, price, note, kind) VALUES (1, 1, 'one', 's', 9.50, 'n', 'a')")
		step("nothing kept", nil, "UPDATE posts SET note = 'x' WHERE id = 1", "UPDATE posts SET token = 's' WHERE id = 1")
		masked := func(old, now string) []string {
			return []string{`post update 1 (a) {"changes":{"token":{"new":` + now + `,"old":` + old + `}},"label":"one"}`}
		}
		const hidden = `{"masked":true}`
		step("masked to masked", masked(hidden, hidden), "UPDATE posts SET token = 'S' WHERE id = 1")
		step("masked to null", masked(hidden, "null"), "UPDATE posts SET token = NULL WHERE id = 1")
		step("null to null", nil, "UPDATE posts SET token = NULL WHERE id = 1")
		step("null to masked", masked("null", hidden), "UPDATE posts SET token = 't' WHERE id = 1")
		step("another parent, twice changed", []string{
			`post update 1 (a) {"changes":{"author_id":{"new":2,"old":1}},"label":"one"}`,
			`author dissociate 1 {"is_owning_side":false,"join_table":null,"subject":{"entity":"author","field":"posts",` +
				`"key":{"id":1},"label":"ann","table":"authors"},"target":{"entity":"post","field":null,"key":{"id":1},` +
				`"label":"one","table":"posts"}}`,
			`author associate 2 {"is_owning_side":false,"join_table":null,"subject":{"entity":"author","field":"posts",` +
				`"key":{"id":2},"label":null,"table":"authors"},"target":{"entity":"post","field":null,"key":{"id":1},` +
				`"label":"one","table":"posts"}}`,
			`post update 1 (a) {"changes":{"title":{"new":"two","old":"one"}},"label":"two"}`,
		}, "UPDATE posts SET author_id = 2 WHERE id = 1", "UPDATE posts SET title = 'two' WHERE id = 1")
		step("join", []string{
			`tag insert 7 {"changes":{"id":{"new":7,"old":null},"name":{"new":"go","old":null}},"label":"go"}`,
			`post associate 1 ` + joined("post", true),
			`tag associate 7 ` + joined("tag", false),
		}, "INSERT INTO tags (id, name) VALUES (7, 'go')", "INSERT INTO post_tag (post_id, tag_id) VALUES (1, 7)")
		step("unjoin", []string{
			`post dissociate 1 ` + joined("post", true),
			`tag dissociate 7 ` + joined("tag", false),
		}, "DELETE FROM post_tag WHERE post_id = 1 AND tag_id = 7")
		step("soft", []string{
			`post remove 1 (a) {"changes":{"deleted_at":{"new":"now","old":null}},"label":"two","soft":true}`,
			`post insert 1 (a) {"changes":{"deleted_at":{"new":null,"old":"now"}},"label":"two","soft":true}`,
		}, "UPDATE posts SET deleted_at = 'now' WHERE id = 1", "UPDATE posts SET deleted_at = NULL WHERE id = 1")
		step("composite key", []string{
			`stock insert ["a b",1] {"changes":{"amount":{"new":5,"old":null},"place":{"new":1,"old":null},` +
				`"shelf":{"new":"a b","old":null}}}`,
			`stock update ["a b",2] was ["a b",1] {"changes":{"place":{"new":2,"old":1}}}`,
			`stock remove ["a b",2] {"changes":{"amount":{"new":null,"old":5},"place":{"new":null,"old":2},` +
				`"shelf":{"new":null,"old":"a b"}}}`,
		}, "INSERT INTO stocks (shelf, place, amount) VALUES ('a b', 1, 5)", "UPDATE stocks SET place = 2",
			"DELETE FROM stocks")
		for _, id := range []string{`["a b",1]`, `["a b",2]`} {
			want := map[string]int{`["a b",1]`: 2, `["a b",2]`: 2}[id]
			if got := m.find(storage.Query{Entities: everything, ObjectIDs: []string{id}}); len(got) != want {
				t.Errorf("object %s has %q", id, withLabels(got))
			}
		}
	})
}

func joined(side string, owning bool) string {
	post := `{"entity":"post","field":"tags","key":{"id":1},"label":"two","table":"posts"}`
	tag := `{"entity":"tag","field":null,"key":{"id":7},"label":"go","table":"tags"}`
	if side == "post" {
		return `{"is_owning_side":true,"join_table":"post_tag","subject":` + post + `,"target":` + tag + `}`
	}
	return `{"is_owning_side":false,"join_table":"post_tag","subject":` + tag + `,"target":` + post + `}`
}

// price is 9.50 as the database has it.
func price(db *testdb.DB) string {
	if db.Kind == "sqlite" {
		return "9.5"
	}
	return `"9.5"`
}

// TRUNCATE tells the entity, and of a join table both ends; the rows that were lost
// where the entity asks for them.
func TestTruncate(t *testing.T) {
	t.Parallel()
	cfg := shopRules()
	tag := cfg.Entities["tag"]
	tag.Truncate = "rows"
	cfg.Entities["tag"] = tag
	m := triggered(t, testdb.New(t, "postgres"), cfg, shop...)
	m.exec("INSERT INTO posts (id) VALUES (1)", "INSERT INTO tags (id, name) VALUES (7, 'go')",
		"INSERT INTO post_tag (post_id, tag_id) VALUES (1, 7)")
	before := len(m.find(storage.Query{Entities: everything}))
	m.exec("TRUNCATE tags CASCADE")
	// The post is still there: only what it was joined to went.
	post, err := m.aud.Reader().AsOf(t.Context(), "post", "1", time.Now().Add(time.Hour))
	if err != nil || post.Exists != reader.Exists {
		t.Errorf("the post is %v, %v", post.Exists, err)
	}
	got := lines(t, m.find(storage.Query{Entities: everything}))[before:]
	const gone = ` * .%d {"changes":{},"statement":{"affected":null,"operation":"truncate","sql":""%s}}`
	const table = `,"table":"post_tag"`
	same(t, "truncate", got, []string{
		`tag remove 7 .0 {"changes":{"id":{"new":null,"old":7},"name":{"new":null,"old":"go"}}}`,
		"tag truncate" + fmt.Sprintf(gone, 0, ""), "post truncate" + fmt.Sprintf(gone, 1, table),
		"tag truncate" + fmt.Sprintf(gone, 2, table),
	})
	if got := m.find(storage.Query{Entities: everything, ObjectIDs: []string{"*"}}); len(got) != 3 {
		t.Errorf("object * has %q", lines(t, got))
	}
}
