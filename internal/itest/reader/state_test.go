package reader_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/storage"
)

func TestAsOf(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(10, annals.Insert, "order 1", `{"id":[null,1],"title":[null,"a"]}`)
		s.tell(20, annals.Update, "order 1", `{"title":["a","b"],"secret":[{"masked":true},{"masked":true}]}`)
		s.tell(30, annals.Update, "order 1", `{"note":[null,"n"]}`)
		s.tell(40, annals.Remove, "order 1", `{"id":[1,null],"title":["b",null],"note":["n",null]}`)
		s.tell(50, annals.Insert, "order 1", `{"id":[null,1]}`)
		s.live["order 1"] = map[string]json.RawMessage{"id": json.RawMessage("1"), "title": annals.Null, "new": json.RawMessage("7")}
		for n, want := range map[float64]string{
			9:    "no",
			10:   `yes id=1 note=null secret={"masked":true} title="a"`,
			15:   `yes id=1 note=null secret={"masked":true} title="a"`,
			25:   `yes id=1 note=null secret={"masked":true} title="b"`,
			35:   `yes id=1 note="n" secret={"masked":true} title="b"`,
			40:   "no",
			45:   "no",
			50:   `yes id=1 new=7(live) title=null(live)`,
			5000: `yes id=1 new=7(live) title=null(live)`,
		} {
			s.want(fmt.Sprintf("at %v", n), s.state("order 1", n), want)
		}
	})
}

// Without an insert: the next entry tells, then the source, then nobody.
func TestAsOfBeforeTheStory(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(20, annals.Update, "order 1", `{"title":["a","b"]}`)
		s.live["order 1"] = map[string]json.RawMessage{"id": json.RawMessage("1"), "title": json.RawMessage(`"never"`)}
		s.want("before", s.state("order 1", 1), `yes id=1(live) title="a"`)
		s.want("after", s.state("order 1", 30), `yes id=1(live) title="b"`)
		delete(s.live, "order 1")
		s.want("gone from the source", s.state("order 1", 30), `yes title="b"`)

		s.live["order 2"] = map[string]json.RawMessage{"id": json.RawMessage("2")}
		s.want("never changed", s.state("order 2", 1), "yes id=2(live)")
		if got := s.state("order 3", 1); !strings.Contains(got, "no entry: not found") {
			s.Errorf("unknown object: %s", got)
		}

		s.tell(20, annals.Epoch, "order 4", `{"title":[null,"a"],"x":[null,null]}`)
		s.tell(30, annals.Update, "order 4", `{"title":["a","b"]}`)
		s.want("before the baseline", s.state("order 4", 1), "unknown title=? x=?")
		s.want("since the baseline", s.state("order 4", 20), `yes title="a" x=null`)
		s.want("later", s.state("order 4", 31), `yes title="b" x=null`)

		s.tell(20, annals.Remove, "order 5", `{"title":["a",null]}`)
		s.want("before a removal", s.state("order 5", 1), `yes title="a"`)
		s.want("after it", s.state("order 5", 20), "no")
	})
}

func TestAsOfSoftRemoval(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(10, annals.Insert, "order 1", `{"title":[null,"a"]}`)
		s.tell(20, annals.Remove, "order 1", `{"deleted_at":[null,"2026"]}`, soft)
		s.tell(30, annals.Update, "order 1", `{"title":["a","b"]}`)
		s.tell(40, annals.Insert, "order 1", `{"deleted_at":["2026",null]}`, soft)
		s.tell(50, annals.Remove, "order 1", `{"deleted_at":[null,null],"title":["b",null]}`)
		for n, want := range map[float64]string{
			15: `yes deleted_at=null title="a"`,
			25: `no softly deleted_at="2026" title="a"`,
			45: `yes deleted_at=null title="b"`,
			55: "no",
		} {
			s.want(fmt.Sprintf("at %v", n), s.state("order 1", n), want)
		}
		s.tell(60, annals.Insert, "order 2", `{"deleted_at":["2026",null]}`, soft)
		s.want("before a soft insert", s.state("order 2", 1), `no softly deleted_at="2026"`)
	})
}

// An object is found under every key that it had, and others that had the key
// stay apart.
func TestAsOfKeyChanges(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(10, annals.Insert, "order 1", `{"id":[null,1],"title":[null,"a"]}`)
		s.tell(20, annals.Update, "order 1>2", `{"id":[1,2]}`)
		s.tell(30, annals.Update, "order 2", `{"title":["a","b"]}`)
		s.tell(40, annals.Insert, "order 1", `{"id":[null,1],"title":[null,"other"]}`)
		s.tell(50, annals.Update, "order 2>3", `{"id":[2,3]}`)
		s.tell(60, annals.Update, "order 3", `{"title":["b","c"]}`)
		for _, c := range []struct {
			object string
			n      float64
			want   string
		}{
			{"order 1", 5, "no"},
			{"order 1", 15, `yes id=1 title="a"`},
			{"order 2", 15, `yes as 1 id=1 title="a"`},
			{"order 3", 15, `yes as 1 id=1 title="a"`},
			{"order 1", 25, `yes as 2 id=2 title="a"`},
			{"order 3", 35, `yes as 2 id=2 title="b"`},
			{"order 1", 45, `yes id=1 title="other"`},
			{"order 2", 55, `yes as 3 id=3 title="b"`},
			{"order 2", 65, `yes as 3 id=3 title="c"`},
			{"order 3", 65, `yes id=3 title="c"`},
		} {
			s.want(fmt.Sprintf("%s at %v", c.object, c.n), s.state(c.object, c.n), c.want)
		}
		first := s.tell(70, annals.Update, "order 3", `{"title":["c","d"]}`)
		changes, err := s.reader.Compare(s.Context(), "order", "3", annals.Position{}, first.Cursor())
		if err != nil || fmt.Sprintf("%s", changes) != "[{id null 3} {title null \"d\"}]" {
			s.Errorf("compare from the beginning: %s, %v", changes, err)
		}
	})
}

