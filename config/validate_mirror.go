package config

import (
	"fmt"
	"slices"
	"strings"
)

// checkShared refuses storages that would need both layouts in one place: tables of
// the two have the same names and other shapes.
func (c *Config) checkShared(f *faults) {
	names := sortedKeys(c.Storages)
	for i, name := range names {
		if c.mixed(name) {
			mirrors, others := c.fillers(name)
			f.add(child(child("storages", name), "layout"), fmt.Sprintf(
				"source %s fills the mirror layout, source %s the entries layout",
				strings.Join(mirrors, ", "), strings.Join(others, ", ")),
				"give the two a storage each, in different schemas or databases, and routes")
		}
		for _, other := range names[:i] {
			a, b := c.Storages[other], c.Storages[name]
			if a.Layout != b.Layout && samePlace(a, b) {
				f.add(child(child("storages", name), "dsn"), fmt.Sprintf(
					"storage %q has layout %s in the same place, and this one %s", other,
					a.Layout, b.Layout), elsewhereRemedy(b))
			}
		}
	}
}

// elsewhereRemedy says how a storage gets a place of its own beside another.
func elsewhereRemedy(s Storage) string {
	d, _ := ParseDSN(s.DSN)
	switch d.Scheme {
	case SchemePostgres:
		return "put one of them into a schema of its own: ?search_path=audit in its DSN"
	case SchemeMySQL:
		return "put one of them into a database of its own on the same server"
	}
	return "a SQLite file has room for one layout: let all its sources capture in the same way"
}

// mixed reports whether a storage is reached by sources that fill different layouts
// within their transactions.
func (c *Config) mixed(storage string) bool {
	mirrors, others := c.fillers(storage)
	return len(mirrors) > 0 && len(others) > 0
}

// fillers are the sources that reach a storage: those that fill a mirror, and those
// whose program fills audit tables.
func (c *Config) fillers(storage string) (mirrors, others []string) {
	for _, name := range c.filled()[storage] {
		switch s := c.Sources[name]; {
		case s.mirrors():
			mirrors = append(mirrors, name)
		case s.Capture == CaptureORM:
			others = append(others, name)
		}
	}
	return mirrors, others
}

// samePlace reports whether two storages have their tables in one schema, as far as
// their addresses tell.
func samePlace(a, b Storage) bool {
	x, errA := ParseDSN(a.DSN)
	y, errB := ParseDSN(b.DSN)
	if errA != nil || errB != nil || !x.Together(y) || x.Database != y.Database {
		return false
	}
	if x.Scheme != SchemePostgres {
		return true
	}
	// A schema of the account's name comes first in the search path.
	return x.User == y.User && x.Options.Get("search_path") == y.Options.Get("search_path") &&
		x.Options.Get("options") == y.Options.Get("options")
}

// checkOneMirror refuses several storages for a source whose triggers deliver
// directly: they write one copy of a row, in one revision of the transaction.
func (c *Config) checkOneMirror(f *faults) {
	for _, name := range sortedKeys(c.Sources) {
		storages := c.StoragesOf(name)
		if c.Sources[name].mirrors() && len(c.Routes) > 0 && len(storages) > 1 {
			f.add("routes", fmt.Sprintf("triggers of source %q, which deliver directly, fill one "+
				"storage, and its entities are routed to %s", name, strings.Join(storages, ", ")),
				"route all entities of the source to one storage")
		}
	}
}

// StoragesOf lists the storages that entries of a source can reach, sorted.
func (c *Config) StoragesOf(source string) []string {
	filled := c.filled()
	var storages []string
	for _, name := range sortedKeys(filled) {
		if slices.Contains(filled[name], source) {
			storages = append(storages, name)
		}
	}
	return storages
}
