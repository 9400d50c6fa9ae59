package reader_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/storage"
)

// An object's story is whole under each of its keys, and has nothing of others
// that had one of these keys at another time.
func TestStoryUnderEveryKey(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(1, annals.Insert, "order 9", `{"id":[null,9]}`)    // another, which goes
		s.tell(2, annals.Remove, "order 9", `{"id":[9,null]}`)    //
		s.tell(3, annals.Insert, "order 9", `{"id":[null,9]}`)    // this one comes
		s.link(3, annals.Associate, "9", `{"order_id":9,"no":1}`) // with the same seq
		s.tell(4, annals.Update, "order 9", `{"a":[1,2]}`)
		s.tell(5, annals.Update, "order 9>10", `{"id":[9,10]}`)
		s.tell(6, annals.Insert, "order 9", `{"id":[null,9]}`) // a third one comes to 9
		s.tell(7, annals.Update, "order 10", `{"a":[2,3]}`)
		s.tell(8, annals.Update, "order 10>11", `{"id":[10,11]}`)
		s.tell(9, annals.Update, "order 9", `{"a":[5,6]}`)
		s.tell(10, annals.Remove, "order 11", `{"id":[11,null]}`)
		s.seq--
		s.tell(10, annals.Dissociate, "order 11", `{"subject":{},"target":{}}`,
			func(e *annals.Entry) { e.Part = 1 })
		s.tell(11, annals.Insert, "order 11", `{"id":[null,11]}`) // a fourth one comes to 11
		s.tell(12, annals.Update, "order 12", `{"a":[1,2]}`)

		later := "order5 order7 order8 order10 order10.1"
		for id, want := range map[string]string{
			"9":  "order1 order2 order3 order3.1 order4 order5 order6 order7 order8 order9 order10 order10.1",
			"10": "order3 order3.1 order4 " + later,
			"11": "order3 order3.1 order4 " + later + " order11",
			"12": "order12",
		} {
			q := reader.Query{Entity: "order", ObjectID: id, Ascending: true}
			s.want("find "+id, s.find(q), want)
			q.Limit = 2
			s.want("pages of "+id, s.pages(q), want)
			q.Entity, q.Limit = "", 0
			s.want("any entity's "+id, s.find(q), want)
			total, err := s.reader.Count(s.Context(), q)
			if n := len(strings.Fields(want)); err != nil || total.N != n {
				s.Errorf("%s: counted %v, %v; want %d", id, total, err, n)
			}
			var story []annals.Entry
			for e, err := range s.reader.History(s.Context(), "order", id, reader.HistoryOptions{PageSize: 3}) {
				if err != nil {
					s.Fatal(err)
				}
				story = append(story, e)
			}
			s.want("history of "+id, places(story), want)
		}
		q := reader.Query{Entity: "order", ObjectID: "10", Types: []annals.EntryType{annals.Insert}}
		s.want("types", s.find(q), "order3")
		s.want("several", s.find(reader.Query{ObjectIDs: []string{"10", "12"}, Ascending: true}),
			"order3 order3.1 order4 "+later+" order12")
		e, err := s.reader.Oldest(s.Context(), "order", "11")
		if err != nil || e.Seq != 3 {
			s.Errorf("oldest %d, %v", e.Seq, err)
		}
	})
}

// Where a table has more changes of key than can be looked through, the story is
// the same.
func TestStoryAmongManyMoves(t *testing.T) {
	scenes(t, func(s *scene) {
		b := storage.Batch{Revisions: []annals.Revision{{Source: "app", Hash: hash(1), CreatedAt: at(1)}}}
		for n := range 1100 {
			b.Entries = append(b.Entries, annals.Entry{
				Entity: "order", Source: "app", Type: annals.Update, ObjectID: fmt.Sprintf("b%d", n),
				PreviousObjectID: fmt.Sprintf("a%d", n), TransactionHash: hash(1), CreatedAt: at(1),
				Seq: int64(n + 1), Diffs: json.RawMessage(`{"changes":{"id":{"new":1,"old":2}}}`),
			})
		}
		if err := s.store.Write(s.Context(), b); err != nil {
			s.Fatal(err)
		}
		s.seq = 2000
		s.tell(2, annals.Update, "order b700", `{"a":[1,2]}`)
		s.tell(3, annals.Update, "order b700>c", `{"id":[1,2]}`)
		for _, id := range []string{"a700", "b700", "c"} {
			s.want(id, s.find(reader.Query{Entity: "order", ObjectID: id}), "order2002 order2001 order701")
		}
	})
}

