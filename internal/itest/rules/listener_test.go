package rules_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// A listener may add to an entry; what it added is what is stored.
func TestListenerEnriches(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		cfg := post(config.Entity{Only: []string{"id", "title"}})
		cfg.Listener = func(_ context.Context, e *annals.Entry) error {
			e.ExtraData = json.RawMessage(`{"ticket": 7}`)
			e.Blame.ID = "by listener"
			e.Discriminator = "kind"
			e.Diffs = json.RawMessage(strings.Replace(string(e.Diffs), `"new":"a"`, `"new": "A"`, 1))
			return nil
		}
		w := newWorld(t, db, cfg, &Post{})
		ok(t, w.db.Create(&Post{ID: 1, Title: "a"}))
		rows := w.stored("posts")
		if len(rows) != 1 {
			t.Fatalf("%d entries", len(rows))
		}
		r := rows[0]
		if got := w.line(r); got != "insert posts 1 (kind): id >1 title >A" || r.blame != "by listener" ||
			strings.ReplaceAll(r.extra, " ", "") != `{"ticket":7}` {
			t.Errorf("stored %s, %+v", got, r)
		}
	})
}

// TestListenerSeesTheObject: where GORM has the value that an entry is about, the
// listener has it, the very same.
func TestListenerSeesTheObject(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		cfg := entities(relatedEntities())
		seen := map[string]any{}
		cfg.Listener = func(ctx context.Context, e *annals.Entry) error {
			seen[fmt.Sprintf("%s %s %s", e.Type, e.Entity, e.ObjectID)] = annals.ObjectFrom(ctx)
			return nil
		}
		w := newWorld(t, db, cfg, related()...)
		expect := func(want map[string]any) {
			t.Helper()
			for k, v := range want {
				if got, known := seen[k]; !known || got != v {
					t.Errorf("%s: object %v (%v), want %v", k, got, known, v)
				}
			}
			clear(seen)
		}
		writers := []Writer{{ID: 1}, {ID: 2}}
		ok(t, w.db.Create(&writers))
		expect(map[string]any{"insert writer 1": &writers[0], "insert writer 2": &writers[1]})

		badge := &Badge{ID: 3}
		article := Article{ID: 1, WriterID: num(1), Badges: []*Badge{badge}}
		ok(t, w.db.Create(&article))
		expect(map[string]any{
			"insert article 1": &article, "insert badge 3": badge, "associate writer 1": nil,
			"associate article 1": nil,
		})
		ok(t, w.db.Model(&article).Update("writer_id", 2))
		expect(map[string]any{"update article 1": &article})
		ok(t, w.db.Model(&Article{}).Where("writer_id = ?", 2).Update("writer_id", 1))
		expect(map[string]any{"update article 1": nil})
		ok(t, w.db.Table("articles").Where("id = ?", 1).Update("writer_id", 2))
		expect(map[string]any{"update article 1": nil})
		ok(t, w.db.Delete(&writers[0]))
		expect(map[string]any{"remove writer 1": &writers[0]})
	})
}

