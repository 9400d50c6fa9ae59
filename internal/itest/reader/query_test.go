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
	"github.com/seed-162b1470/annals/reader/search"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// The language finds the same on every database.
func TestSearch(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(1, annals.Insert, "order 1", `{"total":[null,"12.5"],"at":[null,"2026-01-02T03:04:05.000000Z"]}`)
		s.tell(2, annals.Update, "order 1", `{"total":["12.5","13"],"settings":[{"theme":"light","n":1},{"theme":"dark","n":1}]}`)
		s.tell(3, annals.Update, "order 2", `{"n":[12.5,12345678901234567890]}`)
		s.tell(4, annals.Update, "item 1", `{"total":["13",null]}`)
		s.tell(5, annals.Update, "order 2", `{"uid":[null,"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],"title":[null,"null"]}`,
			func(e *annals.Entry) {
				e.ExtraData = json.RawMessage(`{"order":{"id":7},"tags":["x","y"],"tenant":"7"}`)
				e.Blame.IP, e.Discriminator = "192.0.2.7", "news"
			})
		for query, want := range map[string]string{
			"":                             "order5 item4 order3 order2 order1",
			"order:oldest entity:order":    "order1 order2 order3 order5",
			"to:12.50":                     "order1",
			"from:12.50":                   "order3 order2",
			"from:12.5e0 to:13.00":         "order2",
			"field:total to:13,null":       "item4 order2",
			"field:total to:null":          "item4",
			`to:"null"`:                    "order5",
			"to:12345678901234567890":      "order3",
			"to:12345678901234567891":      "",
			"to:2026-01-02T05:04:05+02:00": "order1",
			"to:A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11": "order5",
			"field:settings":                          "order2",
			"field:settings.theme":                    "order2",
			"field:settings.theme to:dark":            "order2",
			"field:settings.n":                        "",
			"field:settings.theme to:light":           "",
			`to:"{\"theme\":\"dark\",\"n\":1}"`:       "order2",
			"extra.order.id:7":                        "order5",
			"extra.tenant:7 extra.tags.1:y":           "order5",
			"extra.tenant:*":                          "order5",
			"extra.order.none:*":                      "",
			"comment:CHANGE":                          "order5 item4 order3 order2 order1",
			`comment:="change 3"`:                     "order3",
			`comment:="change"`:                       "",
			"request:r-4,r-5 -entity:item":            "order5",
			"agent:CURL -request:r-1,r-2,r-3":         "order5 item4",
			"ip:192.0.2.7 kind:news":                  "order5",
			"-kind:news -field:settings -type:insert": "item4 order3",
			"storage:main -source:app":                "",
			"source:app 2":                            "order5 order3",
			"-object:1":                               "order5 order3",
			"actor:none":                              "",
		} {
			q, err := search.Parse(query, search.Options{})
			if err != nil {
				s.Errorf("%s: %v", query, err)
				continue
			}
			s.want(query, s.find(q), want)
			total, err := s.reader.Count(s.Context(), q)
			if n := len(strings.Fields(want)); err != nil || total != (reader.Total{N: n}) {
				s.Errorf("%s: counted %v, %v; want %d", query, total, err, n)
			}
			q.Limit = 1
			s.want(query+", page by page", s.pages(q), want)
			q.Limit, q.Scan = 3, 2
			s.want(query+", bounded", s.pages(q), want)
		}
		q, _ := search.Parse("storage:mian", search.Options{})
		if got := s.find(q); !strings.Contains(got, `did you mean "main"`) {
			s.Errorf("unknown storage: %s", got)
		}
	})
}

