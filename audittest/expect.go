package audittest

import (
	"slices"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
)

// Expectation is what a test says of the entries that were recorded. Of, By,
// Entities and Ignoring narrow what it looks at, the others check it: what differs
// fails the test, which goes on.
type Expectation struct {
	tb      testing.TB
	aud     *auditor.Auditor
	entries []annals.Entry
	given   bool
	keep    []func(*annals.Entry) bool
	ignored []string
	// model is set by tests of this package.
	model model
}

// Expect begins an expectation of all entries in the auditor's storages, in the
// order of capture.
func Expect(tb testing.TB, aud *auditor.Auditor) *Expectation {
	return &Expectation{tb: tb, aud: aud}
}

// Of looks at these entries instead, such as those that Record returned.
func (x *Expectation) Of(entries []annals.Entry) *Expectation {
	x.entries, x.given = entries, true
	return x
}

// By looks at what the actor of this id did, alone.
func (x *Expectation) By(actor string) *Expectation {
	x.keep = append(x.keep, func(e *annals.Entry) bool { return e.Blame.ID == actor })
	return x
}

// Entities looks at entries of these entities alone.
func (x *Expectation) Entities(names ...string) *Expectation {
	x.keep = append(x.keep, func(e *annals.Entry) bool { return slices.Contains(names, e.Entity) })
	return x
}

// Ignoring leaves columns out of every comparison: "updated_at" of all entities,
// "post.updated_at" of one. An entry stays an entry, even if it changes nothing
// else.
func (x *Expectation) Ignoring(columns ...string) *Expectation {
	x.ignored = append(x.ignored, columns...)
	return x
}

// None expects that there are no entries.
func (x *Expectation) None() {
	x.tb.Helper()
	x.Exactly()
}

// Exactly expects these entries and no others, in this order.
func (x *Expectation) Exactly(wants ...Want) {
	x.tb.Helper()
	c := x.comparer(wants)
	got := x.got()
	x.report(len(wants), len(got), c.inOrder(c.resolved, got))
}

// InAnyOrder expects these entries and no others.
func (x *Expectation) InAnyOrder(wants ...Want) {
	x.tb.Helper()
	c := x.comparer(wants)
	got := x.got()
	x.report(len(wants), len(got), c.anyOrder(c.resolved, got))
}

// Including expects these entries, each for itself, among whichever others.
func (x *Expectation) Including(wants ...Want) {
	x.tb.Helper()
	c := x.comparer(wants)
	got := x.got()
	lines := slices.DeleteFunc(c.anyOrder(c.resolved, got), func(p pair) bool {
		return p.want == nil
	})
	x.report(len(wants), len(got), lines)
}

// Revisions expects these transactions and no others, in this order.
func (x *Expectation) Revisions(wants ...Transaction) {
	x.tb.Helper()
	var flat []Want
	for _, t := range wants {
		flat = append(flat, t.entries...)
	}
	c := x.comparer(flat)
	got := x.got()
	groups := byTransaction(got)
	var pairs []pair
	rest := c.resolved
	for i := range max(len(wants), len(groups)) {
		var w []*resolved
		var g []annals.Entry
		if i < len(wants) {
			w, rest = rest[:len(wants[i].entries)], rest[len(wants[i].entries):]
		}
		if i < len(groups) {
			g = groups[i]
		}
		pairs = append(pairs, pair{transaction: i + 1})
		pairs = append(pairs, c.inOrder(w, g)...)
	}
	x.report(len(flat), len(got), pairs)
}

// byTransaction groups entries by their revision, in the order in which each
// first appears.
func byTransaction(entries []annals.Entry) [][]annals.Entry {
	var groups [][]annals.Entry
	at := map[string]int{}
	for i := range entries {
		hash := entries[i].TransactionHash
		n, ok := at[hash]
		if !ok {
			n = len(groups)
			at[hash] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], entries[i])
	}
	return groups
}

// got returns the entries that are looked at.
func (x *Expectation) got() []annals.Entry {
	x.tb.Helper()
	all := x.entries
	if !x.given {
		var err error
		if all, err = read(x.tb.Context(), x.aud); err != nil {
			x.tb.Fatalf("audittest: %v", err)
		}
	}
	var kept []annals.Entry
	for i := range all {
		if !slices.ContainsFunc(x.keep, func(f func(*annals.Entry) bool) bool { return !f(&all[i]) }) {
			kept = append(kept, all[i])
		}
	}
	return kept
}

// comparer resolves what is wanted. What cannot be right (an entity that is not
// audited, a column that is not there) ends the test.
func (x *Expectation) comparer(wants []Want) *comparer {
	x.tb.Helper()
	m := x.model
	if m == nil {
		var err error
		if m, err = newLive(x.tb.Context(), x.aud); err != nil {
			x.tb.Fatalf("audittest: %v", err)
		}
	}
	c := &comparer{model: m, ignored: x.ignored}
	for i := range wants {
		r, err := c.resolve(x.tb.Context(), &wants[i])
		if err != nil {
			x.tb.Fatalf("audittest: %s: %v", wants[i].head(), err)
		}
		c.resolved = append(c.resolved, r)
	}
	return c
}

// report fails the test where a pair is none.
func (x *Expectation) report(want, got int, pairs []pair) {
	x.tb.Helper()
	if slices.ContainsFunc(pairs, pair.differs) {
		x.tb.Error(render(want, got, pairs))
	}
}
