package mirrorstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/track"
)

const (
	// mostAtOnce is how many rows or receipts are read at a time where few match.
	mostAtOnce = 500
	// fewAtOnce is the least.
	fewAtOnce = 16
	// fewRevisions is how many revisions lead to receipts by themselves. Where there
	// are more, receipts are read in their order and asked for their revision.
	fewRevisions = 5000
)

// asking is one question on its way.
type asking struct {
	s      *Store
	ledger *journal.Ledger
	q      storage.Query
	// marks are up to when retention took the entries of an entity.
	marks map[string]time.Time
	// wanted are the copies to look in.
	wanted []*wanted
	// none tells that nothing can match.
	none bool
	// revisions lead to receipts where set; actors are asked of each receipt's.
	revisions []int64
	narrowed  bool
	actors    bool
	// known revisions by number.
	known map[int64]*annals.Revision
	// sources by name, for their order.
	sources []string
}

// wanted is a copy with what is wanted of it.
type wanted struct {
	sheet *journal.Sheet
	// entities of the question that its rows feed.
	entities []string
	// floor is the time before which no entry of it is shown.
	floor time.Time
	// types of receipts; none means all.
	types []string
	// having are conditions that one of a receipt's rows has to meet.
	having []having
}

// Find implements storage.Store. Values that no entry can have, such as a type that
// triggers do not write, find nothing.
func (s *Store) Find(ctx context.Context, q storage.Query) ([]annals.Entry, error) {
	if len(q.Entities) == 0 || q.Limit < 1 {
		return nil, &annals.Error{
			Op: "find", Subject: "entries",
			Err: fmt.Errorf("no entity or no limit: %w", annals.ErrConfig),
		}
	}
	var out []annals.Entry
	err := s.current(ctx, func(l *journal.Ledger) error {
		a, err := s.ask(ctx, l, q)
		if err == nil {
			out, err = a.find(ctx)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ask prepares a question.
func (s *Store) ask(ctx context.Context, l *journal.Ledger, q storage.Query) (*asking, error) {
	a := &asking{s: s, ledger: l, q: q, known: map[int64]*annals.Revision{}, marks: map[string]time.Time{}}
	marks, err := s.Marks(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range marks {
		if m.Before.After(a.marks[m.Entity]) {
			a.marks[m.Entity] = m.Before
		}
	}
	if err := a.choose(); err != nil {
		return nil, err
	}
	return a, a.narrow(ctx)
}

// choose finds the copies that may have what is asked for.
func (a *asking) choose() error {
	fed := map[string]bool{}
	for _, sheet := range a.ledger.Sheets() {
		w := &wanted{sheet: sheet}
		for _, entity := range sheet.Feeds() {
			fed[entity] = true
			if slices.Contains(a.q.Entities, entity) {
				w.entities = append(w.entities, entity)
			}
		}
		if len(w.entities) == 0 || len(a.q.Sources) > 0 && !slices.Contains(a.q.Sources, sheet.Source) {
			continue
		}
		if a.limit(w) {
			a.wanted = append(a.wanted, w)
			a.sources = append(a.sources, sheet.Source)
		}
	}
	for _, sheet := range a.ledger.Idle() {
		fed[sheet.EntityName()] = true
	}
	slices.Sort(a.sources)
	a.sources = slices.Compact(a.sources)
	for _, entity := range a.q.Entities {
		if !fed[entity] {
			return &annals.Error{
				Op: "find", Subject: "entries of entity " + entity,
				Err:    fmt.Errorf("%w: storage %s has no copy of it", annals.ErrSchema, a.s.cfg.Name),
				Remedy: "run `annals schema update --force`, then `annals trigger create --force`",
			}
		}
	}
	return nil
}

// limit works out what of a copy can match; ok is false for nothing.
func (a *asking) limit(w *wanted) (ok bool) {
	for i, entity := range w.entities {
		if mark := a.marks[entity]; i == 0 || mark.Before(w.floor) {
			w.floor = mark
		}
	}
	changes := len(a.q.Fields) > 0
	for i := range a.q.Where {
		c := &a.q.Where[i]
		changes = changes || c.On == storage.OnChange && !c.Not
	}
	own := slices.ContainsFunc(w.entities, w.sheet.Owns)
	if changes && !own {
		return false // rows that only link have no changes
	}
	if changes {
		w.having = havings(a.s.eng, w.sheet, a.q.Where)
	}
	types, all := receiptTypes(w, a.q.Types)
	if !all {
		w.types = types
	}
	return all || len(types) > 0
}

// receiptTypes are the types of receipts that may give entries of some types; all
// tells that any may.
func receiptTypes(w *wanted, types []annals.EntryType) (out []string, all bool) {
	if len(types) == 0 {
		return nil, true
	}
	soft := slices.ContainsFunc(w.sheet.Tables(), func(t *track.Table) bool {
		return t.Entity != nil && t.Entity.SoftDelete != ""
	})
	for _, t := range types {
		switch t {
		case annals.Insert, annals.Associate:
			out = append(out, string(annals.OpInsert))
		case annals.Remove, annals.Dissociate:
			out = append(out, string(annals.OpDelete))
		case annals.Epoch:
			out = append(out, string(annals.OpEpoch))
		case annals.Truncate:
			out = append(out, string(annals.OpTruncate))
		case annals.Update, annals.Statement:
		}
		if t == annals.Update || t == annals.Associate || t == annals.Dissociate ||
			soft && (t == annals.Insert || t == annals.Remove) {
			out = append(out, string(annals.OpUpdate))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), false
}

// find reads a page.
func (a *asking) find(ctx context.Context) ([]annals.Entry, error) {
	out := []annals.Entry{}
	if a.none || len(a.wanted) == 0 {
		return out, nil
	}
	p := &page{asking: a}
	feeds := a.feeds()
	size := min(max(a.q.Limit, fewAtOnce), mostAtOnce)
	for len(p.entries) < a.q.Limit {
		items, err := merge(ctx, feeds, a.q.Ascending, size)
		if err != nil {
			return nil, err
		}
		if err := p.add(ctx, items); err != nil {
			return nil, err
		}
		if len(items) < size {
			break
		}
		size = min(2*size, mostAtOnce)
	}
	if err := p.label(ctx); err != nil {
		return nil, err
	}
	return append(out, p.entries...), nil
}

// feeds are the ways to the items.
func (a *asking) feeds() []*feed {
	if len(a.q.ObjectIDs) == 0 {
		return []*feed{a.receiptFeed(a.wanted)}
	}
	var feeds []*feed
	var rest []*wanted
	for _, w := range a.wanted {
		some, ok := a.objectFeeds(w)
		if !ok {
			rest = append(rest, w)
			continue
		}
		feeds = append(feeds, some...)
	}
	if len(rest) > 0 { // keys that SQL cannot compare
		feeds = append(feeds, a.receiptFeed(rest))
	}
	if slices.Contains(a.q.ObjectIDs, track.Everything) {
		if list := a.truncates(); len(list) > 0 {
			feeds = append(feeds, a.receiptFeed(list))
		}
	}
	return feeds
}

// truncates are the copies with nothing wanted but that they were emptied.
func (a *asking) truncates() (out []*wanted) {
	const typ = string(annals.OpTruncate)
	for _, w := range a.wanted {
		if w.types == nil || slices.Contains(w.types, typ) {
			only := *w
			only.types = []string{typ}
			out = append(out, &only)
		}
	}
	return out
}

// page is a page that fills up.
type page struct {
	*asking
	entries []annals.Entry
	// from are the items of the entries, with the entry's place among the item's.
	from []origin
}

// origin is where an entry comes from.
type origin struct {
	item *item
	part int
}

// add takes the entries of items that match, no more than the page has room for.
func (p *page) add(ctx context.Context, items []item) error {
	p.forget()
	if err := p.learn(ctx, items); err != nil {
		return err
	}
	for i := range items {
		it := &items[i]
		entries, err := p.entriesOf(it, nil)
		if err != nil {
			return err
		}
		if !p.q.Ascending {
			slices.Reverse(entries)
		}
		for _, e := range entries {
			if len(p.entries) < p.q.Limit && p.matches(&e) {
				kept := *it // the others need not be held
				p.entries = append(p.entries, e)
				p.from = append(p.from, origin{&kept, e.Part})
			}
		}
	}
	return nil
}

// forget drops the revisions that no entry of the page is of, once there are many: few
// of many rows may match.
func (p *page) forget() {
	if len(p.known) < 4*mostAtOnce {
		return
	}
	known := make(map[int64]*annals.Revision, len(p.from))
	for _, from := range p.from {
		id := from.item.receipt.Revision
		known[id] = p.known[id]
	}
	p.known = known
}

// learn reads the revisions of items.
func (a *asking) learn(ctx context.Context, items []item) error {
	var missing []int64
	for i := range items {
		if id := items[i].receipt.Revision; a.known[id] == nil {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	for some := range slices.Chunk(slices.Compact(missing), mostAtOnce) {
		found, err := a.s.entries.RevisionsByID(ctx, some)
		if err != nil {
			return err
		}
		for id, r := range found {
			a.known[id] = r
		}
	}
	return nil
}

// entriesOf makes the entries of an item whose revision was learned.
func (a *asking) entriesOf(it *item, labels track.Labels) ([]annals.Entry, error) {
	rev := it.by(a.known[it.receipt.Revision])
	entries, err := track.EntriesWith(it.table, &it.mutation, labels)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		e := &entries[i]
		e.ID, e.Storage, e.Revision = e.Seq, a.s.cfg.Name, rev
		e.TransactionHash, e.ExtraData = rev.Hash, rev.Extra
		e.Blame = annals.Blame{
			ID: rev.Actor.ID, User: rev.Actor.Name, FQDN: rev.Actor.Type, Firewall: rev.Actor.Context,
			IP: rev.Origin.IP,
		}
		if !rev.Managed {
			e.Blame.User = "" // nobody, which the revision has a word for
		}
	}
	return entries, nil
}

// matches decides about an entry.
func (a *asking) matches(e *annals.Entry) bool {
	q, at := &a.q, e.Cursor()
	one := func(list []string, values ...string) bool {
		return len(list) == 0 || slices.ContainsFunc(values, func(v string) bool {
			return slices.Contains(list, v)
		})
	}
	switch {
	case !slices.Contains(q.Entities, e.Entity), e.CreatedAt.Before(a.marks[e.Entity]),
		!one(q.Sources, e.Source), !one(q.Hashes, e.TransactionHash),
		len(q.Types) > 0 && !slices.Contains(q.Types, e.Type),
		e.CreatedAt.Before(q.Since), !q.Until.IsZero() && !e.CreatedAt.Before(q.Until),
		!q.Before.IsZero() && !at.Before(q.Before), !q.After.IsZero() && !q.After.Before(at),
		len(q.Actors) > 0 && (e.Blame.ID == "" || !slices.Contains(q.Actors, e.Blame.ID)):
		return false
	}
	if len(q.ObjectIDs) > 0 && !slices.Contains(q.ObjectIDs, e.ObjectID) &&
		(e.PreviousObjectID == "" || !slices.Contains(q.ObjectIDs, e.PreviousObjectID)) {
		return false
	}
	return namesField(q.Fields, e) && storage.Match(q.Where, e)
}

// namesField reports whether one of the fields is among an entry's changes.
func namesField(fields []string, e *annals.Entry) bool {
	if len(fields) == 0 {
		return true
	}
	d, err := diff.Parse(e.Diffs)
	if err != nil || d.Association != nil {
		return false
	}
	return slices.ContainsFunc(fields, func(f string) bool {
		_, ok := d.Change(f)
		return ok
	})
}
