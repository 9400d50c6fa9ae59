package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/nearest"
)

func (c *Config) checkEntities(f *faults) {
	if len(c.Entities) == 0 {
		f.add("entities", "nothing is audited",
			`name tables (post: {}), or write "*": {} for the whole database`)
	}
	tables := map[string]string{}
	for _, name := range sortedKeys(c.Entities) {
		e, path := c.Entities[name], child("entities", name)
		if name == Wildcard {
			c.checkWildcard(f, path, e)
		} else {
			checkName(f, path, name, maxEntityName)
		}
		c.checkEntitySource(f, path, e)
		c.checkTruncate(f, child(path, "truncate"), e)
		checkColumns(f, path, e)
		checkOperations(f, child(path, "operations"), e.Operations)
		c.checkMaskKey(f, child(path, "mask_key"), e.MaskKey)
		checkRoles(f, child(path, "roles.view"), e.Roles.View)
		checkURL(f, child(path, "url"), e)
		for i, tag := range e.Tags {
			if tag == "" || strings.ContainsAny(tag, "*?") {
				f.add(item(child(path, "tags"), i), "a tag is a word without * and ?", "")
			}
		}
		// Two rules for one table would record each change twice.
		key := e.Source + "\x00" + annals.ParseTable(e.Table).String()
		if other, twice := tables[key]; twice && name != Wildcard {
			f.add(child(path, "table"),
				fmt.Sprintf("table %q is entity %q already", e.Table, other), "keep one of the two")
		}
		tables[key] = name
	}
}

// checkWildcard refuses what has a meaning for one table only.
func (c *Config) checkWildcard(f *faults, path string, e Entity) {
	for _, v := range []struct {
		key string
		set bool
	}{
		{"table", e.Table != ""},
		{"key", len(e.Key) > 0},
		{"only", len(e.Only) > 0},
		{"audit_table", e.AuditTable != ""},
		{"url", e.URL != ""},
	} {
		if v.set {
			f.add(child(path, v.key), `has no meaning for "*"`, "name the entity of its own")
		}
	}
}

func (c *Config) checkEntitySource(f *faults, path string, e Entity) {
	at := child(path, "source")
	if e.Source == "" {
		if len(c.Sources) > 1 {
			f.add(at, "is missing, and there are several sources",
				"name one of "+strings.Join(sortedKeys(c.Sources), ", "))
		}
		return
	}
	if _, ok := c.Sources[e.Source]; !ok {
		f.add(at, fmt.Sprintf("unknown source %q", e.Source),
			nearest.DidYouMean(e.Source, sortedKeys(c.Sources)))
	}
}

// checkTruncate allows a choice where triggers see TRUNCATE, or nothing is emptied
// but by DELETE.
func (c *Config) checkTruncate(f *faults, path string, e Entity) {
	s := c.Sources[e.Source]
	d, err := ParseDSN(s.DSN)
	switch {
	case s.Capture == CaptureORM && e.Truncate != "":
		f.add(path, "has no meaning with capture orm, which does not see TRUNCATE", "leave it out")
	case s.Capture != CaptureTrigger:
	case err == nil && d.Scheme == SchemeMySQL && e.Truncate == TruncateRows:
		f.add(path, "cannot be done on MySQL and MariaDB, whose triggers do not see TRUNCATE",
			"leave it out, and use DELETE, whose rows are kept")
	default:
		oneOf(f, path, e.Truncate, TruncateMarker, TruncateRows)
	}
}

// checkColumns refuses rules that contradict each other: what tells objects apart
// or gives entries their meaning cannot be left out.
func checkColumns(f *faults, path string, e Entity) {
	needed := map[string]string{}
	need := func(column, why string) {
		if column != "" {
			needed[column] = why
		}
	}
	checkList(f, child(path, "key"), e.Key)
	need(e.Discriminator, "discriminator")
	need(e.SoftDelete, "soft-delete column")
	need(e.Label, "label")
	for _, column := range e.Key {
		need(column, "key column")
	}
	for _, list := range []struct {
		rule, verb string
		columns    []string
	}{{"only", "", e.Only}, {"ignore", "ignored", e.Ignore}, {"mask", "masked", e.Mask}} {
		for i, column := range list.columns {
			at := item(child(path, list.rule), i)
			switch why := needed[column]; {
			case column == "":
				f.add(at, "is empty", "")
			case why != "" && list.rule != "only":
				f.add(at, fmt.Sprintf("%q is the %s and cannot be %s", column, why, list.verb), "")
			case list.rule == "mask" && slices.Contains(e.Ignore, column):
				f.add(at, fmt.Sprintf("%q is ignored as well", column), "keep one of the two")
			case slices.Index(list.columns, column) != i:
				f.add(at, fmt.Sprintf("%q stands here twice", column), "")
			}
		}
	}
	checkOnly(f, path, e, needed)
}

