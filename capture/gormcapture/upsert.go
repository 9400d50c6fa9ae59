package gormcapture

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
)

// afterMeeting tells rows that were inserted from rows that were updated and
// rows that stayed as they were.
func (in *insert) afterMeeting(ctx context.Context, s *statement) error {
	var changes []capture.Change
	var err error
	switch {
	case in.returned != nil && in.mark != "":
		changes, err = in.marked(ctx, s)
	case in.returned != nil && in.tellsNew(s):
		changes, err = in.fresh(ctx, s)
	default:
		changes, err = in.compared(ctx, s)
	}
	if err != nil {
		return err
	}
	if err := s.record(ctx, s.reader.Table(), changes, false); err != nil {
		return err
	}
	return s.cascaded(ctx, in.cascades)
}

// fresh goes by what a harmless upsert returned: the rows that are new.
func (in *insert) fresh(ctx context.Context, s *statement) ([]capture.Change, error) {
	keys := keysOf(in.returned)
	rows, err := s.reader.ByKeys(ctx, s.raw, keys, "")
	if err != nil {
		return nil, err
	}
	inOrder(rows, keys)
	return inserted(rows), nil
}

// marked goes by what the statement returned: each row that it touched, and
// whether it is new.
func (in *insert) marked(ctx context.Context, s *statement) ([]capture.Change, error) {
	keys := keysOf(in.returned)
	fresh := map[string]bool{}
	for _, r := range in.returned {
		if r.marked {
			fresh[keyText(r.key)] = true
		}
	}
	rows, err := s.reader.ByKeys(ctx, s.raw, keys, "")
	if err != nil {
		return nil, err
	}
	inOrder(rows, keys)
	was := map[string]*capture.Row{}
	for i := range in.existing {
		was[in.existing[i].ID] = &in.existing[i]
	}
	var changes []capture.Change
	var strangers []*capture.Row
	for i := range rows {
		switch before := was[rows[i].ID]; {
		case fresh[keyText(rows[i].Key)]:
			changes = append(changes, capture.Change{After: &rows[i]})
		case before != nil:
			changes = append(changes, capture.Change{Before: before, After: &rows[i]})
			delete(was, rows[i].ID)
		default:
			strangers = append(strangers, &rows[i])
		}
	}
	if len(strangers) == 0 {
		return changes, nil
	}
	moved, err := in.moved(ctx, s, strangers)
	return append(changes, moved...), err
}

// moved pairs updated rows that were not read beforehand with those that are
// gone from their key: the upsert set another. Anything else is a row that
// another transaction inserted meanwhile.
func (in *insert) moved(
	ctx context.Context, s *statement, strangers []*capture.Row,
) ([]capture.Change, error) {
	met, err := capture.Compare(ctx, s.raw, s.reader, in.existing, capture.Again{})
	if err != nil {
		return nil, err
	}
	gone := slices.DeleteFunc(met, func(c capture.Change) bool { return c.After != nil })
	if len(gone) == 1 && len(strangers) == 1 {
		return []capture.Change{{Before: gone[0].Before, After: strangers[0]}}, nil
	}
	for _, row := range strangers {
		n := in.rekeyed(s, gone, row)
		if n < 0 {
			return nil, unread(s, len(strangers))
		}
		gone[n].After = row
	}
	return slices.DeleteFunc(gone, func(c capture.Change) bool { return c.After == nil }), nil
}

// unread is the error of rows that an upsert changed and that were not found
// beforehand by what it inserts.
func unread(s *statement, n int) error {
	return &annals.Error{
		Op: "capture upsert into", Subject: fmt.Sprintf("table %s: %d rows that it met", s.table, n),
		Err: annals.ErrConcurrentChange,
		Remedy: "another transaction stored them meanwhile: run the transaction again; where that " +
			"fails too, a trigger or a key with NULLS NOT DISTINCT meets rows by other values than " +
			"the program gives, so insert and update by statements of their own",
	}
}

// compared goes by what is there before and after under the unique keys that the
// statement names.
func (in *insert) compared(ctx context.Context, s *statement) ([]capture.Change, error) {
	lock := s.engine.lockAgain()
	if in.harmless {
		lock = "" // see mysql.lockMet
	}
	now, err := in.find(ctx, s, lock)
	if err != nil {
		return nil, err
	}
	now, err = in.addTouched(ctx, s, now)
	if err != nil {
		return nil, err
	}
	changes, was, err := in.met(ctx, s, now, lock)
	if err != nil {
		return nil, err
	}
	if in.harmless && s.affected == 0 {
		return nil, nil // what is there now and was not is another transaction's
	}
	lost, fresh := 0, 0
	for _, c := range changes {
		if c.After == nil {
			lost++
		}
	}
	for i := range now {
		if was[now[i].ID] {
			continue
		}
		if n := in.rekeyed(s, changes, &now[i]); n >= 0 {
			changes[n].After = &now[i]
			continue
		}
		changes = append(changes, capture.Change{After: &now[i]})
		fresh++
	}
	if err := in.checkCount(s, fresh, len(was)); err != nil {
		return nil, err
	}
	if in.returned != nil || in.replace {
		return changes, nil
	}
	return changes, in.checkFound(ctx, s, len(now), lost)
}

