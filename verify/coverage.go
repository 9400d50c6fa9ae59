package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/track"
)

// Coverage checks that every table of one source is audited, or else names it.
type Coverage struct {
	DB       dialect.Queryer
	Registry *track.Registry
	// All means that the rules have "*", so that a table that is not audited was
	// excluded.
	All bool
	// Own reports whether a table is annals' own, by its name.
	Own func(annals.Table) bool
}

var _ Check = Coverage{}

// Name implements Check.
func (c Coverage) Name() string { return "coverage of source " + c.Registry.Source() }

// Run implements Check.
func (c Coverage) Run(ctx context.Context) ([]Finding, error) {
	live, err := catalog.List(ctx, c.DB, c.Registry.Dialect())
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, name := range live {
		covered, err := c.covered(ctx, name)
		if err != nil {
			return found, err
		}
		if covered {
			continue
		}
		f := Finding{
			Severity: Note, Source: c.Registry.Source(), Kind: KindNotAudited,
			Detail: fmt.Sprintf("table %s is not audited: no entity names it", name),
			Remedy: fmt.Sprintf("name it under entities, or take no notice; "+
				`entities: {"*": {}} takes every table, but for sources.%s.exclude`,
				c.Registry.Source()),
		}
		if c.All {
			f.Detail = fmt.Sprintf("table %s is not audited: it is excluded", name)
			f.Remedy = fmt.Sprintf("take it off sources.%s.exclude, or take no notice",
				c.Registry.Source())
		}
		found = append(found, f)
	}
	return found, nil
}

// covered reports whether nothing is to be said of a table: it is audited, or part
// of annals.
func (c Coverage) covered(ctx context.Context, name annals.Table) (bool, error) {
	if c.Own != nil && c.Own(name) {
		return true, nil
	}
	known, err := c.Registry.Canonical(ctx, c.DB, name)
	if err != nil || c.Registry.Audited(known) {
		return err == nil, err
	}
	t, err := catalog.Load(ctx, c.DB, c.Registry.Dialect(), name)
	if errors.Is(err, catalog.ErrNoTable) {
		return true, nil // it was dropped meanwhile
	}
	return err == nil && track.IsAuditTable(t), err
}
