package audittest

import (
	"context"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/reader"
)

// read returns every entry of the auditor's storages, oldest first.
func read(ctx context.Context, aud *auditor.Auditor) ([]annals.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all []annals.Entry
	q := reader.Query{Ascending: true, Limit: reader.MaxLimit}
	for {
		page, err := aud.Reader().Find(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read entries: %w", waiting(ctx, err))
		}
		all = append(all, page.Entries...)
		if page.Next == "" {
			return all, nil
		}
		q.Cursor = page.Next
	}
}
