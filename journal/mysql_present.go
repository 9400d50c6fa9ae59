package journal

import (
	"context"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// myPresent is what is installed and recorded.
type myPresent struct {
	// hashes by quoted trigger, columns and rules by target; of the rules the latest.
	hashes  map[string]string
	columns map[string][]TargetColumn
	rules   map[string]string
}

func (g mysqlGenerator) present(ctx context.Context, q queryers) (*myPresent, error) {
	p := &myPresent{hashes: map[string]string{}, rules: map[string]string{}}
	triggers, err := g.installed(ctx, q)
	if err != nil {
		return nil, err
	}
	d := g.j.cfg.Dialect
	for _, t := range triggers {
		p.hashes[d.Table(annals.Table{Schema: t.Table.Schema, Name: t.Name})] = t.Hash
	}
	p.columns, err = ReadTargetColumns(ctx, q.storage, d, annals.Table{Name: layout.TargetColumnTable})
	if err != nil {
		return nil, err
	}
	query := "SELECT entity, rules FROM " + d.Quote(layout.RulesTable) + " ORDER BY from_seq, id"
	err = scan(ctx, q.storage, query, nil, func(scan func(...any) error) error {
		var entity string
		var text []byte
		if err := scan(&entity, &text); err != nil {
			return err
		}
		// MySQL writes JSON in its own way.
		rules, err := ParseRules(text)
		p.rules[entity] = rules.Text()
		return err
	})
	if err != nil && d.Classify(err) != dialect.ClassMissingTable {
		return nil, fmt.Errorf("read %s: %w", layout.RulesTable, err)
	}
	return p, nil
}

// has reports whether nothing is to be done for a target.
func (p *myPresent) has(g mysqlGenerator, n myNames, t *Target) (bool, error) {
	for _, op := range rowOperations {
		trigger := g.trigger(n, t, op)
		name := g.j.cfg.Dialect.Table(annals.Table{Schema: t.Source.Schema, Name: trigger.Name})
		if p.hashes[name] != trigger.Hash {
			return false, nil
		}
	}
	if p.rules[t.Name] != RulesOf(t.Table).Text() {
		return false, nil
	}
	wanted := map[TargetColumn]bool{}
	seeds, err := t.Seed(0)
	if err != nil {
		return false, err
	}
	for _, c := range seeds {
		wanted[c] = true
	}
	for _, c := range p.columns[t.Name] {
		if c.UntilSeq != nil {
			continue
		}
		c.FromSeq = 0
		if !wanted[c] {
			return false, nil
		}
		delete(wanted, c)
	}
	return len(wanted) == 0, nil
}
