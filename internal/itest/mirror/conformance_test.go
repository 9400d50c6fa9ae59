package mirror_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/mirrorstore"
	"github.com/seed-162b1470/annals/storage/storagetest"
)

// story writes changes of every kind, of two sources, many of which share an
// instant; on PostgreSQL some receipts have many rows.
func story(h *byHand) {
	h.exec("UPDATE annals_target_entity SET source = 'Warehouse' WHERE name = 'stock'")
	h.sources["stock"] = "Warehouse"
	post := func(id, author int, title string) map[string]any {
		row := map[string]any{"id": id, "author_id": author, "title": title, "price": "12.50", "kind": "a"}
		if id%2 == 0 {
			row["token"] = title + "?"
		}
		if id%3 == 0 {
			row["price"], row["kind"] = nil, nil
		}
		return row
	}
	with := func(row map[string]any, changes map[string]any) map[string]any {
		out := map[string]any{}
		for k, v := range row {
			out[k] = v
		}
		for k, v := range changes {
			out[k] = v
		}
		return out
	}
	actors := []string{"ann", "", "bob", "Ann"}
	for i := range 12 {
		at := start.Add(time.Duration(i/4) * time.Millisecond)
		h.revision(actors[i%4], []string{"", "ticket 7", "Ticket 8"}[i%3], at)
		author := map[string]any{"id": i%5 + 1, "name": fmt.Sprintf("author %d", i%5+1)}
		h.fire("author", annals.OpInsert, at, change{after: author})
		first := post(i, i%5+1, fmt.Sprintf("title %d", i))
		moved := with(first, map[string]any{"author_id": (i+1)%5 + 1, "title": "it's"})
		h.fire("post", annals.OpInsert, at, change{after: first}, change{after: post(100+i, 1, "other")})
		h.fire("post_tag", annals.OpInsert, at, change{after: map[string]any{"post_id": i, "tag_id": 7}})
		h.fire("stock", annals.OpInsert, at, change{after: map[string]any{"shelf": "a,b", "place": i, "amount": 5}})
		h.fire("post", annals.OpUpdate, at, change{first, moved},
			change{post(100+i, 1, "other"), with(post(100+i, 1, "other"), map[string]any{"token": "new"})})
		at = at.Add(time.Microsecond * time.Duration(i%3))
		gone := with(moved, map[string]any{"deleted_at": "now", "token": nil})
		h.fire("post", annals.OpUpdate, at, change{moved, gone})
		h.fire("post", annals.OpUpdate, at, change{gone, with(gone, map[string]any{"id": 50 + i})})
		h.fire("stock", annals.OpUpdate, at, change{
			map[string]any{"shelf": "a,b", "place": i, "amount": 5}, map[string]any{"shelf": "a,b", "place": i + 1, "amount": 6},
		})
		h.fire("tag", annals.OpEpoch, at, change{after: map[string]any{"id": 7, "name": "go"}})
		switch i % 4 {
		case 0:
			h.fire("post", annals.OpDelete, at, change{before: with(gone, map[string]any{"id": 50 + i})})
		case 1:
			h.fire("post_tag", annals.OpDelete, at, change{before: map[string]any{"post_id": i, "tag_id": 7}})
		case 2:
			h.fire("stock", annals.OpTruncate, at)
			h.fire("post_tag", annals.OpTruncate, at)
		}
	}
}

func TestConformance(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		h := newByHand(t, db, shopRules())
		story(h)
		storagetest.RunRead(t, storagetest.Filled{
			Store: h.store, Entities: []string{"post", "author", "stock", "tag"}, All: h.all(), Missing: "ghost",
		})
		err := h.store.Write(t.Context(), storage.Batch{Entries: h.entries[:1]})
		if !errors.Is(err, mirrorstore.ErrTypedRows) || !errors.Is(err, annals.ErrConfig) {
			t.Errorf("writing: %v", err)
		}
	})
}
