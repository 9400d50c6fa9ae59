package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// liveColumn is a column as it is there.
type liveColumn struct {
	// declared is its type with its length, kind without, as the database writes
	// them; kind in lower case.
	declared, kind string
	// size is the most characters of a text, digits those of a second's fraction;
	// -1 where there is no limit.
	size, digits int
	// charset of a text, and collation, where the database has them per column.
	charset, collation string
	// exact and sorted: text compares, and sorts, by bytes.
	exact, sorted bool
	// auto: rows without a value get a number.
	auto bool
}

// flaw is why a table cannot hold what it is for.
type flaw struct {
	problem string
	// remedy is a statement that its owner can run; annals retypes nothing.
	remedy string
	cause  error
}

// judge tells what is wrong with live tables.
type judge interface {
	// tableFlaws are those of the table as a whole.
	tableFlaws(t annals.Table, live *relation) []flaw
	// columnFlaw of a live column that is to be c; ok is false where it fits.
	columnFlaw(t annals.Table, c layout.Column, live liveColumn) (f flaw, ok bool)
}

// checkFit refuses a table in which rows would outlive a rollback, be confused or
// be cut. It tells everything that is wrong with the table at once.
func (p *planner) checkFit(w *wanted, live *relation) error {
	flaws := p.f.tableFlaws(w.shape.Name, live)
	for _, c := range w.shape.Columns {
		l, ok := live.types[p.f.column(c.Name)]
		if !ok {
			continue
		}
		f, flawed := p.f.columnFlaw(w.shape.Name, c, l)
		if flawed && w.copied != nil {
			// As the audited table has it, where a new copy would have it otherwise.
			original, _ := w.copied.Shape.Column(c.Name)
			_, flawed = p.f.columnFlaw(w.shape.Name, original, l)
		}
		if flawed {
			flaws = append(flaws, f)
		}
	}
	if len(flaws) == 0 {
		return nil
	}
	var problems, remedies []string
	cause := ErrUnfit
	for _, f := range flaws {
		problems = append(problems, f.problem)
		if !slices.Contains(remedies, f.remedy) {
			remedies = append(remedies, f.remedy)
		}
		if f.cause != nil && !errors.Is(cause, f.cause) {
			cause = fmt.Errorf("%w: %w", f.cause, cause)
		}
	}
	if w.entity != nil {
		remedies = append(remedies, "or keep that table apart: choose another name with "+
			"audit_table, table_prefix or table_suffix")
	}
	return &annals.Error{
		Op: "plan", Subject: w.label() + " in " + p.target.subject(),
		Err:    fmt.Errorf("%s: %w", strings.Join(problems, ", "), cause),
		Remedy: strings.Join(remedies, "; "),
	}
}

// takes reports whether a live column of a type takes every value of a copied one,
// as it is or once its catalogue entry was widened.
func takes(d dialect.Dialect, c layout.Column, live string) bool {
	return dialect.Widens(d, c.SQL, live) || dialect.Widens(d, live, c.SQL)
}

// grows reports whether a live column has to be widened for a copied one.
func grows(d dialect.Dialect, c layout.Column, live string) bool {
	return c.Type == layout.Raw && !dialect.Widens(d, c.SQL, live) && dialect.Widens(d, live, c.SQL)
}

// wrongType is the flaw of a column whose type is not the one that is needed.
func wrongType(c layout.Column, live liveColumn, needed, remedy string) (flaw, bool) {
	return flaw{
		problem: fmt.Sprintf("column %s is %s instead of %s", c.Name, live.declared, needed),
		remedy:  remedy,
	}, true
}

// numberless is the flaw of a key that gives rows no number.
func numberless(c layout.Column, remedy string) (flaw, bool) {
	return flaw{
		problem: fmt.Sprintf("column %s gives rows no number of their own", c.Name),
		remedy:  remedy,
	}, true
}

// wrongCollation is the flaw of a text whose equality, or order, is not that of its
// bytes.
func wrongCollation(c layout.Column, live liveColumn, remedy string) (flaw, bool) {
	return flaw{
		problem: fmt.Sprintf("column %s compares by collation %s and not by bytes", c.Name,
			live.collation),
		remedy: remedy,
	}, true
}

// bare is the column's type for ALTER: null where it was.
func bare(c layout.Column) layout.Column {
	c.Null, c.Auto = true, false
	return c
}
