package audittest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/schema"
)

const (
	// patience bounds what asks the test's database. It is short because a test that
	// holds the only connection would wait for itself.
	patience = 10 * time.Second
	// installing bounds Install, which may wait for other tests.
	installing = time.Minute
	// turn is how long a test waits before it asks again for a lock.
	turn = 20 * time.Millisecond
)

// New returns the auditor of cfg, with its audit tables in place. The audited
// tables must be there already. What is wrong ends the test.
func New(tb testing.TB, cfg auditor.Config) *auditor.Auditor {
	tb.Helper()
	aud, err := auditor.New(cfg)
	if err != nil {
		tb.Fatalf("audittest: %v", err)
	}
	tb.Cleanup(func() {
		if err := aud.Close(); err != nil {
			tb.Errorf("audittest: close the auditor: %v", err)
		}
	})
	Install(tb, aud)
	return aud
}

// Install makes or updates the audit tables of a program's own auditor, as
// "annals schema update --force" does. It takes turns with other tests on the
// same database, and finds nothing to do the second time.
func Install(tb testing.TB, aud *auditor.Auditor) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), installing)
	defer cancel()
	aud.Refresh()
	manager, err := aud.Schema(ctx, nil)
	if err != nil {
		tb.Fatalf("audittest: plan the audit tables: %v; create the audited tables first", err)
	}
	for {
		err := install(ctx, manager)
		if err == nil {
			return
		}
		if !errors.Is(err, annals.ErrLocked) {
			tb.Fatalf("audittest: make the audit tables: %v", err)
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("audittest: make the audit tables: %v", err)
		case <-time.After(turn):
		}
	}
}

// install asks for the lock only where there is something to do.
func install(ctx context.Context, m *schema.Manager) error {
	plans, err := m.Plan(ctx)
	if err != nil {
		return err
	}
	for i := range plans {
		if !plans[i].Empty() {
			_, err = m.Update(ctx)
			return err
		}
	}
	return nil
}

// Actor returns an actor that no other test has, named after the test. Tests that
// share a database act as it, and tell their entries by it:
//
//	me := audittest.Actor(t)
//	ctx := annals.WithActor(t.Context(), me)
//	// …
//	audittest.Expect(t, aud).By(me.ID).Exactly( … )
func Actor(tb testing.TB) annals.Actor {
	return annals.Actor{
		ID: "test-" + strings.ToLower(rand.Text()), Name: tb.Name(), Type: "Test", Context: "test",
	}
}

// Record runs f and returns the entries that became visible while it ran, in the
// order of capture. Those of transactions that f leaves open are not among them,
// but those of others that write to the same database are.
func Record(tb testing.TB, aud *auditor.Auditor, f func()) []annals.Entry {
	tb.Helper()
	before, err := read(tb.Context(), aud)
	if errors.Is(err, annals.ErrSchema) {
		Install(tb, aud)
		before, err = read(tb.Context(), aud)
	}
	if err != nil {
		tb.Fatalf("audittest: %v", err)
	}
	seen := make(map[place]bool, len(before))
	for i := range before {
		seen[placeOf(&before[i])] = true
	}
	f()
	after, err := read(tb.Context(), aud)
	if err != nil {
		tb.Fatalf("audittest: %v", err)
	}
	var recorded []annals.Entry
	for i := range after {
		if !seen[placeOf(&after[i])] {
			recorded = append(recorded, after[i])
		}
	}
	return recorded
}

// place tells entries apart.
type place struct {
	source string
	seq    int64
	part   int
	entity string
}

func placeOf(e *annals.Entry) place { return place{e.Source, e.Seq, e.Part, e.Entity} }

// waiting explains why a database may not answer a test.
func waiting(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w; a transaction may be open, or rows unread, on the only connection", err)
}