// Two keys that are exchanged again and again end, and end soon.
func TestStoryOfExchangedKeys(t *testing.T) {
	scenes(t, func(s *scene) {
		keys := []string{"1", "2", "3"}
		for n := range 30 {
			from, to := keys[n%3], keys[(n+1)%3]
			s.tell(n+1, annals.Update, "order "+from+">"+to, `{"id":[1,2]}`)
		}
		for _, id := range keys {
			page, err := s.reader.Find(s.Context(), reader.Query{Entity: "order", ObjectID: id})
			if err != nil || len(page.Entries) != 30 {
				s.Errorf("%s: %d entries, %v", id, len(page.Entries), err)
			}
		}
	})
}

// Follow tells what becomes of an object that had been given another key.
func TestFollowUnderALaterKey(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(1, annals.Update, "order 1>2", `{"id":[1,2]}`)
		ctx, stop := context.WithCancel(s.Context())
		defer stop()
		looks := 0
		r, err := reader.New(reader.Config{
			Stores: []reader.Named{{Name: "main", Store: s.store}},
			Entities: func(context.Context) ([]reader.EntityInfo, error) {
				return []reader.EntityInfo{{Name: "order", Storages: []string{"main"}}}, nil
			},
			Wait: func(context.Context) error {
				switch looks++; looks {
				case 1:
					s.tell(2, annals.Update, "order 2", `{"a":[1,2]}`)
					s.tell(3, annals.Remove, "order 2", `{"a":[1,2]}`)
					s.tell(4, annals.Update, "order 3", `{"a":[1,2]}`)
				case 2:
					stop()
				}
				return ctx.Err()
			},
		})
		if err != nil {
			s.Fatal(err)
		}
		var got []annals.Entry
		for e, err := range r.Follow(ctx, reader.Query{Entity: "order", ObjectID: "1"}) {
			if err == nil {
				got = append(got, e)
			}
		}
		s.want("followed", places(got), "order1 order2 order3")
	})
}

// Bounds of time that no column can hold leave out nothing, or everything.
func TestFarBounds(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(1, annals.Update, "order 1", `{"a":[1,2]}`)
		year := func(n int) time.Time { return time.Date(n, 7, 1, 0, 0, 0, 0, time.UTC) }
		for name, c := range map[string]struct {
			since, until time.Time
			want         string
		}{
			"until 10000":      {time.Time{}, year(10_000), "order1"},
			"until 292277":     {time.Time{}, year(292_277), "order1"},
			"since 0":          {year(0), time.Time{}, "order1"},
			"since -5000":      {year(-5000), year(20_000), "order1"},
			"since 1":          {year(1), time.Time{}, "order1"},
			"since 10000":      {year(10_000), time.Time{}, ""},
			"until 0":          {time.Time{}, year(0), ""},
			"until 9999":       {time.Time{}, year(9999), "order1"},
			"since the zero":   {time.Time{}, time.Time{}, "order1"},
			"since nearly one": {time.Time{}.Add(1), time.Time{}, "order1"},
		} {
			q := reader.Query{Since: c.since, Until: c.until}
			s.want(name, s.find(q), c.want)
		}
	})
}

// An id that is JSON by accident is found as it stands.
func TestTextKeysThatLookLikeJSON(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(1, annals.Insert, "order 1", `{"a":[null,1]}`, func(e *annals.Entry) { e.ObjectID = "[1, 2]" })
		s.tell(2, annals.Insert, "item [1,2]", `{"a":[null,1]}`)
		s.want("text", s.find(reader.Query{Related: true, Entity: "order", ObjectIDs: []string{"[1, 2]", "[1,2]"}}),
			"order1")
		_, err := s.reader.Find(s.Context(), reader.Query{Related: true, Entity: "order", ObjectIDs: []string{"1", "2"}})
		if !errors.Is(err, annals.ErrConfig) {
			s.Errorf("two objects: %v", err)
		}
	})
}

func part(texts []string) (out []reader.Text) {
	for _, text := range texts {
		out = append(out, reader.Text{Value: text + "x", Part: true})
	}
	return out
}

// As many values as a query may have are no matter for any database.
func TestMostValues(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(1, annals.Insert, "order 7", `{"a":[null,7]}`)
		many := make([]string, reader.MaxValues)
		for i := range many {
			many[i] = fmt.Sprint(i)
		}
		for name, q := range map[string]reader.Query{
			"objects": {ObjectIDs: many}, "actors": {Not: reader.Exclusion{Actors: many}},
			"values": {To: many[:reader.MaxCompared-1], From: []string{"null"}}, "fields": {Not: reader.Exclusion{Fields: many}},
			"comments": {Not: reader.Exclusion{Comments: part(many[:reader.MaxCompared])}},
		} {
			s.want(name, s.find(q), "order1")
		}
	})
}
