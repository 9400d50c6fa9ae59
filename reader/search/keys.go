package search

import (
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/reader"
)

// texts are the keys whose values are texts, with where these go; without is nil
// where they cannot be left out.
type textKey struct {
	name string
	// with and without are the lists that hold the values.
	with, without func(q *reader.Query) *[]string
}

func textKeys() []textKey {
	return []textKey{
		{
			"entity",
			func(q *reader.Query) *[]string { return &q.Entities },
			func(q *reader.Query) *[]string { return &q.Not.Entities },
		},
		{
			"object",
			func(q *reader.Query) *[]string { return &q.ObjectIDs },
			func(q *reader.Query) *[]string { return &q.Not.ObjectIDs },
		},
		{
			"actor",
			func(q *reader.Query) *[]string { return &q.Actors },
			func(q *reader.Query) *[]string { return &q.Not.Actors },
		},
		{"tx", func(q *reader.Query) *[]string { return &q.Hashes }, nil},
		{
			"field",
			func(q *reader.Query) *[]string { return &q.Fields },
			func(q *reader.Query) *[]string { return &q.Not.Fields },
		},
		{"from", func(q *reader.Query) *[]string { return &q.From }, nil},
		{"to", func(q *reader.Query) *[]string { return &q.To }, nil},
		{
			"kind",
			func(q *reader.Query) *[]string { return &q.Discriminators },
			func(q *reader.Query) *[]string { return &q.Not.Discriminators },
		},
		{
			"ip",
			func(q *reader.Query) *[]string { return &q.IPs },
			func(q *reader.Query) *[]string { return &q.Not.IPs },
		},
		{
			"request",
			func(q *reader.Query) *[]string { return &q.Requests },
			func(q *reader.Query) *[]string { return &q.Not.Requests },
		},
		{
			"source",
			func(q *reader.Query) *[]string { return &q.Sources },
			func(q *reader.Query) *[]string { return &q.Not.Sources },
		},
		{
			"storage",
			func(q *reader.Query) *[]string { return &q.Storages },
			func(q *reader.Query) *[]string { return &q.Not.Storages },
		},
	}
}

// partKey is a key whose values are parts of a text, or =whole.
type partKey struct {
	name          string
	with, without func(q *reader.Query) *[]reader.Text
}

func partKeys() []partKey {
	return []partKey{
		{
			"comment",
			func(q *reader.Query) *[]reader.Text { return &q.Comments },
			func(q *reader.Query) *[]reader.Text { return &q.Not.Comments },
		},
		{
			"agent",
			func(q *reader.Query) *[]reader.Text { return &q.Agents },
			func(q *reader.Query) *[]reader.Text { return &q.Not.Agents },
		},
	}
}

// extraKey begins the keys of extra data.
const extraKey = "extra."

// Keys lists the keys of the language, for help and completion; those of extra data
// begin with the last.
func Keys() []string {
	keys := []string{"type", "after", "before", "order", "related"}
	for _, k := range textKeys() {
		keys = append(keys, k.name)
	}
	for _, k := range partKeys() {
		keys = append(keys, k.name)
	}
	slices.Sort(keys)
	return append(keys, extraKey)
}

// canonicalKey resolves other names of keys.
func canonicalKey(key string) string {
	switch key {
	case "id":
		return "object"
	case "user":
		return "actor"
	case "transaction":
		return "tx"
	case "since":
		return "after"
	case "until":
		return "before"
	case "op":
		return "type"
	case "old":
		return "from"
	case "new":
		return "to"
	case "discriminator":
		return "kind"
	}
	return key
}

func typeNames() []string {
	var names []string
	for _, t := range annals.EntryTypes() {
		names = append(names, string(t))
	}
	return names
}

// normal puts a query into the one form that Parse gives: lists sorted and without
// repeats, the singular fields in their lists, times in UTC.
func normal(q reader.Query) reader.Query {
	single := func(one *string, many *[]string) {
		if *one != "" {
			*many = append(slices.Clone(*many), *one)
			*one = ""
		}
	}
	single(&q.Entity, &q.Entities)
	single(&q.ObjectID, &q.ObjectIDs)
	single(&q.Actor, &q.Actors)
	single(&q.Transaction, &q.Hashes)
	single(&q.Field, &q.Fields)
	for _, k := range textKeys() {
		tidy(k.with(&q))
		if k.without != nil {
			tidy(k.without(&q))
		}
	}
	for _, k := range partKeys() {
		tidyTexts(k.with(&q))
		tidyTexts(k.without(&q))
	}
	tidy(&q.Types)
	tidy(&q.Not.Types)
	q.Extra = tidyExtra(q.Extra)
	q.Since, q.Until = q.Since.UTC(), q.Until.UTC()
	return q
}

func tidy[T ~string](list *[]T) {
	if len(*list) == 0 {
		*list = nil
		return
	}
	out := slices.Clone(*list)
	slices.Sort(out)
	*list = slices.Compact(out)
}

func tidyTexts(list *[]reader.Text) {
	if len(*list) == 0 {
		*list = nil
		return
	}
	out := slices.Clone(*list)
	slices.SortFunc(out, func(x, y reader.Text) int {
		c := strings.Compare(x.Value, y.Value)
		switch {
		case c != 0 || x.Part == y.Part:
			return c
		case x.Part:
			return 1
		}
		return -1
	})
	*list = slices.Compact(out)
}

// tidyExtra joins what is asked of one path, and sorts paths.
func tidyExtra(list []reader.Extra) []reader.Extra {
	var out []reader.Extra
	for _, e := range list {
		at := slices.IndexFunc(out, func(o reader.Extra) bool { return o.Path == e.Path })
		switch {
		case at < 0:
			out = append(out, reader.Extra{Path: e.Path, Values: slices.Clone(e.Values)})
		case len(e.Values) == 0 || len(out[at].Values) == 0:
			out[at].Values = nil // any value
		default:
			out[at].Values = append(out[at].Values, e.Values...)
		}
	}
	for i := range out {
		tidy(&out[i].Values)
	}
	slices.SortFunc(out, func(x, y reader.Extra) int { return strings.Compare(x.Path, y.Path) })
	return out
}