// TestListenerRefuses: an error, a panic, or an entry made another one fails the
// write and leaves nothing.
func TestListenerRefuses(t *testing.T) {
	change := func(f func(*annals.Entry)) func(context.Context, *annals.Entry) error {
		return func(_ context.Context, e *annals.Entry) error {
			f(e)
			return nil
		}
	}
	for name, listener := range map[string]func(context.Context, *annals.Entry) error{
		"error":          func(context.Context, *annals.Entry) error { return errStop },
		"panic":          func(context.Context, *annals.Entry) error { panic("no") },
		"panic, error":   func(context.Context, *annals.Entry) error { panic(errStop) },
		"out of range":   func(_ context.Context, e *annals.Entry) error { return []error{}[e.Part] },
		"Entity":         change(func(e *annals.Entry) { e.Entity = "other" }),
		"Source":         change(func(e *annals.Entry) { e.Source = "other" }),
		"Type":           change(func(e *annals.Entry) { e.Type = annals.Remove }),
		"ObjectID":       change(func(e *annals.Entry) { e.ObjectID = "9" }),
		"previous":       change(func(e *annals.Entry) { e.PreviousObjectID = "9" }),
		"hash":           change(func(e *annals.Entry) { e.TransactionHash = strings.Repeat("0", 32) }),
		"Seq":            change(func(e *annals.Entry) { e.Seq = 99 }),
		"Part":           change(func(e *annals.Entry) { e.Part = 3 }),
		"CreatedAt":      change(func(e *annals.Entry) { e.CreatedAt = e.CreatedAt.AddDate(1, 0, 0) }),
		"version":        change(func(e *annals.Entry) { e.SchemaVersion = 7 }),
		"no diffs":       change(func(e *annals.Entry) { e.Diffs = nil }),
		"diffs in place": change(func(e *annals.Entry) { e.Diffs[0] = '[' }),
		"broken diffs":   change(func(e *annals.Entry) { e.Diffs = json.RawMessage(`{"changes":`) }),
		"other diffs":    change(func(e *annals.Entry) { e.Diffs = json.RawMessage(`[1]`) }),
		"broken extra":   change(func(e *annals.Entry) { e.ExtraData = json.RawMessage(`{`) }),
		"second refuse":  refuseFrom(2),
	} {
		t.Run(name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				cfg := post(config.Entity{})
				cfg.Listener = listener
				w := newWorld(t, db, cfg, &Post{})
				for _, do := range []func() error{
					func() error {
						return w.db.Create(&[]Post{{ID: 1, Title: "topsecret"}, {ID: 2}, {ID: 3}}).Error
					},
					func() error {
						return w.db.Transaction(func(tx *gorm.DB) error {
							return firstError(tx.Create(&Post{ID: 1}), tx.Create(&Post{ID: 2}), tx.Create(&Post{ID: 3}))
						})
					},
				} {
					err := do()
					if !errors.Is(err, annals.ErrCapture) {
						t.Errorf("err = %v", err)
					}
					if err != nil && strings.Contains(err.Error(), "topsecret") {
						t.Errorf("a value stands in %v", err)
					}
					if n := w.count("posts") + w.count("posts_audit") + w.count("annals_revision"); n != 0 {
						t.Errorf("%d rows are left", n)
					}
				}
			})
		})
	}
}

// refuseFrom refuses the n-th entry of each transaction.
func refuseFrom(n int64) func(context.Context, *annals.Entry) error {
	return func(_ context.Context, e *annals.Entry) error {
		if e.Seq == n {
			return errStop
		}
		return nil
	}
}

// TestStored: the application is told of each entry after the commit, under the
// number it has; of nothing that did not commit.
func TestStored(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		var w *world
		var mu sync.Mutex
		var told []annals.Entry
		cfg := entities(relatedEntities())
		cfg.Stored = func(ctx context.Context, e annals.Entry) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, e)
			if err := ctx.Err(); err != nil {
				t.Errorf("the context has ended: %v", err)
			}
			// It is committed: another connection sees it, and may write.
			if n := w.count("annals_revision"); n == 0 {
				t.Error("told before the commit")
			}
		}
		w = newWorld(t, db, cfg, related()...)
		ctx, cancel := context.WithCancel(annals.WithComment(context.Background(), "why"))
		err := w.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			many := make([]Writer, 1200)
			for i := range many {
				many[i].ID = i + 1
			}
			return firstError(tx.CreateInBatches(&many, 500),
				tx.Create(&Article{ID: 1, WriterID: num(1), Badges: []*Badge{{ID: 1}}}))
		})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		err = w.db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(tx.Create(&Badge{ID: 2}).Error, errStop)
		})
		if !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		err = w.db.Transaction(func(tx *gorm.DB) error {
			tx.SavePoint("a")
			tx.Create(&Badge{ID: 3})
			tx.RollbackTo("a")
			return tx.Create(&Badge{ID: 4}).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		type place struct {
			table string
			id    int64
			text  string
		}
		want, got := map[place]bool{}, map[place]bool{}
		tables := map[string]string{"writer": "writers", "article": "articles", "badge": "badges"}
		for _, r := range w.stored("writers", "articles", "badges") {
			want[place{r.table, r.id, fmt.Sprint(r.typ, r.object, r.seq, r.part, r.hash)}] = true
		}
		for i, e := range told {
			got[place{
				tables[e.Entity], e.ID,
				fmt.Sprint(e.Type, e.ObjectID, e.Seq, e.Part, e.TransactionHash),
			}] = true
			if e.Revision == nil || e.Revision.Hash != e.TransactionHash {
				t.Errorf("entry %d has no revision", i)
			}
			if i > 0 && told[i-1].Seq > e.Seq {
				t.Error("told out of order")
			}
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(place{})); d != "" || len(told) != len(want) {
			t.Errorf("%d told of %d (-want +got):\n%s", len(told), len(want), d)
		}
		if len(told) > 0 && told[0].Revision.Comment != "why" {
			t.Errorf("revision = %+v", told[0].Revision)
		}
	})
}

