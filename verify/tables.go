package verify

import (
	"context"
	"errors"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/track"
)

// Tables checks the audited tables of one source: that they are there and can be
// audited as the rules say.
type Tables struct {
	DB       dialect.Queryer
	Registry *track.Registry
	// Entities are those that the rules name.
	Entities []annals.Entity
}

var _ Check = Tables{}

// Name implements Check.
func (c Tables) Name() string { return "audited tables of source " + c.Registry.Source() }

// Run implements Check.
func (c Tables) Run(ctx context.Context) ([]Finding, error) {
	live, err := catalog.List(ctx, c.DB, c.Registry.Dialect())
	if err != nil {
		return nil, err
	}
	names := make([]annals.Table, 0, len(c.Entities)+len(live))
	for _, e := range c.Entities {
		names = append(names, e.Table)
	}
	for _, t := range live {
		if c.Registry.EntityOf(t) != nil && !slices.Contains(names, t) {
			names = append(names, t)
		}
	}
	var found []Finding
	var failed []error
	for _, name := range names {
		if _, err := c.Registry.Table(ctx, c.DB, name); err != nil {
			findings, err := c.explain(c.Registry.EntityOf(name), err)
			found, failed = append(found, findings...), append(failed, err)
		}
	}
	if len(found) == 0 && errors.Join(failed...) == nil {
		// What only shows when all tables are looked at together.
		if _, err := c.Registry.Entities(ctx, c.DB); err != nil {
			findings, err := c.explain(nil, err)
			found, failed = append(found, findings...), append(failed, err)
		}
	}
	return found, errors.Join(failed...)
}

// explain turns faults of a table into findings; what is no fault of a table, as a
// database that does not answer, comes back.
func (c Tables) explain(e *annals.Entity, err error) (found []Finding, rest error) {
	var failed []error
	for _, err := range parts(err) {
		var faults *annals.ConfigError
		var one *annals.Error
		kind := kindOf(err)
		switch {
		case kind == "":
			failed = append(failed, err)
		case errors.As(err, &faults):
			for _, f := range faults.Faults {
				detail := f
				detail.Remedy = ""
				found = append(found, c.finding(e, kind, detail.String(), f.Remedy))
			}
		case errors.As(err, &one):
			detail := *one
			detail.Remedy = ""
			found = append(found, c.finding(e, kind, detail.Error(), one.Remedy))
		default:
			found = append(found, c.finding(e, kind, err.Error(), ""))
		}
	}
	return found, errors.Join(failed...)
}

// told reports whether an error is nothing but faults of tables, which Tables tells.
func told(err error) bool {
	all := parts(err)
	return len(all) > 0 && !slices.ContainsFunc(all, func(err error) bool { return kindOf(err) == "" })
}

// kindOf is the kind of a table's fault; "" of any other error.
func kindOf(err error) string {
	switch {
	case errors.Is(err, catalog.ErrNoTable):
		return KindTableMissing
	case errors.Is(err, annals.ErrNoKey):
		return KindNoKey
	case errors.Is(err, annals.ErrNotTransactional):
		return KindNotTransactional
	case errors.Is(err, annals.ErrConfig):
		return KindRules
	}
	return ""
}

func (c Tables) finding(e *annals.Entity, kind, detail, remedy string) Finding {
	f := Finding{
		Severity: Error, Source: c.Registry.Source(), Kind: kind, Detail: detail, Remedy: remedy,
	}
	if e != nil {
		f.Entity = e.Name
	}
	if f.Remedy == "" {
		f.Remedy = "correct the configuration: annals config check"
	}
	return f
}
