package epoch

import (
	"context"
	"fmt"
	"strings"
)

// scripting is what a script is made for.
type scripting struct {
	size int
	// beyond is the number of the last run in annals_epoch that does not count, key how
	// far the one that does had come.
	beyond int64
	key    []string
	// again: it is another run, whose rows begin to be told when it begins.
	again bool
	// rows is how many there are to look at.
	rows int64
}

// Script returns what Run does as SQL for psql, mysql or sqlite3, with a line for each
// batch. Run a second time it adds nothing, and goes on where the first was
// interrupted. Entities whose run is done get a comment alone, unless Again is asked.
func Script(ctx context.Context, s Source, o Options) (string, error) {
	o, err := o.checked()
	if err != nil {
		return "", err
	}
	plans, err := s.plans(ctx, s.DB, o.Entities)
	if err != nil || len(plans) == 0 {
		return "", err
	}
	e := engineOf(s.Dialect)
	var b strings.Builder
	b.WriteString(e.head(plans[0]))
	for _, p := range plans {
		text, err := s.scriptOf(ctx, e, p, o)
		if err != nil {
			return "", s.fail(p.target.Name, err)
		}
		fmt.Fprintf(&b, "\n-- %s: %s\n%s", comment(p.target.Name), comment(p.target.Source.String()), text)
	}
	b.WriteString("\n" + e.foot())
	return b.String(), nil
}

func (s Source) scriptOf(ctx context.Context, e engine, p *plan, o Options) (string, error) {
	last, found, err := p.newest(ctx, s.DB)
	if err != nil {
		return "", err
	}
	how := scripting{size: o.Batch, key: last.key}
	switch {
	case found && last.done && !o.Again:
		return "-- its rows have their baselines\n", nil
	case found && last.done:
		how.beyond, how.again, how.key = last.id, true, nil
	case !found:
		how.again = o.Again
	}
	r := &run{plan: p, source: s, engine: e}
	q := &query{d: p.d}
	from, err := r.exprs(how.key)
	if err != nil {
		return "", err
	}
	q.add("SELECT COUNT(*) FROM ", p.inTable(), " WHERE ")
	p.within(q, e, span{from: from})
	q.add("1 = 1")
	if err := one(ctx, s.DB, q, &how.rows); err != nil {
		return "", fmt.Errorf("count rows: %w", err)
	}
	return e.script(p, how), nil
}

// comment is a name that cannot end a line.
func comment(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, name)
}

// written is what a function of a plan writes, without parameters.
func written(p *plan, write func(q *query)) string {
	q := &query{d: p.d}
	write(q)
	return q.sql.String()
}
