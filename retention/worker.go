package retention

import (
	"context"
	"time"

	"github.com/seed-162b1470/annals/lock"
	"github.com/seed-162b1470/annals/storage"
)

const (
	// grace is how long a batch may still take after the run was told to stop.
	grace = 10 * time.Second
	// checkEvery is how often the database is asked whether the lock is still held.
	checkEvery = 30 * time.Second
)

// worker cleans one storage.
type worker struct {
	target   Target
	options  Options
	cleaning storage.Cleaning
	// lock is nil where nothing is changed.
	lock    *lock.Lock
	checked time.Time
	pace    *pace
}

// entity removes the old entries of one entity and returns how many went. The mark
// comes before the first of them.
func (w *worker) entity(ctx context.Context, planned Count) (done int64, err error) {
	if planned.Entries == 0 {
		return 0, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, interrupted(err)
	}
	err = w.cleaning.Mark(ctx, storage.Mark{
		Entity: planned.Entity, Before: w.options.Before, At: w.options.Now(),
		Actor: w.options.Actor,
	})
	if err != nil {
		return 0, err
	}
	sweep := storage.Sweep{Entity: planned.Entity, Before: w.options.Before}
	for {
		sweep.Limit, sweep.NotBefore = w.pace.size, w.pace.next
		var swept storage.Swept
		err := w.batch(ctx, func(ctx context.Context) (err error) {
			swept, err = w.cleaning.Remove(ctx, sweep)
			return err
		})
		w.pace.release(swept.Turn)
		done += int64(swept.Entries)
		if swept.Entries > 0 {
			w.options.Progress(Progress{
				Storage: w.target.Storage, Entity: planned.Entity, Removed: swept.Entries,
				Done: done, Total: max(planned.Entries, done), Held: swept.Held,
			})
		}
		if err != nil || swept.Entries < sweep.Limit {
			return done, err
		}
		sweep.From = swept.Last
		w.pace.learn(swept.Entries, swept.Held)
	}
}

// revisions goes through all revisions.
func (w *worker) revisions(ctx context.Context, r *Result) error {
	sweep := storage.RevisionSweep{
		Before: w.options.Before, DryRun: w.lock == nil, Entities: w.target.Entities,
	}
	for {
		sweep.Limit, sweep.NotBefore = w.pace.size, w.pace.next
		var swept storage.RevisionsSwept
		err := w.batch(ctx, func(ctx context.Context) (err error) {
			swept, err = w.cleaning.RemoveRevisions(ctx, sweep)
			return err
		})
		w.pace.release(swept.Turn)
		r.Revisions += int64(swept.Revisions)
		if swept.Revisions > 0 && !sweep.DryRun {
			w.options.Progress(Progress{
				Storage: w.target.Storage, Removed: swept.Revisions, Done: r.Revisions,
				Held: swept.Held,
			})
		}
		if err != nil || swept.Done {
			return err
		}
		sweep.After = swept.Last
		w.pace.learn(swept.Revisions, swept.Held)
	}
}

// batch runs one step to its end, also where ctx is done meanwhile.
func (w *worker) batch(ctx context.Context, f func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return interrupted(err)
	}
	if err := w.check(ctx); err != nil {
		return err
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	defer stop()
	if err := f(work); err != nil {
		if cause := ctx.Err(); cause != nil && work.Err() != nil {
			return interrupted(cause)
		}
		return err
	}
	return nil
}

// check makes sure of the lock now and then: a row with a heartbeat, as on SQLite,
// can be taken over while the process sleeps.
func (w *worker) check(ctx context.Context) error {
	if w.lock == nil || time.Since(w.checked) < checkEvery {
		return nil
	}
	w.checked = time.Now()
	return w.lock.Check(ctx)
}
