package sqlstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seed-162b1470/annals/dialect"
)

// A batch that the database chose as the victim of a deadlock is written again:
// nothing was stored then. Writers that meet again at once choose each other as
// victims again, so each waits for a while of its own, longer from one time to the
// next.
const (
	// maxAttempts bounds how often a batch is written.
	maxAttempts = 20
	// attempts are made however long each takes; further ones only within
	// retryTime of the first, since an attempt may itself have waited long for a lock.
	attempts  = 3
	retryTime = 10 * time.Second
	// firstWait and maxWait bound the wait after the first attempt, and after any.
	firstWait = 2 * time.Millisecond
	maxWait   = 200 * time.Millisecond
)

// retry calls try until it stores its batch, fails for good or has failed too often.
// A context that ends while waiting ends it too.
func (s *Store) retry(ctx context.Context, try func() error) error {
	begin := time.Now()
	for n := 1; ; n++ {
		err := try()
		if err == nil || s.cfg.Dialect.Classify(err) != dialect.ClassRetryable ||
			n == maxAttempts || (n >= attempts && time.Since(begin) > retryTime) {
			return err
		}
		if ended := pause(ctx, waitAfter(n, rand.Float64())); ended != nil {
			return fmt.Errorf("%w (not tried again: %w)", err, ended)
		}
	}
}

// waitAfter is how long to wait after the n-th attempt; chance is from 0 to 1.
func waitAfter(n int, chance float64) time.Duration {
	most := maxWait
	if doubled := firstWait << min(n-1, 16); doubled < most {
		most = doubled
	}
	return time.Duration(chance * float64(most))
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
