package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/schema"
)

// Schema checks that annals' own tables are as the configuration needs them, and
// that stamps have their indexes. What the schema manager would do is what is
// missing.
type Schema struct {
	Manager *schema.Manager
	// SourceOf names the source of an entity.
	SourceOf func(entity string) string
	// Only limits the check to some plans; nil takes all.
	Only func(schema.Plan) bool
}

var _ Check = Schema{}

// Name implements Check.
func (Schema) Name() string { return "audit tables" }

// Run implements Check.
func (c Schema) Run(ctx context.Context) ([]Finding, error) {
	plans, err := c.Manager.Plan(ctx)
	if err != nil {
		return c.conflicts(err)
	}
	var found []Finding
	for _, p := range plans {
		if c.Only == nil || c.Only(p) {
			found = append(found, c.lacking(p)...)
		}
	}
	return found, nil
}

// lacking tells what a plan would do: in one finding an entity, since what was
// never made lacks everything; but each index for stamps by itself.
func (c Schema) lacking(p schema.Plan) []Finding {
	var found []Finding
	var entities []string
	lacks := map[string][]string{}
	for _, s := range p.Statements {
		if s.Stamps {
			found = append(found, c.finding(Note, s.Entity, KindStampIndex,
				"the "+s.Comment+" is missing: who made or changed rows is searched for slowly"))
			continue
		}
		if lacks[s.Entity] == nil {
			entities = append(entities, s.Entity)
		}
		lacks[s.Entity] = append(lacks[s.Entity], s.Comment)
	}
	for _, e := range entities {
		detail := fmt.Sprintf("storage %s lacks: %s", p.Storage, lacks[e][0])
		if more := len(lacks[e]) - 1; more > 0 {
			detail += fmt.Sprintf(", and %d more", more)
		}
		found = append(found, c.finding(Error, e, KindSchema, detail))
	}
	return found
}

func (c Schema) finding(severity Severity, entity, kind, detail string) Finding {
	f := Finding{
		Severity: severity, Entity: entity, Kind: kind, Detail: detail,
		Remedy: "annals schema update --dump-sql shows the SQL, --force executes it",
	}
	if entity != "" && c.SourceOf != nil {
		f.Source = c.SourceOf(entity)
	}
	return f
}

// conflicts turns what stands in the way of a plan into findings.
func (c Schema) conflicts(err error) (found []Finding, rest error) {
	var failed []error
	for _, err := range parts(err) {
		var one *annals.Error
		if !errors.As(err, &one) || !errors.Is(err, schema.ErrConflict) {
			failed = append(failed, err)
			continue
		}
		f := c.finding(Error, "", KindConflict, one.Subject+": "+one.Err.Error())
		f.Remedy = one.Remedy
		found = append(found, f)
	}
	return found, errors.Join(failed...)
}
