package reader

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

// Sizes of pages.
const (
	DefaultLimit = 50
	MaxLimit     = 10_000
)

// How many values a query may have: in all its lists together, and of those in
// From, To, Extra, Comments and Agents, which no index leads to.
const (
	MaxValues   = 1000
	MaxCompared = 100
)

// Query asks for entries. Zero fields ask for everything; several values of one
// field are alternatives, several fields all have to match. The singular and the
// plural form of a field are one: what stands in either counts.
type Query struct {
	// Entity and Entities name entities; none means all that are known.
	Entity   string
	Entities []string
	// ObjectID and ObjectIDs are canonical keys (annals.ObjectID), former ones
	// included: an object is found under every key it had, with what is told of it
	// under its other keys. (Up to 1,000 changes of key are followed; Follow knows
	// those until it began.)
	ObjectID  string
	ObjectIDs []string
	Types     []annals.EntryType
	// Actor and Actors are ids of actors.
	Actor  string
	Actors []string
	// Transaction and Hashes name revisions by their hash, or by eight or more
	// characters of its beginning.
	Transaction string
	Hashes      []string
	// Since is inclusive, Until exclusive.
	Since, Until time.Time
	// Field and Fields name changed columns, or what changed within a column that
	// holds JSON: "settings.theme".
	Field  string
	Fields []string
	// From and To are what a change has as old and as new value: one change that
	// has one of From, one of To and one of Fields, as far as these are given. A
	// value is written as JSON or as plain text; see Alike.
	From, To []string
	// Extra asks for extra data.
	Extra []Extra
	// Discriminators, IPs and Requests (ids of requests) are compared as a whole.
	Discriminators, IPs, Requests []string
	// Comments and Agents (user agents) are those of the revision.
	Comments, Agents []Text
	// Sources are where entries come from, Storages where they are kept; none means
	// all.
	Sources, Storages []string
	// Not leaves out what has one of its values.
	Not Exclusion
	// Related adds the entries of objects that were linked to the one object asked
	// for, from when until when they were; see Reader.Related.
	Related bool
	// Ascending asks for the oldest first.
	Ascending bool
	// Limit is the size of a page: DefaultLimit where it is 0, at most MaxLimit.
	Limit int
	// Scan bounds what one page may cost: where entries are compared with something
	// that leads no index (values, fields, texts, extra data, what is left out), the
	// page looks at about that many of them and may come back short, even empty, with
	// a Next to go on by. 0 is no bound: pages are full but for the last.
	Scan int
	// Cursor is the Next of the page before. Only Limit, Scan, Since and Until may have
	// changed since then.
	Cursor string
}

// Text is a text to compare with, whole or in part.
type Text = storage.Text

// Extra asks for entries whose extra data has one of the values (any value, where
// there is none) at a path: "order.id", "items.0".
type Extra struct {
	Path   string
	Values []string
}

// Exclusion is what a query leaves out. Unlike what a query asks for, each value
// stands by itself: what has any of them is left out.
type Exclusion struct {
	Entities, ObjectIDs []string
	Types               []annals.EntryType
	Actors, Fields      []string
	// Discriminators, IPs, Requests, Comments and Agents as in Query.
	Discriminators, IPs, Requests []string
	Comments, Agents              []Text
	Sources, Storages             []string
}

// storage is the query as storages take it, without a place to go on from.
func (q *Query) storage() (storage.Query, error) {
	limit := q.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	if limit < 0 || limit > MaxLimit {
		return storage.Query{}, faulty("limit %d is not within 1 and %d", q.Limit, MaxLimit)
	}
	if n, compared := q.count(); n > MaxValues {
		return storage.Query{}, faulty("it has %d values, the most are %d", n, MaxValues)
	} else if compared > MaxCompared {
		return storage.Query{}, faulty("from, to, extra data, comments and agents have %d values, "+
			"the most are %d", compared, MaxCompared)
	}
	for _, t := range slices.Concat(q.Types, q.Not.Types) {
		if !t.Valid() {
			return storage.Query{}, faulty("unknown type %q", t)
		}
	}
	sq := storage.Query{
		Entities:  both(q.Entity, q.Entities),
		ObjectIDs: both(q.ObjectID, q.ObjectIDs),
		Types:     both("", q.Types),
		Actors:    both(q.Actor, q.Actors),
		Hashes:    both(q.Transaction, q.Hashes),
		Since:     q.Since, Until: q.Until,
		Sources:   both("", q.Sources),
		Ascending: q.Ascending, Limit: limit,
	}
	fields := both(q.Field, q.Fields)
	switch {
	case len(q.From)+len(q.To) > 0 || slices.ContainsFunc(fields, hasPath):
		sq.Where = append(sq.Where, storage.Condition{
			On: storage.OnChange, Paths: fields, Old: values(q.From), New: values(q.To),
		})
	default:
		sq.Fields = fields
	}
	for _, e := range q.Extra {
		if e.Path == "" {
			return storage.Query{}, faulty("a path into extra data is empty")
		}
		sq.Where = append(sq.Where, storage.Condition{
			On: storage.OnExtra, Paths: []string{e.Path}, New: values(e.Values),
		})
	}
	sq.Where = append(sq.Where, q.texts()...)
	return sq, nil
}