// checkOnly refuses a list of kept columns that leaves out what is needed, or
// contradicts another list.
func checkOnly(f *faults, path string, e Entity, needed map[string]string) {
	if len(e.Only) == 0 {
		return
	}
	if len(e.Ignore) > 0 {
		f.add(child(path, "ignore"), "stands beside only",
			"only leaves every other column out: keep one of the two")
	}
	for _, column := range sortedKeys(needed) {
		if !slices.Contains(e.Only, column) {
			f.add(child(path, "only"), fmt.Sprintf("%q is the %s and must be kept", column,
				needed[column]), "add it")
		}
	}
	for i, column := range e.Mask {
		if !slices.Contains(e.Only, column) {
			f.add(item(child(path, "mask"), i),
				fmt.Sprintf("%q is left out by only as well", column), "keep one of the two")
		}
	}
}

// checkOperations allows types of entries, each once.
func checkOperations(f *faults, path string, operations []string) {
	checkList(f, path, operations)
	var types []string
	for _, t := range annals.EntryTypes() {
		types = append(types, string(t))
	}
	for i, o := range operations {
		if o != "" {
			oneOf(f, item(path, i), o, types...)
		}
	}
}

// minMaskKey is the least length of a key in bytes: a shorter one could be found
// by trying.
const minMaskKey = 16

// checkMaskKey never tells the key itself.
func (c *Config) checkMaskKey(f *faults, path string, key annals.Secret) {
	if key == "" || len(key) >= minMaskKey {
		return
	}
	if key == c.MaskKey {
		path = "mask_key" // where the entity has it from
	}
	f.add(path, fmt.Sprintf("the key is shorter than %d bytes", minMaskKey),
		"make one with: openssl rand -hex 32")
}

func checkRoles(f *faults, path string, roles []string) {
	checkList(f, path, roles)
	for i, role := range roles {
		if role != "" && strings.TrimSpace(role) != role {
			f.add(item(path, i), fmt.Sprintf("role %q starts or ends with a space", role), "")
		}
	}
}

// checkURL allows links a viewer can show without danger.
func checkURL(f *faults, path string, e Entity) {
	if e.URL == "" {
		return
	}
	u, err := url.Parse(placeholder.Replace(e.URL))
	if err != nil || (u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https") ||
		(u.Scheme == "" && !strings.HasPrefix(e.URL, "/")) {
		f.add(path, "is no web address",
			"write https://…/{column}, or a path that starts with /")
	}
	for _, column := range placeholders(e.URL) {
		core := e.Entity("")
		if !core.Keeps(column) || core.Masks(column) {
			f.add(path, fmt.Sprintf("needs column %q, which is not kept", column), "")
		}
	}
}

// placeholder makes {column} acceptable within a URL.
var placeholder = strings.NewReplacer("{", "", "}", "")

// placeholders lists the columns in braces.
func placeholders(s string) []string {
	var columns []string
	for {
		_, after, open := strings.Cut(s, "{")
		column, rest, closed := strings.Cut(after, "}")
		if !open || !closed {
			return columns
		}
		columns, s = append(columns, column), rest
	}
}

// checkAuditTables refuses two entities on one audit table, and audit tables that
// would be the audited ones.
func (c *Config) checkAuditTables(f *faults) {
	taken := map[string]string{}
	for _, name := range sortedKeys(c.Entities) {
		e := c.Entities[name]
		storages, _ := c.reach(name)
		for _, storage := range storages {
			s, ok := c.Storages[storage]
			to, err := ParseDSN(s.DSN)
			if !ok || err != nil || !to.IsSQL() {
				continue
			}
			if name == Wildcard {
				c.checkBareNames(f, storage, e)
				continue
			}
			audit := auditTable(e, s)
			key := storage + "\x00" + audit
			if other, twice := taken[key]; twice {
				f.add(child(child("entities", name), "audit_table"),
					fmt.Sprintf("%q and %q would both use table %q of storage %q",
						other, name, audit, storage),
					"write an audit_table of its own for one of them")
			}
			taken[key] = name
			if audit == annals.ParseTable(e.Table).String() && c.inSource(e.Source, to) {
				f.add(child(child("storages", storage), "table_suffix"),
					fmt.Sprintf("the audit table of %q would be the table itself", name),
					"write a table_prefix or a table_suffix")
			}
		}
	}
}

// checkBareNames refuses a storage without prefix and suffix for every table.
func (c *Config) checkBareNames(f *faults, storage string, e Entity) {
	s := c.Storages[storage]
	to, err := ParseDSN(s.DSN)
	if err == nil && s.TablePrefix == "" && s.Suffix() == "" && c.inSource(e.Source, to) {
		f.add(child(child("storages", storage), "table_suffix"),
			"audit tables would be the audited tables themselves",
			"write a table_prefix or a table_suffix")
	}
}

// inSource reports whether a storage lies in the database of a source.
func (c *Config) inSource(source string, storage DSN) bool {
	from, err := ParseDSN(c.Sources[source].DSN)
	return err == nil && from.Together(storage) && from.Database == storage.Database
}

// auditTable is the audit table as configured, before a database shortens names.
func auditTable(e Entity, s Storage) string {
	if e.AuditTable != "" {
		return annals.ParseTable(e.AuditTable).String()
	}
	t := annals.ParseTable(e.Table)
	t.Name = s.TablePrefix + t.Name + s.Suffix()
	return t.String()
}
