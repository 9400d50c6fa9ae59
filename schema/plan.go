package schema

import (
	"context"
	"errors"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

// Plan is what one storage lacks, as SQL.
type Plan struct {
	// Storage is the target's name: a source's where Source is set.
	Storage string
	Source  bool
	// Statements in the order of their execution. Run as they are, one by one,
	// they do what Apply does, apart from the lock and the transaction.
	Statements []Statement
}

// Statement is one SQL statement without its final semicolon.
type Statement struct {
	SQL string
	// Comment says what it is for, on one line.
	Comment string
	// Alone means that it must not run inside a transaction.
	Alone bool
	// Entity is what it is for; "" where it is for all.
	Entity string
	// Stamps means that it makes an index on a table of the source, which reading
	// of stamps gets faster by: what is audited does not depend on it.
	Stamps bool
}

// Empty reports whether the storage lacks nothing.
func (p Plan) Empty() bool { return len(p.Statements) == 0 }

// SQL returns the plan as a script, each statement under its comment.
func (p Plan) SQL() string { return script(p.Statements) }

func script(statements []Statement) string {
	var b strings.Builder
	for _, s := range statements {
		if s.Comment != "" {
			b.WriteString("-- " + s.Comment + "\n")
		}
		b.WriteString(s.SQL + ";\n")
	}
	return b.String()
}

// fits reports whether a fresh plan asks for the same.
func (p Plan) fits(fresh Plan) bool {
	if len(p.Statements) != len(fresh.Statements) {
		return false
	}
	for i, s := range p.Statements {
		if s.SQL != fresh.Statements[i].SQL {
			return false
		}
	}
	return true
}

// Plan compares every target with its database and returns a plan for each, in
// the order of the targets. Conflicts of all targets are reported together; they
// match ErrConflict.
func (m *Manager) Plan(ctx context.Context) ([]Plan, error) {
	var plans []Plan
	var faults []error
	for i := range m.targets {
		p, err := planTarget(ctx, m.targets[i].DB, &m.targets[i])
		if err != nil {
			faults = append(faults, err)
			continue
		}
		plans = append(plans, p)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return plans, nil
}

// planTarget makes the plan of one target; q is its database.
func planTarget(ctx context.Context, q dialect.Queryer, t *Target) (Plan, error) {
	p := &planner{target: t, q: q, d: t.Dialect, f: flavourFor(t.Dialect)}
	if err := p.plan(ctx); err != nil {
		return Plan{}, err
	}
	// What runs alone runs last, when the columns it needs are there.
	return Plan{
		Storage: t.Name, Source: t.Source, Statements: append(p.statements, p.alone...),
	}, nil
}
