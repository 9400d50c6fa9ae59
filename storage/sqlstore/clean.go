package sqlstore

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

// cleaning is the SQL that removes what is old.
type cleaning interface {
	// deleteByID appends a statement that deletes rows by their id and locks nothing
	// but these rows, whatever the planner thinks of the table.
	deleteByID(b *builder, table annals.Table, ids []int64)
	// deleteReceipts appends a statement that deletes these receipts and locks
	// nothing but them. Others of the same revisions may go with them.
	deleteReceipts(b *builder, receipts []receiptKey)
	// takeLock is a statement that changes nothing and takes the lock that the
	// transaction will need, where there is one for the whole database; else "".
	takeLock() string
	// prepare returns the connection for one transaction. What is left to do behind
	// its commit is done by finish, when nobody waits for it any more.
	prepare(ctx context.Context, conn storage.Conn) (storage.Conn, finish, error)
	// literal is a text as it stands in a script.
	literal(s string) string
}

// receiptKey is the primary key of annals_revision_entity.
type receiptKey struct {
	revision    int64
	entity, typ string
}

// countStep is how many entries are counted by one statement: on SQLite a long
// read may keep writers from committing.
const countStep = 100_000

// cleanRun implements storage.Cleaning.
type cleanRun struct {
	store *Store
	eng   cleaning
	conn  storage.Conn
	// tables of all entities that the registry has, but for those that were dropped.
	tables map[string]annals.Table
	order  []string
	turns  *Turns
}

var _ storage.Cleaner = (*Store)(nil)

// Cleaning implements storage.Cleaner. The account needs the rights of the role
// retention.
func (s *Store) Cleaning(ctx context.Context, conn storage.Conn) (storage.Cleaning, error) {
	r := &cleanRun{
		store: s, eng: s.eng, conn: conn, tables: map[string]annals.Table{}, turns: s.Turns(conn),
	}
	// Without the table of marks nothing may be removed.
	probe := &builder{d: s.cfg.Dialect}
	probe.text("SELECT id FROM ")
	probe.table(annals.Table{Name: layout.CleanTable})
	probe.text(" WHERE 1 = 0")
	if _, err := readIDs(ctx, conn, probe); err != nil {
		return nil, s.fail("clean", "", nil, err)
	}
	registered, err := s.registered(ctx, conn)
	if err != nil {
		return nil, err
	}
	for _, e := range registered {
		gone, err := r.isGone(ctx, e.Table)
		if err != nil {
			return nil, s.fail("clean", "entity "+e.Entity, nil, err)
		}
		if !gone {
			r.tables[e.Entity] = e.Table
			r.order = append(r.order, e.Entity)
		}
	}
	return r, nil
}

// isGone reports whether somebody dropped a table: then it names no revision.
func (r *cleanRun) isGone(ctx context.Context, t annals.Table) (bool, error) {
	b := r.builder()
	b.text("SELECT id FROM ")
	b.table(t)
	b.text(" WHERE 1 = 0")
	_, err := readIDs(ctx, r.conn, b)
	switch r.store.cfg.Dialect.Classify(err) {
	case dialect.ClassMissingTable, dialect.ClassMissingDatabase:
		return true, nil
	default:
		return false, err
	}
}

func (r *cleanRun) builder() *builder { return &builder{d: r.store.cfg.Dialect} }

// instant binds a cut-off: an entry is older than it where it is older than the
// first microsecond at or after it.
func (r *cleanRun) instant(b *builder, t time.Time) {
	b.bind(r.store.eng.bindInstant(formatInstant(ceil(t))))
}

// older writes " WHERE created_at < before", and where from is set "AND created_at
// >= from".
func (r *cleanRun) older(b *builder, from, before time.Time) {
	b.text(" WHERE ")
	b.name(layout.ColCreatedAt)
	b.text(" < ")
	r.instant(b, before)
	if !from.IsZero() {
		b.text(" AND ")
		b.name(layout.ColCreatedAt)
		b.text(" >= ")
		r.instant(b, from)
	}
}

// bound is the time of the n-th entry, from 0, of those between from and before;
// ok is false where there are not so many.
func (r *cleanRun) bound(
	ctx context.Context, table annals.Table, from, before time.Time, n int,
) (at time.Time, ok bool, err error) {
	b := r.builder()
	b.text("SELECT ", r.store.eng.instant(b.d.Quote(layout.ColCreatedAt)), " FROM ")
	b.table(table)
	r.older(b, from, before)
	b.text(" ORDER BY ")
	b.name(layout.ColCreatedAt)
	b.text(" LIMIT 1 OFFSET ")
	b.number(n)
	err = query(ctx, r.conn, b, func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		ok = true
		at, err = parseInstant(text)
		return err
	})
	return at, ok, err
}

