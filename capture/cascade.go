package capture

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/track"
)

// Change is one row as a statement left it: Before is nil for an inserted row,
// After for a deleted one.
type Change struct {
	Before, After *Row
}

// Mutation returns the change as a mutation; ok is false where nothing that is
// kept differs.
func (c Change) Mutation() (m annals.Mutation, ok bool) {
	switch {
	case c.Before == nil:
		return annals.Mutation{Operation: annals.OpInsert, After: c.After.Image}, true
	case c.After == nil:
		return annals.Mutation{Operation: annals.OpDelete, Before: c.Before.Image}, true
	case sameImage(c.Before.Image, c.After.Image):
		return m, false
	}
	return annals.Mutation{
		Operation: annals.OpUpdate, Before: c.Before.Image, After: c.After.Image,
	}, true
}

func sameImage(a, b *annals.Image) bool {
	for i := range a.Values {
		if !bytes.Equal(a.Values[i], b.Values[i]) {
			return false
		}
	}
	for column, digest := range a.Digests {
		if b.Digests[column] != digest {
			return false
		}
	}
	return true
}

// Rekey is how a statement changes keys: by object id, the new key.
type Rekey map[string][]any

// Moved is what an update sets: the columns, and the keys that so change.
type Moved struct {
	Columns []string
	Keys    Rekey
}

// Locks are the locking clauses of the reads before and after a statement.
type Locks struct {
	Before, After string
}

// Cascades are the rows that a statement changes through foreign keys, read and
// locked before it ran.
type Cascades struct {
	groups []*group
	fates  map[string]fate
	lock   string
}

// group is what one foreign key drags along.
type group struct {
	reader *Reader
	rows   []Row
	// newKeys holds the key of a row after the statement where that differs; all
	// groups of a table share it.
	newKeys Rekey
	// gone rows are expected not to be there afterwards.
	gone bool
}

// Readers gives the reader of a table, also of one that is not audited.
type Readers interface {
	// Reader returns a reader of the table; its Table has no entity and no links
	// where rows of it give no entries.
	Reader(ctx context.Context, q dialect.Queryer, name annals.Table) (*Reader, error)
	// References are the foreign keys that lead to the table.
	References(ctx context.Context, q dialect.Queryer, name annals.Table) ([]track.Reference, error)
}

// fate is what is known to become of a row.
type fate int

const (
	unknown fate = iota
	changed
	deleted
)

// cascader follows foreign keys from table to table.
type cascader struct {
	tables Readers
	q      dialect.Queryer
	lock   string
	// keys are the new keys of each table's rows.
	keys  map[annals.Table]Rekey
	found Cascades
}

func newCascader(tables Readers, q dialect.Queryer, locks Locks) *cascader {
	return &cascader{
		tables: tables, q: q, lock: locks.Before, keys: map[annals.Table]Rekey{},
		found: Cascades{fates: map[string]fate{}, lock: locks.After},
	}
}

// Deleting reads the rows that go, or lose a foreign key, with rows of r. Where
// foreign keys drag nothing along, it does not look at the rows.
func Deleting(
	ctx context.Context, tables Readers, q dialect.Queryer, r *Reader, rows *Rows, locks Locks,
) (*Cascades, error) {
	c := newCascader(tables, q, locks)
	err := c.start(ctx, r, rows, deleted, func(ref track.Reference) bool {
		return acts(ref.Key.OnDelete)
	}, func(all []Row) error { return c.followDelete(ctx, r, all) })
	if err != nil {
		return nil, err
	}
	return &c.found, nil
}

// Updating reads the rows whose foreign keys follow what an update sets in rows
// of r, likewise.
func Updating(
	ctx context.Context, tables Readers, q dialect.Queryer, r *Reader, rows *Rows, m Moved,
	locks Locks,
) (*Cascades, error) {
	c := newCascader(tables, q, locks)
	if m.Keys != nil {
		c.keys[r.table.Live.Name] = m.Keys
	}
	err := c.start(ctx, r, rows, changed, func(ref track.Reference) bool {
		return acts(ref.Key.OnUpdate) && overlap(ref.Key.ReferencedColumns, m.Columns)
	}, func(all []Row) error { return c.followUpdate(ctx, r, all, m.Columns) })
	if err != nil {
		return nil, err
	}
	return &c.found, nil
}

