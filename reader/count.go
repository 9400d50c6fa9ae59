package reader

import (
	"context"
	"strconv"

	"github.com/seed-162b1470/annals/storage"
)

// CountLimit is how far Count counts.
const CountLimit = 10_000

// Total is how many entries there are, or that there are more than were counted.
type Total struct {
	N    int
	More bool
}

// String returns "17", or "10,000+" where there are more.
func (t Total) String() string {
	text := strconv.Itoa(t.N)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if t.More {
		text += "+"
	}
	return text
}

// Count counts the entries that q asks for, up to CountLimit, exactly. Its Limit
// and Cursor mean nothing. Counting reads the indexes that a page is read from,
// all along; where an entity lies in several storages, or values are compared, it
// has to read the entries. Ask for it only where the number is wanted.
func Count(ctx context.Context, r *Reader, q Query) (Total, error) { return r.Count(ctx, q) }

// Count counts the entries that q asks for; see the function Count.
func (r *Reader) Count(ctx context.Context, q Query) (Total, error) {
	q.Limit, q.Cursor = 0, ""
	asks, at, err := r.prepare(ctx, &q)
	if err != nil {
		return Total{}, err
	}
	if !apart(asks) {
		return r.countPages(ctx, asks, at)
	}
	counts := make([]int, len(asks))
	err = each(ctx, asks, func(ctx context.Context, i int, a ask) error {
		counter, _ := storage.As[storage.Counter](a.Store)
		var err error
		counts[i], err = counter.Count(ctx, at.of(a.query, CountLimit+1))
		return inStorage(a.Name, err)
	})
	if err != nil {
		return Total{}, err
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	return Total{N: min(total, CountLimit), More: total > CountLimit}, nil
}

// apart reports whether what the storages count can be added up.
func apart(asks []ask) bool {
	seen := map[string]bool{}
	for _, a := range asks {
		if _, ok := storage.As[storage.Counter](a.Store); !ok || a.keep != nil {
			return false
		}
		for _, name := range a.query.Entities {
			if seen[name] {
				return false
			}
			seen[name] = true
		}
	}
	return true
}

// countPages counts what pages show.
func (r *Reader) countPages(ctx context.Context, asks []ask, at place) (Total, error) {
	const size = 1000
	total := 0
	for {
		at.limit = min(size, CountLimit+1-total)
		entries, more, err := r.page(ctx, asks, at)
		if err != nil {
			return Total{}, err
		}
		total += len(entries)
		if !more || total > CountLimit {
			return Total{N: min(total, CountLimit), More: total > CountLimit}, nil
		}
		at.goOn(entries[len(entries)-1].Cursor())
	}
}
