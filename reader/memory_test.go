package reader_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/storage"
)

// memory is a store for tests of what the reader does by itself: it knows
// entities, objects, hashes, places and limits.
type memory struct {
	entries   []annals.Entry
	revisions []annals.Revision
	err       error
	asked     int
}

func (m *memory) Write(context.Context, storage.Batch) error { return nil }

func (m *memory) Close() error { return nil }

func (m *memory) Find(_ context.Context, q storage.Query) ([]annals.Entry, error) {
	m.asked++
	if m.err != nil {
		return nil, m.err
	}
	oneOf := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	out := []annals.Entry{}
	for _, e := range m.entries {
		if oneOf(q.Entities, e.Entity) && oneOf(q.ObjectIDs, e.ObjectID) &&
			oneOf(q.Hashes, e.TransactionHash) &&
			(q.Before.IsZero() || e.Cursor().Before(q.Before)) &&
			(q.After.IsZero() || q.After.Before(e.Cursor())) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(x, y annals.Entry) int {
		if x.Cursor().Before(y.Cursor()) == q.Ascending {
			return -1
		}
		return 1
	})
	return out[:min(len(out), q.Limit)], nil
}

func (m *memory) Revision(_ context.Context, hash string) (annals.Revision, error) {
	for _, r := range m.revisions {
		if r.Hash == hash {
			return r, m.err
		}
	}
	return annals.Revision{}, fmt.Errorf("%s: %w", hash, annals.ErrNotFound)
}

func (m *memory) Receipts(_ context.Context, hash string) ([]storage.Receipt, error) {
	var out []storage.Receipt
	for _, e := range m.entries {
		if e.TransactionHash == hash {
			out = append(out, storage.Receipt{Entity: e.Entity, Type: e.Type, Entries: 1})
		}
	}
	return out, m.err
}

func (m *memory) Hashes(_ context.Context, prefix string, limit int) ([]string, error) {
	var out []string
	for _, r := range m.revisions {
		if strings.HasPrefix(r.Hash, prefix) {
			out = append(out, r.Hash)
		}
	}
	slices.Sort(out)
	return out[:min(len(out), limit)], m.err
}

// hash is the n-th hash; 1 to 9 begin alike.
func hash(n int) string { return fmt.Sprintf("0199aabb%024x", n) }

// entry is entry seq of object "1"; four of them share an instant.
func entry(entity string, seq int) annals.Entry {
	return annals.Entry{
		Entity: entity, Source: "app", Type: annals.Update, ObjectID: "1",
		TransactionHash: hash(1 + seq/5), Seq: int64(seq),
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, seq/4*1000, time.UTC),
	}
}

// fill gives a store entries and their revisions.
func fill(m *memory, entries ...annals.Entry) *memory {
	for _, e := range entries {
		m.entries = append(m.entries, e)
		if !slices.ContainsFunc(m.revisions, func(r annals.Revision) bool {
			return r.Hash == e.TransactionHash
		}) {
			m.revisions = append(m.revisions, annals.Revision{Source: "app", Hash: e.TransactionHash})
		}
	}
	return m
}

// infos are the entities of the tests: post lies in both stores.
func infos() []reader.EntityInfo {
	return []reader.EntityInfo{
		{Name: "tag", Storages: []string{"b"}, Audited: true},
		{Name: "post", Storages: []string{"a", "b"}, Audited: true},
		{Name: "gone", Storages: []string{"a"}},
	}
}

func known(context.Context) ([]reader.EntityInfo, error) { return infos(), nil }
