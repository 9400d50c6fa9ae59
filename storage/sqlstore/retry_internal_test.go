package sqlstore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-162b1470/annals/dialect"
)

// victim is an error of the class that is worth another attempt.
type victim struct{ dialect.Dialect }

var errVictim = errors.New("deadlock")

func (victim) Classify(err error) dialect.Class {
	if errors.Is(err, errVictim) {
		return dialect.ClassRetryable
	}
	return dialect.ClassUnknown
}

func TestRetry(t *testing.T) {
	errBroken := errors.New("broken")
	tests := map[string]struct {
		// takes is how long each attempt takes, fails how many of them end as victims.
		takes time.Duration
		fails int
		then  error
		want  error
		tries int
		most  time.Duration
	}{
		"at once":           {tries: 1},
		"late":              {fails: maxAttempts - 1, tries: maxAttempts, most: maxAttempts * maxWait},
		"never":             {fails: 1000, want: errVictim, tries: maxAttempts, most: maxAttempts * maxWait},
		"for good":          {fails: 2, then: errBroken, want: errBroken, tries: 3, most: 3 * firstWait},
		"slow, and late":    {takes: time.Minute, fails: attempts - 1, tries: attempts, most: 4 * time.Minute},
		"slow, and never":   {takes: time.Minute, fails: 1000, want: errVictim, tries: attempts, most: 4 * time.Minute},
		"within retry time": {takes: time.Second, fails: 1000, want: errVictim, tries: 11, most: 13 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Store{cfg: Config{Dialect: victim{}}}
				begin, tries := time.Now(), 0
				err := s.retry(t.Context(), func() error {
					tries++
					time.Sleep(tt.takes)
					if tries <= tt.fails {
						return errVictim
					}
					return tt.then
				})
				if !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
					t.Errorf("got %v", err)
				}
				// A second's attempts may be one fewer, by their waits.
				if tries != tt.tries && (tt.takes != time.Second || tries != tt.tries-1) {
					t.Errorf("%d attempts, want %d", tries, tt.tries)
				}
				if took := time.Since(begin); took > tt.most {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &Store{cfg: Config{Dialect: victim{}}}
		tries := 0
		err := s.retry(ctx, func() error {
			tries++
			if tries == 2 {
				cancel()
			}
			return errVictim
		})
		// The wait may be nothing: then there is one more attempt.
		if !errors.Is(err, errVictim) || !errors.Is(err, context.Canceled) || tries > 4 {
			t.Errorf("%d attempts, %v", tries, err)
		}
	})
}

func TestWaitAfter(t *testing.T) {
	for n := 1; n <= 100; n++ {
		least, most := waitAfter(n, 0), waitAfter(n, 1)
		if least != 0 || most < firstWait || most > maxWait || (n > 1 && most < waitAfter(n-1, 1)) {
			t.Errorf("after attempt %d: %s to %s", n, least, most)
		}
	}
}