// A bounded page may be empty, and goes on.
func TestScanIsBounded(t *testing.T) {
	scenes(t, func(s *scene) {
		for n := range 30 {
			s.tell(n+1, annals.Update, "order 1", fmt.Sprintf(`{"n":[%d,%d]}`, n, n+1))
		}
		for _, ascending := range []bool{false, true} {
			q := reader.Query{Entity: "order", To: []string{"15"}, Scan: 4, Ascending: ascending}
			pages, found := 0, 0
			for {
				page, err := s.reader.Find(s.Context(), q)
				if err != nil {
					s.Fatal(err)
				}
				pages++
				found += len(page.Entries)
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			if pages != 8 || found != 1 {
				s.Errorf("ascending %v: %d pages, %d entries", ascending, pages, found)
			}
		}
	})
}

// pages follows a query to its end.
func (s *scene) pages(q reader.Query) string {
	s.Helper()
	var all []annals.Entry
	for {
		page, err := s.reader.Find(s.Context(), q)
		if err != nil {
			return err.Error()
		}
		all = append(all, page.Entries...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return places(all)
		}
	}
}

func TestCountStops(t *testing.T) {
	if text := (reader.Total{N: 10_000, More: true}).String(); text != "10,000+" {
		t.Errorf("got %s", text)
	}
	if text := (reader.Total{N: 987}).String(); text != "987" {
		t.Errorf("got %s", text)
	}
	each(t, func(t *testing.T, r *reader.Reader, _, _ *sqlstore.Store) {
		total, err := reader.Count(t.Context(), r, reader.Query{Entity: "order"})
		if err != nil || total != (reader.Total{N: 12}) { // eight of them lie in both storages
			t.Errorf("got %v, %v", total, err)
		}
		total, err = reader.Count(t.Context(), r, reader.Query{Storages: []string{"near"}})
		if err != nil || total != (reader.Total{N: 8}) {
			t.Errorf("got %v, %v", total, err)
		}
	})
}

// A child's changes stand beside its parent's for as long as it belonged to it.
func TestRelated(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(1, annals.Insert, "order 1", `{"id":[null,1]}`)
		s.tell(2, annals.Update, "item [1,1]", `{"n":[0,1]}`) // not yet linked
		s.tell(3, annals.Update, "item [1,1]", `{"order":[null,1]}`)
		s.link(3, annals.Associate, "1", `{"no":1,"order_id":1}`)
		s.tell(4, annals.Update, "item [1,1]", `{"n":[1,2]}`)
		s.tell(5, annals.Insert, "item [1,2]", `{"n":[null,2]}`) // never linked
		s.tell(6, annals.Update, "item [1,1]", `{"order":[1,2]}`)
		s.link(6, annals.Dissociate, "1", `{"no":1,"order_id":1}`)
		s.tell(7, annals.Update, "item [1,1]", `{"n":[2,3]}`)
		s.tell(8, annals.Update, "item [1,3]", `{"n":[2,3]}`) // linked before the story began
		s.tell(9, annals.Remove, "item [1,3]", `{"n":[3,null]}`)
		s.link(9, annals.Dissociate, "1", `{"no":3,"order_id":1}`)
		s.tell(10, annals.Update, "order 1", `{"x":[1,2]}`)
		s.tell(11, annals.Update, "order 2", `{"x":[1,2]}`)
		const all = "order10 order9.1 item9 item8 order6.1 item6 item4 order3.1 item3 order1"
		q := reader.Query{Entity: "order", ObjectID: "1", Related: true}
		s.want("all", s.find(q), all)
		q.Limit = 2
		s.want("page by page", s.pages(q), all)
		page, err := s.reader.Related(s.Context(), "order", "1", reader.Query{Field: "n", Ascending: true})
		if err != nil {
			s.Fatal(err)
		}
		s.want("filtered", places(page.Entries), "item4 item8 item9")
		q = reader.Query{Entity: "order", Related: true}
		if _, err := s.reader.Find(s.Context(), q); !errors.Is(err, annals.ErrConfig) {
			s.Errorf("without an object: %v", err)
		}
	})
}

