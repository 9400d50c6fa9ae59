package retention_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/retention"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// Two storages in one database share its revisions and its registry. Each cleans what is routed to
// it, what is no longer configured goes with the first, and a revision goes with its last entry.
func TestSharedDatabase(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		for _, table := range []string{"post", "invoice", "draft"} {
			if _, err := db.ExecContext(t.Context(), "CREATE TABLE "+table+" (id INTEGER PRIMARY KEY)"); err != nil {
				t.Fatal(err)
			}
		}
		cfg := auditor.Config{
			Sources: map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect}},
			Storages: map[string]auditor.Storage{
				"default": {DB: db.DB, Dialect: db.Dialect},
				"finance": {DB: db.DB, Dialect: db.Dialect, TablePrefix: "fin_"},
			},
			Routes: []config.Route{
				{Match: []string{"inv*"}, Storages: []string{"finance"}}, {Match: []string{"*"}, Storages: []string{"default"}},
			},
			Entities: map[string]config.Entity{"post": {}, "invoice": {}, "draft": {}},
		}
		update(t, cfg)
		delete(cfg.Entities, "draft")
		aud, err := auditor.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		targets, err := aud.Retention(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, target := range targets {
			got += fmt.Sprint(target.Storage, target.Entities)
		}
		if got != "default[draft post]finance[invoice]" {
			t.Errorf("targets %s", got)
		}
		if none, err := aud.Retention(t.Context(), "elsewhere"); err != nil || len(none[0].Entities) > 0 {
			t.Errorf("of another source: %v, %v", none, err)
		}
		// One revision in all three.
		rev := annals.Revision{Source: "app", Hash: fmt.Sprintf("%032x", 7), CreatedAt: cutoff().Add(-time.Hour)}
		b := storage.Batch{Revisions: []annals.Revision{rev}}
		for i, name := range []string{"post", "invoice", "draft"} {
			b.Entries = append(b.Entries, annals.Entry{
				Entity: name, Source: "app", Type: annals.Insert, ObjectID: "1", Seq: int64(i + 1),
				TransactionHash: rev.Hash, CreatedAt: rev.CreatedAt, SchemaVersion: annals.SchemaVersion,
				Diffs: json.RawMessage(`{"changes":{"id":{"new":1,"old":null}}}`),
			})
		}
		for _, target := range targets {
			if err := target.Cleaner.(*sqlstore.Store).Write(t.Context(), part(b, target.Entities)); err != nil {
				t.Fatal(err)
			}
		}
		for i, revisions := range []int64{0, 1} {
			results, err := retention.Run(t.Context(), targets[i:i+1], retention.Options{Before: cutoff()})
			if err != nil || results[0].Revisions != revisions || results[0].Entries() != int64(2-i) {
				t.Errorf("storage %s: %v, %v", targets[i].Storage, results, err)
			}
		}
	})
}

func part(b storage.Batch, entities []string) storage.Batch {
	out := storage.Batch{Revisions: b.Revisions}
	for _, e := range b.Entries {
		for _, name := range entities {
			if e.Entity == name {
				out.Entries = append(out.Entries, e)
			}
		}
	}
	return out
}

func update(t *testing.T, cfg auditor.Config) {
	t.Helper()
	aud, err := auditor.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m, err := aud.Schema(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// The second storage's plan is made anew, for the first has made what they share.
	for range 2 {
		if _, err = m.Update(t.Context()); err == nil {
			return
		}
	}
	t.Fatal(err)
}
