package mirror_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/retention"
	"github.com/seed-162b1470/annals/storage"
)

func (m *mirror) count(query string) (n int) {
	m.t.Helper()
	if err := m.QueryRowContext(m.t.Context(), query).Scan(&n); err != nil {
		m.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (h *byHand) target() retention.Target {
	return retention.Target{Storage: "default", DB: h.DB.DB, Dialect: h.d, Cleaner: h.store}
}

// Entries of an entity that are older than its mark are not shown; a row goes when
// every entity that it tells of is past it, the receipt with its last row, the
// revision with its last receipt.
func TestClean(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		h := newByHand(t, db, shopRules())
		cut := start.Add(time.Hour)
		link := map[string]any{"post_id": 1, "tag_id": 7}
		for i, at := range []time.Time{start, cut.Add(-time.Microsecond), cut, cut.Add(time.Hour)} {
			h.revision("ann", "", at)
			h.fire("author", annals.OpInsert, at, change{after: tag(i, "ann")})
			h.fire("post", annals.OpInsert, at, change{after: map[string]any{"id": i, "author_id": 1}},
				change{after: map[string]any{"id": 10 + i}})
			h.fire("tag", annals.OpInsert, at, change{after: tag(i, "go")})
			h.fire("post_tag", annals.OpInsert, at, change{after: link})
			h.fire("tag", annals.OpTruncate, at)
		}
		all := h.all()
		left := func(gone ...string) {
			t.Helper()
			want := slices.DeleteFunc(slices.Clone(all), func(e annals.Entry) bool {
				return slices.Contains(gone, e.Entity) && e.CreatedAt.Before(cut)
			})
			same(t, fmt.Sprintf("without old %v", gone), withoutLabels(t, h.find(storage.Query{Entities: everything})),
				withoutLabels(t, want))
		}
		rows := func(table string, want int) {
			t.Helper()
			if got := h.count("SELECT COUNT(*) FROM " + table); got != want {
				t.Errorf("%s has %d rows, want %d", table, got, want)
			}
		}
		clean := func(batch int, entities ...string) retention.Result {
			t.Helper()
			target := h.target()
			target.Entities = entities
			o := retention.Options{Before: cut, Actor: "ann", Batch: batch}
			plan, err := retention.Plan(t.Context(), []retention.Target{target}, o)
			if err != nil {
				t.Fatal(err)
			}
			out, err := retention.Run(t.Context(), []retention.Target{target}, o)
			if err != nil {
				t.Fatal(err)
			}
			if plan[0].Revisions != out[0].Revisions {
				t.Errorf("%d revisions were to go, %d went", plan[0].Revisions, out[0].Revisions)
			}
			return out[0]
		}
		left()
		clean(1, "tag")
		left("tag")
		rows("tags_audit", 2)
		rows("post_tag_audit", 4) // the post still tells of them
		rows("annals_revision", 4)
		clean(3, "author")
		left("tag", "author")
		rows("authors_audit", 2)
		rows("posts_audit", 8) // a post's row tells of its author too
		if r := clean(2, "post"); r.Revisions != 2 {
			t.Errorf("%d revisions went", r.Revisions)
		}
		left("tag", "author", "post")
		rows("posts_audit", 4)
		rows("post_tag_audit", 2)
		rows("annals_revision", 2)
		rows("annals_revision_entity WHERE created_at < "+h.literal(cut), 0)
		if r := clean(2, everything...); r.Entries() != 0 || r.Revisions != 0 {
			t.Errorf("%+v went once more", r)
		}
	})
}

func withoutLabels(t *testing.T, entries []annals.Entry) []string { return lines(t, entries) }

func (h *byHand) literal(at time.Time) string { return h.syntax.Literal(h.instant(at)) }

// The script of a run removes the same in one go.
func TestCleanScript(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		h := newByHand(t, db, shopRules())
		story(h)
		cut := start.Add(time.Millisecond)
		target := h.target()
		target.Entities = everything
		o := retention.Options{Before: cut, Actor: "o'neil"}
		scripts, err := retention.SQL(t.Context(), []retention.Target{target}, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range strings.Split(scripts[0], ";\n") {
			if strings.TrimSpace(s) != "" {
				h.exec(s)
			}
		}
		want := slices.DeleteFunc(h.all(), func(e annals.Entry) bool { return e.CreatedAt.Before(cut) })
		same(t, "behind the cut-off", lines(t, h.find(storage.Query{Entities: everything})), lines(t, want))
		for _, table := range []string{"annals_revision_entity", "annals_revision"} {
			if n := h.count("SELECT COUNT(*) FROM " + table + " WHERE created_at < " + h.literal(cut)); n > 0 {
				t.Errorf("%s has %d old rows", table, n)
			}
		}
	})
}

// A receipt with more rows than a batch goes in several, the oldest first.
func TestCleanLargeReceipt(t *testing.T) {
	t.Parallel()
	h := newByHand(t, testdb.New(t, "postgres"), shopRules())
	h.revision("ann", "", start)
	var many []change
	for i := range 25 {
		many = append(many, change{before: tag(i, "a"), after: tag(i, "b")})
	}
	h.fire("tag", annals.OpUpdate, start, many...)
	c, err := h.store.Cleaning(t.Context(), h.DB.DB)
	if err != nil {
		t.Fatal(err)
	}
	s := storage.Sweep{Entity: "tag", Before: start.Add(time.Hour), Limit: 10}
	for _, want := range []int{10, 10, 5} {
		swept, err := c.Remove(t.Context(), s)
		if err != nil || swept.Entries != want || !swept.Last.Equal(start) {
			t.Errorf("removed %+v, %v, want %d", swept, err, want)
		}
		s.From = swept.Last
	}
	for _, table := range []string{"tags_audit", "annals_revision_entity"} {
		if n := h.count("SELECT COUNT(*) FROM " + table); n != 0 {
			t.Errorf("%s has %d rows", table, n)
		}
	}
	if n := h.count("SELECT COUNT(*) FROM annals_revision"); n != 1 {
		t.Errorf("%d revisions", n)
	}
}
