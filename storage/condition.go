package storage

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

// Subject is what a condition is about.
type Subject string

// The subjects. Those from OnComment to OnRequest are of the entry's revision;
// an entry whose revision is not stored has none of them.
const (
	OnObject        Subject = "object" // former ids count
	OnType          Subject = "type"
	OnActor         Subject = "actor"
	OnSource        Subject = "source"
	OnDiscriminator Subject = "discriminator"
	OnIP            Subject = "ip"
	OnComment       Subject = "comment"
	OnAgent         Subject = "agent"
	OnRequest       Subject = "request"
	// OnMove is about whether the entry gave its object another key; it takes no
	// texts.
	OnMove Subject = "move"
	// OnChange is about one change in the entry's diffs.
	OnChange Subject = "change"
	// OnExtra is about the entry's extra data.
	OnExtra Subject = "extra"
)

// Condition narrows a query by what no index leads to. What it means is written
// down once, in Matches: a store may leave out by SQL what cannot match, and has
// to compare the rest with Matches unless Exact says that SQL can tell.
type Condition struct {
	On Subject
	// Not turns the condition round.
	Not bool
	// Texts are alternatives; for every subject but OnChange and OnExtra.
	Texts []Text
	// Paths are alternatives. For OnChange columns or paths into columns that hold
	// JSON ("settings.theme"), where none is named any column. For OnExtra paths
	// into the extra data.
	Paths []string
	// Old and New are alternatives of what one change has on that side, as
	// canonical JSON; none means any value. OnExtra compares New.
	Old, New []json.RawMessage
}

// Text is a text to compare with.
type Text struct {
	Value string
	// Part: it may stand anywhere in the text; A to Z and a to z are alike then.
	Part bool
}

// Texts makes alternatives of whole texts.
func Texts(values ...string) []Text {
	out := make([]Text, len(values))
	for i, v := range values {
		out[i].Value = v
	}
	return out
}

// Exact reports whether comparing a column decides the condition, so that
// Matches need not be asked.
func (c *Condition) Exact() bool {
	if c.On == OnChange || c.On == OnExtra {
		return false
	}
	return !slices.ContainsFunc(c.Texts, func(t Text) bool { return t.Part })
}

// Match reports whether all conditions hold for an entry.
func Match(where []Condition, e *annals.Entry) bool {
	for i := range where {
		if !where[i].Matches(e) {
			return false
		}
	}
	return true
}

// Matches reports whether the condition holds for an entry that has its Revision.
func (c *Condition) Matches(e *annals.Entry) bool { return c.holds(e) != c.Not }

func (c *Condition) holds(e *annals.Entry) bool {
	rev := e.Revision
	if rev == nil {
		rev = &annals.Revision{}
	}
	switch c.On {
	case OnMove:
		return e.PreviousObjectID != ""
	case OnObject:
		return c.says(e.ObjectID, true) || c.says(e.PreviousObjectID, e.PreviousObjectID != "")
	case OnType:
		return c.says(string(e.Type), true)
	case OnActor:
		return c.says(e.Blame.ID, e.Blame.ID != "")
	case OnSource:
		return c.says(e.Source, true)
	case OnDiscriminator:
		return c.says(e.Discriminator, e.Discriminator != "")
	case OnIP:
		return c.says(e.Blame.IP, e.Blame.IP != "")
	case OnComment:
		return c.says(rev.Comment, rev.Comment != "")
	case OnAgent:
		return c.says(rev.Origin.UserAgent, rev.Origin.UserAgent != "")
	case OnRequest:
		return c.says(rev.Origin.RequestID, rev.Origin.RequestID != "")
	case OnChange:
		return c.changed(e.Diffs)
	case OnExtra:
		return c.added(e.ExtraData)
	}
	return false
}

// says compares a text; an absent one is like none.
func (c *Condition) says(text string, there bool) bool {
	if !there {
		return false
	}
	for _, t := range c.Texts {
		if t.Value == text || t.Part && strings.Contains(lower(text), lower(t.Value)) {
			return true
		}
	}
	return false
}

// lower makes small letters of A to Z, as every database can.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// changed looks for one change that has all that is asked for. What is no diff
// has no changes.
func (c *Condition) changed(diffs json.RawMessage) bool {
	d, err := diff.Parse(diffs)
	if err != nil || d.Association != nil {
		return false
	}
	for _, change := range d.Changes {
		if len(c.Paths) == 0 && oneOf(c.Old, change.Old) && oneOf(c.New, change.New) {
			return true
		}
		for _, path := range c.Paths {
			if c.changedAt(change, path) {
				return true
			}
		}
	}
	return false
}

// changedAt compares a change with a path that is its column's name, or begins
// with it and goes on into its JSON.
func (c *Condition) changedAt(change diff.Change, path string) bool {
	if path == change.Column {
		return oneOf(c.Old, change.Old) && oneOf(c.New, change.New)
	}
	rest, ok := strings.CutPrefix(path, change.Column+".")
	if !ok {
		return false
	}
	before, after := members(change.Old, rest), members(change.New, rest)
	for way := range maps.Keys(before) {
		if _, ok := after[way]; !ok {
			after[way] = annals.Null // what is not there is like null, as for columns
		}
	}
	for way, is := range after {
		was, ok := before[way]
		if !ok {
			was = annals.Null
		}
		if !bytes.Equal(was, is) && oneOf(c.Old, was) && oneOf(c.New, is) {
			return true
		}
	}
	return false
}

func (c *Condition) added(extra json.RawMessage) bool {
	for _, path := range c.Paths {
		for _, v := range members(extra, path) {
			if oneOf(c.New, v) {
				return true
			}
		}
	}
	return false
}

func oneOf(list []json.RawMessage, v json.RawMessage) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(w json.RawMessage) bool {
		return bytes.Equal(v, w)
	})
}

// members returns what a path leads to in canonical JSON, by the way in which the
// path was read: names may hold dots themselves. Ways that lead nowhere are left
// out.
func members(v json.RawMessage, path string) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for i := 0; i <= len(path); i++ {
		if i < len(path) && path[i] != '.' {
			continue
		}
		value := member(v, path[:i])
		switch {
		case value == nil:
		case i == len(path):
			out[strconv.Itoa(i)] = value
		default:
			for way, deeper := range members(value, path[i+1:]) {
				out[strconv.Itoa(i)+"."+way] = deeper
			}
		}
	}
	return out
}

// member is a member of an object, or an element of an array by its number from
// 0; nil where there is none.
func member(v json.RawMessage, name string) json.RawMessage {
	if len(v) == 0 {
		return nil
	}
	switch v[0] {
	case '{':
		var object map[string]json.RawMessage
		if json.Unmarshal(v, &object) == nil {
			return object[name]
		}
	case '[':
		var array []json.RawMessage
		n, err := strconv.Atoi(name)
		if err == nil && json.Unmarshal(v, &array) == nil && 0 <= n && n < len(array) {
			return array[n]
		}
	}
	return nil
}
