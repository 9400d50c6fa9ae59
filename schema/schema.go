// Package schema brings annals' own tables into being and up to date.
//
// A [Manager] compares what the configured entities need with what a storage
// has and makes a [Plan]: ready SQL, statement by statement, which can be
// reviewed, applied, run by other means or exported as migration files. A plan
// only adds: tables, columns, indexes, rows of the registry. Nothing is dropped
// or retyped, whatever users added stays, and the tables of an entity that is no
// longer configured stay too. A plan that was applied leaves nothing to plan.
//
// The decisions behind it are in docs/adr/0003-schema-manager.md.
package schema

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// LockName is the lock that Apply and Update hold on a storage's database.
const LockName = "annals schema"

// Config is what a Manager works on.
type Config struct {
	Targets []Target
	// Progress is told of every statement that was executed. Nil is fine.
	Progress func(Progress)
	// Now is the clock for the versions of exported files. Default time.Now.
	Now func() time.Time
}

// Target is one SQL storage, or a source whose tables get indexes for their
// stamps.
type Target struct {
	// Name is the storage's name in the configuration.
	Name string
	// Source means that the target is the source of that name: it gets the indexes
	// of Stamped and no table.
	Source bool
	DB     *sql.DB
	// Dialect as dialect.Detect gives it: MySQL and MariaDB differ.
	Dialect  dialect.Dialect
	Entities []EntityTable
	// Indexes of the audit tables; empty means layout.Lean.
	Indexes layout.IndexSet
	// Mirror means that the storage has the mirror layout: Copies in place of
	// Entities.
	Mirror bool
	Copies []Copy
	// Stamped are entities of this database whose tables get indexes for their
	// stamps, as far as they have such columns.
	Stamped []annals.Entity
	// Description names the database in messages: a DSN without its secrets.
	Description string
	// configured are the entities of all targets by name.
	configured map[string]bool
}

// EntityTable is an entity with its audit table in one storage, as
// layout.EntityTable gives it.
type EntityTable struct {
	Entity annals.Entity
	Audit  annals.Table
}

// Progress says how far the execution of a plan is.
type Progress struct {
	Storage string
	// Statement is the one just executed, the Done-th of Total.
	Statement   Statement
	Done, Total int
}

// Manager plans and applies the schema of its targets. It is safe for
// concurrent use; the lock makes runs on one database take turns by failing.
type Manager struct {
	targets  []Target
	progress func(Progress)
	now      func() time.Time
}

// New returns a manager. Faults in the targets give an *annals.ConfigError; no
// database is asked yet.
func New(c Config) (*Manager, error) {
	m := &Manager{targets: slices.Clone(c.Targets), progress: c.Progress, now: c.Now}
	if m.progress == nil {
		m.progress = func(Progress) {}
	}
	if m.now == nil {
		m.now = time.Now
	}
	var faults []annals.Fault
	seen := map[string]bool{}
	for _, t := range c.Targets {
		path := t.path()
		switch {
		case t.Name == "":
			faults = append(faults, annals.Fault{Path: "storages", Problem: "a storage has no name"})
		case seen[path]:
			faults = append(faults, annals.Fault{Path: path, Problem: "the name is there twice"})
		}
		seen[path] = true
		if t.DB == nil || t.Dialect == nil {
			faults = append(faults, annals.Fault{Path: path, Problem: "no database"})
			continue
		}
		faults = append(faults, checkEntities(path, t)...)
		faults = append(faults, checkCopies(t)...)
	}
	if len(faults) > 0 {
		return nil, &annals.ConfigError{Faults: faults}
	}
	configured := map[string]bool{}
	for i := range m.targets {
		m.targets[i].configured = configured
		for _, e := range m.targets[i].Entities {
			configured[e.Entity.Name] = true
		}
		for _, c := range m.targets[i].Copies {
			configured[c.Name] = true
		}
	}
	return m, nil
}

func checkEntities(path string, t Target) []annals.Fault {
	var faults []annals.Fault
	if _, err := layout.ParseIndexSet(string(t.Indexes)); err != nil {
		faults = append(faults, annals.Fault{
			Path: path + ".indexes", Problem: err.Error(), Remedy: "use lean or classic",
		})
	}
	seen := map[string]bool{}
	for _, e := range t.Entities {
		at := "entities." + e.Entity.Name
		if e.Entity.Name == "" || seen[e.Entity.Name] {
			faults = append(faults, annals.Fault{
				Path: at, Problem: "the name of an entity is empty or there twice",
			})
		}
		seen[e.Entity.Name] = true
		for _, name := range []string{e.Audit.Schema, e.Audit.Name, e.Entity.Name, e.Entity.Source} {
			if p := nameProblem(name); p != "" {
				faults = append(faults, annals.Fault{Path: at, Problem: p})
			}
		}
		if tooLong(e.Entity.Name, 255) || tooLong(e.Entity.Source, 64) {
			faults = append(faults, annals.Fault{
				Path: at, Problem: "an entity's name has at most 255 characters, a source's 64",
			})
		}
		if p := lengthProblem(e.Audit, t.Dialect.Limits()); p != "" {
			faults = append(faults, annals.Fault{
				Path: at + ".audit_table", Problem: p, Remedy: "choose a shorter one",
			})
		}
	}
	return faults
}

// nameProblem refuses what no reviewed SQL or migration file should hold.
func nameProblem(name string) string {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Sprintf("the name %q has control characters", name)
	}
	return ""
}

func tooLong(name string, most int) bool { return utf8.RuneCountInString(name) > most }

// lengthProblem finds names that PostgreSQL would cut in silence.
func lengthProblem(t annals.Table, lim dialect.Limits) string {
	if t.Name == "" {
		return "no audit table"
	}
	n := utf8.RuneCountInString(t.Name)
	if lim.Bytes {
		n = len(t.Name)
	}
	if lim.Identifier > 0 && n > lim.Identifier {
		return fmt.Sprintf("the name %q is longer than %d", t.Name, lim.Identifier)
	}
	return ""
}

// path is the target's place in the configuration.
func (t *Target) path() string {
	if t.Source {
		return "sources." + t.Name
	}
	return "storages." + t.Name
}

// title names the target in short.
func (t *Target) title() string {
	if t.Source {
		return "source " + t.Name
	}
	return "storage " + t.Name
}

// subject names the target in errors.
func (t *Target) subject() string {
	if t.Description == "" {
		return t.title()
	}
	return t.title() + " (" + t.Description + ")"
}

func (m *Manager) target(p Plan) (*Target, error) {
	for i := range m.targets {
		if m.targets[i].Name == p.Storage && m.targets[i].Source == p.Source {
			return &m.targets[i], nil
		}
	}
	return nil, &annals.Error{
		Op: "find", Subject: "storage " + p.Storage, Err: annals.ErrConfig,
		Remedy: "name a storage of the configuration",
	}
}
