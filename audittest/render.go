package audittest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

// around is how many entries as expected stand around a difference.
const around = 2

// render shows wanted and recorded entries side by side.
func render(want, got int, pairs []pair) string {
	var b strings.Builder
	fmt.Fprintf(&b, "audit entries differ: expected %d, got %d (- expected, + got, ~ differs)",
		want, got)
	for i := 0; i < len(pairs); {
		if n := quiet(pairs, i); n > 0 {
			fmt.Fprintf(&b, "\n  … %d as expected", n)
			i += n
			continue
		}
		pairs[i].render(&b)
		i++
	}
	return b.String()
}

// quiet counts the pairs from i on that are far from any difference; a single one
// is as short as its count.
func quiet(pairs []pair, i int) int {
	n := 0
	for ; i+n < len(pairs); n++ {
		near := pairs[max(0, i+n-around):min(len(pairs), i+n+around+1)]
		if pairs[i+n].transaction > 0 || slices.ContainsFunc(near, pair.differs) {
			break
		}
	}
	if n == 1 {
		return 0
	}
	return n
}

func (p pair) render(b *strings.Builder) {
	switch {
	case p.transaction > 0:
		fmt.Fprintf(b, "\n  transaction %d", p.transaction)
	case p.got == nil:
		fmt.Fprintf(b, "\n- %s", p.want.head())
		for i := range p.want.columns {
			fmt.Fprintf(b, "\n-     %s", p.want.columns[i].text())
		}
		for _, f := range p.want.facts {
			fmt.Fprintf(b, "\n-     %s", f.text)
		}
	case p.want == nil:
		p.renderGot(b)
	case len(p.mismatches) == 0:
		fmt.Fprintf(b, "\n  %s", p.want.head())
	default:
		fmt.Fprintf(b, "\n~ %s", p.want.head())
		for _, m := range p.mismatches {
			if m.want != "" {
				fmt.Fprintf(b, "\n-     %s", m.want)
			}
			if m.got != "" {
				fmt.Fprintf(b, "\n+     %s", m.got)
			}
		}
	}
}

// renderGot shows an entry that nobody expected, as far as a test could name it.
func (p pair) renderGot(b *strings.Builder) {
	e := p.got
	fmt.Fprintf(b, "\n+ %s %s %s", e.Type, e.Entity, e.ObjectID)
	d, err := diff.Parse(e.Diffs)
	if err != nil {
		fmt.Fprintf(b, "\n+     %v", err)
		return
	}
	if a := d.Association; a != nil {
		fmt.Fprintf(b, " %s", linkText(a.Subject.Field, a.Target.Entity, targetID(a, nil)))
	}
	for _, c := range d.Changes {
		if !annals.IsNull(c.Old) || !annals.IsNull(c.New) {
			fmt.Fprintf(b, "\n+     %s", changeText(c))
		}
	}
	if e.Blame.ID != "" {
		fmt.Fprintf(b, "\n+     by %q", e.Blame.ID)
	}
	if comment := commentOf(e); comment != "" {
		fmt.Fprintf(b, "\n+     comment %q", comment)
	}
}

func changeText(c diff.Change) string {
	return fmt.Sprintf("%s: %s → %s", c.Column, c.Old, c.New)
}

// text is a wanted column.
func (r *resolvedColumn) text() string {
	switch {
	case r.masked:
		return r.name + ": masked"
	case r.hasOld && r.isNew:
		return fmt.Sprintf("%s: %s → %s", r.name, r.oldJSON, r.newJSON)
	case r.hasOld:
		return fmt.Sprintf("%s: %s →", r.name, r.oldJSON)
	case r.isNew:
		return fmt.Sprintf("%s: → %s", r.name, r.newJSON)
	}
	return r.name + ": changed"
}

func (l *link) text() string { return linkText(l.field, l.entity, l.id) }

func linkText(field, entity, id string) string {
	if field == "" {
		return fmt.Sprintf("with %s %s", entity, id) // the end that declares no relation
	}
	return fmt.Sprintf("%s: %s %s", field, entity, id)
}

// linkOf is the text of a recorded association.
func (c *comparer) linkOf(a *diff.Association) string {
	if a == nil {
		return ""
	}
	// The other end need not be audited; then its key is in the order of names.
	keys, err := c.model.key(a.Target.Entity)
	if err != nil {
		keys = nil
	}
	return linkText(a.Subject.Field, a.Target.Entity, targetID(a, keys))
}

// targetID is the object id of an association's other end.
func targetID(a *diff.Association, keys []string) string {
	pairs := slices.Clone(a.Target.Key)
	slices.SortStableFunc(pairs, func(x, y diff.Pair) int {
		return slices.Index(keys, x.Name) - slices.Index(keys, y.Name)
	})
	values := make([]json.RawMessage, len(pairs))
	for i, p := range pairs {
		values[i] = p.Value
	}
	return annals.ObjectID(values...)
}
