package mirrorstore

import (
	"context"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/track"
)

// named is an object whose label is wanted as it was at a number.
type named struct {
	entity, id string
	seq        int64
}

// label gives the links of the page the labels of both sides, as they were at that
// number: those of the newest rows up to it. What is not found by an index has none.
func (p *page) label(ctx context.Context) error {
	wanted := map[named]bool{}
	for i := range p.entries {
		if !links(&p.entries[i]) {
			continue
		}
		seq := p.entries[i].Seq
		_, err := p.entriesOf(p.from[i].item, func(entity, id string) *string {
			wanted[named{entity, id, seq}] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	labels, err := p.labels(ctx, wanted)
	if err != nil {
		return err
	}
	for i := range p.entries {
		if !links(&p.entries[i]) {
			continue
		}
		seq, from := p.entries[i].Seq, p.from[i]
		entries, err := p.entriesOf(from.item, func(entity, id string) *string {
			return labels[named{entity, id, seq}]
		})
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Part == from.part {
				p.entries[i].Diffs = e.Diffs
			}
		}
	}
	return nil
}

func links(e *annals.Entry) bool {
	return e.Type == annals.Associate || e.Type == annals.Dissociate
}

// labels looks objects up, those of one copy at a time.
func (p *page) labels(ctx context.Context, wanted map[named]bool) (map[named]*string, error) {
	out := map[named]*string{}
	byEntity := map[string][]named{}
	for n := range wanted {
		byEntity[n.entity] = append(byEntity[n.entity], n)
	}
	for entity, list := range byEntity {
		slices.SortFunc(list, func(x, y named) int { return int(min(1, max(-1, x.seq-y.seq))) })
		sheet := p.owner(entity)
		if sheet == nil {
			continue
		}
		for some := range slices.Chunk(list, objectsAtOnce) {
			if err := p.labelsIn(ctx, sheet, padded(some), out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// padded repeats the last one until there is a power of two of them: statements have
// few texts then, of which drivers keep the plans.
func padded(list []named) []named {
	for len(list)&(len(list)-1) != 0 {
		list = append(list[:len(list):len(list)], list[len(list)-1])
	}
	return list
}

// owner is the copy of an entity's own table, nil where it has none or no labels.
func (a *asking) owner(entity string) *journal.Sheet {
	for _, s := range a.ledger.Sheets() {
		if s.EntityName() == entity {
			hasLabel := slices.ContainsFunc(s.Tables(), func(t *track.Table) bool {
				return t.Entity != nil && t.Entity.Label != ""
			})
			if !hasLabel {
				return nil
			}
			return s
		}
	}
	return nil
}

// labelsIn asks for the newest rows of objects up to their numbers: first for the
// rows' ids, which the index on the key tells, then for the rows.
func (p *page) labelsIn(
	ctx context.Context, sheet *journal.Sheet, list []named, out map[named]*string,
) error {
	b := &builder{d: p.s.cfg.Dialect}
	terms := 0
	for i, n := range list {
		key := sheet.KeyAt(n.seq)
		values, ok := keyOf(n.id, len(key))
		if key == nil || !ok {
			continue
		}
		conditions, v := wayConditions(p.s.eng, key, values)
		if v != bindable {
			continue
		}
		if terms > 0 {
			b.text(" UNION ALL ")
		}
		open, shut := p.s.syntax.Term()
		b.text(open, "SELECT ")
		b.number(int64(i))
		b.text(" AS n, ", b.col("c", layout.ColCopyID), " FROM ")
		b.table(sheet.Copy)
		b.text(" AS c WHERE ", b.col("c", layout.ColCopyID), " <= ")
		b.bind(2*n.seq + 1)
		for j := range conditions {
			b.text(" AND ")
			conditions[j].write(b)
		}
		b.text(" ORDER BY ", b.col("c", layout.ColCopyID), " DESC LIMIT 1", shut)
		terms++
	}
	if terms == 0 {
		return nil
	}
	at := map[int64][]int{}
	var ids []int64
	err := query(ctx, p.s.cfg.DB, b, func(scan func(...any) error) error {
		var n int
		var id int64
		err := scan(&n, &id)
		at[id] = append(at[id], n)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return p.s.entries.FailRead("find labels in", "copy "+sheet.Copy.String(), err)
	}
	slices.Sort(ids)
	rows, err := p.rows(ctx, sheet, layout.ColCopyID, slices.Compact(ids))
	if err != nil {
		return err
	}
	for _, row := range rows {
		table, image := sheet.Image(row)
		id, label, ok := track.LabelOf(table, image)
		if !ok || !table.Entity.Keeps(table.Entity.Label) || table.Masked(table.Entity.Label) {
			continue
		}
		for _, n := range at[row.ID] {
			if list[n].id == id {
				out[list[n]] = label
			}
		}
	}
	return nil
}
