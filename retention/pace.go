package retention

import (
	"time"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/storage"
)

const (
	// smallest is the least that a batch shrinks to.
	smallest = 10
	// longBatch is what a batch may take where rows are locked one by one, and
	// longExclusive where it keeps every writer out.
	longBatch     = 50 * time.Millisecond
	longExclusive = 3 * time.Millisecond
	// forgets is what a dear row still counts a batch later.
	forgets = 0.9
	// shortestGap lies between two batches that keep every writer out. SQLite has no
	// queue: who waits for the lock asks for it after 1, 2, 5, 10, 15, 20 and then 25 ms,
	// three times, before it asks more seldom. In a gap that is longer than that it
	// asks at least once, so that no writer meets two batches in a row.
	shortestGap = 30 * time.Millisecond
	// quietGap is enough after quiet batches beside which nobody wrote: the first who
	// does has it found free three times out of four.
	quietGap = 10 * time.Millisecond
	quiet    = 20
)

// pace finds the size of batches that take their time and no more.
type pace struct {
	size, most int
	target     time.Duration
	// perRow is what a row took, the dearest of late counting most.
	perRow float64
	// exclusive: a batch keeps every writer out. Then the time behind it is theirs, up to
	// next.
	exclusive bool
	next      time.Time
	// quiet is how many batches ago somebody else wrote.
	quiet int
}

func newPace(d dialect.Dialect, most int) *pace {
	p := &pace{most: most, size: most, target: longBatch}
	if !d.Features().RowLocks {
		p.exclusive, p.target = true, longExclusive
		p.size = min(most, 10*smallest)
	}
	return p
}

// learn makes the next batch as large as its time allows. It shrinks at once and grows
// by a quarter at a time, for one batch is not as quick as the other.
func (p *pace) learn(n int, held time.Duration) {
	if n == 0 {
		p.size = min(p.most, grown(p.size)) // nobody waited
		return
	}
	p.perRow = max(float64(max(held, time.Microsecond))/float64(n), p.perRow*forgets)
	fits := int(float64(p.target) / p.perRow)
	p.size = min(p.most, max(min(smallest, p.most), min(fits, grown(n))))
}

func grown(n int) int { return n + n/4 + 1 }

// release notes the locks that a batch had. Three quarters of the time behind it
// belong to the writers, and while there are any as much as each needs for its turn.
func (p *pace) release(t storage.Turn) {
	if !p.exclusive || t.Released.IsZero() {
		return
	}
	if p.quiet++; !t.Alone {
		p.quiet = 0
	}
	gap := shortestGap
	if p.quiet >= quiet {
		gap = quietGap
	}
	p.next = t.Released.Add(max(gap, 3*t.Held))
}
