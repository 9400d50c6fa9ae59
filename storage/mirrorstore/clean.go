package mirrorstore

import (
	"context"
	"slices"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// cleanRun implements storage.Cleaning. A row goes when every entity that it gives
// entries is past it: a child's row tells of its parent too, a join table's of both
// ends. Until then what is older than an entity's mark is not shown.
type cleanRun struct {
	store  *Store
	conn   storage.Conn
	ledger *journal.Ledger
	turns  *sqlstore.Turns
}

// Cleaning implements storage.Cleaner. The account needs the rights of the role
// retention.
func (s *Store) Cleaning(ctx context.Context, conn storage.Conn) (storage.Cleaning, error) {
	if _, err := s.marksOn(ctx, conn); err != nil {
		return nil, err // without the table of marks nothing may be removed
	}
	l, err := s.fresh(ctx)
	if err != nil {
		return nil, err
	}
	return &cleanRun{store: s, conn: conn, ledger: l, turns: s.entries.Turns(conn)}, nil
}

// Mark implements storage.Cleaning.
func (r *cleanRun) Mark(ctx context.Context, m storage.Mark) error {
	return r.store.entries.MarkOn(ctx, r.conn, m) //nolint:wrapcheck // its errors say all
}

func (r *cleanRun) builder() *builder { return &builder{d: r.store.cfg.Dialect} }

// Count implements storage.Cleaning: the rows of the entity's own table.
func (r *cleanRun) Count(ctx context.Context, entity string, before time.Time) (n int64, err error) {
	for _, sheet := range r.ledger.Sheets() {
		if !sheet.Owns(entity) {
			continue
		}
		b := r.builder()
		b.text("SELECT COALESCE(SUM(", b.col("r", layout.ColEntries), "), 0) FROM ")
		b.table(annals.Table{Name: layout.RevisionEntityTable})
		b.text(" AS r")
		b.and()
		b.text(b.col("r", layout.ColEntity), " = ")
		b.bind(sheet.Name)
		b.and()
		b.text(b.col("r", layout.ColCreatedAt), " < ")
		b.bind(r.store.syntax.BindInstant(before))
		err := query(ctx, r.conn, b, func(scan func(...any) error) error {
			var some int64
			err := scan(&some)
			n += some
			return err
		})
		if err != nil {
			return 0, r.store.entries.FailWrite("count old entries of", "entity "+entity, err)
		}
	}
	return n, nil
}

// cuts tells for each copy before which time its rows go, if entries of the planned
// entities older than before go too; a copy that keeps all is missing.
func (r *cleanRun) cuts(
	ctx context.Context, planned []string, before time.Time,
) (map[string]time.Time, error) {
	list, err := r.store.marksOn(ctx, r.conn)
	if err != nil {
		return nil, err
	}
	cuts := map[string]time.Time{}
	for _, sheet := range r.ledger.Sheets() {
		var cut time.Time
		feeds := sheet.Feeds()
		for i, entity := range feeds {
			mark := list[entity]
			if slices.Contains(planned, entity) && before.After(mark) {
				mark = before
			}
			if i == 0 || mark.Before(cut) {
				cut = mark
			}
		}
		if !cut.IsZero() {
			cuts[sheet.Name] = cut
		}
	}
	return cuts, nil
}

// marksOn are the latest marks, read through the connection of a run.
func (s *Store) marksOn(ctx context.Context, q dialect.Queryer) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	b := &builder{d: s.cfg.Dialect}
	b.text("SELECT ", b.col("m", layout.ColEntity), ", ", s.syntax.Instant(b.col("m", layout.ColBefore)), " FROM ")
	b.table(annals.Table{Name: layout.CleanTable})
	b.text(" AS m")
	err := query(ctx, q, b, func(scan func(...any) error) error {
		var entity, text string
		if err := scan(&entity, &text); err != nil {
			return err
		}
		before, err := s.syntax.ParseInstant(text)
		if before.After(out[entity]) {
			out[entity] = before
		}
		return err
	})
	if err != nil {
		return nil, s.entries.FailRead("read the marks of", "retention", err)
	}
	return out, nil
}

// Remove implements storage.Cleaning. It counts the rows that go, of the entity's own
// table and of tables that tell of it, of which others may have been waiting for this
// entity. What is read first locks nothing, and nobody else deletes.
func (r *cleanRun) Remove(ctx context.Context, s storage.Sweep) (out storage.Swept, err error) {
	cuts, err := r.cuts(ctx, []string{s.Entity}, s.Before)
	if err != nil {
		return out, err
	}
	var sheets []*journal.Sheet
	for _, sheet := range r.ledger.Sheets() {
		if _, ok := cuts[sheet.Name]; ok && slices.Contains(sheet.Feeds(), s.Entity) {
			sheets = append(sheets, sheet)
		}
	}
	for len(sheets) > 0 && out.Entries < s.Limit {
		b, err := r.batch(ctx, sheets, cuts, storage.Sweep{From: s.From, Limit: s.Limit - out.Entries})
		if err == nil && len(b.receipts)+len(b.rows) == 0 {
			return out, nil
		}
		var turn storage.Turn
		if err == nil {
			turn, err = r.turns.Take(ctx, s.NotBefore, func(tx dialect.Execer) error {
				return r.delete(ctx, tx, b)
			})
		}
		if !turn.Released.IsZero() {
			out.Entries += b.entries
			out.Last = b.last
			turn.Held = max(out.Held, turn.Held)
			out.Turn = turn
			// What is left of the sweep gives way like the sweeps themselves.
			s.NotBefore = turn.Released.Add(3 * max(turn.Held, 10*time.Millisecond))
		}
		if err != nil {
			return out, r.store.entries.FailWrite("remove old entries of", "entity "+s.Entity, err)
		}
	}
	return out, nil
}