// count is how many values the lists have, and those of them that are compared.
func (q *Query) count() (all, compared int) {
	compared = len(q.From) + len(q.To) + len(q.Comments) + len(q.Agents) +
		len(q.Not.Comments) + len(q.Not.Agents)
	for _, e := range q.Extra {
		compared += 1 + len(e.Values)
	}
	all = compared + len(q.Types) + len(q.Not.Types)
	for _, one := range []string{q.Entity, q.ObjectID, q.Actor, q.Transaction, q.Field} {
		all += len(both(one, nil))
	}
	for _, list := range [][]string{
		q.Entities, q.ObjectIDs, q.Actors, q.Hashes, q.Fields, q.Discriminators, q.IPs, q.Requests,
		q.Sources, q.Storages, q.Not.Entities, q.Not.ObjectIDs, q.Not.Actors, q.Not.Fields,
		q.Not.Discriminators, q.Not.IPs, q.Not.Requests, q.Not.Sources, q.Not.Storages,
	} {
		all += len(list)
	}
	return all, compared
}

func hasPath(field string) bool { return strings.Contains(field, ".") }

// texts are the conditions on texts, and all that is left out.
func (q *Query) texts() (out []storage.Condition) {
	add := func(not bool, on storage.Subject, texts []Text) {
		if len(texts) > 0 {
			out = append(out, storage.Condition{On: on, Not: not, Texts: sortedTexts(texts)})
		}
	}
	add(false, storage.OnDiscriminator, storage.Texts(q.Discriminators...))
	add(false, storage.OnIP, storage.Texts(q.IPs...))
	add(false, storage.OnRequest, storage.Texts(q.Requests...))
	add(false, storage.OnComment, q.Comments)
	add(false, storage.OnAgent, q.Agents)
	n := &q.Not
	types := make([]string, len(n.Types))
	for i, t := range n.Types {
		types[i] = string(t)
	}
	add(true, storage.OnObject, storage.Texts(n.ObjectIDs...))
	add(true, storage.OnType, storage.Texts(types...))
	add(true, storage.OnActor, storage.Texts(n.Actors...))
	add(true, storage.OnSource, storage.Texts(n.Sources...))
	add(true, storage.OnDiscriminator, storage.Texts(n.Discriminators...))
	add(true, storage.OnIP, storage.Texts(n.IPs...))
	add(true, storage.OnRequest, storage.Texts(n.Requests...))
	add(true, storage.OnComment, n.Comments)
	add(true, storage.OnAgent, n.Agents)
	if len(n.Fields) > 0 {
		out = append(out, storage.Condition{
			On: storage.OnChange, Not: true, Paths: both("", n.Fields),
		})
	}
	return out
}

// sortedTexts returns texts in an order of their own, each once.
func sortedTexts(texts []Text) []Text {
	out := slices.Clone(texts)
	slices.SortFunc(out, func(x, y Text) int {
		if c := strings.Compare(x.Value, y.Value); c != 0 || x.Part == y.Part {
			return c
		}
		if x.Part {
			return 1
		}
		return -1
	})
	return slices.Compact(out)
}

// both joins the two forms of a field, sorted, each value once.
func both[T ~string](one T, many []T) []T {
	all := slices.Clone(many)
	if one != "" {
		all = append(all, one)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func faulty(format string, args ...any) error {
	return &annals.Error{
		Op: "read", Subject: "query",
		Err: fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), annals.ErrConfig),
	}
}
