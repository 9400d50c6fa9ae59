package capture

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
)

// rekey works out the new keys of rows whose key holds columns of a foreign key,
// and returns the ids of those that it changed.
func (c *cascader) rekey(
	ctx context.Context, r *Reader, parents []Row, ch change,
) ([]string, error) {
	switch ch.action {
	case "CASCADE":
		return c.cascadeKeys(ctx, r, parents, ch)
	case "SET DEFAULT":
		return c.defaultKeys(ctx, ch)
	}
	return nil, nil
}

// cascadeKeys has the database say which rows hang on which: it alone knows what
// it takes for equal.
func (c *cascader) cascadeKeys(
	ctx context.Context, r *Reader, parents []Row, ch change,
) (moved []string, err error) {
	fk := ch.ref.Key
	positions, ok := within(fk.ReferencedColumns, r.table.Key)
	if !ok {
		return nil, &annals.Error{
			Op: "follow", Subject: "foreign key of table " + ch.child.table.Live.Name.String(),
			Err: annals.ErrCapture,
			Remedy: "the rows' own keys would change with a column that is no key of " +
				r.table.Live.Name.String() + "; change them by statements of their own",
		}
	}
	parentKeys := c.keys[r.table.Live.Name]
	for _, parent := range parents {
		next, ok := parentKeys[parent.ID]
		if !ok {
			continue
		}
		rows := ch.rows
		if len(parents) > 1 {
			if _, rows, err = c.children(ctx, r, []Row{parent}, ch.ref); err != nil {
				return nil, err
			}
		}
		values := make([]any, len(positions))
		for i, p := range positions {
			values[i] = next[p]
		}
		moved = append(moved, c.setKeys(ch.child, fk, rows, values)...)
	}
	return moved, nil
}

// defaultKeys asks the database what the defaults are.
func (c *cascader) defaultKeys(ctx context.Context, ch change) ([]string, error) {
	values := make([]any, len(ch.ref.Key.Columns))
	for i, name := range ch.ref.Key.Columns {
		column, _ := ch.child.table.Live.Column(name)
		if column.Default == "" {
			continue
		}
		var err error
		if values[i], err = c.evaluate(ctx, column.Default); err != nil {
			return nil, fmt.Errorf("read the default of column %s.%s: %w",
				ch.child.table.Live.Name, name, err)
		}
	}
	return c.setKeys(ch.child, ch.ref.Key, ch.rows, values), nil
}

// evaluate has the database compute an expression of its catalogue.
func (c *cascader) evaluate(ctx context.Context, expr string) (v any, err error) {
	rows, err := c.q.QueryContext(ctx, "SELECT "+expr)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
	}
	return clone(v), rows.Err()
}

// setKeys gives keys the values of a foreign key. What another foreign key, or the
// statement, gave already stays.
func (c *cascader) setKeys(
	child *Reader, fk catalog.ForeignKey, rows []Row, values []any,
) (moved []string) {
	keys := c.rekeys(child)
	for _, row := range rows {
		key, ok := keys[row.ID]
		if !ok {
			key = row.Key
		}
		key = slices.Clone(key)
		differs := false
		for i, column := range fk.Columns {
			own := slices.Index(child.table.Key, column)
			if own < 0 || !reflect.DeepEqual(key[own], row.Key[own]) ||
				reflect.DeepEqual(key[own], values[i]) {
				continue
			}
			key[own], differs = values[i], true
		}
		if differs {
			keys[row.ID] = key
			moved = append(moved, row.ID)
		}
	}
	return moved
}

// unmoved corrects the changes of rows that still have their old keys: the
// statement, or a trigger, left those that they refer to as they were.
func (g *group) unmoved(
	ctx context.Context, q dialect.Queryer, changes []Change, lock string,
) error {
	var old [][]any
	index, taken := map[string]int{}, map[string]bool{}
	for i, c := range changes {
		if g.newKeys[c.Before.ID] == nil {
			continue
		}
		old = append(old, c.Before.Key)
		index[c.Before.ID] = i
		if c.After != nil {
			taken[c.After.ID] = true
		}
	}
	there, err := g.reader.ByKeys(ctx, q, old, "")
	if err != nil {
		return err
	}
	if lock != "" && len(there) > 0 {
		// Only rows that are there, so that no gap is locked.
		old = old[:0]
		for _, row := range there {
			old = append(old, row.Key)
		}
		if there, err = g.reader.ByKeys(ctx, q, old, lock); err != nil {
			return err
		}
	}
	for n := range there {
		if i, ok := index[there[n].ID]; ok && !taken[there[n].ID] {
			changes[i].After = &there[n]
		}
	}
	return nil
}
