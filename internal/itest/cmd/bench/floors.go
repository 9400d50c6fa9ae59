package main

import (
	"context"
	"fmt"
	"strings"
)

// Names of the variants that targets speak of.
const (
	noTrigger   = "no trigger"
	bareInserts = "as many bare inserts"
	bareCopy    = "bare copy"
	indexedCopy = "bare copy, indexed"
	theJournal  = "annals, without readers' indexes"
	theMirror   = "annals"
)

// Tables of the floors.
const (
	bareTable = "bench_bare"
	copyTable = "bench_copy"
)

// floor is a trigger made by hand, that does part of what annals' do.
type floor struct {
	name string
	// statements make it; copies tells that it copies both images.
	statements []string
	copies     bool
}

// variants are all that is compared; the first has no trigger.
func variants(e engine) []variant {
	all := []variant{{
		title: noTrigger,
		make:  func(context.Context, *contender) error { return nil },
	}}
	for _, f := range e.floors() {
		v := variant{
			title: f.name,
			make: func(ctx context.Context, c *contender) error {
				return c.exec(ctx, f.statements...)
			},
		}
		if f.copies {
			v.copied, v.emptied = copyTable, []string{copyTable}
		}
		if f.name == bareInserts {
			v.emptied = []string{bareTable}
		}
		all = append(all, v)
	}
	return append(all, ours()...)
}

// bare is the statement of one bare insert for a revision, one for a receipt and one
// for each image.
func bare(c change) string {
	return strings.Repeat("INSERT INTO "+bareTable+" VALUES (1); ", 2+c.images())
}

// copyIndexes are those that the mirror has on a copy for its readers.
func copyIndexes() []string {
	return []string{
		"CREATE INDEX bench_receipt ON " + copyTable + " (annals_revision_entity_id)",
		"CREATE INDEX bench_key ON " + copyTable + " (id, annals_id)",
	}
}

// copyColumns are the columns of a copy besides its key, which numbers itself.
func copyColumns() string {
	return "annals_revision_entity_id, annals_seq, annals_image, annals_ordinal, " +
		strings.Join(itemColumns, ", ")
}

// imageOf is a row for copyColumns, of row OLD or NEW.
func imageOf(row, receipt, image string) string {
	return fmt.Sprintf("%s, %s, '%s', 1, %s.%s", receipt, receipt, image, row,
		strings.Join(itemColumns, ", "+row+"."))
}

// copyImages is the INSERT of a trigger for each row: annals' copies likewise have
// both images of an update in one statement.
func copyImages(c change) string {
	before, after := imageOf("OLD", "OLD.id", "before"), imageOf("NEW", "NEW.id", "after")
	rows := map[change]string{
		inserted: "(" + after + ")",
		updated:  "(" + before + "), (" + after + ")",
		deleted:  "(" + before + ")",
	}[c]
	return "INSERT INTO " + copyTable + " (" + copyColumns() + ") VALUES " + rows + ";"
}
