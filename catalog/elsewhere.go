package catalog

import (
	"context"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// Elsewhere names the base tables of the database's other schemas, each with its
// Schema: those that List leaves out (PostgreSQL). Where another schema is another
// database there are none.
func Elsewhere(ctx context.Context, q dialect.Queryer, d dialect.Dialect) ([]annals.Table, error) {
	r, ok := readerOf(d).(elsewhere)
	if !ok {
		return nil, nil
	}
	tables, err := r.elsewhere(ctx, q)
	if err != nil {
		return nil, unreachable(d, fmt.Errorf("list tables of other schemas: %w", err))
	}
	return tables, nil
}

// elsewhere is a reader of databases that hold several schemas.
type elsewhere interface {
	elsewhere(ctx context.Context, q dialect.Queryer) ([]annals.Table, error)
}