// Count implements storage.Cleaning.
func (r *cleanRun) Count(ctx context.Context, entity string, before time.Time) (int64, error) {
	table, ok := r.tables[entity]
	if !ok {
		return 0, nil
	}
	var total int64
	var from time.Time
	for {
		to, more, err := r.bound(ctx, table, from, before, countStep)
		if err == nil && !more {
			to = before
		} else if err == nil && !to.After(from) {
			to = from.Add(time.Microsecond) // all of one instant
		}
		n := int64(0)
		if err == nil {
			n, err = r.countBetween(ctx, table, from, to)
		}
		if err != nil {
			return 0, r.store.fail("count old entries of", "entity "+entity, nil, err)
		}
		total += n
		if !more {
			return total, nil
		}
		from = to
	}
}

func (r *cleanRun) countBetween(
	ctx context.Context, table annals.Table, from, to time.Time,
) (n int64, err error) {
	b := r.builder()
	b.text("SELECT COUNT(*) FROM ")
	b.table(table)
	r.older(b, from, to)
	err = query(ctx, r.conn, b, func(scan func(...any) error) error { return scan(&n) })
	return n, err
}

// Remove implements storage.Cleaning. It asks for the ids first, which locks
// nothing, and deletes these rows: entries are never changed, and nobody else
// deletes any.
func (r *cleanRun) Remove(ctx context.Context, s storage.Sweep) (storage.Swept, error) {
	table, ok := r.tables[s.Entity]
	if !ok {
		return storage.Swept{}, nil
	}
	ids, last, err := r.oldest(ctx, table, s)
	var turn storage.Turn
	if err == nil && len(ids) > 0 {
		slices.Sort(ids)
		turn, err = r.turns.Take(ctx, s.NotBefore, func(tx dialect.Execer) error {
			b := r.builder()
			r.eng.deleteByID(b, table, ids)
			_, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
			return err
		})
	}
	out := storage.Swept{Turn: turn}
	if !turn.Released.IsZero() {
		out.Entries, out.Last = len(ids), last
	}
	if err != nil {
		return out, r.store.fail("remove old entries of", "entity "+s.Entity, nil, err)
	}
	return out, nil
}

// oldest returns the ids of the oldest entries, in the order of positions, and the
// time of the last. The first statement follows the index by created_at alone,
// which every storage has, and bounds what the second may have to sort.
func (r *cleanRun) oldest(
	ctx context.Context, table annals.Table, s storage.Sweep,
) (ids []int64, last time.Time, err error) {
	to := s.Before
	at, more, err := r.bound(ctx, table, s.From, s.Before, s.Limit)
	if err != nil {
		return nil, last, err
	}
	if more {
		to = at.Add(time.Microsecond) // what shares the instant of the bound takes part
	}
	b := r.builder()
	b.text("SELECT id, ", r.store.eng.instant(b.d.Quote(layout.ColCreatedAt)), " FROM ")
	b.table(table)
	r.older(b, s.From, to)
	b.text(" ORDER BY ")
	b.names("", orderColumns())
	b.text(" LIMIT ")
	b.number(s.Limit)
	var text string
	err = query(ctx, r.conn, b, func(scan func(...any) error) error {
		var id int64
		err := scan(&id, &text)
		ids = append(ids, id)
		return err
	})
	if err == nil && len(ids) > 0 {
		last, err = parseInstant(text)
	}
	return ids, last, err
}

// SQL implements storage.Cleaning.
func (r *cleanRun) SQL(m storage.Mark, entities ...string) string {
	lit := func(t time.Time) string {
		return r.eng.literal(r.store.eng.bindInstant(formatInstant(ceil(t))))
	}
	d := r.store.cfg.Dialect
	created, hash := d.Quote(layout.ColCreatedAt), d.Quote(layout.ColTransactionHash)
	var b strings.Builder
	for _, entity := range entities {
		table, ok := r.tables[entity]
		if !ok {
			continue
		}
		fmt.Fprintf(&b, "-- entity %s\nINSERT INTO %s (%s, %s, %s, %s) VALUES (%s, %s, %s, %s);\n",
			comment(entity), d.Table(annals.Table{Name: layout.CleanTable}),
			d.Quote(layout.ColEntity), d.Quote(layout.ColBefore), d.Quote(layout.ColTime),
			d.Quote(layout.ColActor), r.eng.literal(entity), lit(m.Before), lit(m.At),
			r.eng.literal(m.Actor))
		fmt.Fprintf(&b, "DELETE FROM %s WHERE %s < %s;\n", d.Table(table), created, lit(m.Before))
	}
	orphans := " WHERE " + created + " < " + lit(m.Before)
	for _, entity := range r.order {
		orphans += "\n  AND " + hash + " NOT IN (SELECT " + hash + " FROM " +
			d.Table(r.tables[entity]) + ")"
	}
	revisions := d.Table(r.store.rev.Name)
	fmt.Fprintf(&b, "-- revisions that no entry names any more\n"+
		"DELETE FROM %s WHERE %s IN (SELECT %s FROM %s%s);\nDELETE FROM %s%s;\n",
		d.Table(annals.Table{Name: layout.RevisionEntityTable}), d.Quote(layout.ColRevision),
		d.Quote(layout.ColID), revisions, orphans, revisions, orphans)
	return b.String()
}

// comment keeps a name on its line.
func comment(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, name)
}
