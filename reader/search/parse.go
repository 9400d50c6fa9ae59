package search

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/internal/nearest"
	"github.com/seed-162b1470/annals/internal/period"
	"github.com/seed-162b1470/annals/reader"
)

// Options are what a query is read by.
type Options struct {
	// Now is what durations count back from; default the time of the call.
	Now time.Time
	// Zone is that of dates and times without one; default UTC.
	Zone *time.Location
}

// MaxLength is the longest query, in bytes.
const MaxLength = 16 << 10

// Parse reads a query. An error is an *Error.
func Parse(text string, o Options) (reader.Query, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	p := &parser{scanner: scanner{src: text}, options: o}
	if len(text) > MaxLength {
		return reader.Query{}, p.fail(0, "", "it is longer than %d bytes", MaxLength)
	}
	if !utf8.ValidString(text) {
		return reader.Query{}, p.fail(0, "", "it is not valid UTF-8")
	}
	for {
		t, ok, err := p.next()
		if err != nil {
			return reader.Query{}, err
		}
		if !ok {
			break
		}
		if err := p.term(t); err != nil {
			return reader.Query{}, err
		}
	}
	return normal(p.query), nil
}

type parser struct {
	scanner
	options Options
	query   reader.Query
	order   bool
}

func (p *parser) term(t term) error {
	key := canonicalKey(t.key)
	if key == "" {
		key = "object"
	}
	if path, ok := strings.CutPrefix(key, extraKey); ok {
		return p.extra(t, path)
	}
	for _, k := range textKeys() {
		if k.name == key {
			return p.texts(t, k)
		}
	}
	for _, k := range partKeys() {
		if k.name == key {
			return p.parts(t, k)
		}
	}
	switch key {
	case "type":
		return p.types(t)
	case "after", "before":
		return p.time(t, key)
	case "order", "related":
		return p.choice(t, key)
	}
	return p.fail(t.offset, nearest.DidYouMean(key, Keys()), "unknown key %q", t.key)
}

// texts takes values as they are.
func (p *parser) texts(t term, k textKey) error {
	list := k.with(&p.query)
	if t.not {
		if k.without == nil {
			return p.cannotLeaveOut(t)
		}
		list = k.without(&p.query)
	}
	for _, v := range t.values {
		text := v.whole()
		switch k.name {
		case "from", "to":
			if v.quoted && text == "null" {
				text = `"null"` // the text, as JSON
			}
		case "tx":
			text = strings.ToLower(text)
		}
		if text == "" && (!v.quoted || !mayBeEmpty(k.name)) {
			return p.fail(v.offset, `write one; the empty text is ""`, "a value is missing")
		}
		if k.name == "object" {
			*list = append(*list, ObjectIDs(text)...)
			continue
		}
		*list = append(*list, text)
	}
	return nil
}

// mayBeEmpty: the empty text is a value, or the id of an object.
func mayBeEmpty(key string) bool { return key == "from" || key == "to" || key == "object" }

// ObjectIDs are the object ids that a text may mean: itself, since a text key may
// look like anything, and where it is a JSON array its canonical form, which is
// how a key of several columns is stored.
func ObjectIDs(text string) []string {
	ids := []string{text}
	if strings.HasPrefix(text, "[") {
		if c, err := diff.Canonical([]byte(text)); err == nil && string(c) != text {
			ids = append(ids, string(c))
		}
	}
	return ids
}

func (p *parser) cannotLeaveOut(t term) error {
	return p.fail(t.offset, "drop the minus", "%s cannot be left out", t.key)
}

func (p *parser) parts(t term, k partKey) error {
	list := k.with(&p.query)
	if t.not {
		list = k.without(&p.query)
	}
	for _, v := range t.values {
		text, whole := v.text, v.equals
		if !v.quoted {
			text, whole = strings.CutPrefix(text, "=")
		}
		if text == "" {
			return p.fail(v.offset, "write a part of it", "a value is missing")
		}
		*list = append(*list, reader.Text{Value: text, Part: !whole})
	}
	return nil
}

