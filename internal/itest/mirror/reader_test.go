package mirror_test

import (
	"fmt"
	"slices"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/storage"
)

// Post is the shop's post as a program has it.
type Post struct {
	ID       int
	AuthorID *int
	Title    *string
	Kind     *string
}

// A program asks for versions of its own types, whoever made the changes.
func TestVersions(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := triggered(t, db, shopRules(), shop...)
		g := orm.Open(t, db.Dialect, db.DB, gorm.Config{})
		if err := g.Use(gormcapture.New(m.aud)); err != nil {
			t.Fatal(err)
		}
		m.exec("INSERT INTO posts (id, title, kind) VALUES (1, 'one', 'a')", "UPDATE posts SET title = 'two' WHERE id = 1",
			"UPDATE posts SET id = 2 WHERE id = 1", "UPDATE posts SET title = 'three', kind = 'b' WHERE id = 2")
		if db.Kind == "sqlite" { // whose clock has milliseconds
			m.exec("UPDATE annals_revision_entity SET created_at = printf('2026-01-02T03:04:%02d.000000Z', id)")
		}
		ctx, r := t.Context(), m.aud.Reader()
		oldest, err := reader.Oldest(ctx, r, &Post{ID: 2})
		if err != nil || oldest.Value.ID != 1 || *oldest.Value.Title != "one" {
			t.Errorf("oldest is %+v, %v", oldest.Value, err)
		}
		newest, err := reader.Newest(ctx, r, &Post{ID: 2})
		if err != nil || newest.Value.ID != 2 || *newest.Value.Title != "three" || newest.Exists != reader.Exists {
			t.Errorf("newest is %+v, %v", newest.Value, err)
		}
		var titles []string
		var all []*annals.Entry
		for v, err := range reader.History(ctx, r, &Post{ID: 2}) {
			if err != nil {
				t.Fatal(err)
			}
			titles, all = append(titles, fmt.Sprintf("%d %s", v.Value.ID, *v.Value.Title)), append(all, v.Entry)
		}
		if want := []string{"1 one", "1 two", "2 two", "2 three"}; !slices.Equal(titles, want) {
			t.Errorf("history is %q, want %q", titles, want)
		}
		then, err := reader.AsOf(ctx, r, &Post{ID: 2}, all[2].CreatedAt)
		if err != nil || *then.Value.Title != "two" || *then.Value.Kind != "a" {
			t.Errorf("then it was %+v, %v", then.Value, err)
		}
		m.exec("DELETE FROM posts WHERE id = 2")
		gone, err := reader.Newest(ctx, r, &Post{ID: 2})
		if err != nil || gone.Exists != reader.Absent || *gone.Value.Title != "three" {
			t.Errorf("gone it is %+v, %v", gone, err)
		}
		view, err := r.Revision(ctx, gone.Entry.TransactionHash)
		if err != nil || len(view.Entities) != 1 || view.Entities[0].Entity != "post" || len(view.Entities[0].Entries) != 1 {
			t.Errorf("its revision is %+v, %v", view, err)
		}
	})
}

// Transactions that overlap: the one that waits for a row tells what it found there.
func TestOverlap(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		if db.Kind == "sqlite" {
			return // one writer at a time
		}
		m := triggered(t, db, shopRules(), shop...)
		m.exec("INSERT INTO tags (id, name) VALUES (1, 'a')", "INSERT INTO tags (id, name) VALUES (2, 'a')")
		first, err := m.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		exec(t, first, "UPDATE tags SET name = 'b' WHERE id = 1", "UPDATE tags SET name = 'c' WHERE id = 1")
		second, err := m.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		exec(t, second, "UPDATE tags SET name = 'x' WHERE id = 2")
		waited := make(chan error)
		go func() {
			_, err := second.ExecContext(t.Context(), "UPDATE tags SET name = 'd' WHERE id = 1")
			waited <- err
		}()
		exec(t, first, "INSERT INTO tags (id, name) VALUES (3, 'late')")
		if err := first.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := <-waited; err != nil {
			t.Fatal(err)
		}
		if err := second.Commit(); err != nil {
			t.Fatal(err)
		}
		var changes []string
		for _, e := range m.find(storage.Query{Entities: []string{"tag"}, ObjectIDs: []string{"1"}}) {
			changes = append(changes, line(t, &e))
		}
		same(t, "the row that two wrote", changes, []string{
			`tag insert 1 .0 {"changes":{"id":{"new":1,"old":null},"name":{"new":"a","old":null}}}`,
			`tag update 1 .0 {"changes":{"name":{"new":"b","old":"a"}}}`,
			`tag update 1 .0 {"changes":{"name":{"new":"c","old":"b"}}}`,
			`tag update 1 .0 {"changes":{"name":{"new":"d","old":"c"}}}`,
		})
	})
}