func TestRoles(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(1, annals.Insert, "order 1", `{"id":[null,1]}`)
		s.tell(1, annals.Insert, "note 1", `{"id":[null,1]}`)
		s.tell(1, annals.Insert, "note 2", `{"id":[null,1]}`)
		boss := annals.WithActor(s.Context(), annals.Actor{ID: "boss"})
		s.want("the stream", s.find(reader.Query{}), "order1")
		if _, err := s.reader.Find(s.Context(), reader.Query{Entity: "note"}); !errors.Is(err, annals.ErrForbidden) {
			s.Errorf("by name: %v", err)
		}
		for _, err := range s.reader.History(s.Context(), "note", "1", reader.HistoryOptions{}) {
			if !errors.Is(err, annals.ErrForbidden) {
				s.Errorf("history: %v", err)
			}
		}
		if _, err := s.reader.AsOf(s.Context(), "note", "1", at(1)); !errors.Is(err, annals.ErrForbidden) {
			s.Errorf("as of: %v", err)
		}
		for who, want := range map[string]int{"": 2, "boss": 0} {
			ctx := annals.WithActor(s.Context(), annals.Actor{ID: who})
			view, err := s.reader.Revision(ctx, hash(1))
			if err != nil || view.Withheld != want || len(view.Entities) != 2-want/2 || len(view.Unreadable) > 0 {
				s.Errorf("revision for %q: %+v, %v", who, view, err)
			}
		}
		list, err := s.reader.Entities(s.Context())
		if err != nil || len(list) != 2 {
			s.Errorf("listed: %+v, %v", list, err)
		}
		page, err := s.reader.Find(boss, reader.Query{Entity: "note"})
		if err != nil || len(page.Entries) != 2 {
			s.Errorf("the boss sees %d, %v", len(page.Entries), err)
		}
		page, err = s.reader.Allowing(nil).Find(boss, reader.Query{})
		if err != nil || places(page.Entries) != "order1" {
			s.Errorf("nobody is asked: %s, %v", places(page.Entries), err)
		}
		page, err = s.reader.Allowing(reader.AllowAll).Find(s.Context(), reader.Query{})
		if err != nil || len(page.Entries) != 3 {
			s.Errorf("everybody may: %s, %v", places(page.Entries), err)
		}
		refused := errors.New("who are you")
		asking := s.reader.Allowing(func(context.Context, reader.EntityInfo) (bool, error) { return true, refused })
		if _, err := asking.Find(s.Context(), reader.Query{}); !errors.Is(err, refused) {
			s.Errorf("a failing question: %v", err)
		}
	})
}

// Follow begins with what is there and goes on with what is committed, each once,
// though two storages have it.
func TestFollow(t *testing.T) {
	each(t, func(t *testing.T, _ *reader.Reader, a, b *sqlstore.Store) {
		next := 13
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, err := reader.New(reader.Config{
			Stores: []reader.Named{{Name: "near", Store: a}, {Name: "far", Store: b}},
			Entities: func(context.Context) ([]reader.EntityInfo, error) {
				return []reader.EntityInfo{{Name: "order", Storages: []string{"near", "far"}}}, nil
			},
			Wait: func(context.Context) error {
				switch next {
				case 13, 14:
					write(t, a, "order", "1", next, next*10)
				case 15: // the other storage is behind
					write(t, b, "order", "1", 13, 130)
					write(t, b, "order", "1", 14, 140)
					write(t, b, "order", "1", 15, 150)
				case 16:
					cancel()
				}
				next++
				return ctx.Err()
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		var last error
		for e, err := range r.Follow(ctx, reader.Query{Limit: 2}) {
			if last = err; err == nil {
				got = append(got, fmt.Sprint(e.Seq))
			}
		}
		if strings.Join(got, " ") != "110 120 130 140 150" || !errors.Is(last, context.Canceled) {
			t.Errorf("got %v, %v", got, last)
		}
		for _, q := range []reader.Query{{Until: at(1)}, {Cursor: "x"}} {
			for _, err := range r.Follow(t.Context(), q) {
				if !errors.Is(err, annals.ErrConfig) {
					t.Errorf("%+v: %v", q, err)
				}
			}
		}
	})
}
