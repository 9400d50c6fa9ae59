package retention

import (
	"testing"
	"time"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/storage"
)

// Whatever a batch costs, the next one takes its time and no more.
func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		d     dialect.Dialect
		most  int
		per   time.Duration // a row
		first int
		low   int
		high  int
	}{
		"rows, fast":           {dialect.Postgres(), 1000, time.Microsecond, 1000, 1000, 1000},
		"rows, slow":           {dialect.Postgres(), 1000, time.Millisecond, 1000, 49, 50},
		"rows, terribly slow":  {dialect.Postgres(), 1000, time.Second, 1000, smallest, smallest},
		"exclusive, fast":      {dialect.SQLite(), 1000, time.Microsecond, 100, 1000, 1000},
		"exclusive, slow":      {dialect.SQLite(), 1000, time.Millisecond, 100, 10, 10},
		"fewer than the least": {dialect.SQLite(), 3, time.Second, 3, 3, 3},
	} {
		p := newPace(c.d, c.most)
		if p.size != c.first {
			t.Errorf("%s: begins with %d", name, p.size)
		}
		for range 30 {
			p.learn(p.size, time.Duration(p.size)*c.per)
		}
		if p.size < c.low || p.size > c.high {
			t.Errorf("%s: %d rows, want %d to %d", name, p.size, c.low, c.high)
		}
	}
	p := newPace(dialect.SQLite(), 1000)
	p.learn(0, 0)
	if p.size != 126 {
		t.Errorf("%d after a batch without rows", p.size)
	}
}

// One slow batch makes the next ones small, and they grow again step by step.
func TestPaceAfterStall(t *testing.T) {
	p := newPace(dialect.SQLite(), 1000)
	p.learn(100, 30*time.Millisecond)
	if p.size != 10 {
		t.Errorf("%d rows after a batch that took ten times too long", p.size)
	}
	before := p.size
	for n := range 60 {
		p.learn(p.size, time.Duration(p.size)*time.Microsecond)
		if p.size < before || p.size > before+before/4+1 {
			t.Fatalf("step %d: from %d to %d rows", n, before, p.size)
		}
		before = p.size
	}
	if p.size != 1000 {
		t.Errorf("%d rows in the end", p.size)
	}
}

// Between two batches there is time for every writer, more after a long one, less
// where nobody has written for a while.
func TestPaceGaps(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := newPace(dialect.SQLite(), 1000)
	gap := func(held time.Duration, alone bool) time.Duration {
		p.release(storage.Turn{Held: held, Released: at, Alone: alone})
		return p.next.Sub(at)
	}
	if got := gap(time.Millisecond, false); got != shortestGap {
		t.Errorf("%s after a short batch", got)
	}
	if got := gap(20*time.Millisecond, false); got != 60*time.Millisecond {
		t.Errorf("%s after a long batch", got)
	}
	for range quiet - 1 {
		if got := gap(time.Millisecond, true); got != shortestGap {
			t.Errorf("%s after a first quiet batch", got)
		}
	}
	if got := gap(time.Millisecond, true); got != quietGap {
		t.Errorf("%s where nobody writes", got)
	}
	if got := gap(time.Millisecond, false); got != shortestGap {
		t.Errorf("%s where somebody has written", got)
	}
	p.release(storage.Turn{})
	if !p.next.Equal(at.Add(shortestGap)) {
		t.Errorf("a sweep without locks moved the turn to %s", p.next)
	}
	rows := newPace(dialect.Postgres(), 1000)
	rows.release(storage.Turn{Held: time.Second, Released: at})
	if !rows.next.IsZero() {
		t.Errorf("waits until %s where rows are locked one by one", rows.next)
	}
}