// doomed is what one transaction deletes.
type doomed struct {
	// rows are ids of rows by copy, receipts those that end with them.
	rows     map[*journal.Sheet][]int64
	receipts []int64
	entries  int
	last     time.Time
}

// batch finds the oldest receipts, and of their rows as many as the limit says.
func (r *cleanRun) batch(
	ctx context.Context, sheets []*journal.Sheet, cuts map[string]time.Time, s storage.Sweep,
) (out doomed, err error) {
	out.rows = map[*journal.Sheet][]int64{}
	list, err := r.oldest(ctx, sheets, cuts, s)
	if err != nil {
		return out, err
	}
	for _, v := range list {
		left := s.Limit - out.entries
		if left <= 0 {
			return out, nil
		}
		out.last = v.CreatedAt
		if v.Type == string(annals.OpTruncate) {
			out.receipts, out.entries = append(out.receipts, v.ID), out.entries+1
			continue
		}
		sheet := r.ledger.Sheet(v.Target)
		ids, err := r.rowsOf(ctx, sheet, v.ID, 2*left+2)
		if err != nil {
			return out, err
		}
		numbers := 0
		for i, id := range ids {
			if i == 0 || ids[i-1]/2 != id/2 {
				if numbers == left { // the rest goes with the next batch
					out.rows[sheet] = append(out.rows[sheet], ids[:i]...)
					out.entries += numbers
					return out, nil
				}
				numbers++
			}
		}
		out.rows[sheet] = append(out.rows[sheet], ids...)
		out.entries += numbers
		out.receipts = append(out.receipts, v.ID)
	}
	return out, nil
}

// oldest are the oldest receipts of the copies, up to the limit.
func (r *cleanRun) oldest(
	ctx context.Context, sheets []*journal.Sheet, cuts map[string]time.Time, s storage.Sweep,
) (out []journal.Receipt, err error) {
	for some := range slices.Chunk(sheets, maxBranches) {
		b := r.builder()
		q := b.d.Quote
		b.text("SELECT u.id, u.revision, u.entity, u.type, u.entries, ",
			r.store.syntax.Instant("u."+q(layout.ColCreatedAt)), " FROM (")
		for i, sheet := range some {
			b.text([]string{"", " UNION ALL "}[min(i, 1)])
			open, shut := r.store.syntax.Term()
			b.text(open)
			b.where = false
			selectReceipt(b, 0)
			b.and()
			lead := ""
			if r.store.eng.same(b, b.col("r", layout.ColEntity), sheet.Name) {
				lead = b.col("r", layout.ColEntity) + ", "
			}
			created := b.col("r", layout.ColCreatedAt)
			b.and()
			b.text(created, " < ")
			b.bind(r.store.syntax.BindInstant(cuts[sheet.Name]))
			if !s.From.IsZero() {
				b.and()
				b.text(created, " >= ")
				b.bind(r.store.syntax.BindInstant(s.From))
			}
			b.text(" ORDER BY ", lead, created, ", r.id LIMIT ")
			b.number(int64(s.Limit))
			b.text(shut)
		}
		b.text(") AS u ORDER BY u.", q(layout.ColCreatedAt), ", u.id LIMIT ")
		b.number(int64(s.Limit))
		found, err := scanReceipts(ctx, r.store, r.conn, b)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	slices.SortFunc(out, func(x, y journal.Receipt) int {
		if c := x.CreatedAt.Compare(y.CreatedAt); c != 0 {
			return c
		}
		return int(min(1, max(-1, x.ID-y.ID)))
	})
	return out[:min(len(out), s.Limit)], nil
}

// rowsOf are the ids of a receipt's first rows, ascending.
func (r *cleanRun) rowsOf(
	ctx context.Context, sheet *journal.Sheet, receipt int64, limit int,
) (ids []int64, err error) {
	b := r.builder()
	id := b.col("c", layout.ColCopyID)
	b.text("SELECT ", id, " FROM ")
	b.table(sheet.Copy)
	b.text(" AS c")
	b.and()
	b.text(b.col("c", layout.ColCopyReceipt), " = ")
	b.bind(receipt)
	b.text(" ORDER BY ", id, " LIMIT ")
	b.number(int64(limit))
	err = query(ctx, r.conn, b, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

func (r *cleanRun) delete(ctx context.Context, tx dialect.Execer, d doomed) error {
	for sheet, ids := range d.rows {
		for some := range slices.Chunk(ids, 2*mostAtOnce) {
			if err := r.deleteIDs(ctx, tx, sheet.Copy, layout.ColCopyID, some); err != nil {
				return err
			}
		}
	}
	for some := range slices.Chunk(d.receipts, 2*mostAtOnce) {
		table := annals.Table{Name: layout.RevisionEntityTable}
		if err := r.deleteIDs(ctx, tx, table, layout.ColID, some); err != nil {
			return err
		}
	}
	return nil
}

func (r *cleanRun) deleteIDs(
	ctx context.Context, tx dialect.Execer, table annals.Table, key string, ids []int64,
) error {
	b := r.builder()
	r.store.eng.deleteByID(b, table, key, ids)
	_, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
	return err
}
