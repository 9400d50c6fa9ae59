package gormcapture

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
)

// returning reports whether an INSERT that has no RETURNING must be given one:
// its rows could not be told otherwise.
func (in *insert) returning(s *statement) bool {
	if !s.source.Dialect().Features().Returning {
		return false
	}
	if in.mark != "" || in.tellsNew(s) {
		return true
	}
	if in.meets && s.engine.returnsMet() {
		return false // the count that the caller is told could not be made from the rows
	}
	return s.engine.rewrites() || in.unknown(s) > 0
}

// unknown counts the rows whose key is not known before the statement runs.
func (in *insert) unknown(s *statement) (n int) {
	for i := range in.rowCount() {
		if _, ok := in.literal(i, s.reader.Table().Key); !ok {
			n++
		}
	}
	return n
}

// asked is what an INSERT is asked to return besides what GORM wants, as SQL.
func (in *insert) asked(s *statement) string {
	list := make([]string, 0, len(s.reader.Table().Key)+1)
	for _, column := range s.reader.Table().Key {
		list = append(list, s.source.Dialect().Quote(column))
	}
	if in.mark != "" {
		list = append(list, in.mark)
	}
	return strings.Join(list, ", ")
}

// take notes what the columns of asked held.
func (in *insert) take(s *statement, r *result) {
	n := len(s.reader.Table().Key)
	more := n
	if in.mark != "" {
		more++
	}
	in.returned = []returned{}
	for _, values := range r.cut(more) {
		row := returned{key: values[:n]}
		if more > n {
			row.marked, _ = values[n].(bool)
		}
		in.returned = append(in.returned, row)
	}
	s.affected = int64(len(in.returned))
}

// execReturning runs the INSERT with a RETURNING that the caller does not see.
func (in *insert) execReturning(
	ctx context.Context, s *statement, query string, args []any,
) (sql.Result, error) {
	rows, err := s.tx.QueryContext(ctx, query+" RETURNING "+in.asked(s), args...)
	if err != nil {
		return nil, err
	}
	r, err := readResult(rows)
	if err != nil {
		return nil, err
	}
	if err := r.failed(); err != nil {
		return nil, err
	}
	s.ran = true
	in.take(s, r)
	return s.engine.result(ctx, s.raw, in, s)
}

// keys returns the key of each inserted row: as the statement returned it, as it
// was given, or as the last insert id tells.
func (in *insert) keys(s *statement) ([][]any, error) {
	if in.returned != nil {
		return keysOf(in.returned), nil
	}
	keys := in.givenKeys(s)
	missing := in.rowCount() - len(keys)
	switch {
	case missing == 0:
		return keys, nil
	case len(keys) > 0:
		if err := in.checkMixed(s, keys); err != nil {
			return nil, err
		}
	}
	numbered, err := in.numbered(s, missing)
	return append(keys, numbered...), err
}

// givenKeys are the keys that the statement itself names.
func (in *insert) givenKeys(s *statement) (keys [][]any) {
	for i := range in.rowCount() {
		if key, ok := in.literal(i, s.reader.Table().Key); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

func keysOf(rows []returned) [][]any {
	keys := make([][]any, len(rows))
	for i, r := range rows {
		keys[i] = r.key
	}
	return keys
}

// checkMixed refuses rows with and without keys in one statement where a given
// key moved the numbers that the database made: which these are is then unknown.
func (in *insert) checkMixed(s *statement, given [][]any) error {
	for _, key := range given {
		n, err := strconv.ParseInt(strings.TrimSuffix(keyText(key[:1]), "\x00"), 10, 64)
		if len(key) != 1 || err != nil || n >= s.lastID {
			return fmt.Errorf("rows with and without a key were inserted by one statement, so "+
				"the keys that the database made are not known; insert them apart: %w",
				annals.ErrCapture)
		}
	}
	return nil
}

// numbered returns the keys of the rows without one: n numbers from the last
// insert id on, which is the first that the statement made.
func (in *insert) numbered(s *statement, n int) ([][]any, error) {
	key := s.reader.Table().Key
	var keys [][]any
	for i := range in.rowCount() {
		if _, ok := in.literal(i, key); ok {
			continue
		}
		row := make([]any, len(key))
		numbers := 0
		for k, column := range key {
			if v, ok := in.literal(i, []string{column}); ok {
				row[k] = v[0]
				continue
			}
			numbers++
			row[k] = s.lastID + int64(len(keys))
		}
		if s.lastID <= 0 || s.lastID > math.MaxInt64-int64(n) || numbers != 1 {
			return nil, fmt.Errorf("the key of row %d is filled by the database, which does not "+
				"tell it; give the key before inserting: %w", i, annals.ErrCapture)
		}
		keys = append(keys, row)
	}
	return keys, nil
}
