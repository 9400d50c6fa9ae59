package annalscmd

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/reader"
)

// possible tells why nothing was found where what was asked for cannot be there: an
// object id that is no key of its entity is wrong usage, a column that is nowhere
// is worth a remark. It is asked only when there is no answer, so that whatever is
// recorded can be read, and under any name that it had.
func (a *app) possible(ctx context.Context, r *reader.Reader, q reader.Query) error {
	for _, entity := range q.Entities {
		shape, err := r.Shape(ctx, entity)
		if err != nil {
			return err
		}
		if len(q.Entities) == 1 {
			if err := fits(entity, shape.Key, q.ObjectIDs); err != nil {
				return err
			}
		}
		for _, field := range q.Fields {
			if err := a.remarkField(ctx, r, entity, field, shape.Columns); err != nil {
				return err
			}
		}
	}
	return nil
}

// fits refuses object ids, none of which the key can have.
func fits(entity string, key, ids []string) error {
	if len(key) == 0 || len(ids) == 0 {
		return nil
	}
	if slices.ContainsFunc(ids, func(id string) bool { return isKey(id, len(key)) }) {
		return nil
	}
	if len(key) == 1 {
		return usage("%s %s: the key is %s alone: write its value", entity, ids[0], key[0])
	}
	example := make([]string, len(key))
	for i, column := range key {
		example[i] = strings.ToUpper(column)
	}
	return usage("%s %s: the key is %s: write '[%s]', a JSON array", entity, ids[0],
		strings.Join(key, ", "), strings.Join(example, ","))
}

// isKey reports whether an id can be that of a key with so many columns. What
// looks like an array is taken for one: a text key that looks so is found before
// anybody asks here.
func isKey(id string, columns int) bool {
	if id == "*" || strings.HasPrefix(id, "sha256:") {
		return true // the table as a whole; a key too long to be written
	}
	if columns == 1 {
		return !strings.HasPrefix(id, "[")
	}
	var values []json.RawMessage
	return json.Unmarshal([]byte(id), &values) == nil && len(values) == columns
}

// lookedAt is how many entries are searched for a column that the table has not.
const lookedAt = 10_000

// remarkField says that a column is neither in the table nor in an entry.
func (a *app) remarkField(
	ctx context.Context, r *reader.Reader, entity, field string, columns []string,
) error {
	if slices.ContainsFunc(columns, func(c string) bool {
		return field == c || strings.HasPrefix(field, c+".")
	}) {
		return nil
	}
	page, err := r.Find(ctx, reader.Query{
		Entities: []string{entity}, Fields: []string{field}, Limit: 1, Scan: lookedAt,
	})
	if errors.Is(err, annals.ErrSchema) || len(page.Entries) > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	where := "and no entry names one"
	if page.Next != "" {
		where = "and none of its newest 10,000 entries names one"
	}
	if len(columns) == 0 {
		a.say("%s: no column %q is known, %s", entity, field, where)
		return nil
	}
	a.say("%s has no column %q, %s; it has %s", entity, field, where, strings.Join(columns, ", "))
	return nil
}
