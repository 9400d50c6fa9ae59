package reader

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
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
// linked object with a composite key is found if EntityInfo.Key names its columns.
// Links of links are not followed.
func (r *Reader) Related(ctx context.Context, entity, objectID string, q Query) (Page, error) {
	q.Entity, q.Entities, q.ObjectID, q.ObjectIDs = "", []string{entity}, "", []string{objectID}
	q.Related = true
	return r.Find(ctx, q)
}

// span is a time in which an object was linked. A zero place is open.
type span struct{ from, to annals.Position }

// related makes the questions about what was linked to the object that q names.
func (r *Reader) related(
	ctx context.Context, q *Query, seen view, sq storage.Query,
) ([]ask, error) {
	if len(sq.Entities) != 1 || len(sq.ObjectIDs) != 1 {
		return nil, faulty("what is related is related to one object: name its entity and id")
	}
	links, err := r.links(ctx, sq.Entities[0], sq.ObjectIDs[0], seen)
	if err != nil {
		return nil, err
	}
	var out []ask
	for _, name := range sortedKeys(links) {
		info, ok := seen.find(name)
		if !ok || slices.Contains(q.Not.Entities, name) {
			continue // not audited, or not for the caller
		}
		spans := links[name]
		for ids := range slices.Chunk(sortedKeys(spans), relatedAtOnce) {
			some := sq
			some.ObjectIDs = ids
			for _, a := range r.spread(q, []EntityInfo{info}, some) {
				a.keep = func(e *annals.Entry) bool {
					return within(spans[e.ObjectID], e.Cursor()) ||
						within(spans[e.PreviousObjectID], e.Cursor())
				}
				out = append(out, a)
			}
		}
	}
	return out, nil
}

func within(spans []span, at annals.Position) bool {
	return slices.ContainsFunc(spans, func(s span) bool {
		return (s.from.IsZero() || !at.Before(s.from)) && (s.to.IsZero() || !s.to.Before(at))
	})
}

// links returns what was linked to an object: by entity and object id, when.
func (r *Reader) links(
	ctx context.Context, entity, objectID string, seen view,
) (map[string]map[string][]span, error) {
	out := map[string]map[string][]span{}
	o := HistoryOptions{Types: []annals.EntryType{annals.Associate, annals.Dissociate}}
	for e, err := range r.History(ctx, entity, objectID, o) {
		if err != nil {
			return nil, err
		}
		d, err := diff.Parse(e.Diffs)
		if err != nil || d.Association == nil {
			continue
		}
		target := d.Association.Target
		info, _ := seen.find(target.Entity)
		id, ok := targetID(target.Key, info.Key)
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
	return out, nil
}

// targetID is the object id of a key that is written column by column.
func targetID(pairs []diff.Pair, key []string) (id string, ok bool) {
	if len(pairs) == 1 {
		return annals.ObjectID(pairs[0].Value), true
	}
	if len(key) != len(pairs) {
		return "", false
	}
	values := make([]json.RawMessage, len(key))
	for i, column := range key {
		at := slices.IndexFunc(pairs, func(p diff.Pair) bool { return p.Name == column })
		if at < 0 {
			return "", false
		}
		values[i] = pairs[at].Value
	}
	return annals.ObjectID(values...), len(values) > 0
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
