package reader

import (
	"context"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/internal/canonical"
	"github.com/seed-162b1470/annals/storage"
)

// relatedAtOnce is how many linked objects one question names.
const relatedAtOnce = 500

// Related returns a page of an object's entries together with those of the objects
// that are linked to it, each for the time it was: from the entry that associates
// it to the one that dissociates it, both and what their transactions' mutations
// did included. q may ask for less (times, types, fields, …); its entity and object
// are those given.
//
// What is linked is known from the object's own associate and dissociate entries:
// what was linked before its story begins is seen from its dissociation back. A
// linked object with a composite key is found if its columns are known (Shape).
// Links of links are not followed.
func (r *Reader) Related(ctx context.Context, entity, objectID string, q Query) (Page, error) {
	q.Entity, q.Entities, q.ObjectID, q.ObjectIDs = "", []string{entity}, "", []string{objectID}
	q.Related = true
	return r.Find(ctx, q)
}

// span is a time in which an object was linked, or had a key. A zero place is open.
type span struct {
	from, to annals.Position
	// last is the transaction that ended it, whose entries of relations belong to it
	// though they come later; empty for none.
	last string
}

// related makes the questions about what was linked to the object that q names.
func (r *Reader) related(
	ctx context.Context, q *Query, seen view, sq storage.Query,
) ([]ask, error) {
	if len(sq.Entities) != 1 || !oneObject(sq.ObjectIDs) {
		return nil, faulty("what is related is related to one object: name its entity and id")
	}
	links := map[string]map[string][]span{}
	for _, id := range sq.ObjectIDs {
		if err := r.links(ctx, links, sq.Entities[0], id, seen); err != nil {
			return nil, err
		}
	}
	var out []ask
	for _, name := range sortedKeys(links) {
		info, ok := seen.find(name)
		if !ok || slices.Contains(q.Not.Entities, name) {
			continue // not audited, or not for the caller
		}
		out = append(out, r.during(q, info, sq, links[name])...)
	}
	return out, nil
}

// oneObject reports whether ids mean one object: two do where one is the
// canonical form of the other, which a person may have meant.
func oneObject(ids []string) bool {
	forms := map[string]bool{}
	for _, id := range ids {
		if text, err := canonical.Canonical([]byte(id)); err == nil && strings.HasPrefix(id, "[") {
			id = string(text)
		}
		forms[id] = true
	}
	return len(forms) == 1
}

// during makes questions about objects of one entity, each at its times.
func (r *Reader) during(
	q *Query, info EntityInfo, sq storage.Query, spans map[string][]span,
) (out []ask) {
	for ids := range slices.Chunk(sortedKeys(spans), relatedAtOnce) {
		some := sq
		some.ObjectIDs = ids
		for _, a := range r.spread(q, []EntityInfo{info}, some) {
			a.keep = func(e *annals.Entry) bool {
				return within(spans[e.ObjectID], e) || within(spans[e.PreviousObjectID], e)
			}
			out = append(out, a)
		}
	}
	return out
}

func within(spans []span, e *annals.Entry) bool {
	at := e.Cursor()
	return slices.ContainsFunc(spans, func(s span) bool {
		return (s.from.IsZero() || !at.Before(s.from)) && (s.to.IsZero() || !s.to.Before(at)) ||
			s.last == e.TransactionHash && s.last != "" && ofRelation(e)
	})
}

func ofRelation(e *annals.Entry) bool {
	return e.Type == annals.Associate || e.Type == annals.Dissociate
}

// links adds what was linked to an object: by entity and object id, when.
func (r *Reader) links(
	ctx context.Context, out map[string]map[string][]span, entity, objectID string, seen view,
) error {
	o := HistoryOptions{Types: []annals.EntryType{annals.Associate, annals.Dissociate}}
	for e, err := range r.History(ctx, entity, objectID, o) {
		if err != nil {
			return err
		}
		d, err := diff.Parse(e.Diffs)
		if err != nil || d.Association == nil {
			continue
		}
		target := d.Association.Target
		info, _ := seen.find(target.Entity)
		key := info.Key
		if len(target.Key) > 1 && len(key) == 0 {
			shape, err := r.shape(ctx, info)
			if err != nil {
				return err
			}
			key = shape.Key
		}
		id, ok := target.ObjectID(key)
		if !ok {
			continue
		}
		if out[target.Entity] == nil {
			out[target.Entity] = map[string][]span{}
		}
		spans := out[target.Entity][id]
		last := len(spans) - 1
		switch {
		case e.Type == annals.Associate:
			// What made the link, such as the insert of a child, is the same mutation.
			begin := e.Cursor()
			begin.Part = 0
			spans = append(spans, span{from: begin})
		case last >= 0 && spans[last].to.IsZero():
			spans[last].to = e.Cursor()
		case last < 0:
			spans = append(spans, span{to: e.Cursor()})
		}
		out[target.Entity][id] = spans
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
