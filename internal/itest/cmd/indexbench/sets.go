package main

import (
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// indexSet is a candidate: indexes besides the unique one on (source, seq,
// part), which keeps entries from being stored twice.
type indexSet struct {
	name    string
	indexes []layout.Index
}

func on(columns ...string) layout.Index { return layout.Index{Columns: columns} }

// ordered leads with columns and goes on in the order of pages.
func ordered(columns ...string) layout.Index {
	return on(append(columns, layout.ColCreatedAt, layout.ColSource, layout.ColSeq, layout.ColPart)...)
}

func indexSets() []indexSet {
	previous := layout.Index{
		Columns: []string{layout.ColPreviousObjectID}, NotNull: layout.ColPreviousObjectID,
	}
	hash := on(layout.ColTransactionHash)
	keyset := []layout.Index{
		ordered(layout.ColObjectID), ordered(layout.ColBlameID), ordered(), hash, previous,
	}
	return []indexSet{
		{"none", nil},
		{"classic", []layout.Index{
			on(layout.ColType), on(layout.ColObjectID), on(layout.ColDiscriminator), hash,
			on(layout.ColBlameID), on(layout.ColCreatedAt),
		}},
		{"short", []layout.Index{
			on(layout.ColObjectID, layout.ColCreatedAt), on(layout.ColBlameID, layout.ColCreatedAt),
			on(layout.ColCreatedAt), hash, previous,
		}},
		{"keyset", keyset},
		{"keyset and type", append(keyset[:len(keyset):len(keyset)], ordered(layout.ColType))},
	}
}

// question is what the reader asks; n counts the times it was asked.
type question struct {
	name  string
	query func(d data, n int) storage.Query
}

func questions() []question {
	day := 24 * time.Hour
	place := func(d data, n int) annals.Position {
		e := d.entry(chance(n).IntN(d.n))
		return e.Cursor()
	}
	return []question{
		{"object, typical", func(d data, n int) storage.Query {
			return storage.Query{ObjectIDs: []string{d.object(1 + n*7)}}
		}},
		{"object, hot, newest", func(data, int) storage.Query {
			return storage.Query{ObjectIDs: []string{"hot"}}
		}},
		{"object, hot, a page within", func(d data, n int) storage.Query {
			return storage.Query{ObjectIDs: []string{"hot"}, Before: place(d, n)}
		}},
		{"object, former id", func(_ data, n int) storage.Query {
			return storage.Query{ObjectIDs: []string{"old-" + itoa(n%100*1000)}}
		}},
		{"object, hot, one field", func(_ data, n int) storage.Query {
			return storage.Query{ObjectIDs: []string{"hot"}, Fields: []string{"c" + itoa(n%12)}}
		}},
		{"actor, typical", func(d data, n int) storage.Query {
			return storage.Query{Actors: []string{"user-" + itoa(1+n%(actors-1))}}
		}},
		{"actor, hot, newest", func(data, int) storage.Query {
			return storage.Query{Actors: []string{"user-0"}}
		}},
		{"actor, hot, a page within", func(d data, n int) storage.Query {
			return storage.Query{Actors: []string{"user-0"}, Before: place(d, n)}
		}},
		{"actor and type", func(_ data, n int) storage.Query {
			return storage.Query{
				Actors: []string{"user-" + itoa(n%9)}, Types: []annals.EntryType{annals.Remove},
			}
		}},
		{"newest", func(data, int) storage.Query { return storage.Query{} }},
		{"a page within", func(d data, n int) storage.Query {
			return storage.Query{Before: place(d, n)}
		}},
		{"one hour", func(d data, n int) storage.Query {
			at := place(d, n).CreatedAt
			return storage.Query{Since: at, Until: at.Add(time.Hour)}
		}},
		{"30 days, oldest first", func(d data, n int) storage.Query {
			at := place(d, n).CreatedAt
			return storage.Query{Since: at, Until: at.Add(30 * day), Ascending: true}
		}},
		{"one transaction", func(d data, n int) storage.Query {
			return storage.Query{Hashes: []string{d.hash(chance(n).IntN(d.n))}}
		}},
		{"type remove (5 %)", func(data, int) storage.Query {
			return storage.Query{Types: []annals.EntryType{annals.Remove}}
		}},
		{"type truncate (3 in 100,000)", func(data, int) storage.Query {
			return storage.Query{Types: []annals.EntryType{annals.Truncate}}
		}},
		{"type statement (none)", func(data, int) storage.Query {
			return storage.Query{Types: []annals.EntryType{annals.Statement}}
		}},
		{"two entities, newest", func(data, int) storage.Query {
			return storage.Query{Entities: []string{"post", "tag"}}
		}},
		{"two entities, a page within", func(d data, n int) storage.Query {
			return storage.Query{Entities: []string{"post", "tag"}, Before: place(d, n)}
		}},
	}
}
