package mirrorstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// RemoveRevisions implements storage.Cleaning. Receipts go with their last row, so
// that a revision without receipts is one that no row names.
func (r *cleanRun) RemoveRevisions(
	ctx context.Context, s storage.RevisionSweep,
) (out storage.RevisionsSwept, err error) {
	if out, err = r.sweepRevisions(ctx, s); err != nil {
		return out, r.store.entries.FailWrite("remove revisions without entries", "", err)
	}
	return out, nil
}

func (r *cleanRun) sweepRevisions(
	ctx context.Context, s storage.RevisionSweep,
) (out storage.RevisionsSwept, err error) {
	first, ids, err := r.oldRevisions(ctx, s)
	if err != nil || first == 0 {
		return storage.RevisionsSwept{Done: err == nil}, err
	}
	out.Last = first + int64(s.Limit) - 1
	if len(ids) == 0 {
		return out, nil
	}
	var cuts map[string]time.Time
	if s.DryRun {
		if cuts, err = r.cuts(ctx, s.Entities, s.Before); err != nil {
			return out, err
		}
	}
	named, err := r.named(ctx, ids, cuts)
	if err != nil {
		return out, err
	}
	ids = slices.DeleteFunc(ids, func(id int64) bool { return named[id] })
	if s.DryRun || len(ids) == 0 {
		out.Revisions = len(ids)
		return out, nil
	}
	out.Turn, err = r.turns.Take(ctx, s.NotBefore, func(tx dialect.Execer) error {
		return r.deleteIDs(ctx, tx, annals.Table{Name: layout.RevisionTable}, layout.ColID, ids)
	})
	if !out.Released.IsZero() {
		out.Revisions = len(ids)
	}
	return out, err
}

// oldRevisions are the old ones among the next numbers; first is the first of these,
// 0 where there is none.
func (r *cleanRun) oldRevisions(
	ctx context.Context, s storage.RevisionSweep,
) (first int64, ids []int64, err error) {
	read := func(b *builder, row func(id int64)) error {
		return query(ctx, r.conn, b, func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			row(id)
			return err
		})
	}
	b := r.builder()
	b.text("SELECT v.id FROM ")
	b.table(annals.Table{Name: layout.RevisionTable})
	b.text(" AS v WHERE v.id > ")
	b.bind(s.After)
	b.text(" ORDER BY v.id LIMIT 1")
	if err := read(b, func(id int64) { first = id }); err != nil || first == 0 {
		return 0, nil, err
	}
	b = r.builder()
	b.text("SELECT v.id FROM ")
	b.table(annals.Table{Name: layout.RevisionTable})
	b.text(" AS v WHERE v.id BETWEEN ")
	b.bind(first)
	b.text(" AND ")
	b.bind(first + int64(s.Limit) - 1)
	b.text(" AND ", b.col("v", layout.ColCreatedAt), " < ")
	b.bind(r.store.syntax.BindInstant(s.Before))
	b.text(" ORDER BY v.id")
	err = read(b, func(id int64) { ids = append(ids, id) })
	return first, ids, err
}

// named are the revisions that a receipt names; with cuts, a receipt that stays.
func (r *cleanRun) named(
	ctx context.Context, ids []int64, cuts map[string]time.Time,
) (map[int64]bool, error) {
	b := r.builder()
	revision, entity := b.col("r", layout.ColRevision), b.col("r", layout.ColEntity)
	newest := r.store.syntax.Instant("MAX(" + b.col("r", layout.ColCreatedAt) + ")")
	b.text("SELECT ", revision, ", ", entity, ", ", newest, " FROM ")
	b.table(annals.Table{Name: layout.RevisionEntityTable})
	b.text(" AS r")
	b.and()
	r.store.eng.ids(b, revision, ids)
	b.text(" GROUP BY ", revision, ", ", entity)
	out := map[int64]bool{}
	err := query(ctx, r.conn, b, func(scan func(...any) error) error {
		var id int64
		var target, text string
		if err := scan(&id, &target, &text); err != nil {
			return err
		}
		at, err := r.store.syntax.ParseInstant(text)
		if !at.Before(cuts[target]) {
			out[id] = true
		}
		return err
	})
	return out, err
}

// SQL implements storage.Cleaning.
func (r *cleanRun) SQL(m storage.Mark, entities ...string) string {
	d := r.store.cfg.Dialect
	lit := r.store.syntax.Literal
	instant := func(t time.Time) string { return lit(r.store.syntax.BindInstant(t)) }
	table := func(name string) string { return d.Table(annals.Table{Name: name}) }
	q := d.Quote
	var b strings.Builder
	for _, entity := range entities {
		fmt.Fprintf(&b, "-- entity %s\nINSERT INTO %s (%s, %s, %s, %s) VALUES (%s, %s, %s, %s);\n",
			oneLine(entity), table(layout.CleanTable), q(layout.ColEntity), q(layout.ColBefore),
			q(layout.ColTime), q(layout.ColActor), lit(entity), instant(m.Before), instant(m.At), lit(m.Actor))
	}
	for _, sheet := range r.ledger.Sheets() {
		feeds := sheet.Feeds()
		if !slices.ContainsFunc(feeds, func(e string) bool { return slices.Contains(entities, e) }) {
			continue
		}
		// Rows go when every entity that they tell of is past them.
		where := q(layout.ColEntity) + " = " + lit(sheet.Name)
		for _, entity := range feeds {
			where += fmt.Sprintf(" AND %s < (SELECT MAX(%s) FROM %s WHERE %s = %s)", q(layout.ColCreatedAt),
				q(layout.ColBefore), table(layout.CleanTable), q(layout.ColEntity), lit(entity))
		}
		fmt.Fprintf(&b, "-- copy %s\n"+
			"DELETE FROM %s WHERE %s IN (SELECT %s FROM %s WHERE %s);\nDELETE FROM %s WHERE %s;\n",
			oneLine(sheet.Copy.String()), d.Table(sheet.Copy), q(layout.ColCopyReceipt), q(layout.ColID),
			table(layout.RevisionEntityTable), where, table(layout.RevisionEntityTable), where)
	}
	fmt.Fprintf(&b, "-- revisions that no row names any more\n"+
		"DELETE FROM %s WHERE %s < %s AND %s NOT IN (SELECT %s FROM %s);\n",
		table(layout.RevisionTable), q(layout.ColCreatedAt), instant(m.Before), q(layout.ColID),
		q(layout.ColRevision), table(layout.RevisionEntityTable))
	return b.String()
}

// oneLine keeps a name on its line.
func oneLine(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, name)
}