// Entries that were stored ahead of the commit, since there were many, and then
// undone by a savepoint are not told of.
func TestStoredOfWhatASavepointUndid(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		var told []string
		cfg := post(config.Entity{Only: []string{"id"}})
		cfg.Stored = func(_ context.Context, e annals.Entry) { told = append(told, e.ObjectID) }
		w := newWorld(t, db, cfg, &Post{})
		err := w.db.Transaction(func(tx *gorm.DB) error {
			many := make([]Post, 10_100)
			for i := range many {
				many[i].ID = i + 1
			}
			tx.SavePoint("a")
			ok(t, tx.CreateInBatches(&many, 1000))
			tx.RollbackTo("a")
			return tx.Create(&Post{ID: 20_000}).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"20000"}, told); d != "" || w.count("posts_audit") != 1 {
			t.Errorf("%d entries, told (-want +got):\n%s", w.count("posts_audit"), d)
		}
	})
}

// A panic after the commit is logged; the write stands, and so do the calls for
// the other entries.
func TestStoredPanics(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		var log bytes.Buffer
		var told []string
		cfg := post(config.Entity{})
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		cfg.Stored = func(_ context.Context, e annals.Entry) {
			told = append(told, e.ObjectID)
			panic("no")
		}
		w := newWorld(t, db, cfg, &Post{})
		ok(t, w.db.Create(&[]Post{{ID: 1}, {ID: 2}}))
		if d := cmp.Diff([]string{"1", "2"}, told); d != "" || w.count("posts_audit") != 2 {
			t.Errorf("told %v, %d stored", told, w.count("posts_audit"))
		}
		if strings.Count(log.String(), "level=ERROR") != 2 || !strings.Contains(log.String(), "panicked: no") {
			t.Errorf("log:\n%s", log.String())
		}
	})
}

// Stored may write through GORM, audited too.
func TestStoredWrites(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		var w *world
		cfg := post(config.Entity{Only: []string{"id"}})
		cfg.Stored = func(_ context.Context, e annals.Entry) {
			if e.ObjectID == "1" {
				ok(t, w.db.Create(&Post{ID: 2}))
			}
		}
		w = newWorld(t, db, cfg, &Post{})
		ok(t, w.db.Create(&Post{ID: 1}))
		want := []string{"insert posts 1: id >1", "insert posts 2: id >2"}
		if d := cmp.Diff(want, w.lines("posts")); d != "" {
			t.Errorf("stored (-want +got):\n%s", d)
		}
	})
}

// TestLogHasNoValues: each entry is logged at debug level, and no value of a row
// stands in the log, kept or not.
func TestLogHasNoValues(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		var log bytes.Buffer
		cfg := post(config.Entity{
			Mask: []string{"token"}, MaskKey: maskKey, Label: "title", Discriminator: "kind", Ignore: []string{"body"},
		})
		cfg.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		w := newWorld(t, db, cfg, &Post{})
		ctx := annals.WithComment(context.Background(), "value-comment")
		ctx = annals.WithExtra(ctx, json.RawMessage(`{"x":"value-extra"}`))
		p := Post{ID: 1, Title: "value-1", Body: "value-2", Token: text("value-3"), Kind: "value-4"}
		g := w.db.WithContext(ctx)
		if err := firstError(g.Create(&p), g.Model(&p).Updates(Post{Title: "value-5", Token: text("value-6")}),
			g.Delete(&p)); err != nil {
			t.Fatal(err)
		}
		for _, hidden := range []string{"value-", maskKey, digest(`"value-3"`)} {
			if strings.Contains(log.String(), hidden) {
				t.Errorf("%q stands in the log:\n%s", hidden, log.String())
			}
		}
		for _, typ := range []string{"insert", "update", "remove"} {
			if !strings.Contains(log.String(), `"msg":"entry captured","source":"app","entity":"post","object_id":"1","type":"`+typ) {
				t.Errorf("no line for the %s:\n%s", typ, log.String())
			}
		}
		if n := strings.Count(log.String(), "entry captured"); n != w.count("posts_audit") {
			t.Errorf("%d lines for %d entries", n, w.count("posts_audit"))
		}
	})
}