func TestAsOfTruncate(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(10, annals.Insert, "order 1", `{"title":[null,"a"]}`)
		s.tell(20, annals.Truncate, "order *", `{}`)
		s.live["order 1"] = map[string]json.RawMessage{"x": json.RawMessage("1")}
		s.want("before", s.state("order 1", 15), `yes title="a"`)
		s.want("after", s.state("order 1", 25), "no")
		s.tell(30, annals.Insert, "order 1", `{"title":[null,"b"]}`)
		s.want("again", s.state("order 1", 35), `yes title="b" x=1(live)`)
	})
}

func TestCompare(t *testing.T) {
	scenes(t, func(s *scene) {
		a := s.place(10, annals.Insert, "order 1", `{"n":[null,1],"title":[null,"a"]}`)
		b := s.place(20, annals.Update, "order 1", `{"title":["a","b"],"n":[1,2]}`)
		s.tell(30, annals.Update, "order 1", `{"n":[2,1],"m":[{"masked":true},{"masked":true}]}`)
		d := s.place(40, annals.Remove, "order 1", `{"n":[1,null],"title":["b",null]}`)
		foreign := s.place(41, annals.Insert, "order 2", `{"n":[null,1]}`)
		masked := `{"masked":true}`
		for _, c := range []struct {
			from, to annals.Position
			want     string
		}{
			{a, b, `[{n 1 2} {title "a" "b"}]`},
			{b, a, `[{n 2 1} {title "b" "a"}]`},
			{b, b, `[]`},
			{annals.Position{}, a, `[{n null 1} {title null "a"}]`},
			{a, d, `[{m ` + masked + " " + masked + `} {n 1 null} {title "a" null}]`},
		} {
			got, err := s.reader.Compare(s.Context(), "order", "1", c.from, c.to)
			if err != nil || fmt.Sprintf("%s", got) != c.want {
				s.Errorf("%v to %v: %s, %v; want %s", c.from.Seq, c.to.Seq, got, err, c.want)
			}
		}
		for _, c := range [][2]annals.Position{{a, foreign}, {foreign, d}, {foreign, foreign}} {
			if got, err := s.reader.Compare(s.Context(), "order", "1", c[0], c[1]); !errors.Is(err, annals.ErrNotFound) {
				s.Errorf("foreign place: %s, %v", got, err)
			}
		}
	})
}

func TestNeighbours(t *testing.T) {
	scenes(t, func(s *scene) {
		a := s.tell(10, annals.Insert, "order 1", `{"n":[null,1]}`)
		s.tell(15, annals.Insert, "order 2", `{"n":[null,1]}`)
		b := s.tell(20, annals.Update, "order 1", `{"n":[1,2]}`)
		next, err := s.reader.Next(s.Context(), "order", "1", a.Cursor())
		if err != nil || next.Seq != b.Seq {
			s.Errorf("next: %d, %v", next.Seq, err)
		}
		previous, err := s.reader.Previous(s.Context(), "order", "1", b.Cursor())
		if err != nil || previous.Seq != a.Seq {
			s.Errorf("previous: %d, %v", previous.Seq, err)
		}
		if _, err := s.reader.Next(s.Context(), "order", "1", b.Cursor()); !errors.Is(err, annals.ErrNotFound) {
			s.Errorf("after the last: %v", err)
		}
		if _, err := s.reader.Previous(s.Context(), "order", "1", a.Cursor()); !errors.Is(err, annals.ErrNotFound) {
			s.Errorf("before the first: %v", err)
		}
	})
}

// cleaned is a storage whose retention took what was older than a mark.
type cleaned struct {
	storage.Store
	marks []storage.Mark
}

func (c *cleaned) Unwrap() storage.Store { return c.Store }

func (c *cleaned) Marks(context.Context, ...string) ([]storage.Mark, error) { return c.marks, nil }

// Where retention has been, nothing is claimed that it may have taken.
func TestAsOfBeforeACleaning(t *testing.T) {
	scenes(t, func(s *scene) {
		s.tell(30, annals.Update, "order 1", `{"title":["b","c"]}`)
		s.tell(30, annals.Insert, "order 2", `{"title":[null,"a"]}`)
		s.live["order 3"] = map[string]json.RawMessage{"title": json.RawMessage(`"x"`)}
		marks := []storage.Mark{{Entity: "order", Before: at(5)}, {Entity: "order", Before: at(20)}}
		cut := *s
		var err error
		cut.reader, err = reader.New(reader.Config{
			Stores: []reader.Named{{Name: "main", Store: &cleaned{s.store, marks}}},
			Entities: func(context.Context) ([]reader.EntityInfo, error) {
				return []reader.EntityInfo{{Name: "order", Storages: []string{"main"}, Audited: true}}, nil
			},
			Live: func(_ context.Context, entity, id string) (map[string]json.RawMessage, error) {
				return s.live[entity+" "+id], nil
			},
		})
		if err != nil {
			s.Fatal(err)
		}
		s.want("before the mark", cut.state("order 1", 10), `unknown title="b"(assumed)`)
		s.want("since the mark", cut.state("order 1", 20), `yes title="b"`)
		s.want("an insert is seen", cut.state("order 2", 10), "no")
		s.want("nothing recorded", cut.state("order 3", 10), `unknown title="x"(live)(assumed)`)
		s.want("nothing recorded, since the mark", cut.state("order 3", 25), `yes title="x"(live)`)
		s.want("nothing known", cut.state("order 4", 10), "unknown")
	})
}
