package mirrorstore

import (
	"context"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/track"
)

// item is one mutation on its way to entries.
type item struct {
	sheet    *journal.Sheet
	receipt  journal.Receipt
	table    *track.Table
	mutation annals.Mutation
	// ordinal is that of its rows.
	ordinal int64
}

// by is the item's revision, or nobody's where it is missing or another connection's:
// the change happened, and who may have made it must not keep others from reading.
// verify finds both.
func (i *item) by(rev *annals.Revision) *annals.Revision {
	if rev == nil || journal.Foreign(i.ordinal, rev.Hash) {
		return journal.Nobody(i.sheet.Source, &i.receipt)
	}
	return rev
}

// at is the place of the item's first entry.
func (i *item) at() annals.Position {
	return annals.Position{
		CreatedAt: i.receipt.CreatedAt, Source: i.sheet.Source, Seq: i.mutation.Seq,
	}
}

// feed is a source of items in the order of a page, a few at a time.
type feed struct {
	// pull returns the next items; none means the end.
	pull func(ctx context.Context) ([]item, error)
	// ready are those that were pulled and not taken.
	ready []item
	ended bool
}

// head returns the next item without taking it, nil at the end.
func (f *feed) head(ctx context.Context) (*item, error) {
	for len(f.ready) == 0 && !f.ended {
		some, err := f.pull(ctx)
		if err != nil {
			return nil, err
		}
		f.ready, f.ended = some, len(some) == 0
	}
	if len(f.ready) == 0 {
		return nil, nil
	}
	return &f.ready[0], nil
}

// merge returns up to n of the feeds' items in order, each number of a source once.
func merge(ctx context.Context, feeds []*feed, ascending bool, n int) ([]item, error) {
	var out []item
	for len(out) < n {
		var first *feed
		var best annals.Position
		for _, f := range feeds {
			head, err := f.head(ctx)
			if err != nil {
				return nil, err
			}
			if head != nil && (first == nil || head.at().Before(best) == ascending && head.at() != best) {
				first, best = f, head.at()
			}
		}
		if first == nil {
			return out, nil
		}
		next := first.ready[0]
		first.ready = first.ready[1:]
		if len(out) == 0 || out[len(out)-1].at() != next.at() {
			out = append(out, next)
		}
	}
	return out, nil
}
