package search

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/reader"
)

// Both returns a query for what x and y both ask for. Of a key that both have it
// keeps the values that both name. Queries that exclude each other, and one that
// leaves out all that it asks for, give an error that matches annals.ErrConfig.
// Limit, Cursor, order and Related are y's where it has them, else x's.
func Both(x, y reader.Query) (reader.Query, error) {
	q, other := normal(x), normal(y)
	for _, k := range textKeys() {
		if err := intersect(k.name, k.with(&q), *k.with(&other)); err != nil {
			return q, err
		}
		if k.without != nil {
			*k.without(&q) = slices.Concat(*k.without(&q), *k.without(&other))
		}
	}
	if err := intersect("type", &q.Types, other.Types); err != nil {
		return q, err
	}
	q.Not.Types = slices.Concat(q.Not.Types, other.Not.Types)
	for _, k := range partKeys() {
		if err := intersect(k.name, k.with(&q), *k.with(&other)); err != nil {
			return q, err
		}
		*k.without(&q) = slices.Concat(*k.without(&q), *k.without(&other))
	}
	q.Extra = slices.Concat(q.Extra, other.Extra)
	q.Since, q.Until = later(q.Since, other.Since), earlier(q.Until, other.Until)
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return q, contradiction("after %s and before %s", instant(q.Since), instant(q.Until))
	}
	if other.Limit != 0 {
		q.Limit = other.Limit
	}
	if other.Cursor != "" {
		q.Cursor = other.Cursor
	}
	q.Ascending, q.Related = q.Ascending || other.Ascending, q.Related || other.Related
	return normal(q), possible(q)
}

// possible refuses a query that leaves out all that it asks for.
func possible(q reader.Query) error {
	for _, k := range textKeys() {
		if k.without != nil && within(*k.with(&q), *k.without(&q)) && k.name != "field" {
			return contradiction("%s and -%s", k.name, k.name)
		}
	}
	if within(q.Types, q.Not.Types) {
		return contradiction("type and -type")
	}
	return nil
}

// within reports whether there are values, all of which are in list.
func within[T comparable](values, list []T) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(v T) bool {
		return !slices.Contains(list, v)
	})
}

func intersect[T comparable](key string, list *[]T, with []T) error {
	switch {
	case len(with) == 0:
		return nil
	case len(*list) == 0:
		*list = with
		return nil
	}
	out := slices.DeleteFunc(slices.Clone(*list), func(v T) bool { return !slices.Contains(with, v) })
	if len(out) == 0 {
		return contradiction("%s %v and %s %v", key, *list, key, with)
	}
	*list = out
	return nil
}

func contradiction(format string, args ...any) error {
	return &annals.Error{
		Op: "combine", Subject: "query",
		Err:    fmt.Errorf("%s exclude each other: %w", fmt.Sprintf(format, args...), annals.ErrConfig),
		Remedy: "drop one of them",
	}
}

func instant(t time.Time) string { return t.Format(time.RFC3339Nano) }

func later(a, b time.Time) time.Time {
	if a.IsZero() || b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
