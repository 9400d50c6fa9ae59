package main

import (
	"errors"
	"fmt"
	"strings"
)

// limit is how many statements auditing may add to an operation.
type limit struct {
	// design is what the design allows on the databases together, asserted what
	// it may be on this one.
	design, asserted int
}

// limitOf: per captured statement one read for a create and a delete, two for an
// update; per transaction one statement for revision and numbers, and one for
// each audit table and 1,000 entries.
func limitOf(e engine, w work) limit {
	perStatement := 1
	if w.op == opUpdate {
		perStatement = 2
	}
	design := perStatement*w.batches() + 1 + w.batches()
	return limit{design: design, asserted: design + e.extra(w)}
}

// added is what auditing adds to an operation's counts.
func (m writing) added(variant string) counts {
	return m.through.counts[variant].minus(m.without.counts[variant])
}

// exceeded are the counts over their limits.
func (r report) exceeded() error {
	var faults []error
	for _, res := range r.results {
		for _, m := range res.writes {
			most := limitOf(res.engine, m.work).asserted
			for _, variant := range res.engine.variants() {
				faults = append(faults, check(res.engine, m, variant, most))
			}
		}
		for _, m := range res.reads {
			if m.statements > m.most {
				faults = append(faults, fmt.Errorf("%s: %s: %d statements, the limit is %d",
					res.engine.kind(), m.name, m.statements, m.most))
			}
		}
		faults = append(faults, res.triggers.exceeded(res.engine))
		if n := res.cleaned.waits; n > 0 {
			faults = append(faults, fmt.Errorf("%s: %d statements of writers waited too long for a "+
				"lock while old entries were removed", res.engine.kind(), n))
		}
	}
	return errors.Join(faults...)
}

// check holds one work's counts against the limit: a round trip for a statement,
// and one more where the driver prepares it.
func check(e engine, m writing, variant string, most int) error {
	c := m.added(variant)
	where := strings.TrimSpace(e.kind()+" "+variant) + ": " + m.work.String()
	trips := most
	if e.prepares(variant) {
		trips *= 2
	}
	var faults []error
	if c.statements > most {
		faults = append(faults, fmt.Errorf("%s: %d statements added, the limit is %d",
			where, c.statements, most))
	}
	if c.trips > trips {
		faults = append(faults, fmt.Errorf("%s: %d round trips added, the limit is %d",
			where, c.trips, trips))
	}
	return errors.Join(faults...)
}
