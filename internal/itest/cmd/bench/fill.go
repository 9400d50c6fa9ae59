package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/schema"
)

// fillAtOnce is how many entries are made before they are stored.
const fillAtOnce = 50_000

// fill makes the audit tables of a corpus and pours it in: there is no relay that
// could be measured, so that the indexes come afterwards.
func (p *place) fill(ctx context.Context, c *corpus) error {
	d, err := dialect.Detect(ctx, p.db, p.engine.scheme())
	if err != nil {
		return err
	}
	indexes, tables, err := p.tables(ctx, d)
	if err != nil {
		return err
	}
	f := filler{place: p, corpus: c, d: d}
	for j := range c.firsts {
		if err := f.revision(ctx, j); err != nil {
			return err
		}
	}
	if err := f.flush(ctx); err != nil {
		return err
	}
	if err := p.exec(ctx, indexes...); err != nil {
		return err
	}
	return p.exec(ctx, p.engine.settle(tables...)...)
}

// tables makes the tables and returns the statements that make their indexes, and
// the tables' names.
func (p *place) tables(ctx context.Context, d dialect.Dialect) (later, names []string, err error) {
	t := schema.Target{Name: auditor.DefaultStorage, DB: p.db, Dialect: d}
	for k := range manyEntities {
		e := annals.Entity{
			Name: entityName(k), Source: "app", Table: annals.Table{Name: entityName(k)},
		}
		audited := layout.EntityTable(e, "", "_audit", d.Limits())
		t.Entities = append(t.Entities, schema.EntityTable{Entity: e, Audit: audited})
		names = append(names, audited.Name)
	}
	m, err := schema.New(schema.Config{Targets: []schema.Target{t}})
	if err != nil {
		return nil, nil, err
	}
	plans, err := m.Plan(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range plans[0].Statements {
		if words := strings.Fields(s.SQL); words[0] == "CREATE" &&
			(words[1] == "INDEX" || words[1] == "UNIQUE") {
			later = append(later, s.SQL)
		} else if err := p.exec(ctx, s.SQL); err != nil {
			return nil, nil, err
		}
	}
	return later, append(names, layout.RevisionTable, layout.RevisionEntityTable), nil
}

// filler gathers rows and stores them.
type filler struct {
	*place
	*corpus
	d                   dialect.Dialect
	waiting             int
	revisions, receipts [][]any
	entries             [manyEntities][][]any
}

// revision adds revision j with its entries.
func (f *filler) revision(ctx context.Context, j int) error {
	type receipt struct {
		entity int
		kind   annals.EntryType
	}
	counts := map[receipt]int{}
	id := int64(j + 1)
	f.revisions = append(f.revisions, []any{
		id, "app", f.hash(j), true, f.actor(j), "Ann Example", "User", "api", "203.0.113.9",
		"curl/8", f.time(j),
	})
	for i := f.firsts[j]; i < f.end(j); i++ {
		home, e := f.entry(i, j)
		counts[receipt{home, e.Type}]++
		f.entries[home] = append(f.entries[home], []any{
			string(e.Type), e.ObjectID, e.TransactionHash, e.Source, e.Seq, int64(e.Part),
			string(e.Diffs), e.Blame.ID, e.Blame.User, e.Blame.FQDN, e.Blame.Firewall, e.Blame.IP,
			e.CreatedAt, int64(e.SchemaVersion),
		})
		f.waiting++
	}
	for r, n := range counts {
		f.receipts = append(f.receipts, []any{id, entityName(r.entity), string(r.kind), int64(n)})
	}
	if f.waiting < fillAtOnce {
		return nil
	}
	return f.flush(ctx)
}

// flush stores what waits.
func (f *filler) flush(ctx context.Context) error {
	begun := time.Now()
	err := f.pour(ctx, layout.RevisionTable, []string{
		layout.ColID, layout.ColSource, layout.ColTransactionHash, layout.ColManaged,
		layout.ColUserID, layout.ColUserName, layout.ColUserType, layout.ColContext, layout.ColIP,
		layout.ColUserAgent, layout.ColCreatedAt,
	}, f.revisions)
	if err != nil {
		return err
	}
	err = f.pour(ctx, layout.RevisionEntityTable, []string{
		layout.ColRevision, layout.ColEntity, layout.ColType, layout.ColEntries,
	}, f.receipts)
	if err != nil {
		return err
	}
	for k := range f.entries {
		err := f.pour(ctx, entityName(k)+"_audit", []string{
			layout.ColType, layout.ColObjectID, layout.ColTransactionHash, layout.ColSource,
			layout.ColSeq, layout.ColPart, layout.ColDiffs, layout.ColBlameID, layout.ColBlameUser,
			layout.ColBlameUserFQDN, layout.ColBlameUserFirewall, layout.ColIP, layout.ColCreatedAt,
			layout.ColSchemaVersion,
		}, f.entries[k])
		if err != nil {
			return err
		}
		f.entries[k] = f.entries[k][:0]
	}
	progress("%s: %d entries stored in %s", f.engine.kind(), f.waiting,
		time.Since(begun).Round(time.Millisecond))
	f.revisions, f.receipts, f.waiting = f.revisions[:0], f.receipts[:0], 0
	return nil
}

func (f *filler) pour(ctx context.Context, table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	if err := f.engine.pour(ctx, f.place, pouring{table, columns, rows, f.d}); err != nil {
		return fmt.Errorf("fill %s: %w", table, err)
	}
	return nil
}

// pouring are rows on their way into a table.
type pouring struct {
	table   string
	columns []string
	rows    [][]any
	d       dialect.Dialect
}

// insert is a statement that stores n rows.
func (p pouring) insert(n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + p.d.Quote(p.table) + " (")
	for i, c := range p.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.d.Quote(c))
	}
	row := "(" + strings.TrimPrefix(strings.Repeat(", ?", len(p.columns)), ", ") + ")"
	b.WriteString(") VALUES " + row + strings.Repeat(", "+row, n-1))
	return b.String()
}
