package capture

import (
	"cmp"
	"context"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// Parts is the ability of a Sink to store one revision in several calls:
// storage.Parts.
type Parts interface {
	WritePart(ctx context.Context, tx dialect.Execer, rev *annals.Revision,
		entries []annals.Entry) error
	WriteReceipts(ctx context.Context, tx dialect.Execer, rev *annals.Revision,
		receipts []annals.Receipt) error
}

// What may be pending before it is worth a part of its own.
const (
	partMutations = 10_000
	partBytes     = 16 << 20
)

// written is what a transaction has stored of its revision ahead of the commit.
// It is not changed once made: savepoints go back to it.
type written struct {
	rev    annals.Revision
	counts map[annals.Receipt]int
}

// with returns what is written once entries are too.
func (w *written) with(rev *annals.Revision, entries []annals.Entry) *written {
	next := &written{rev: *rev, counts: map[annals.Receipt]int{}}
	if w != nil {
		for r, n := range w.counts {
			next.counts[r] = n
		}
	}
	for i := range entries {
		next.counts[annals.Receipt{Entity: entries[i].Entity, Type: entries[i].Type}]++
	}
	return next
}

func (w *written) receipts() []annals.Receipt {
	out := make([]annals.Receipt, 0, len(w.counts))
	for r, n := range w.counts {
		r.Entries = n
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b annals.Receipt) int {
		return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Type, b.Type))
	})
	return out
}

// Spill stores what is pending, where that is much, so that a transaction of any
// size takes little memory. What was captured before the innermost savepoint
// must not be stored after it, since a rollback to it would take the entries of
// changes that stay: then everything waits for the commit.
func (u *Unit) Spill(ctx context.Context, tx dialect.Execer) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	sink, ok := u.cfg.Sink.(Parts)
	if !ok || len(u.failures) > 0 || (len(u.pending) <= partMutations && u.size <= partBytes) {
		return nil
	}
	if last := len(u.marks) - 1; last >= 0 && u.marks[last].n > u.base {
		return nil
	}
	return u.part(ctx, tx, sink)
}

// part stores what is pending as a part of the revision.
func (u *Unit) part(ctx context.Context, tx dialect.Execer, sink Parts) error {
	entries, err := u.entries()
	if err != nil {
		return err
	}
	rev := u.revision()
	if u.written != nil {
		rev = u.written.rev
	}
	if err := sink.WritePart(ctx, tx, &rev, entries); err != nil {
		return u.unwritten(len(entries), err)
	}
	if err := u.keepTold(ctx, tx, &rev, entries); err != nil {
		return u.unwritten(len(entries), err)
	}
	u.written = u.written.with(&rev, entries)
	u.base += len(u.pending)
	u.pending, u.size = nil, 0
	u.log(ctx, &rev, entries)
	return nil
}

// rest stores what is pending behind the parts, and ends the revision.
func (u *Unit) rest(ctx context.Context, tx dialect.Execer, sink Parts) error {
	if len(u.pending) > 0 {
		if err := u.part(ctx, tx, sink); err != nil {
			return err
		}
	}
	rev := u.written.rev
	if err := sink.WriteReceipts(ctx, tx, &rev, u.written.receipts()); err != nil {
		return u.unwritten(0, err)
	}
	return nil
}
