package auditor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/track"
)

// live reads an object's row as its source has it now, for the reader: nil where
// that cannot be told. A source that does not answer, or whose table is gone, is no
// fault of the question: what was recorded can be read all the same.
func (a *Auditor) live(
	ctx context.Context, entity, objectID string,
) (map[string]json.RawMessage, error) {
	e, ok := a.entity(entity)
	if !ok || a.sources[e.Source] == nil {
		return nil, nil
	}
	s := a.sources[e.Source]
	r, err := s.capture.Reader(ctx, s.db, e.Table)
	if err != nil {
		return nil, context.Cause(ctx)
	}
	key := keyOf(r.Table(), objectID)
	if key == nil {
		return nil, nil
	}
	rows, err := r.ByKeys(ctx, s.db, [][]any{key}, "")
	if err != nil {
		return nil, context.Cause(ctx)
	}
	if len(rows) != 1 {
		return nil, &annals.Error{
			Op: "read", Subject: fmt.Sprintf("object %s of entity %s", objectID, entity),
			Err: annals.ErrNotFound,
		}
	}
	out := map[string]json.RawMessage{}
	for i, column := range rows[0].Image.Columns {
		out[column] = rows[0].Image.Values[i]
	}
	return out, nil
}

// shape tells the columns of an entity's table as the source has them now, nothing
// where that cannot be told.
func (a *Auditor) shape(ctx context.Context, entity string) (reader.Shape, error) {
	e, ok := a.entity(entity)
	if !ok || a.sources[e.Source] == nil {
		return reader.Shape{}, nil
	}
	s := a.sources[e.Source]
	r, err := s.capture.Reader(ctx, s.db, e.Table)
	if err != nil {
		return reader.Shape{}, context.Cause(ctx)
	}
	shape := reader.Shape{Key: r.Table().Key}
	for _, c := range r.Table().Live.Columns {
		shape.Columns = append(shape.Columns, c.Name)
	}
	return shape, nil
}

// keyOf makes arguments of an object id; nil where it is only a key's digest, or no
// key of the table.
func keyOf(t *track.Table, objectID string) []any {
	var values []json.RawMessage
	switch {
	case strings.HasPrefix(objectID, "sha256:") || len(t.Key) == 0:
		return nil
	case len(t.Key) > 1:
		if json.Unmarshal([]byte(objectID), &values) != nil || len(values) != len(t.Key) {
			return nil
		}
	}
	key := make([]any, len(t.Key))
	for i, name := range t.Key {
		text := objectID
		if len(t.Key) > 1 {
			text = string(values[i])
			_ = json.Unmarshal(values[i], &text) // else a number, as it is written
		}
		key[i] = argument(t, name, text)
	}
	return key
}

// argument is a key's value as a driver takes it.
func argument(t *track.Table, column, text string) any {
	for _, c := range t.Live.Columns {
		if c.Name != column {
			continue
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && c.Kind == dialect.KindInteger {
			return n
		}
		var binary struct {
			Base64 *string `json:"base64"`
		}
		if strings.HasPrefix(text, `{"base64":`) &&
			json.Unmarshal([]byte(text), &binary) == nil && binary.Base64 != nil {
			if b, err := base64.StdEncoding.DecodeString(*binary.Base64); err == nil {
				return b
			}
		}
	}
	return text
}
