package journal

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/schema"
)

// withRenamed adds to the steps of targets whose live triggers know another name what
// puts the receipts of these triggers under the new one: since the name changed they
// have gone on under the former, and would be out of sight. Where the database can, it
// is done together with the new triggers.
func (j *Journal) withRenamed(
	ctx context.Context, q queryers, targets []Target, known []string, steps []step,
) ([]step, error) {
	live, err := j.gen.installed(ctx, q)
	if err != nil {
		return nil, err
	}
	own, err := j.gen.home(ctx, q.storage)
	if err != nil {
		return nil, fmt.Errorf("read schema of storage %s: %w", j.cfg.Storage, err)
	}
	for i := range targets {
		t := &targets[i]
		former := formerNames(t, live, known)
		at := slices.IndexFunc(steps, func(s step) bool { return s.subject == subjectOf(t) })
		if len(former) == 0 || at < 0 {
			continue
		}
		moves := j.moveReceipts(within(own, annals.Table{Name: layout.RevisionEntityTable}), t, former)
		if j.cfg.Dialect.Features().TransactionalDDL {
			steps[at].body = append(slices.Clone(steps[at].body), moves...)
			continue
		}
		steps = slices.Insert(steps, at+1, step{subject: subjectOf(t), body: moves})
	}
	return steps, nil
}

// subjectOf names a target in errors.
func subjectOf(t *Target) string { return "entity " + t.Name }

// formerNames are those that live triggers of the table have for it.
func formerNames(t *Target, live []Installed, known []string) []string {
	var names []string
	for _, i := range live {
		if i.Table == t.Source && !slices.Contains(known, i.Target) && !slices.Contains(names, i.Target) {
			names = append(names, i.Target)
		}
	}
	return names
}

func (j *Journal) moveReceipts(receipts annals.Table, t *Target, former []string) []Statement {
	d := j.cfg.Dialect
	moves := make([]Statement, len(former))
	for i, name := range former {
		entity := d.Quote(layout.ColEntity)
		moves[i] = Statement{
			Comment: "receipts of entity " + name + ", which is called " + t.Name + " now",
			SQL: "UPDATE " + d.Table(receipts) + " SET " + entity + " = " + schema.Literal(d, t.Name) +
				" WHERE " + entity + " = " + schema.Literal(d, name),
		}
	}
	return moves
}
