package schema

import (
	"slices"

	"github.com/seed-162b1470/annals/layout"
)

// stampedTables lists tables of the source that may get indexes for their stamps.
func (p *planner) stampedTables() []wanted {
	tables := make([]wanted, 0, len(p.target.Stamped))
	for i := range p.target.Stamped {
		e := &p.target.Stamped[i]
		tables = append(tables, wanted{
			stamped: e, key: p.key(e.Table), shape: layout.Table{
				Name: e.Table, Indexes: layout.StampIndexes(e.Table, p.d.Limits()),
			},
		})
	}
	return tables
}

// planStamps adds indexes to a table that has all columns of stamps, each of a type
// that can be indexed. Everything else about the table is its owner's.
func (p *planner) planStamps(w *wanted) {
	s := p.spaces[w.key.Schema]
	live := s.relations[w.key.Name]
	if live == nil || live.kind != isTable {
		return
	}
	missing := slices.ContainsFunc(layout.StampColumns(), func(c string) bool {
		return !live.columns[c] || live.unbounded[c]
	})
	if missing {
		return
	}
	p.purpose = purpose{entity: w.entityName(), stamps: true}
	p.planIndexes(w, s, live)
	p.purpose = purpose{}
}
