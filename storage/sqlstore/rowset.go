package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/canonical"
)

// query runs b and calls row for each row of its result.
func query(
	ctx context.Context, q dialect.Queryer, b *builder, row func(scan func(...any) error) error,
) error {
	rows, err := q.QueryContext(ctx, b.sql.String(), b.args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err tells what went wrong while reading
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ascending checks that begin got as many numbers as it wanted and sorts them.
func ascending(b begun, want int, err error) (begun, error) {
	if err != nil {
		return b, err
	}
	if len(b.numbers) != want {
		return b, fmt.Errorf("drew %d numbers of %d", len(b.numbers), want)
	}
	slices.Sort(b.numbers)
	return b, nil
}

// readKeys reads the columns of k in b's rows into out, as key.of has them.
func readKeys(
	ctx context.Context, q dialect.Queryer, b *builder, k key, out map[string]bool,
) error {
	return query(ctx, q, b, func(scan func(...any) error) error {
		texts := make([]string, len(k.columns))
		into := make([]any, len(texts))
		values := make([]any, len(texts))
		for i := range texts {
			into[i] = &texts[i]
		}
		err := scan(into...)
		for i, text := range texts {
			values[i] = text
		}
		out[keyText(values)] = true
		return err
	})
}

// idsByHash reads id and hash of b's rows.
func idsByHash(
	ctx context.Context, q dialect.Queryer, b *builder,
) (map[string]int64, error) {
	out := map[string]int64{}
	err := query(ctx, q, b, func(scan func(...any) error) error {
		var id int64
		var hash string
		err := scan(&id, &hash)
		out[hash] = id
		return err
	})
	return out, err
}

// jsonString is s as a JSON string.
func jsonString(s string) string { return string(canonical.AppendString(nil, clean(s))) }
