package retention_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/retention"
)

// each runs a test on every database, with both sets of indexes.
func each(t *testing.T, f func(t *testing.T, s *scene)) {
	t.Helper()
	for _, kind := range testdb.Kinds() {
		for _, set := range []layout.IndexSet{layout.Lean, layout.Classic} {
			t.Run(kind+"/"+string(set), func(t *testing.T) {
				t.Parallel()
				f(t, newScene(t, testdb.New(t, kind), set))
			})
		}
	}
}

func TestRun(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		// 30 old revisions, the last of them a second before the cut-off; 6 from it on.
		s.record(t, 30, cutoff().Add(-30*time.Second))
		s.record(t, 6, cutoff())
		planned, err := retention.Plan(t.Context(), s.targets(entities()...), retention.Options{Before: cutoff()})
		if err != nil {
			t.Fatal(err)
		}
		want := "[{default [{post 60} {Odd tag 10}] 30}]"
		if got := fmt.Sprint(planned); got != want {
			t.Errorf("planned %s, want %s", got, want)
		}
		if n := s.count(t, "annals_clean"); n > 0 {
			t.Errorf("planning has set %d marks", n)
		}
		got, err := s.clean(t, retention.Options{Batch: 7, Actor: "ann@host"}, entities()...)
		if err != nil || fmt.Sprint([]retention.Result{got}) != want {
			t.Errorf("removed %v, %v, want %s", got, err, want)
		}
		for entity, left := range map[string]int{"post": 12, odd: 2} {
			if n := s.count(t, s.table(entity)); n != left {
				t.Errorf("%s has %d entries left, want %d", entity, n, left)
			}
			marked := "annals_clean WHERE entity = '" + entity + "' AND actor = 'ann@host' AND " +
				s.d.Quote("before") + " = " + s.old()
			if n := s.count(t, marked); n != 1 {
				t.Errorf("%s has %d marks", entity, n)
			}
		}
		if n := s.count(t, "annals_revision"); n != 6 {
			t.Errorf("%d revisions left, want 6", n)
		}
		s.mustBalance(t, true)
		again, err := s.clean(t, retention.Options{}, entities()...)
		if err != nil || again.Entries() != 0 || again.Revisions != 0 {
			t.Errorf("a second run removed %v, %v", again, err)
		}
		if n := s.count(t, "annals_clean"); n != 2 {
			t.Errorf("%d marks after two runs, want 2", n)
		}
	})
}

// What is excluded keeps every row, the revisions that it names included.
func TestExcluded(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.record(t, 30, cutoff().Add(-time.Hour))
		got, err := s.clean(t, retention.Options{}, "post")
		if err != nil || got.Entries() != 60 || got.Revisions != 20 {
			t.Errorf("removed %v, %v", got, err)
		}
		if n := s.count(t, s.table(odd)); n != 10 {
			t.Errorf("%d entries of the excluded entity are left", n)
		}
		if n := s.count(t, "annals_clean WHERE entity = '"+odd+"'"); n != 0 {
			t.Errorf("the excluded entity has %d marks", n)
		}
		s.mustBalance(t, true)
	})
}

// A run that is stopped behind any of its batches has marked what it removed, and the next goes on.
func TestInterrupted(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.record(t, 60, cutoff().Add(-time.Minute))
		s.record(t, 3, cutoff())
		had := map[string]int{"post": 126, odd: 21}
		steps, removed := 0, int64(0)
		for ; ; steps++ {
			ctx, cancel := context.WithCancel(t.Context())
			results, err := retention.Run(ctx, s.targets(entities()...), retention.Options{
				Before: cutoff(), Batch: 25, Progress: func(retention.Progress) { cancel() },
			})
			cancel()
			for _, r := range results {
				removed += r.Entries()
			}
			s.mustBalance(t, err == nil)
			for entity, n := range had {
				s.mustBeMarked(t, entity, n)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, retention.ErrInterrupted) || !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if steps < 7 || removed != 140 {
			t.Errorf("%d runs removed %d entries", steps, removed)
		}
		if n := s.count(t, "annals_revision"); n != 3 {
			t.Errorf("%d revisions left", n)
		}
	})
}

func TestCancelledBeforeIt(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db, layout.Lean)
		s.record(t, 3, cutoff().Add(-time.Minute))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := retention.Run(ctx, s.targets("post"), retention.Options{Before: cutoff()})
		if !errors.Is(err, retention.ErrInterrupted) || s.count(t, s.table("post")) != 6 {
			t.Errorf("got %v", err)
		}
	})
}

