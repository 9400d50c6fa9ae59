package config

import (
	"slices"
	"strings"
)

// Wildcard is the entity that stands for every table not named otherwise, and
// the pattern that matches everything.
const Wildcard = "*"

// tagPrefix starts a pattern that is about an entity's tags.
const tagPrefix = "tag:"

// MatchRoute finds the first route for an entity: its index in routes and the
// pattern that decided. ok is false where none matches.
func MatchRoute(routes []Route, entity string, tags []string) (index int, pattern string, ok bool) {
	for i, r := range routes {
		for _, p := range r.Match {
			if MatchPattern(p, entity, tags) {
				return i, p, true
			}
		}
	}
	return 0, "", false
}

// MatchPattern reports whether a pattern of a route matches an entity: "tag:x"
// one of its tags, anything else its name. Both may hold * and ?.
func MatchPattern(pattern, entity string, tags []string) bool {
	if tag, ok := strings.CutPrefix(pattern, tagPrefix); ok {
		return slices.ContainsFunc(tags, func(t string) bool { return MatchGlob(tag, t) })
	}
	return MatchGlob(pattern, entity)
}

// MatchGlob reports whether the whole of name matches pattern, in which * stands
// for any characters, also none, and ? for exactly one. Case counts.
func MatchGlob(pattern, name string) bool {
	p, n := []rune(pattern), []rune(name)
	// star is where the last * stands in p, from what it has taken up to in n.
	i, j, star, from := 0, 0, -1, 0
	for j < len(n) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == n[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// Rule says why an entity goes where it goes.
type Rule struct {
	// Route is the index of the deciding route, -1 for the only storage.
	Route int
	// Pattern is the pattern of that route that matched, "" without a route.
	Pattern string
	// Storages are the storages' names, in the order of the route.
	Storages []string
}

// String tells the rule: `routes[0] "billing.*"`, or "only storage".
func (r Rule) String() string {
	if r.Route < 0 {
		return "only storage"
	}
	return item("routes", r.Route) + ` "` + r.Pattern + `"`
}

// RouteFor returns the storages of an entity and the rule that decided; ok is
// false where no route matches. Rules about tags use the tags of the entity, or
// of "*" where it is not named.
func (c *Config) RouteFor(entity string) (rule Rule, ok bool) {
	if len(c.Routes) == 0 {
		names := sortedKeys(c.Storages)
		if _, one := c.onlySource(); len(names) == 0 && one {
			names = []string{DefaultStorage}
		}
		return Rule{Route: -1, Storages: names}, len(names) == 1
	}
	e, named := c.Entities[entity]
	if !named {
		e = c.Entities[Wildcard]
	}
	i, pattern, ok := MatchRoute(c.Routes, entity, e.Tags)
	if !ok {
		return Rule{}, false
	}
	return Rule{Route: i, Pattern: pattern, Storages: c.Routes[i].Storages}, true
}