// addTouched adds the rows that cannot be found by what was inserted: the
// database made their key.
func (in *insert) addTouched(
	ctx context.Context, s *statement, now []capture.Row,
) ([]capture.Row, error) {
	keys, err := in.touched(s)
	if err != nil {
		return nil, err
	}
	seen, there := map[string]bool{}, map[string]bool{}
	for _, r := range now {
		seen[r.ID], there[keyText(r.Key)] = true, true
	}
	missing := slices.DeleteFunc(slices.Clone(keys), func(k []any) bool { return there[keyText(k)] })
	more, err := s.reader.ByKeys(ctx, s.raw, missing, "")
	if err != nil {
		return nil, err
	}
	if in.returned == nil && len(more) != len(missing) {
		return nil, fmt.Errorf("%d of the %d rows that were inserted without a key cannot be "+
			"found: %w", len(missing)-len(more), len(missing), annals.ErrCapture)
	}
	now = appendNew(now, seen, more)
	if in.returned != nil {
		inOrder(now, keys)
	}
	return now, nil
}

// met returns what became of the rows that were there, and their ids. now are
// the rows that there are.
func (in *insert) met(
	ctx context.Context, s *statement, now []capture.Row, lock string,
) (changes []capture.Change, was map[string]bool, err error) {
	was = map[string]bool{}
	for _, r := range in.existing {
		was[r.ID] = true
	}
	if in.harmless {
		return nil, was, nil
	}
	after := map[string]*capture.Row{}
	for i := range now {
		after[now[i].ID] = &now[i]
	}
	var lost []capture.Row
	for i := range in.existing {
		before := &in.existing[i]
		switch row := after[before.ID]; {
		case row == nil:
			lost = append(lost, *before)
		case in.replace: // deletes what it meets and inserts anew
			changes = append(changes, capture.Change{Before: before}, capture.Change{After: row})
		default:
			changes = append(changes, capture.Change{Before: before, After: row})
		}
	}
	// Rows that no longer have the values by which they were found.
	more, err := capture.Compare(ctx, s.raw, s.reader, lost, capture.Again{Lock: lock})
	return append(changes, more...), was, err
}

// rekeyed finds the row that was met and is gone from its key because the upsert
// set another: row has its values in a unique key. It returns -1 for none.
func (in *insert) rekeyed(s *statement, met []capture.Change, row *capture.Row) int {
	if in.replace {
		return -1
	}
	for n, c := range met {
		if c.Before == nil || c.After != nil {
			continue
		}
		for _, unique := range s.reader.Table().Live.Uniques {
			if sameValues(unique, c.Before.Image, row.Image) {
				return n
			}
		}
	}
	return -1
}

func sameValues(columns []string, a, b *annals.Image) bool {
	for _, c := range columns {
		x, _ := a.Value(c)
		y, _ := b.Value(c)
		if annals.IsNull(x) || !bytes.Equal(x, y) {
			return false
		}
	}
	return true
}

// touched returns the keys of rows that cannot be found by what was inserted:
// the database made their key.
func (in *insert) touched(s *statement) ([][]any, error) {
	if in.returned != nil {
		return keysOf(in.returned), nil
	}
	unknown, hidden := in.unknown(s), 0
	for i := range in.rowCount() {
		if !in.recognisable(i) {
			hidden++
		}
	}
	switch {
	case unknown == 0 || hidden == 0 || s.affected == 0:
		return nil, nil
	case hidden == unknown:
		// Rows without a value in any unique key meet nothing: all are new.
		if err := in.checkMixed(s, in.givenKeys(s)); err != nil {
			return nil, err
		}
		return in.numbered(s, hidden)
	}
	return nil, fmt.Errorf("%d rows of the upsert have no value in any unique key, others have; "+
		"which are new cannot be told, so insert them apart: %w", hidden, annals.ErrCapture)
}

// recognisable reports whether row i has a value in some unique key.
func (in *insert) recognisable(i int) bool {
	return slices.ContainsFunc(in.tuples, func(t tuples) bool { return slices.Contains(t.rows, i) })
}