// Two runs at once: one works, the others are told by whom.
func TestOneAtATime(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db, layout.Lean)
		s.record(t, 30, cutoff().Add(-time.Minute))
		var once sync.Once
		_, err := s.clean(t, retention.Options{Batch: 10, Progress: func(retention.Progress) {
			once.Do(func() {
				var locked *annals.LockedError
				_, err := s.clean(t, retention.Options{}, "post")
				if !errors.As(err, &locked) || locked.Holder == "" {
					t.Errorf("a second run: %v", err)
				}
			})
		}}, entities()...)
		if err != nil {
			t.Error(err)
		}
		s.mustBalance(t, true)
	})
}

// An entity that is no longer configured is in the registry and is cleaned; one whose table
// somebody dropped names no revision.
func TestFormerEntities(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db, layout.Lean)
		s.record(t, 6, cutoff().Add(-time.Minute))
		s.exec(t, "DROP TABLE "+s.table(odd))
		got, err := s.clean(t, retention.Options{}, entities()...)
		if err != nil || got.Entries() != 12 || got.Revisions != 6 {
			t.Errorf("removed %v, %v", got, err)
		}
	})
}

// A pool of one connection is enough: SQLite in memory has no more.
func TestSingleConnection(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db, layout.Lean)
		s.record(t, 6, cutoff().Add(-time.Minute))
		s.SetMaxOpenConns(1)
		if got, err := s.clean(t, retention.Options{}, entities()...); err != nil || got.Entries() != 14 {
			t.Errorf("removed %v, %v", got, err)
		}
		s.mustBalance(t, true)
	})
}

// The script that --dump-sql prints does the same.
func TestScript(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db, layout.Lean)
		s.record(t, 30, cutoff().Add(-30*time.Second))
		s.record(t, 6, cutoff())
		scripts, err := retention.SQL(t.Context(), s.targets(entities()...), retention.Options{
			Before: cutoff(), Actor: `o'neil \ "x"`,
		})
		if err != nil || len(scripts) != 1 {
			t.Fatalf("%q, %v", scripts, err)
		}
		if n := s.count(t, s.table("post")); n != 72 {
			t.Errorf("writing the script has left %d entries", n)
		}
		for statement := range strings.SplitSeq(scripts[0], ";\n") {
			if strings.TrimSpace(statement) != "" {
				s.exec(t, statement)
			}
		}
		if a, b := s.count(t, s.table("post")), s.count(t, s.table(odd)); a != 12 || b != 2 {
			t.Errorf("left %d and %d", a, b)
		}
		marks, err := s.store.Marks(t.Context())
		if err != nil || len(marks) != 2 || marks[0].Actor != `o'neil \ "x"` || !marks[0].Before.Equal(cutoff()) {
			t.Errorf("marks %v, %v", marks, err)
		}
		s.mustBalance(t, true)
	})
}

// Without the table of marks nothing is removed.
func TestOldSchema(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db, layout.Lean)
		s.record(t, 6, cutoff().Add(-time.Minute))
		s.exec(t, "DROP TABLE annals_clean")
		if _, err := s.clean(t, retention.Options{}, "post"); !errors.Is(err, annals.ErrSchema) {
			t.Errorf("got %v", err)
		}
		if n := s.count(t, s.table("post")); n != 12 {
			t.Errorf("%d entries left", n)
		}
		if marks, err := s.store.Marks(t.Context()); err != nil || len(marks) != 0 {
			t.Errorf("marks %v, %v", marks, err)
		}
	})
}

func TestRefused(t *testing.T) {
	s := newScene(t, testdb.New(t, "sqlite"), layout.Lean)
	for name, o := range map[string]retention.Options{
		"no cut-off":  {},
		"future":      {Before: time.Now().Add(time.Hour)},
		"empty batch": {Before: cutoff(), Batch: -1},
	} {
		for what, run := range map[string]func() error{
			"run":  func() error { _, err := retention.Run(t.Context(), s.targets("post"), o); return err },
			"plan": func() error { _, err := retention.Plan(t.Context(), s.targets("post"), o); return err },
			"sql":  func() error { _, err := retention.SQL(t.Context(), s.targets("post"), o); return err },
		} {
			if err := run(); !errors.Is(err, annals.ErrConfig) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}
