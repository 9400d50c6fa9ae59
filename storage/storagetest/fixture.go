package storagetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

// start is when the fixtures happen, with microseconds that must survive.
func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC) }

// hashOf is a hash that belongs to n.
func hashOf(n int) string { return fmt.Sprintf("0199%028x", n) }

// revision returns a whole revision of source app.
func revision(n int) annals.Revision {
	return annals.Revision{
		Source: "app", Hash: hashOf(n), Managed: true, Comment: "price correction",
		Actor: annals.Actor{
			ID: "42", Name: "ann", Email: "ann@example.org", Type: "User", Context: "api",
		},
		Origin: annals.Origin{IP: "2001:db8::1", UserAgent: "curl/8", RequestID: "r-1"},
		DBUser: "shop", Application: "web", ClientAddr: "10.0.0.1",
		Extra: json.RawMessage(`{"tenant":7}`), CreatedAt: start(),
	}
}

// entry returns an update of object "1" of the entity, in revision 1, captured
// seq milliseconds after start.
func entry(entity string, seq int64) annals.Entry {
	return annals.Entry{
		Entity: entity, Source: "app", Type: annals.Update, ObjectID: "1",
		TransactionHash: hashOf(1), Seq: seq,
		Diffs:         json.RawMessage(`{"changes":{"title":{"new":"b","old":"a"}}}`),
		Blame:         annals.Blame{ID: "42", User: "ann"},
		CreatedAt:     start().Add(time.Duration(seq) * time.Millisecond),
		SchemaVersion: annals.SchemaVersion,
	}
}

// entries returns entries 1 to n, each changed by edit.
func entries(entity string, n int, edit func(i int, e *annals.Entry)) []annals.Entry {
	out := make([]annals.Entry, n)
	for i := range out {
		out[i] = entry(entity, int64(i+1))
		if edit != nil {
			edit(i, &out[i])
		}
	}
	return out
}

// write stores entries with the revisions they name.
func write(t *testing.T, in Instance, list ...annals.Entry) {
	t.Helper()
	if err := in.Store.Write(t.Context(), batchOf(list...)); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func batchOf(list ...annals.Entry) storage.Batch {
	b := storage.Batch{Entries: list}
	seen := map[string]bool{}
	for _, e := range list {
		if !seen[e.TransactionHash] {
			seen[e.TransactionHash] = true
			r := revision(0)
			r.Hash, r.Source = e.TransactionHash, e.Source
			b.Revisions = append(b.Revisions, r)
		}
	}
	return b
}

// find asks for up to 1000 entries of the instance's entities unless q says
// otherwise.
func find(t *testing.T, in Instance, q storage.Query) []annals.Entry {
	t.Helper()
	if len(q.Entities) == 0 {
		q.Entities = in.Entities[:]
	}
	if q.Limit == 0 {
		q.Limit = 1000
	}
	got, err := in.Store.Find(t.Context(), q)
	if err != nil {
		t.Fatalf("find %+v: %v", q, err)
	}
	if got == nil {
		t.Fatalf("find %+v: nil instead of an empty slice", q)
	}
	return got
}

// bare drops what the storage adds to an entry.
func bare(e annals.Entry) annals.Entry {
	e.ID, e.Storage, e.Revision = 0, "", nil
	return e
}

// same compares entries with what was written, in order.
func same(t *testing.T, got, want []annals.Entry) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if g, w := bare(got[i]), bare(want[i]); !reflect.DeepEqual(g, w) {
			t.Errorf("entry %d:\n got %s\nwant %s", i, show(g), show(w))
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d entries (%s), want %d (%s)", len(got), places(got), len(want), places(want))
	}
}

// show cuts long diffs, so that a failure can be read.
func show(e annals.Entry) string {
	text := fmt.Sprintf("%+v diffs=%s extra=%s", e, e.Diffs, e.ExtraData)
	if len(text) > 1500 {
		return text[:1500] + "…"
	}
	return text
}

// places lists entries shortly.
func places(list []annals.Entry) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = fmt.Sprintf("%s/%s/%d.%d", e.Entity, e.Source, e.Seq, e.Part)
	}
	return strings.Join(parts, " ")
}

// reversed returns list from its end.
func reversed(list []annals.Entry) []annals.Entry {
	out := make([]annals.Entry, len(list))
	for i, e := range list {
		out[len(list)-1-i] = e
	}
	return out
}

// wantError checks the family of an error and what its text has to name.
func wantError(t *testing.T, err, family error, names ...string) {
	t.Helper()
	if !errors.Is(err, family) {
		t.Errorf("error %v, want one that matches %q", err, family)
		return
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error %q does not name %q", err, name)
		}
	}
}
