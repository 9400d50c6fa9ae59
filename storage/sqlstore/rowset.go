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

// onConflict ends an INSERT of rows so that those whose key is there are left
// out, and tells which were stored. Other faults of the rows stay faults.
func onConflict(
	ctx context.Context, q dialect.Queryer, b *builder, k key, rows [][]any,
) ([]bool, error) {
	b.text(" ON CONFLICT (")
	b.names("", k.columns)
	b.text(") DO NOTHING RETURNING ")
	b.names("", k.columns)
	stored := make(map[string]bool, len(rows))
	if err := readKeys(ctx, q, b, k, stored); err != nil {
		return nil, err
	}
	fresh := make([]bool, len(rows))
	for i, row := range rows {
		fresh[i] = stored[k.of(row)]
	}
	return fresh, nil
}

// jsonString is s as a JSON string.
func jsonString(s string) string { return string(canonical.AppendString(nil, clean(s))) }