// start follows the rows that a statement changes if any foreign key drags others
// along; they are then all in memory.
func (c *cascader) start(ctx context.Context, r *Reader, rows *Rows, f fate,
	drags func(track.Reference) bool, follow func([]Row) error,
) error {
	if rows.Len() == 0 {
		return nil
	}
	refs, err := c.tables.References(ctx, c.q, r.table.Live.Name)
	if err == nil && slices.ContainsFunc(refs, drags) {
		var all []Row
		if all, err = rows.All(); err == nil {
			c.visit(r, all, f)
			err = follow(all)
		}
	}
	if err != nil {
		return fmt.Errorf("follow foreign keys to %s: %w", r.table.Live.Name, err)
	}
	return nil
}

// visit notes the fate of rows. It returns those that had a lesser one, and of
// them those that had none.
func (c *cascader) visit(r *Reader, rows []Row, f fate) (worse, fresh []Row) {
	for _, row := range rows {
		id := fateID(r, row)
		was := c.found.fates[id]
		if was >= f {
			continue
		}
		c.found.fates[id] = f
		worse = append(worse, row)
		if was == unknown {
			fresh = append(fresh, row)
		}
	}
	return worse, fresh
}

func fateID(r *Reader, row Row) string {
	return r.table.Live.Name.String() + "\x00" + row.ID
}

// followDelete reads what hangs on rows that go.
func (c *cascader) followDelete(ctx context.Context, r *Reader, rows []Row) error {
	return c.each(ctx, r, rows, func(ref track.Reference) error {
		action := ref.Key.OnDelete
		if !acts(action) {
			return nil
		}
		child, found, err := c.children(ctx, r, rows, ref)
		if err != nil || len(found) == 0 {
			return err
		}
		if action == "CASCADE" {
			worse, fresh := c.visit(child, found, deleted)
			c.found.add(&group{reader: child, rows: fresh, gone: true})
			return c.followDelete(ctx, child, worse)
		}
		return c.change(ctx, r, rows, change{child, found, ref, action})
	})
}

// followUpdate reads what hangs on rows of which some columns are set.
func (c *cascader) followUpdate(
	ctx context.Context, r *Reader, rows []Row, columns []string,
) error {
	return c.each(ctx, r, rows, func(ref track.Reference) error {
		action := ref.Key.OnUpdate
		if !acts(action) || !overlap(ref.Key.ReferencedColumns, columns) {
			return nil
		}
		child, found, err := c.children(ctx, r, rows, ref)
		if err != nil || len(found) == 0 {
			return err
		}
		return c.change(ctx, r, rows, change{child, found, ref, action})
	})
}

// change is what a foreign key does to the rows that have it.
type change struct {
	child  *Reader
	rows   []Row
	ref    track.Reference
	action string
}

// change notes rows whose foreign key is set because of rows of r, and follows
// them. A row that is met again gets a new key from each of its foreign keys.
func (c *cascader) change(ctx context.Context, r *Reader, parents []Row, ch change) error {
	next := map[string]bool{}
	_, fresh := c.visit(ch.child, ch.rows, changed)
	for _, row := range fresh {
		next[row.ID] = true
	}
	if overlap(ch.ref.Key.Columns, ch.child.table.Key) {
		again, err := c.rekey(ctx, r, parents, ch)
		if err != nil {
			return err
		}
		for _, id := range again {
			next[id] = true
		}
	}
	c.found.add(&group{
		reader: ch.child, rows: fresh, newKeys: c.rekeys(ch.child),
	})
	var on []Row
	for _, row := range ch.rows {
		if next[row.ID] {
			on = append(on, row)
		}
	}
	return c.followUpdate(ctx, ch.child, on, ch.ref.Key.Columns)
}

// rekeys are the new keys of a table's rows.
func (c *cascader) rekeys(r *Reader) Rekey {
	name := r.table.Live.Name
	if c.keys[name] == nil {
		c.keys[name] = Rekey{}
	}
	return c.keys[name]
}

// each calls f with every foreign key that leads to r, if there are rows.
func (c *cascader) each(ctx context.Context, r *Reader, rows []Row,
	f func(track.Reference) error,
) error {
	if len(rows) == 0 {
		return nil
	}
	refs, err := c.tables.References(ctx, c.q, r.table.Live.Name)
	for _, ref := range refs {
		if err == nil {
			err = f(ref)
		}
	}
	return err
}

// children reads and locks the rows that refer to rows by ref.
func (c *cascader) children(
	ctx context.Context, r *Reader, rows []Row, ref track.Reference,
) (*Reader, []Row, error) {
	child, err := c.tables.Reader(ctx, c.q, ref.Table.Name)
	if err != nil || len(child.table.Key) == 0 {
		return nil, nil, err // a table without a key is not audited
	}
	if comparesByReferenced(r.d) {
		found, err := child.sqliteChildren(ctx, c.q, r, rows, ref.Key)
		return child, found, err
	}
	parents, err := c.referenced(ctx, r, rows, ref.Key)
	if err != nil {
		return nil, nil, err
	}
	found, err := child.ByColumns(ctx, c.q, ref.Key.Columns, parents, c.lock)
	return child, found, err
}

