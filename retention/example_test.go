package retention_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-162b1470/annals/retention"
)

// Months are calendar months, counted in the zone of now.
func ExampleCutOff() {
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	before, err := retention.CutOff("P1M", now)
	fmt.Println(before, err)
	// Output: 2026-02-28 12:00:00 +0000 UTC <nil>
}

// The targets of an auditor are those of its Retention method.
func ExampleRun() {
	var targets []retention.Target
	results, err := retention.Run(context.Background(), targets, retention.Options{
		Before: time.Now().AddDate(-1, 0, 0), Actor: "nightly",
		Progress: func(p retention.Progress) { fmt.Println(p.Entity, p.Done, p.Total) },
	})
	for _, r := range results {
		fmt.Println(r.Storage, r.Entries(), r.Revisions)
	}
	fmt.Println(err)
	// Output: <nil>
}
