package gorm_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/reader"
)

func must(t *testing.T, tx *gorm.DB) {
	t.Helper()
	if tx.Error != nil {
		t.Fatal(tx.Error)
	}
}

// The reader gives back what a program wrote, in the program's own type.
func TestOwnTypes(t *testing.T) {
	t.Parallel()
	eachPair(t, gorm.Config{}, func(t *testing.T, w, _ *world) {
		ctx, r := t.Context(), w.aud.Reader()
		author := Author{Name: "ann"}
		must(t, w.db.Create(&author))
		post := Post{Title: "first", Views: 1, Secret: "s", Note: "n", AuthorID: &author.ID}
		must(t, w.db.Create(&post))
		must(t, w.db.Model(&post).Updates(map[string]any{"title": "second", "author_id": nil}))
		must(t, w.db.Model(&post).Update("views", gorm.Expr("views + 41")))

		asked := Post{ID: post.ID}
		first, err := reader.Oldest(ctx, r, &asked)
		if err != nil || first.Value.Title != "first" || first.Value.Views != 1 ||
			first.Value.AuthorID == nil || *first.Value.AuthorID != author.ID ||
			fmt.Sprint(first.Unknown) != "[secret]" || first.Value.Secret != "" {
			t.Errorf("oldest %+v, %v", first, err)
		}
		if asked.Title != "" {
			t.Error("the question was changed")
		}
		last, err := reader.Newest(ctx, r, &asked)
		if err != nil || last.Value.Title != "second" || last.Value.Views != 42 || last.Value.AuthorID != nil ||
			last.Value.ID != post.ID {
			t.Errorf("newest %+v, %v", last, err)
		}
		then, err := reader.AsOf(ctx, r, &asked, first.Entry.CreatedAt)
		if err != nil || then.Value.Title != "first" || then.Exists != reader.Exists {
			t.Errorf("as of %+v, %v", then, err)
		}
		must(t, w.db.Delete(&post))
		var story []string
		for v, err := range reader.History(ctx, r, &asked) {
			if err != nil {
				t.Fatal(err)
			}
			story = append(story, fmt.Sprintf("%s %s %d %s", v.Entry.Type, v.Value.Title, v.Value.Views, v.Exists))
		}
		want := "[insert first 1 yes update second 1 yes update second 42 yes remove second 42 no]"
		if fmt.Sprint(story) != want {
			t.Errorf("story %v, want %s", story, want)
		}
		if gone, err := reader.Newest(ctx, r, &asked); err != nil || gone.Value.Title != "second" || gone.Exists != reader.Absent {
			t.Errorf("removed: %+v, %v", gone, err)
		}
	})
}

// Composite keys, soft removals, and questions without an answer.
func TestOwnTypesKeysAndFaults(t *testing.T) {
	t.Parallel()
	eachPair(t, gorm.Config{}, func(t *testing.T, w, bare *world) {
		ctx, r := t.Context(), w.aud.Reader()
		post := Post{Title: "first"}
		must(t, w.db.Create(&post))
		stock := Stock{Warehouse: "w,1", SKU: "7", Quantity: 3}
		must(t, w.db.Create(&stock))
		if v, err := reader.Oldest(ctx, r, &Stock{Warehouse: "w,1", SKU: "7"}); err != nil || v.Value != stock {
			t.Errorf("composite key: %+v, %v", v, err)
		}
		item := Item{Name: "x"}
		must(t, w.db.Create(&item))
		must(t, w.db.Delete(&item))
		if v, err := reader.Newest(ctx, r, &Item{ID: item.ID}); err != nil || !v.Value.DeletedAt.Valid || v.Value.Name != "x" {
			t.Errorf("softly removed: %+v, %v", v, err)
		}
		for _, c := range []struct {
			of   func() error
			want error
		}{
			{func() error { _, err := reader.Oldest(ctx, r, &Post{ID: 999}); return err }, annals.ErrNotFound},
			{func() error { _, err := reader.Newest(ctx, r, &Post{}); return err }, annals.ErrNotFound},
			{func() error { _, err := reader.Newest(ctx, r, &time.Time{}); return err }, annals.ErrUnknownEntity},
			{func() error { _, err := reader.Newest(ctx, r, new(int)); return err }, annals.ErrUnknownEntity},
		} {
			if err := c.of(); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		}
		if m, err := gormcapture.Mapper(w.db); err != nil {
			t.Error(err)
		} else if entity, id, err := m.Object(ctx, &post); err != nil || entity != "post" || id != fmt.Sprint(post.ID) {
			t.Errorf("object %s %s, %v", entity, id, err)
		}
		if _, err := gormcapture.Mapper(bare.db); !errors.Is(err, annals.ErrConfig) {
			t.Errorf("without the plugin: %v", err)
		}
	})
}

// What the source has now fills in what no entry tells.
func TestLiveRows(t *testing.T) {
	t.Parallel()
	eachPair(t, gorm.Config{}, func(t *testing.T, w, _ *world) {
		ctx, r := t.Context(), w.aud.Reader()
		post := Post{Title: "never audited", Secret: "s", Note: "n"}
		must(t, w.db.WithContext(annals.Off(ctx)).Create(&post))
		s, err := r.AsOf(ctx, "post", fmt.Sprint(post.ID), time.Now())
		if err != nil || s.Exists != reader.Exists || string(s.Columns["title"].JSON) != `"never audited"` ||
			s.Columns["title"].Known != reader.FromLive || !s.Columns["secret"].Masked() {
			t.Errorf("live row: %+v, %v", s, err)
		}
		if _, ok := s.Columns["note"]; ok {
			t.Error("an ignored column is told")
		}
		stock := Stock{Warehouse: "w", SKU: "7", Quantity: 3}
		must(t, w.db.WithContext(annals.Off(ctx)).Create(&stock))
		s, err = r.AsOf(ctx, "stock", `["w","7"]`, time.Now())
		if err != nil || string(s.Columns["quantity"].JSON) != "3" {
			t.Errorf("composite key: %+v, %v", s, err)
		}
		for _, id := range []string{"999", "no number", "sha256:00"} {
			if _, err := r.AsOf(ctx, "post", id, time.Now()); !errors.Is(err, annals.ErrNotFound) {
				t.Errorf("%s: %v", id, err)
			}
		}
		must(t, w.db.Exec("DROP TABLE stocks"))
		if _, err := r.AsOf(ctx, "stock", `["w","8"]`, time.Now()); !errors.Is(err, annals.ErrNotFound) {
			t.Errorf("without the table: %v", err)
		}
	})
}
