package reader_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// scene is a storage to be told stories, and a reader of it.
type scene struct {
	*testing.T
	db     *testdb.DB
	store  *sqlstore.Store
	reader *reader.Reader
	// live is what the source has now.
	live map[string]map[string]json.RawMessage
	seq  int64
}

// scenes runs f on each database, with the entities order, item and note; note has
// a role, which the context's actor may have.
func scenes(t *testing.T, f func(s *scene)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := &scene{T: t, db: db, live: map[string]map[string]json.RawMessage{}}
		s.store = newStore(t, db, "main", "order", "item", "note")
		var err error
		s.reader, err = reader.New(reader.Config{
			Stores: []reader.Named{{Name: "main", Store: s.store}},
			Entities: func(context.Context) ([]reader.EntityInfo, error) {
				return []reader.EntityInfo{
					{Name: "order", Storages: []string{"main"}, Audited: true},
					{Name: "item", Storages: []string{"main"}, Audited: true, Key: []string{"order_id", "no"}},
					{Name: "note", Storages: []string{"main"}, Audited: true, ViewRoles: []string{"boss"}},
				}, nil
			},
			Allow: func(ctx context.Context, e reader.EntityInfo) (bool, error) {
				a, _ := annals.ActorFrom(ctx)
				return a.ID == e.ViewRoles[0], nil
			},
			Live: func(_ context.Context, entity, id string) (map[string]json.RawMessage, error) {
				if row, ok := s.live[entity+" "+id]; ok {
					return row, nil
				}
				return nil, annals.ErrNotFound
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		f(s)
	})
}

// tell stores an entry of revision and second n, its diffs as given: changes
// {"a": [old, new]}, or a whole diff.
func (s *scene) tell(n int, typ annals.EntryType, object, diffs string, edit ...func(*annals.Entry)) annals.Entry {
	s.Helper()
	s.seq++
	entity, id, _ := strings.Cut(object, " ")
	e := annals.Entry{
		Entity: entity, Source: "app", Type: typ, ObjectID: id, Seq: s.seq,
		TransactionHash: hash(n), CreatedAt: at(n), Diffs: json.RawMessage(diffs),
	}
	if was, is, ok := strings.Cut(id, ">"); ok {
		e.PreviousObjectID, e.ObjectID = was, is
	}
	var changes map[string][2]json.RawMessage
	if json.Unmarshal([]byte(diffs), &changes) == nil {
		var parts []string
		for _, name := range keys(changes) {
			parts = append(parts, fmt.Sprintf(`%q:{"new":%s,"old":%s}`, name, changes[name][1], changes[name][0]))
		}
		e.Diffs = json.RawMessage(`{"changes":{` + strings.Join(parts, ",") + `}}`)
	}
	for _, f := range edit {
		f(&e)
	}
	err := s.store.Write(s.Context(), storage.Batch{
		Revisions: []annals.Revision{{
			Source: "app", Hash: e.TransactionHash, Managed: true, Comment: fmt.Sprintf("change %d", n),
			Actor: annals.Actor{ID: "42", Name: "ann"}, CreatedAt: at(n),
			Origin: annals.Origin{RequestID: fmt.Sprintf("r-%d", n), UserAgent: "curl/8"},
		}},
		Entries: []annals.Entry{e},
	})
	if err != nil {
		s.Fatal(err)
	}
	return e
}

// place tells, and returns where.
func (s *scene) place(n int, typ annals.EntryType, object, diffs string) annals.Position {
	s.Helper()
	e := s.tell(n, typ, object, diffs)
	return e.Cursor()
}

// soft marks an entry as one of the soft-delete column.
func soft(e *annals.Entry) {
	e.Diffs = json.RawMessage(strings.TrimSuffix(string(e.Diffs), "}") + `,"soft":true}`)
}

// link stores an associate or dissociate of an order and an item.
func (s *scene) link(n int, typ annals.EntryType, order, key string) {
	s.Helper()
	s.seq--
	s.tell(n, typ, "order "+order, `{"is_owning_side":true,"join_table":null,"subject":{"entity":"order",`+
		`"field":"items","key":{"id":`+order+`},"label":null,"table":"orders"},"target":{"entity":"item",`+
		`"field":null,"key":`+key+`,"label":null,"table":"items"}}`,
		func(e *annals.Entry) { e.Part = 1 })
}

func keys[V any](m map[string]V) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	// Sorted, as canonical JSON has them.
	for i := range names {
		for j := range i {
			if names[i] < names[j] {
				names[i], names[j] = names[j], names[i]
			}
		}
	}
	return names
}

// state is how an object was at second n, shortly.
func (s *scene) state(object string, n float64) string {
	s.Helper()
	entity, id, _ := strings.Cut(object, " ")
	st, err := s.reader.AsOf(s.Context(), entity, id, at(0).Add(time.Duration(n*float64(time.Second))))
	if err != nil {
		return err.Error()
	}
	text := string(st.Exists)
	if st.ObjectID != id {
		text += " as " + st.ObjectID
	}
	if st.SoftRemoved {
		text += " softly"
	}
	for _, column := range keys(st.Columns) {
		v := st.Columns[column]
		value := string(v.JSON)
		if v.Known == reader.NotKnown {
			value = "?"
		}
		text += fmt.Sprintf(" %s=%s", column, value)
		if v.Known == reader.FromLive {
			text += "(live)"
		}
		if v.Assumed {
			text += "(assumed)"
		}
	}
	return text
}

// want compares.
func (s *scene) want(what, got, want string) {
	s.Helper()
	if got != want {
		s.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// seqs lists what a query finds.
func (s *scene) find(q reader.Query) string {
	s.Helper()
	page, err := s.reader.Find(s.Context(), q)
	if err != nil {
		return err.Error()
	}
	return places(page.Entries)
}

func places(entries []annals.Entry) string {
	parts := make([]string, len(entries))
	for i, e := range entries {
		parts[i] = fmt.Sprintf("%s%d", e.Entity, e.Seq)
		if e.Part > 0 {
			parts[i] += fmt.Sprintf(".%d", e.Part)
		}
	}
	return strings.Join(parts, " ")
}
