package annalscmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/term"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/reader/search"
)

// stateQuestion is what --as-of asks.
type stateQuestion struct {
	entity, id, field string
	at                time.Time
}

// stateJSON is an object at a time in the output of --json.
type stateJSON struct {
	Entity      string           `json:"entity"`
	ObjectID    string           `json:"object_id"`
	At          string           `json:"as_of"`
	Exists      reader.Existence `json:"exists"`
	SoftRemoved bool             `json:"soft_removed"`
	// CleanedBefore is null where retention has not touched that time.
	CleanedBefore *string              `json:"cleaned_before"`
	Columns       map[string]valueJSON `json:"columns"`
}

// valueJSON is a column's value. One that is not known has no value, not null.
type valueJSON struct {
	Known   string          `json:"known"`
	Value   json.RawMessage `json:"value,omitempty"`
	Assumed bool            `json:"assumed,omitempty"`
}

// printState prints an object as it was.
func (a *app) printState(
	ctx context.Context, r *reader.Reader, ask stateQuestion, show renderer,
) error {
	s, id, err := stateOf(ctx, r, ask)
	if errors.Is(err, annals.ErrNotFound) {
		q := reader.Query{Entities: []string{ask.entity}, ObjectIDs: search.ObjectIDs(ask.id)}
		err = cmp.Or(a.possible(ctx, r, q), err)
	}
	if err != nil {
		return err
	}
	if ask.field != "" {
		maps.DeleteFunc(s.Columns, func(column string, _ reader.Value) bool {
			return column != ask.field && !strings.HasPrefix(ask.field, column+".")
		})
	}
	if a.json {
		return a.printJSON(stateRecord(&s))
	}
	head := fmt.Sprintf("%s as of %s", show.Bold(term.Safe(s.Entity)+" "+term.Safe(s.ObjectID)),
		show.at(s.At))
	if s.ObjectID != id {
		head += ", now or earlier " + term.Safe(id)
	}
	if err := a.print(head + "\n" + show.existence(&s)); err != nil || len(s.Columns) == 0 {
		return err
	}
	g := a.table("field", "value", "known from")
	g.wide(2)
	for _, column := range slices.Sorted(maps.Keys(s.Columns)) {
		v := s.Columns[column]
		g.paintedRow(show.Cyan(term.Safe(column)), show.stateValue(v), knownFrom(v))
	}
	return g.print()
}

// stateOf asks for the object of whichever id is meant.
func stateOf(
	ctx context.Context, r *reader.Reader, ask stateQuestion,
) (s reader.State, id string, err error) {
	for _, id = range search.ObjectIDs(ask.id) {
		s, err = r.AsOf(ctx, ask.entity, id, ask.at)
		if !errors.Is(err, annals.ErrNotFound) {
			break
		}
	}
	return s, id, err
}

// existence says what there is to say besides values.
func (r renderer) existence(s *reader.State) string {
	text := ""
	switch {
	case s.SoftRemoved:
		text = r.Red("It was removed softly; its row was there.") + "\n"
	case s.Exists == reader.Absent:
		text = r.Red("It did not exist.") + "\n"
	case s.Exists == reader.Unknown:
		text = r.Yellow("Whether it existed is not known.") + "\n"
	}
	if !s.CleanedBefore.IsZero() {
		text += "Retention removed what was recorded before " + r.at(s.CleanedBefore) +
			": values are those found later.\n"
	}
	return text
}

func (r renderer) stateValue(v reader.Value) string {
	if v.Known == reader.NotKnown {
		return r.Dim("unknown")
	}
	return r.Green(r.value(v.JSON))
}

func knownFrom(v reader.Value) string {
	text := map[reader.Known]string{
		reader.NotKnown: "", reader.FromBefore: "entry before", reader.FromAfter: "entry after",
		reader.FromLive: "source now",
	}[v.Known]
	if v.Assumed {
		text += " (assumed)"
	}
	return text
}

func stateRecord(s *reader.State) stateJSON {
	out := stateJSON{
		Entity: s.Entity, ObjectID: s.ObjectID, At: instant(s.At), Exists: s.Exists,
		SoftRemoved: s.SoftRemoved, Columns: map[string]valueJSON{},
	}
	if !s.CleanedBefore.IsZero() {
		out.CleanedBefore = null(instant(s.CleanedBefore))
	}
	for column, v := range s.Columns {
		known := string(v.Known)
		if v.Known == reader.NotKnown {
			known = "unknown"
		}
		out.Columns[column] = valueJSON{Known: known, Value: v.JSON, Assumed: v.Assumed}
	}
	return out
}
