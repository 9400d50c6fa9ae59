package mirror_test

import (
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
)

func docs(e config.Entity) auditor.Config {
	e.Table = "docs"
	return auditor.Config{Entities: map[string]config.Entity{"doc": e}}
}

// Rows are read by the rules and under the names of their time; what is ignored or
// masked today is hidden, however old it is.
func TestRulesOfTheTime(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := triggered(t, db, docs(config.Entity{Label: "title"}),
			"CREATE TABLE docs (id INTEGER PRIMARY KEY, title VARCHAR(20), body VARCHAR(20), pin VARCHAR(20))")
		doc := []string{"doc"}
		m.exec("INSERT INTO docs (id, title, body, pin) VALUES (1, 'a', 'b', 'c')")
		stale := m.open(m.today) // has read the rules before they change
		find(t, stale, storage.Query{Entities: doc})

		m.exec("ALTER TABLE docs RENAME COLUMN body TO content", "ALTER TABLE docs ADD COLUMN extra VARCHAR(20)")
		m.configure(docs(config.Entity{Label: "title", SoftDelete: "extra"}))
		m.exec("UPDATE docs SET content = 'B' WHERE id = 1", "UPDATE docs SET extra = 'x' WHERE id = 1")

		if db.Kind == "sqlite" {
			m.untrigger() // it drops no column that a trigger names
		}
		m.exec("ALTER TABLE docs DROP COLUMN extra")
		m.configure(docs(config.Entity{Label: "title", Mask: []string{"pin"}}))
		m.exec("UPDATE docs SET pin = 'C' WHERE id = 1", "UPDATE docs SET title = 'A', pin = NULL WHERE id = 1")

		m.exec("ALTER TABLE docs ADD COLUMN extra INTEGER") // the name comes again, for something else
		m.configure(docs(config.Entity{Label: "title", Ignore: []string{"content"}}))
		m.exec("UPDATE docs SET extra = 5, content = 'never seen', pin = 'now' WHERE id = 1")
		want := []string{
			`doc insert 1 .0 {"changes":{"body":{"new":"b","old":null},"id":{"new":1,"old":null},` +
				`"pin":{"new":"c","old":null},"title":{"new":"a","old":null}}}`,
			`doc update 1 .0 {"changes":{"content":{"new":"B","old":"b"}}}`,
			`doc remove 1 .0 {"changes":{"extra":{"new":"x","old":null}}}`,
			`doc update 1 .0 {"changes":{"pin":{"new":{"masked":true},"old":{"masked":true}}}}`,
			`doc update 1 .0 {"changes":{"pin":{"new":null,"old":{"masked":true}},"title":{"new":"A","old":"a"}}}`,
			`doc update 1 .0 {"changes":{"extra":{"new":5,"old":null},"pin":{"new":"now","old":null}}}`,
		}
		same(t, "by the rules of the time", lines(t, find(t, m.open(nil), storage.Query{Entities: doc})), want)
		// Today content is ignored: the second entry has nothing left to say.
		today := append([]string{want[0]}, want[2:]...)
		same(t, "and of today", lines(t, m.find(storage.Query{Entities: doc})), today)
		same(t, "by a reader from before", lines(t, find(t, stale, storage.Query{Entities: doc})), today)

		for i := range today {
			today[i] = strings.NewReplacer(`"new":"c"`, `"new":{"masked":true}`, `"new":"now"`, `"new":{"masked":true}`).
				Replace(today[i])
		}
		masked := m.open(func(string) *annals.Entity {
			return &annals.Entity{Name: "doc", Mask: []string{"pin"}, Ignore: []string{"content"}}
		})
		same(t, "masked today", lines(t, find(t, masked, storage.Query{Entities: doc})), today)
		asked := storage.Query{Entities: doc, Where: []storage.Condition{{
			On: storage.OnChange, Paths: []string{"pin"}, New: []rawMessage{raw(`"c"`)},
		}}}
		if got := find(t, masked, asked); len(got) > 0 {
			t.Errorf("a masked value is found by %q", lines(t, got))
		}
		if got := m.find(asked); len(got) != 1 {
			t.Errorf("a value is found in %q", lines(t, got))
		}
	})
}