func (p *parser) types(t term) error {
	for _, v := range t.values {
		typ := annals.EntryType(v.text)
		if !typ.Valid() {
			return p.fail(v.offset, nearest.DidYouMean(v.text, typeNames()), "unknown type %q", v.text)
		}
		if t.not {
			p.query.Not.Types = append(p.query.Not.Types, typ)
		} else {
			p.query.Types = append(p.query.Types, typ)
		}
	}
	return nil
}

func (p *parser) extra(t term, path string) error {
	if t.not {
		return p.cannotLeaveOut(t)
	}
	if path == "" {
		return p.fail(t.offset, "write extra.PATH:VALUE", "a path is missing")
	}
	e := reader.Extra{Path: path}
	for _, v := range t.values {
		switch {
		case v.text == "*" && !v.quoted:
			if len(t.values) > 1 {
				return p.fail(v.offset, "write * alone", "any value stands beside others")
			}
		case v.text == "" && !v.quoted:
			return p.fail(v.offset, `write one, or * for any; the empty text is ""`, "a value is missing")
		case v.quoted && v.whole() == "null":
			e.Values = append(e.Values, `"null"`)
		default:
			e.Values = append(e.Values, v.whole())
		}
	}
	p.query.Extra = append(p.query.Extra, e)
	return nil
}

func (p *parser) time(t term, key string) error {
	bound := &p.query.Since
	if key == "before" {
		bound = &p.query.Until
	}
	switch {
	case t.not:
		other := map[string]string{"after": "before", "before": "after"}[key]
		return p.fail(t.offset, "write "+other, "%s cannot be left out", t.key)
	case len(t.values) > 1:
		return p.fail(t.values[1].offset, "", "%s takes one time", t.key)
	case !bound.IsZero():
		return p.fail(t.offset, "", "%s stands there twice", t.key)
	}
	at, ok := Time(t.values[0].text, p.options)
	if !ok {
		return p.fail(t.values[0].offset, "write 2006-01-02, 2006-01-02T15:04:05Z, "+
			"or a duration before now (P1D, 2h)", "%q is no time", t.values[0].text)
	}
	*bound = at
	if s, u := p.query.Since, p.query.Until; !s.IsZero() && !u.IsZero() && !s.Before(u) {
		return p.fail(t.offset, "", "after is not before before: nothing can be found")
	}
	return nil
}

// Time reads a time as the language does: RFC 3339, a date or a time without zone,
// or a duration before now.
func Time(text string, o Options) (t time.Time, ok bool) {
	for _, form := range []string{
		time.RFC3339Nano, "2006-01-02", "2006-01-02T15:04", "2006-01-02 15:04",
		"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999",
	} {
		if t, err := time.ParseInLocation(form, text, o.Zone); err == nil && inRange(t) {
			return t, true
		}
	}
	p, err := period.Parse(text)
	if err != nil {
		return time.Time{}, false
	}
	t = p.Before(o.Now.In(o.Zone)).Round(0) // without the monotonic clock
	if first := time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC); t.Before(first) {
		t = first // and with it everything
	}
	return t, inRange(t)
}

// inRange: years that RFC 3339 can write; the first instant of all means no time.
func inRange(t time.Time) bool {
	t = t.UTC()
	return t.Year() >= 1 && t.Year() <= 9999 && !t.IsZero()
}

func (p *parser) choice(t term, key string) error {
	choices := []string{"newest", "oldest"}
	if key == "related" {
		choices = []string{"yes"}
	}
	v := t.values[0]
	switch {
	case t.not:
		return p.cannotLeaveOut(t)
	case len(t.values) > 1 || !slices.Contains(choices, v.text):
		return p.fail(v.offset, nearest.DidYouMean(v.text, choices), "%s takes one of its words", t.key)
	case key == "related":
		p.query.Related = true
	case p.order:
		return p.fail(t.offset, "", "order stands there twice")
	default:
		p.order, p.query.Ascending = true, v.text == "oldest"
	}
	return nil
}
