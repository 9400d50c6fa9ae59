package audittest

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

// comparer holds recorded entries against wanted ones.
type comparer struct {
	model    model
	ignored  []string
	resolved []*resolved
}

// resolved is a wanted entry whose values are in canonical form.
type resolved struct {
	*Want
	keys    []string
	columns []resolvedColumn
}

type resolvedColumn struct {
	column
	oldJSON, newJSON json.RawMessage
}

// pair is a wanted entry and the recorded one that stands for it; one of them is
// nil where there is none. A pair with a transaction's number is the head of it.
type pair struct {
	want        *resolved
	got         *annals.Entry
	mismatches  []mismatch
	transaction int
}

func (p pair) differs() bool {
	return p.transaction == 0 && (p.want == nil || p.got == nil || len(p.mismatches) > 0)
}

// mismatch is one thing that differs, as texts: "" is nothing.
type mismatch struct{ want, got string }

func (c *comparer) resolve(ctx context.Context, w *Want) (*resolved, error) {
	keys, err := c.model.key(w.entity)
	if err != nil {
		return nil, err
	}
	r := &resolved{Want: w, keys: keys}
	for _, col := range w.columns {
		rc := resolvedColumn{column: col}
		// The column is asked for whether or not a value is expected: it may be
		// misspelt.
		if rc.oldJSON, err = c.model.canonical(ctx, w.entity, col.name, col.old); err != nil {
			return nil, err
		}
		if rc.newJSON, err = c.model.canonical(ctx, w.entity, col.name, col.new); err != nil {
			return nil, err
		}
		r.columns = append(r.columns, rc)
	}
	return r, nil
}

func (c *comparer) ignores(entity, column string) bool {
	return slices.Contains(c.ignored, column) || slices.Contains(c.ignored, entity+"."+column)
}

// about reports whether an entry is the wanted one, as far as its head tells.
func (c *comparer) about(w *resolved, e *annals.Entry) bool {
	return w.kind == e.Type && w.entity == e.Entity && w.id == e.ObjectID
}

// compare tells what differs between a wanted entry and one of the same head.
func (c *comparer) compare(w *resolved, e *annals.Entry) []mismatch {
	d, err := diff.Parse(e.Diffs)
	if err != nil {
		return []mismatch{{got: err.Error()}}
	}
	var differs []mismatch
	if w.link != nil {
		if want, got := w.link.text(), c.linkOf(d.Association); want != got {
			differs = append(differs, mismatch{want, got})
		}
	}
	differs = append(differs, c.columns(w, e, &d)...)
	for _, f := range w.facts {
		if err := f.check(e); err != nil {
			differs = append(differs, mismatch{f.text, err.Error()})
		}
	}
	return differs
}

func (c *comparer) columns(w *resolved, e *annals.Entry, d *diff.Diff) []mismatch {
	if len(w.columns) == 0 {
		return nil
	}
	var differs []mismatch
	named := map[string]bool{}
	for i := range w.columns {
		col := &w.columns[i]
		named[col.name] = true
		if c.ignores(w.entity, col.name) {
			continue
		}
		change, ok := d.Change(col.name)
		if !ok {
			if e.Type == annals.Update || !col.null() {
				differs = append(differs, mismatch{want: col.text()})
			}
			continue
		}
		if !col.holds(change) {
			differs = append(differs, mismatch{col.text(), changeText(change)})
		}
	}
	if w.more {
		return differs
	}
	for _, change := range d.Changes {
		nothing := annals.IsNull(change.Old) && annals.IsNull(change.New)
		if named[change.Column] || nothing || slices.Contains(w.keys, change.Column) ||
			c.ignores(w.entity, change.Column) {
			continue
		}
		differs = append(differs, mismatch{got: changeText(change)})
	}
	return differs
}

// null reports whether only null is expected, which inserts leave out.
func (r *resolvedColumn) null() bool {
	return (r.isNew || r.hasOld) && annals.IsNull(r.oldJSON) && annals.IsNull(r.newJSON)
}

