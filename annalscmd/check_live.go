package annalscmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/scaffold"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/schema"
)

// keys returns the sorted names of a map.
func keys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// checkLive holds the configuration against the databases. Faults come together
// as an *annals.ConfigError; a database that does not answer is told beside them
// and does not hide them.
func (a *app) checkLive(ctx context.Context, c *config.Config) error {
	var faults []annals.Fault
	var failed []error
	for _, name := range keys(c.Storages) {
		d, err := config.ParseDSN(c.Storages[name].DSN)
		if err != nil || !d.IsSQL() || (a.storage != "" && name != a.storage) {
			continue
		}
		db, _, err := a.connect(ctx, c.Storages[name].DSN)
		if err != nil {
			failed = append(failed, fmt.Errorf("storages.%s.dsn: %w", name, err))
			continue
		}
		a.release(db)
	}
	for _, name := range keys(c.Sources) {
		if a.source != "" && name != a.source {
			continue
		}
		found, err := a.checkSource(ctx, c, name)
		faults = append(faults, found...)
		if err != nil {
			failed = append(failed, fmt.Errorf("sources.%s.dsn: %w", name, err))
		}
	}
	if len(faults) == 0 {
		return errors.Join(failed...)
	}
	for _, err := range failed {
		a.sayLines(message(err))
	}
	return fmt.Errorf("check %s: %w", a.config, &annals.ConfigError{Faults: faults})
}

func (a *app) checkSource(
	ctx context.Context, c *config.Config, source string,
) ([]annals.Fault, error) {
	db, d, err := a.connect(ctx, c.Sources[source].DSN)
	if err != nil {
		return nil, err
	}
	defer a.release(db)
	names, err := catalog.List(ctx, db, d)
	if err != nil {
		return nil, fmt.Errorf("check source: %w", err)
	}
	l := &liveCheck{
		config: c, source: source, tables: map[string]*catalog.Table{},
		hidden: d.Features().HiddenTables,
	}
	for _, n := range names {
		l.names = append(l.names, n.Name)
	}
	l.load = func(name string) (*catalog.Table, error) {
		return catalog.Load(ctx, db, d, annals.ParseTable(name))
	}
	return l.faults, l.run()
}

// liveCheck checks the entities and relations of one source.
type liveCheck struct {
	config *config.Config
	source string
	// names are the tables of the source's own schema.
	names []string
	load  func(name string) (*catalog.Table, error)
	// hidden: the database does not show tables without rights on them.
	hidden bool
	tables map[string]*catalog.Table
	faults []annals.Fault
}

func (l *liveCheck) add(path, problem, remedy string) {
	l.faults = append(l.faults, annals.Fault{Path: path, Problem: problem, Remedy: remedy})
}

// table loads a table once; it is nil where there is none, which is told under
// path.
func (l *liveCheck) table(path, name string) (*catalog.Table, error) {
	if t, ok := l.tables[name]; ok {
		return t, nil
	}
	t, err := l.load(name)
	if errors.Is(err, catalog.ErrNoTable) {
		problem := "does not exist"
		if l.hidden {
			problem += ", or is not visible to this account"
		}
		l.add(path, fmt.Sprintf("table %q %s", name, problem), didYouMean(name, l.names))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l.tables[name] = t
	return t, nil
}

func (l *liveCheck) run() error {
	for _, name := range keys(l.config.Entities) {
		e := l.config.Entities[name]
		if e.Source != l.source {
			continue
		}
		check := l.entity
		if name == config.Wildcard {
			check = l.wildcard
		}
		if err := check(name, e); err != nil {
			return err
		}
	}
	for _, name := range keys(l.config.Relations) {
		if err := l.relation(name, l.config.Relations[name]); err != nil {
			return err
		}
	}
	return nil
}

func (l *liveCheck) entity(name string, e config.Entity) error {
	path := "entities." + name
	t, err := l.table(path+".table", e.Table)
	if err != nil || t == nil {
		return err
	}
	before := len(l.faults)
	for _, list := range []struct {
		key     string
		columns []string
	}{
		{"key", e.Key},
		{"only", e.Only},
		{"ignore", e.Ignore},
		{"mask", e.Mask},
	} {
		for i, column := range list.columns {
			l.column(fmt.Sprintf("%s.%s[%d]", path, list.key, i), t, column)
		}
	}
	if len(l.faults) == before {
		l.fit(path+".table", name, e, t)
	}
	l.column(path+".label", t, e.Label)
	l.column(path+".soft_delete", t, e.SoftDelete)
	l.column(path+".discriminator", t, e.Discriminator)
	// What the file does not say, the database does: its primary key counts.
	l.kept(path+".ignore", t, e.Ignore)
	l.kept(path+".mask", t, e.Mask)
	for _, column := range t.Key {
		if rules := e.Entity(name); len(e.Key) == 0 && len(e.Only) > 0 && !rules.Keeps(column) {
			l.add(path+".only", fmt.Sprintf("%q is a key column and must be kept", column), "add it")
		}
	}
	return nil
}

// kept refuses key columns among those that are hidden.
func (l *liveCheck) kept(path string, t *catalog.Table, hidden []string) {
	for i, column := range hidden {
		if slices.Contains(t.Key, column) {
			l.add(fmt.Sprintf("%s[%d]", path, i),
				fmt.Sprintf("%q is a key column and must be kept", column), "")
		}
	}
}

// fit tells why a table cannot be audited.
func (l *liveCheck) fit(path, name string, e config.Entity, t *catalog.Table) {
	err := schema.CheckSource(e.Entity(name), t)
	var reason *annals.Error
	switch {
	case errors.Is(err, annals.ErrNoKey) && len(e.Key) == 0:
		l.add(path, fmt.Sprintf("table %q has no primary key", t.Name),
			"add one, or name the columns of a unique key with key")
	case errors.As(err, &reason):
		l.add(path, fmt.Sprintf("table %q: %v", t.Name, reason.Err), reason.Remedy)
	case err != nil:
		l.add(path, err.Error(), "")
	}
}

func (l *liveCheck) column(path string, t *catalog.Table, name string) {
	if name == "" {
		return
	}
	if _, ok := t.Column(name); ok {
		return
	}
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	l.add(path, fmt.Sprintf("table %q has no column %q", t.Name, name), didYouMean(name, names))
}

// wildcard checks every table that "*" stands for.
func (l *liveCheck) wildcard(_ string, e config.Entity) error {
	const path = `entities.*`
	named := map[string]bool{}
	for name, e := range l.config.Entities {
		if name != config.Wildcard && e.Source == l.source {
			named[e.Table] = true
		}
	}
	for _, r := range l.config.Relations {
		named[r.Through] = true
	}
	for _, name := range l.names {
		if named[name] || l.excluded(name) {
			continue
		}
		t, err := l.table(path, scaffold.TableText(name))
		if err != nil {
			return err
		}
		if t == nil || scaffold.Own(t) {
			continue
		}
		before := len(l.faults)
		l.fit(path, name, config.Entity{Source: e.Source, Table: scaffold.TableText(name)}, t)
		for i := before; i < len(l.faults); i++ {
			l.faults[i].Remedy = fmt.Sprintf("give it one, or leave it out: sources.%s.exclude: [%s]",
				l.source, name)
		}
	}
	return nil
}

func (l *liveCheck) excluded(name string) bool {
	return slices.ContainsFunc(l.config.Sources[l.source].Exclude, func(p string) bool {
		return config.MatchGlob(p, name)
	})
}
