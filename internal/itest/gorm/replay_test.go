package gorm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/track"
)

// state is what is in a database, or what its entries say is there: objects by
// entity and id, and links.
type state struct {
	objects map[string]map[string]*annals.Image
	links   map[string]bool
}

// live reads the state as the database has it.
func (w *world) live() state {
	w.tb.Helper()
	ctx := context.Background()
	source, err := w.aud.Capture("")
	if err != nil {
		w.tb.Fatal(err)
	}
	s := state{map[string]map[string]*annals.Image{}, map[string]bool{}}
	for _, name := range w.tables() {
		r, err := source.Reader(ctx, w.sql, annals.ParseTable(name))
		if err != nil {
			w.tb.Fatal(err)
		}
		t := r.Table()
		for _, row := range readAll(w.tb, w, r) {
			if t.Entity != nil {
				if s.objects[t.Entity.Name] == nil {
					s.objects[t.Entity.Name] = map[string]*annals.Image{}
				}
				s.objects[t.Entity.Name][row.ID] = row.Image
			}
			s.link(w.tb, t, row)
		}
	}
	return s
}

// tables are those whose rows can give entries.
func (w *world) tables() []string {
	if w.all != nil {
		return w.all
	}
	return tables()
}

// link notes the links that a row makes.
func (s *state) link(tb testing.TB, t *track.Table, row capture.Row) {
	tb.Helper()
	bare := *t
	bare.Entity = nil
	entries, err := track.Entries(&bare, &annals.Mutation{
		Operation: annals.OpInsert, After: row.Image, Table: t.Live.Name, Seq: 1,
	})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range entries {
		s.links[linkOf(tb, &entries[i])] = true
	}
}

// linkOf names the link of an association, seen from the entry's side.
func linkOf(tb testing.TB, e *annals.Entry) string {
	tb.Helper()
	d, err := diff.Parse(e.Diffs)
	if err != nil || d.Association == nil {
		tb.Fatalf("%s of %s is no association: %v", e.Type, e.Entity, err)
	}
	a := d.Association
	return fmt.Sprintf("%s %s.%s %s %s %v %v", e.Entity, e.ObjectID, a.Subject.Field,
		a.JoinTable, a.Target.Entity, a.Target.Key, a.IsOwningSide)
}

func readAll(tb testing.TB, w *world, r *capture.Reader) []capture.Row {
	tb.Helper()
	rows, err := w.sql.QueryContext(context.Background(), "SELECT "+r.Columns("")+" FROM "+
		w.dialect().Table(r.Table().Live.Name))
	if err != nil {
		tb.Fatal(err)
	}
	read, err := r.Scan(rows, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return read
}

// replay applies entries to a state and compares with what is there now: nothing
// is missing and nothing invented.
func (w *world) replay(s state, entries []annals.Entry) {
	w.tb.Helper()
	if problem := w.replayed(s, entries); problem != "" {
		w.tb.Error(problem)
	}
}

// replayed says what is wrong with the entries, or nothing.
func (w *world) replayed(s state, entries []annals.Entry) string {
	w.tb.Helper()
	for i := range entries {
		if err := s.apply(w.tb, &entries[i]); err != nil {
			return fmt.Sprintf("replay %s: %v", line(w.tb, &entries[i]), err)
		}
	}
	now := w.live()
	if d := cmp.Diff(now.text(), s.text()); d != "" {
		return "replayed entries give something else (-live +replayed):\n" + d
	}
	return ""
}

func (s *state) apply(tb testing.TB, e *annals.Entry) error {
	d, err := diff.Parse(e.Diffs)
	if err != nil {
		return err
	}
	objects := s.objects[e.Entity]
	if objects == nil {
		objects = map[string]*annals.Image{}
		s.objects[e.Entity] = objects
	}
	id := e.ObjectID
	if e.PreviousObjectID != "" {
		id = e.PreviousObjectID
	}
	was, exists := objects[id]
	switch {
	case e.Type == annals.Associate, e.Type == annals.Dissociate:
		return s.relate(tb, e)
	case (e.Type == annals.Insert) != d.Soft && exists && e.Type == annals.Insert:
		return fmt.Errorf("object %s is there already", id)
	case e.Type == annals.Insert && !d.Soft:
		was = nil
	case !exists:
		return fmt.Errorf("object %s is not there", id)
	}
	is, err := diff.Apply(was, d)
	if err != nil {
		return err
	}
	delete(objects, id)
	if e.Type == annals.Remove && !d.Soft {
		if left := values(is); len(left) > 0 {
			return fmt.Errorf("the remove does not say what was in %v", left)
		}
		return nil
	}
	if _, taken := objects[e.ObjectID]; taken {
		return fmt.Errorf("object %s is there already", e.ObjectID)
	}
	objects[e.ObjectID] = is
	return nil
}

func (s *state) relate(tb testing.TB, e *annals.Entry) error {
	link := linkOf(tb, e)
	if s.links[link] == (e.Type == annals.Associate) {
		return fmt.Errorf("link %s is there: %v", link, s.links[link])
	}
	if e.Type == annals.Associate {
		s.links[link] = true
	} else {
		delete(s.links, link)
	}
	return nil
}

// text is the state in a form to compare.
func (s *state) text() map[string]map[string]string {
	all := map[string]map[string]string{}
	for entity, objects := range s.objects {
		for id, image := range objects {
			all[entity+" "+id] = values(image)
		}
	}
	for link := range s.links {
		all["link "+link] = map[string]string{}
	}
	return all
}

// values are the columns that are not null.
func values(i *annals.Image) map[string]string {
	v := map[string]string{}
	for n, c := range i.Columns {
		if !annals.IsNull(i.Values[n]) {
			v[c] = string(i.Values[n])
		}
	}
	return v
}

func sortedCopy(s []string) []string {
	c := slices.Clone(s)
	slices.Sort(c)
	return c
}

// copied returns a deep copy of a row to seed, so that the next world gets it as
// it was written here.
func copied(row any) any {
	b, err := json.Marshal(row)
	if err != nil {
		panic(err)
	}
	c := reflect.New(reflect.TypeOf(row))
	if err := json.Unmarshal(b, c.Interface()); err != nil {
		panic(err)
	}
	return c.Interface()
}