func (r *resolvedColumn) holds(change diff.Change) bool {
	if r.masked {
		hidden := func(v json.RawMessage) bool { return annals.IsNull(v) || diff.IsMasked(v) }
		return hidden(change.Old) && hidden(change.New) &&
			(diff.IsMasked(change.Old) || diff.IsMasked(change.New))
	}
	return (!r.hasOld || bytes.Equal(r.oldJSON, change.Old)) &&
		(!r.isNew || bytes.Equal(r.newJSON, change.New))
}

// inOrder puts wanted and recorded entries side by side in their order, with as
// few differences as can be.
func (c *comparer) inOrder(wants []*resolved, got []annals.Entry) []pair {
	n, m := len(wants), len(got)
	// cost[i][j] is that of wants[i:] and got[j:].
	cost := make([][]int, n+1)
	side := make([][][]mismatch, n)
	for i := n; i >= 0; i-- {
		cost[i] = make([]int, m+1)
		if i < n {
			side[i] = make([][]mismatch, m)
		}
		for j := m; j >= 0; j-- {
			switch {
			case i == n:
				cost[i][j] = m - j
			case j == m:
				cost[i][j] = n - i
			default:
				cost[i][j] = 1 + min(cost[i+1][j], cost[i][j+1])
				if c.about(wants[i], &got[j]) {
					side[i][j] = c.compare(wants[i], &got[j])
					cost[i][j] = min(cost[i][j], cost[i+1][j+1]+differing(side[i][j]))
				}
			}
		}
	}
	var pairs []pair
	for i, j := 0, 0; i < n || j < m; {
		switch {
		case i < n && j < m && c.about(wants[i], &got[j]) &&
			cost[i][j] == cost[i+1][j+1]+differing(side[i][j]):
			pairs = append(pairs, pair{want: wants[i], got: &got[j], mismatches: side[i][j]})
			i, j = i+1, j+1
		case i < n && (j == m || cost[i][j] == 1+cost[i+1][j]):
			pairs = append(pairs, pair{want: wants[i]})
			i++
		default:
			pairs = append(pairs, pair{got: &got[j]})
			j++
		}
	}
	return pairs
}

// differing is 1 where there are differences.
func differing(m []mismatch) int { return min(len(m), 1) }

// anyOrder finds a recorded entry for each wanted one: as many as can be that are
// just so, then those that are about the same change.
func (c *comparer) anyOrder(wants []*resolved, got []annals.Entry) []pair {
	side := make([][][]mismatch, len(wants))
	for i, w := range wants {
		side[i] = make([][]mismatch, len(got))
		for j := range got {
			if c.about(w, &got[j]) {
				side[i][j] = c.compare(w, &got[j])
			}
		}
	}
	owner := make([]int, len(got))
	for j := range owner {
		owner[j] = -1
	}
	// give finds an entry for wants[i], moving others on to another that fits.
	var give func(i int, fits func(i, j int) bool, tried []bool) bool
	give = func(i int, fits func(i, j int) bool, tried []bool) bool {
		for j := range got {
			if tried[j] || !fits(i, j) {
				continue
			}
			tried[j] = true
			if owner[j] < 0 || give(owner[j], fits, tried) {
				owner[j] = i
				return true
			}
		}
		return false
	}
	found := make([]bool, len(wants))
	for i := range wants {
		found[i] = give(i, func(i, j int) bool {
			return c.about(wants[i], &got[j]) && len(side[i][j]) == 0
		}, make([]bool, len(got)))
	}
	for i := range wants {
		found[i] = found[i] || give(i, func(i, j int) bool {
			return owner[j] < 0 && c.about(wants[i], &got[j])
		}, make([]bool, len(got)))
	}
	var pairs []pair
	for j := range got {
		p := pair{got: &got[j]}
		if i := owner[j]; i >= 0 {
			p.want, p.mismatches = wants[i], side[i][j]
		}
		pairs = append(pairs, p)
	}
	for i, ok := range found {
		if !ok {
			pairs = append(pairs, pair{want: wants[i]})
		}
	}
	return pairs
}
