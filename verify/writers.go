package verify

import (
	"context"
	"fmt"
)

// Writers notes what the capture of a source cannot see.
type Writers struct {
	Source string
	// ORM means that the rows are captured in the application.
	ORM bool
}

var _ Check = Writers{}

// Name implements Check.
func (c Writers) Name() string { return "writers of source " + c.Source }

// Run implements Check.
func (c Writers) Run(context.Context) ([]Finding, error) {
	if !c.ORM {
		return nil, nil
	}
	return []Finding{{
		Severity: Note, Source: c.Source, Kind: KindUnseen,
		Detail: "rows are captured by the ORM plugin: raw SQL and other programs change them " +
			"without an entry",
		Remedy: fmt.Sprintf("write audited tables through the ORM only, or let triggers capture "+
			"them: sources.%s.capture: trigger", c.Source),
	}}, nil
}
