package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals/internal/nearest"
)

func (c *Config) checkRoutes(f *faults) {
	if len(c.Routes) == 0 && len(c.Storages) > 1 {
		f.add("routes", "several storages need routes",
			`write [{match: "*", storages: [`+sortedKeys(c.Storages)[0]+`]}]`)
	}
	for i, r := range c.Routes {
		path := item("routes", i)
		if len(r.Match) == 0 {
			f.add(child(path, "match"), "no pattern", `write match: "*" for every entity`)
		}
		for j, p := range r.Match {
			at := item(child(path, "match"), j)
			switch {
			case p == "" || p == tagPrefix:
				f.add(at, "is empty", "")
			case !c.canMatch(p):
				f.add(at, fmt.Sprintf("%q matches no entity", p), c.matchRemedy(p))
			}
		}
		c.checkRouteStorages(f, child(path, "storages"), r.Storages)
	}
}

func (c *Config) checkRouteStorages(f *faults, path string, storages []string) {
	if len(storages) == 0 {
		f.add(path, "no storage", "name at least one")
	}
	for j, name := range storages {
		if _, ok := c.Storages[name]; !ok {
			f.add(item(path, j), fmt.Sprintf("unknown storage %q", name),
				nearest.DidYouMean(name, sortedKeys(c.Storages)))
		}
		if slices.Index(storages, name) != j {
			f.add(item(path, j), fmt.Sprintf("storage %q stands here twice", name), "")
		}
	}
}

// canMatch reports whether a pattern can match: always where "*" brings tables
// whose names only the database knows.
func (c *Config) canMatch(pattern string) bool {
	_, all := c.Entities[Wildcard]
	if all && !strings.HasPrefix(pattern, tagPrefix) {
		return true
	}
	for name, e := range c.Entities {
		if MatchPattern(pattern, name, e.Tags) {
			return true
		}
	}
	return false
}

func (c *Config) matchRemedy(pattern string) string {
	var known []string
	tag, isTag := strings.CutPrefix(pattern, tagPrefix)
	for name, e := range c.Entities {
		if isTag {
			known = append(known, e.Tags...)
		} else {
			known = append(known, name)
		}
	}
	slices.Sort(known)
	return nearest.DidYouMean(tag, slices.Compact(known))
}

// pair is a storage that entries of a source can reach, with the entity that
// shows it.
type pair struct{ source, storage, entity string }

// checkDelivery holds every used pair of source and storage against the table of
// combinations that work.
func (c *Config) checkDelivery(f *faults) {
	seen := map[pair]bool{}
	c.checkShared(f)
	c.checkOneMirror(f)
	for _, name := range sortedKeys(c.Entities) {
		e := c.Entities[name]
		storages, complete := c.reach(name)
		if !complete && len(c.Routes) > 0 {
			c.unrouted(f, name)
		}
		for _, storage := range storages {
			p := pair{source: e.Source, storage: storage}
			if !seen[p] {
				seen[p] = true
				p.entity = name
				c.checkPair(f, p)
			}
		}
	}
}

func (c *Config) unrouted(f *faults, name string) {
	remedy := `end routes with {match: "*", storages: [` +
		strings.Join(sortedKeys(c.Storages)[:min(1, len(c.Storages))], "") + `]}`
	if name == Wildcard {
		f.add("routes", `no route for tables that only "*" names`, remedy)
		return
	}
	f.add(child("entities", name), "no route matches", remedy)
}

// reach lists the storages that entries of an entity can go to; for "*" those of
// every route that some table could take. complete is false where entries could
// be left without a route.
func (c *Config) reach(name string) (storages []string, complete bool) {
	if len(c.Routes) == 0 || name != Wildcard {
		rule, ok := c.RouteFor(name)
		return rule.Storages, ok
	}
	for _, r := range c.Routes {
		for _, p := range r.Match {
			_, named := c.Entities[p]
			switch {
			case p == Wildcard || strings.HasPrefix(p, tagPrefix) &&
				MatchPattern(p, "", c.Entities[Wildcard].Tags):
				return append(storages, r.Storages...), true
			case !named && !strings.HasPrefix(p, tagPrefix):
				storages = append(storages, r.Storages...)
			}
		}
	}
	return storages, false
}

// combinations that work, for messages.
var combinations = map[string]string{
	CaptureORM: "capture orm goes with delivery direct (entries, same database), " +
		"outbox or after_commit (entries or jsonl, anywhere)",
	CaptureTrigger: "capture trigger goes with delivery direct (mirror, same database) " +
		"or relay (entries or jsonl anywhere, mirror on the same kind of database)",
}

// checkPair reports a combination of capture, delivery, storage and layout that
// does not work.
func (c *Config) checkPair(f *faults, p pair) {
	source, okSource := c.Sources[p.source]
	storage, okStorage := c.Storages[p.storage]
	remedy, known := combinations[source.Capture]
	if !okSource || !okStorage || !known {
		return // reported where the name or value stands
	}
	path := child(child("sources", p.source), "delivery")
	add := func(problem string) {
		f.add(path, problem, remedy)
	}
	direct := source.Delivery == DeliveryDirect
	switch {
	case source.Capture == CaptureORM && source.Delivery == DeliveryRelay,
		source.Capture == CaptureTrigger && !direct && source.Delivery != DeliveryRelay:
		add(fmt.Sprintf("capture %s cannot deliver by %s", source.Capture, source.Delivery))
		return
	case c.mixed(p.storage):
		return // reported there
	case source.Capture == CaptureORM && storage.Layout == LayoutMirror:
		add(fmt.Sprintf("capture orm cannot fill storage %q: it has layout mirror", p.storage))
		return
	case source.Capture == CaptureTrigger && direct && storage.Layout == LayoutEntries:
		add(fmt.Sprintf("capture trigger with delivery direct cannot fill storage %q: "+
			"it has layout entries", p.storage))
		return
	}
	from, errFrom := ParseDSN(source.DSN)
	to, errTo := ParseDSN(storage.DSN)
	if errFrom != nil || errTo != nil {
		return
	}
	switch {
	case direct && !to.IsSQL():
		add(fmt.Sprintf("delivery direct cannot fill storage %q: it is a file", p.storage))
	case direct && !from.Together(to):
		add(fmt.Sprintf("delivery direct cannot fill storage %q: it is not in %s",
			p.storage, togetherness(from.Scheme)))
	case storage.Layout == LayoutMirror && from.Scheme != to.Scheme:
		add(fmt.Sprintf("storage %q has layout mirror, but another kind of database (%s) "+
			"than the source (%s)", p.storage, to.Scheme, from.Scheme))
	}
}

// togetherness says what a transaction can reach on a kind of database.
func togetherness(scheme string) string {
	switch scheme {
	case SchemeMySQL:
		return "the same server as the source"
	case SchemeSQLite:
		return "the same file as the source"
	}
	return "the same database as the source"
}
