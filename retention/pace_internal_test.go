package retention

import (
	"testing"
	"time"

	"github.com/seed-162b1470/annals/dialect"
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
