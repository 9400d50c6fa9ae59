package verify

import (
	"context"

	"github.com/seed-162b1470/annals"
)

// Built tells what the configuration asks for and this version does not do.
type Built struct {
	// Faults are those of config.Config.Unbuilt.
	Faults []annals.Fault
}

var _ Check = Built{}

// Name implements Check.
func (Built) Name() string { return "what the configuration asks for" }

// Run implements Check.
func (c Built) Run(context.Context) ([]Finding, error) {
	found := make([]Finding, 0, len(c.Faults))
	for _, f := range c.Faults {
		found = append(found, Finding{
			Severity: Error, Kind: KindNotBuilt, Detail: f.Path + ": " + f.Problem, Remedy: f.Remedy,
		})
	}
	return found, nil
}
