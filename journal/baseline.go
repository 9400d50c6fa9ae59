package journal

import (
	"context"
	"fmt"

	"github.com/seed-162b1470/annals"
)

// Own returns where the storage has annals' own tables, with their schema where the
// database has schemas.
func (j *Journal) Own(ctx context.Context) (func(name string) annals.Table, error) {
	own, err := j.gen.home(ctx, j.cfg.StorageDB)
	if err != nil {
		return nil, fmt.Errorf("read schema of storage %s: %w", j.cfg.Storage, err)
	}
	return func(name string) annals.Table { return within(own, annals.Table{Name: name}) }, nil
}

// CopyExpr is the expression by which a column of a row that begins to be told, such as
// that of an INSERT, is copied. ref is the quoted reference of the column.
func (j *Journal) CopyExpr(c *Column, ref string) string { return j.gen.copyExpr(c, ref) }
