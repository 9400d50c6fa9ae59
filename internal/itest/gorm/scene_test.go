package gorm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// scene is a program that runs on every database, audited and not.
type scene struct {
	name string
	// seed fills tables before, with capture switched off.
	seed []any
	// do is the program. What it returns is what it saw: the same in both worlds.
	do func(db *gorm.DB) any
	// want is the story that the entries tell; none means no entries.
	want []string
	// on has the story of a database where it differs: rows in another order.
	on map[string][]string
	// revisions is the number of revisions, where it is not 1 with a story and 0
	// without.
	revisions int
	// loose stories are compared without regard to order.
	loose bool
	// blind stories do not tell all that changed: raw SQL.
	blind bool
}

// play runs scenes, one after the other, on one pair of worlds for each
// database.
func play(t *testing.T, cfg gorm.Config, scenes []scene, change ...func(*auditor.Config)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		audited := newWorld(t, db, true, cfg, change...)
		bare := newWorld(t, testdb.New(t, db.Kind), false, cfg)
		for i := range scenes {
			t.Run(scenes[i].name, func(t *testing.T) {
				audited.tb, bare.tb = t, t
				scenes[i].play(t, audited, bare)
			})
		}
	})
}

// eachPair runs f on a pair of worlds of each database.
func eachPair(t *testing.T, cfg gorm.Config, f func(t *testing.T, audited, bare *world)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		f(t, newWorld(t, db, true, cfg), newWorld(t, testdb.New(t, db.Kind), false, cfg))
	})
}

func (s *scene) play(t *testing.T, audited, bare *world) {
	t.Helper()
	s.check(t, audited, s.compare(t, audited, bare))
}

// compare runs the program in both worlds, holds what it saw and left against
// each other, and the entries against the rows.
func (s *scene) compare(t *testing.T, audited, bare *world) []annals.Entry {
	t.Helper()
	saw := map[*world]string{}
	var before state
	for _, w := range []*world{bare, audited} {
		w.reset()
		w.fill(s.seed)
		if w == audited {
			before = w.live()
		}
		ctx := annals.WithActor(context.Background(), annals.Actor{ID: "42"})
		saw[w] = view(s.do(w.db.WithContext(ctx)))
	}
	if diff := cmp.Diff(saw[bare], saw[audited]); diff != "" {
		t.Errorf("the program sees something else (-without +with annals):\n%s", diff)
	}
	if diff := cmp.Diff(bare.dump(), audited.dump()); diff != "" {
		t.Errorf("the tables hold something else (-without +with annals):\n%s", diff)
	}
	entries := audited.stored()
	if !s.blind {
		audited.replay(before, entries)
	}
	return entries
}

func (s *scene) check(t *testing.T, w *world, entries []annals.Entry) {
	t.Helper()
	want := s.want
	if other, ok := s.on[w.sql.Dialect]; ok {
		want = other
	}
	got := story(t, entries)
	if s.loose {
		want, got = sortedCopy(want), sortedCopy(got)
	}
	if len(want) == 0 {
		want = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("story (-want +got):\n%s\ngot:\n%s", diff, strings.Join(got, "\n"))
	}
	for _, e := range entries {
		if e.Blame.ID != "42" {
			t.Errorf("%s is blamed on %q", line(t, &e), e.Blame.ID)
		}
	}
	revisions := s.revisions
	if len(want) == 0 {
		revisions = 0
	} else if revisions == 0 {
		revisions = 1
	}
	if n := w.count("annals_revision"); n != revisions {
		t.Errorf("%d revisions, want %d", n, revisions)
	}
}

// fill stores rows without leaving entries.
func (w *world) fill(rows []any) {
	w.tb.Helper()
	for _, row := range rows {
		if err := w.quiet().Create(copied(row)).Error; err != nil {
			w.tb.Fatalf("seed %T: %v", row, err)
		}
	}
	if w.aud != nil && len(rows) > 0 {
		if got := w.stored(); len(got) > 0 {
			w.tb.Fatalf("capture was off, but there is %s", line(w.tb, &got[0]))
		}
	}
}

var instants = regexp.MustCompile(`"?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^"|,}]*"?`)

// view is what a program saw, as text without instants and random keys.
func view(v any) string {
	if err, ok := v.(error); ok {
		return err.Error()
	}
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Sprintf("%+v (%v)", v, err)
	}
	return random.ReplaceAllString(instants.ReplaceAllString(string(b), "T"), "R")
}

// random are the keys that databases make.
var random = regexp.MustCompile(`[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// saw is the usual view: rows affected, error and the caller's values.
type saw struct {
	Rows   int64
	Err    string
	Values []any
}

func see(tx *gorm.DB, values ...any) saw {
	s := saw{Rows: tx.RowsAffected, Values: values}
	if tx.Error != nil {
		s.Err = tx.Error.Error()
	}
	return s
}

func seeErr(err error, values ...any) saw {
	s := saw{Values: values}
	if err != nil {
		s.Err = err.Error()
	}
	return s
}

// dump is the content of every table of the models.
func (w *world) dump() map[string][]string {
	w.tb.Helper()
	all := map[string][]string{}
	for _, table := range tables() {
		rows, err := w.sql.QueryContext(context.Background(), "SELECT * FROM "+w.quote(table))
		if err != nil {
			w.tb.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values, dest := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				dest[i] = &values[i]
			}
			if err := rows.Scan(dest...); err != nil {
				w.tb.Fatal(err)
			}
			text := ""
			for i, v := range values {
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				if strings.HasSuffix(columns[i], "_at") && v != nil {
					v = "T"
				}
				text += fmt.Sprintf("%s=%v ", columns[i], v)
			}
			all[table] = append(all[table], random.ReplaceAllString(text, "R"))
		}
		if err := rows.Close(); err != nil {
			w.tb.Fatal(err)
		}
		all[table] = sortedCopy(all[table])
	}
	return all
}
