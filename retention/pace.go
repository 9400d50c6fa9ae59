package retention

import (
	"context"
	"time"

	"github.com/seed-162b1470/annals/dialect"
)

const (
	// smallest is the least that a batch shrinks to.
	smallest = 10
	// longBatch is what a batch may take where rows are locked one by one, and
	// longExclusive where it keeps every writer out.
	longBatch     = 50 * time.Millisecond
	longExclusive = 10 * time.Millisecond
)

// pace finds the size of batches that take their time and no more.
type pace struct {
	size, most int
	target     time.Duration
	// exclusive: a batch keeps every writer out. Then the time behind it is theirs.
	exclusive bool
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
	fits := int(float64(n) * float64(p.target) / float64(max(held, time.Microsecond)))
	p.size = min(p.most, max(min(smallest, p.most), min(fits, grown(n))))
}

func grown(n int) int { return n + n/4 + 1 }

// yield waits twice as long as the batch kept others waiting: whoever waits for
// SQLite's lock asks for it now and then, and has to find it free more often
// than not.
func (p *pace) yield(ctx context.Context, held time.Duration) {
	if !p.exclusive || held == 0 {
		return
	}
	timer := time.NewTimer(2 * held)
	defer timer.Stop()
	select {
	case <-ctx.Done(): // the next batch says so
	case <-timer.C:
	}
}