func (c *Cascades) add(g *group) {
	if len(g.rows) > 0 {
		c.groups = append(c.groups, g)
	}
}

// referenced returns the values that a foreign key to rows of r has.
func (c *cascader) referenced(ctx context.Context, r *Reader, rows []Row,
	fk catalog.ForeignKey,
) ([][]any, error) {
	values := make([][]any, 0, len(rows))
	if positions, ok := within(fk.ReferencedColumns, r.table.Key); ok {
		for _, row := range rows {
			v := make([]any, len(positions))
			for i, p := range positions {
				v[i] = row.Key[p]
			}
			values = append(values, v)
		}
		return values, nil
	}
	other := &track.Table{Live: r.table.Live, Key: fk.ReferencedColumns}
	keys := make([][]any, len(rows))
	for i, row := range rows {
		keys[i] = row.Key
	}
	read, err := NewReader(r.d, other).ByColumns(ctx, c.q, r.table.Key, keys, "")
	for _, row := range read {
		values = append(values, row.Key)
	}
	return values, err
}

// within returns where in key each column stands; ok is false where one does not.
func within(columns, key []string) (positions []int, ok bool) {
	for _, col := range columns {
		p := slices.Index(key, col)
		if p < 0 {
			return nil, false
		}
		positions = append(positions, p)
	}
	return positions, true
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// Changes reads the rows again, after the statement, and calls record with what
// became of them, table by table.
func (c *Cascades) Changes(ctx context.Context, q dialect.Queryer,
	record func(t *track.Table, changes []Change) error,
) error {
	if c == nil {
		return nil
	}
	for _, g := range c.groups {
		changes, err := c.changes(ctx, q, g)
		if err != nil {
			return err
		}
		if err := record(g.reader.table, changes); err != nil {
			return err
		}
	}
	return nil
}

// changes looks for gone rows without a lock, which would lock the gaps that
// they leave.
func (c *Cascades) changes(
	ctx context.Context, q dialect.Queryer, g *group,
) ([]Change, error) {
	again := Again{Keys: g.newKeys, Lock: c.lock}
	if g.gone {
		again.Lock = ""
	}
	changes, err := Compare(ctx, q, g.reader, g.rows, again)
	stayed := slices.ContainsFunc(changes, func(c Change) bool { return c.After != nil })
	if err == nil && g.gone && stayed && c.lock != "" {
		again.Lock = c.lock
		return Compare(ctx, q, g.reader, g.rows, again)
	}
	if err != nil || g.gone {
		return changes, err
	}
	if err := g.unmoved(ctx, q, changes, c.lock); err != nil {
		return nil, err
	}
	for _, change := range changes {
		if change.After == nil && c.fates[fateID(g.reader, *change.Before)] != deleted {
			return nil, &annals.Error{
				Op: "follow",
				Subject: fmt.Sprintf("foreign key to row %s of table %s",
					change.Before.ID, g.reader.table.Live.Name),
				Err: annals.ErrCapture,
				Remedy: "a foreign key changed the row, which is not there now; a trigger of the " +
					"database deleted it or gave it another key: do that by a statement of its own",
			}
		}
	}
	return changes, nil
}

// Again is how rows are read a second time.
type Again struct {
	// Keys are the keys of rows that have new ones.
	Keys Rekey
	// Lock is a locking clause.
	Lock string
}

// Compare reads rows again and pairs them: a row that is gone has no After. Rows
// with a new key are read one by one, which tells for certain which is which.
func Compare(
	ctx context.Context, q dialect.Queryer, r *Reader, rows []Row, again Again,
) ([]Change, error) {
	changes := make([]Change, len(rows))
	var same [][]any
	for i := range rows {
		changes[i].Before = &rows[i]
		key, moved := again.Keys[rows[i].ID]
		if !moved {
			same = append(same, rows[i].Key)
			continue
		}
		read, err := r.ByKeys(ctx, q, [][]any{key}, again.Lock)
		if err != nil {
			return nil, err
		}
		if len(read) == 1 {
			changes[i].After = &read[0]
		}
	}
	read, err := r.ByKeys(ctx, q, same, again.Lock)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*Row, len(read))
	for i := range read {
		byID[read[i].ID] = &read[i]
	}
	for i := range rows {
		if _, moved := again.Keys[rows[i].ID]; !moved {
			changes[i].After = byID[rows[i].ID]
		}
	}
	return changes, nil
}
