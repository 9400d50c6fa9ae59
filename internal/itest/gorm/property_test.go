package gorm_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// step is one operation of a random workload: what it means is up to the
// operation.
type step struct {
	Op   int
	A, B int
	Text string
	Flag bool
	// Inner are the steps of a transaction, End how it ends.
	Inner []step
	End   int
}

// Ends of a transaction.
const (
	commits = iota
	rollsBack
	ends
)

// GoString is short: rapid prints what it draws.
func (s step) GoString() string {
	if s.Inner == nil {
		return fmt.Sprintf("%d(%d,%d,%q,%v)", s.Op, s.A, s.B, s.Text, s.Flag)
	}
	return fmt.Sprintf("tx%d%#v", s.End, s.Inner)
}

// steps draws a workload.
func steps(operations, least, most int) *rapid.Generator[[]step] {
	plain := rapid.Custom(func(t *rapid.T) step {
		return step{
			Op: rapid.IntRange(0, operations-1).Draw(t, "op"),
			A:  rapid.IntRange(0, 9).Draw(t, "a"), B: rapid.IntRange(0, 9).Draw(t, "b"),
			Text: rapid.SampledFrom([]string{
				"", "x", "long and longer", "quo\"te'd", "ünï", "0", "null", "a\nb",
			}).Draw(t, "text"),
			Flag: rapid.Bool().Draw(t, "flag"),
		}
	})
	some := rapid.Custom(func(t *rapid.T) step {
		if rapid.IntRange(0, 9).Draw(t, "transaction") > 1 {
			return plain.Draw(t, "step")
		}
		nested := rapid.Custom(func(t *rapid.T) step {
			if rapid.IntRange(0, 4).Draw(t, "savepoint") > 0 {
				return plain.Draw(t, "step")
			}
			return step{
				Inner: rapid.SliceOfN(plain, 1, 4).Draw(t, "inner"),
				End:   rapid.IntRange(0, ends-1).Draw(t, "end"),
			}
		})
		return step{
			Inner: rapid.SliceOfN(nested, 1, 6).Draw(t, "inner"),
			End:   rapid.IntRange(0, ends-1).Draw(t, "end"),
		}
	})
	return rapid.SliceOfN(some, least, most)
}

// operation changes something, or fails as the database has it.
type operation func(db *gorm.DB, s step) error

// run runs a workload. Errors of the database belong to it; those of annals do
// not.
func run(db *gorm.DB, all []operation, workload []step) error {
	for _, s := range workload {
		err := db.Transaction(func(tx *gorm.DB) error {
			if s.Inner == nil {
				return all[s.Op](tx, s)
			}
			if err := run(tx, all, s.Inner); err != nil {
				return err
			}
			if s.End == rollsBack {
				return errStop
			}
			return nil
		})
		for _, fault := range []error{annals.ErrCapture, annals.ErrConfig, annals.ErrSchema} {
			if errors.Is(err, fault) {
				return err
			}
		}
	}
	return nil
}

// TestReplay runs random programs: afterwards the entries, applied in their
// order to what was there before, give what is there now.
func TestReplay(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, true, gorm.Config{})
		all := operations()
		rapid.Check(t, func(rt *rapid.T) {
			w.reset()
			before := w.live()
			workload := steps(len(all), 60, 120).Draw(rt, "workload")
			ctx := annals.WithActor(context.Background(), annals.Actor{ID: "42"})
			if err := run(w.db.WithContext(ctx), all, workload); err != nil {
				rt.Fatalf("capture: %v", err)
			}
			entries := w.stored()
			if problem := w.replayed(before, entries); problem != "" {
				rt.Fatal(problem)
			}
			rt.Logf("%d entries", len(entries))
		})
	})
}
