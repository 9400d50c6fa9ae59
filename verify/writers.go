package verify

import (
	"context"

	"github.com/seed-162b1470/annals/config"
)

// Writers notes what the capture of a source cannot see.
type Writers struct {
	Source string
	// ORM means that the rows are captured in the application, Raw what becomes of
	// raw SQL there: the values of config.Source.
	ORM bool
	Raw string
}

var _ Check = Writers{}

// Name implements Check.
func (c Writers) Name() string { return "writers of source " + c.Source }

// Run implements Check.
func (c Writers) Run(context.Context) ([]Finding, error) {
	if !c.ORM {
		return nil, nil
	}
	found := []Finding{{
		Severity: Note, Source: c.Source, Kind: KindUnseen,
		Detail: "rows are captured in the application: what other programs change leaves no entry",
		Remedy: "let other programs read audited tables only, by the rights of their accounts",
	}}
	if c.Raw == config.RawRefuse {
		return found, nil
	}
	detail := "raw SQL of the application is told without the rows that it changes"
	if c.Raw == config.RawAllow {
		detail = "raw SQL of the application changes rows without an entry"
	}
	return append(found, Finding{
		Severity: Note, Source: c.Source, Kind: KindRawSQL, Detail: detail,
		Remedy: "write audited tables through the ORM, and refuse what goes past it: sources." +
			c.Source + ".raw: " + config.RawRefuse,
	}), nil
}
