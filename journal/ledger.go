package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// Ledger is what a storage of the mirror layout says of its copies: which table each
// is of, which column holds what from which number on, and by which rules its rows
// are read. It is immutable, and right for all rows that could be seen before its
// State was current.
type Ledger struct {
	// State changes whenever something in the ledger does.
	State  string
	sheets []*Sheet
	// idle are the copies that no trigger was ever made for: they have no rows.
	idle []*Sheet
}

// Today returns the rules of an entity as they are now, nil where it is not
// configured any more.
type Today func(entity string) *annals.Entity

// LedgerState reads what Ledger.State was made from. Whoever reads rows and finds
// the state behind them the same has read them by the right rules: new rules are
// there before the first row that goes by them.
func LedgerState(ctx context.Context, q dialect.Queryer, d dialect.Dialect) (string, error) {
	table := func(name string) string { return d.Table(annals.Table{Name: name}) }
	id, until := d.Quote(layout.ColID), d.Quote(layout.ColUntilSeq)
	query := "SELECT (SELECT COALESCE(MAX(" + id + "), 0) FROM " + table(layout.RulesTable) +
		"), (SELECT COALESCE(MAX(" + id + "), 0) FROM " + table(layout.TargetColumnTable) +
		"), (SELECT COUNT(" + until + ") FROM " + table(layout.TargetColumnTable) +
		"), (SELECT COALESCE(MAX(" + id + "), 0) FROM " + table(layout.TargetEntityTable) + ")"
	state := ""
	err := scan(ctx, q, query, nil, func(scan func(...any) error) error {
		var n [4]int64
		err := scan(&n[0], &n[1], &n[2], &n[3])
		state = fmt.Sprint(n)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the state of the copies: %w", err)
	}
	return state, nil
}

// ReadLedger reads the ledger of a storage through a connection whose own schema is
// the storage's.
func ReadLedger(
	ctx context.Context, q dialect.Queryer, d dialect.Dialect, today Today,
) (*Ledger, error) {
	state, err := LedgerState(ctx, q, d)
	if err != nil {
		return nil, err
	}
	l := &Ledger{State: state}
	if l.sheets, err = readSheets(ctx, q, d); err != nil {
		return nil, err
	}
	columns, err := ReadTargetColumns(ctx, q, d, annals.Table{Name: layout.TargetColumnTable})
	if err != nil {
		return nil, err
	}
	rules, err := readRules(ctx, q, d)
	if err != nil {
		return nil, err
	}
	l.sheets = slices.DeleteFunc(l.sheets, func(s *Sheet) bool {
		if len(rules[s.Name]) == 0 {
			l.idle = append(l.idle, s)
		}
		return len(rules[s.Name]) == 0
	})
	names := make([]annals.Table, len(l.sheets))
	for i, s := range l.sheets {
		names[i] = s.Copy
	}
	live, err := catalog.LoadAll(ctx, q, d, names)
	if errors.Is(err, catalog.ErrNoTable) {
		return nil, &annals.Error{
			Op: "read", Subject: "copies of audited tables", Err: fmt.Errorf("%w: %w", annals.ErrSchema, err),
			Remedy: "run `annals schema update --force`",
		}
	}
	if err != nil {
		return nil, err
	}
	for i, s := range l.sheets {
		if err := s.open(d, live[i], columns[s.Name], rules[s.Name]); err != nil {
			return nil, err
		}
	}
	l.bind(today)
	return l, nil
}

// Sheets are all copies that may have rows, by name of their target.
func (l *Ledger) Sheets() []*Sheet { return l.sheets }

// Idle are the copies for which no trigger was made yet.
func (l *Ledger) Idle() []*Sheet { return l.idle }

// Sheet returns the copy of a target, nil where there is none.
func (l *Ledger) Sheet(name string) *Sheet {
	n, ok := slices.BinarySearchFunc(l.sheets, name, func(s *Sheet, name string) int {
		return strings.Compare(s.Name, name)
	})
	if !ok {
		return nil
	}
	return l.sheets[n]
}

// Rebind returns the ledger with what today's rules ignore and mask; itself where
// these are as they were.
func (l *Ledger) Rebind(today Today) *Ledger {
	same := true
	for _, s := range l.sheets {
		same = same && s.boundTo(todayOf(today, s.EntityName()))
	}
	if same {
		return l
	}
	fresh := &Ledger{State: l.State, sheets: make([]*Sheet, len(l.sheets)), idle: l.idle}
	for i, s := range l.sheets {
		other := *s
		fresh.sheets[i] = &other
	}
	fresh.bind(today)
	return fresh
}

func (l *Ledger) bind(today Today) {
	for _, s := range l.sheets {
		s.bind(todayOf(today, s.EntityName()))
	}
}

func todayOf(today Today, entity string) *annals.Entity {
	if today == nil || entity == "" {
		return nil
	}
	return today(entity)
}

func readSheets(
	ctx context.Context, q dialect.Queryer, d dialect.Dialect,
) (sheets []*Sheet, err error) {
	name := func(prefix, column string) string { return prefix + "." + d.Quote(column) }
	columns := []string{
		name("t", layout.ColName), name("t", layout.ColSource), name("t", layout.ColTableSchema),
		name("t", layout.ColTableName), name("t", layout.ColIsJoinTable), name("a", layout.ColTableSchema),
		name("a", layout.ColTableName),
	}
	query := "SELECT " + strings.Join(columns, ", ") +
		" FROM " + d.Table(annals.Table{Name: layout.TargetEntityTable}) + " AS t JOIN " +
		d.Table(annals.Table{Name: layout.AuditEntityTable}) + " AS a ON " +
		name("a", layout.ColName) + " = " + name("t", layout.ColAuditEntity)
	err = scan(ctx, q, query, nil, func(scan func(...any) error) error {
		s := &Sheet{}
		var schema, copySchema sql.NullString
		err := scan(&s.Name, &s.Source, &schema, &s.Table.Name, &s.Join, &copySchema, &s.Copy.Name)
		s.Table.Schema, s.Copy.Schema = schema.String, copySchema.String
		sheets = append(sheets, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the registry of copies: %w", err)
	}
	slices.SortFunc(sheets, func(a, b *Sheet) int { return strings.Compare(a.Name, b.Name) })
	return sheets, nil
}

// ruled are the rules from a number on.
type ruled struct {
	from  int64
	rules Rules
}

// readRules returns the rules of each target, the oldest first.
func readRules(
	ctx context.Context, q dialect.Queryer, d dialect.Dialect,
) (map[string][]ruled, error) {
	query := "SELECT " + d.Quote(layout.ColEntity) + ", " + d.Quote(layout.ColFromSeq) + ", " +
		d.Quote(layout.ColRules) + " FROM " + d.Table(annals.Table{Name: layout.RulesTable}) +
		" ORDER BY " + d.Quote(layout.ColFromSeq) + ", " + d.Quote(layout.ColID)
	out := map[string][]ruled{}
	err := scan(ctx, q, query, nil, func(scan func(...any) error) error {
		var entity string
		var text []byte
		r := ruled{}
		err := scan(&entity, &r.from, &text)
		if err == nil {
			r.rules, err = ParseRules(text)
		}
		out[entity] = append(out[entity], r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", layout.RulesTable, err)
	}
	return out, nil
}
