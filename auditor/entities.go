package auditor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// RouteInfo says how the changes of one entity travel, and why.
type RouteInfo struct {
	Entity            annals.Entity
	Capture, Delivery string
	// Storages are the names of the storages, Layouts theirs in the same order.
	Storages, Layouts []string
	// Tables are the audit tables in the same order.
	Tables []annals.Table
	// Rule is the deciding rule in words.
	Rule string
}

// entity returns the rule of an entity by name; of "*" where it is not named.
func (a *Auditor) entity(name string) (annals.Entity, bool) {
	if c, ok := a.file.Entities[name]; ok && name != config.Wildcard {
		return c.Entity(name), true
	}
	if c, ok := a.file.Entities[config.Wildcard]; ok {
		e := c.Entity(name)
		e.Table = annals.ParseTable(name)
		return e, true
	}
	return annals.Entity{}, false
}

// Entities returns every audited entity, those that "*" stands for included,
// sorted by name. Faults of their tables are joined; the entities without a
// fault come along.
func (a *Auditor) Entities(ctx context.Context) ([]annals.Entity, error) {
	var all []annals.Entity
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(a.sources)) {
		s := a.sources[name]
		tables, err := s.registry.Entities(ctx, s.db)
		faults = append(faults, err)
		for _, t := range tables {
			e := *t.Entity
			e.Key = t.Key
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(x, y annals.Entity) int {
		if x.Name < y.Name {
			return -1
		}
		return 1
	})
	return all, errors.Join(faults...)
}

// Routes returns the way of every audited entity, sorted by name.
func (a *Auditor) Routes(ctx context.Context) ([]RouteInfo, error) {
	entities, err := a.Entities(ctx)
	if err != nil {
		return nil, err
	}
	return a.routesOf(entities)
}

// routesOf returns the ways of entities, in their order.
func (a *Auditor) routesOf(entities []annals.Entity) ([]RouteInfo, error) {
	routes := make([]RouteInfo, 0, len(entities))
	var faults []error
	for _, e := range entities {
		decision, err := a.router.Route(e)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		s := a.file.Sources[e.Source]
		r := RouteInfo{
			Entity: e, Capture: s.Capture, Delivery: s.Delivery, Storages: decision.Storages,
			Rule: decision.Rule,
		}
		for _, name := range decision.Storages {
			r.Layouts = append(r.Layouts, a.file.Storages[name].Layout)
			var table annals.Table
			if st := a.storages[name]; st != nil {
				table = st.table(e)
			}
			r.Tables = append(r.Tables, table)
		}
		routes = append(routes, r)
	}
	return routes, errors.Join(faults...)
}

// directTable is where direct delivery stores an entity: the one storage that it
// is routed to.
func (a *Auditor) directTable(_ context.Context, name string) (annals.Table, error) {
	e, ok := a.entity(name)
	if !ok {
		return annals.Table{}, unknownEntity(name)
	}
	decision, err := a.router.Route(e)
	if err != nil {
		return annals.Table{}, err
	}
	if len(decision.Storages) != 1 {
		return annals.Table{}, &annals.Error{
			Op: "store", Subject: "entity " + name, Err: annals.ErrConfig,
			Remedy: fmt.Sprintf("direct delivery takes one storage, the route names %v",
				decision.Storages),
		}
	}
	s := a.storages[decision.Storages[0]]
	if s == nil {
		return annals.Table{}, &annals.Error{
			Op: "store", Subject: "entity " + name, Err: annals.ErrConfig,
			Remedy: "direct delivery takes a SQL storage, not " + decision.Storages[0],
		}
	}
	return s.table(e), nil
}

// auditTable is where a storage holds an entity: as configured now, else as its
// registry remembers.
func (a *Auditor) auditTable(
	ctx context.Context, s *store, name string,
) (annals.Table, error) {
	if e, ok := a.file.Entities[name]; ok && name != config.Wildcard {
		return s.table(e.Entity(name)), nil
	}
	if tables := s.remembered.Load(); tables != nil {
		if table, ok := (*tables)[name]; ok {
			return table, nil
		}
	}
	registered, err := s.registered(ctx)
	if err == nil {
		for _, r := range registered {
			if r.Entity == name {
				return r.Table, nil
			}
		}
	}
	if e, ok := a.entity(name); ok {
		return s.table(e), nil
	}
	return annals.Table{}, unknownEntity(name)
}

// registered reads the registry and remembers it: a page of many entities would ask for
// it once for each. Every question reads it first, to know what there is.
func (s *store) registered(ctx context.Context) ([]sqlstore.Registered, error) {
	registered, err := s.entries.Registered(ctx)
	if err != nil {
		return nil, err
	}
	tables := make(map[string]annals.Table, len(registered))
	for _, r := range registered {
		tables[r.Entity] = r.Table
	}
	s.remembered.Store(&tables)
	return registered, nil
}

func unknownEntity(name string) error {
	return &annals.Error{
		Op: "find", Subject: fmt.Sprintf("entity %q", name), Err: annals.ErrUnknownEntity,
	}
}

// known lists what can be read: the entities that the configuration names, and
// those that a storage remembers. It asks storages only: what was recorded can
// be read whatever became of the audited tables.
func (a *Auditor) known(ctx context.Context) ([]reader.EntityInfo, error) {
	infos := map[string]*reader.EntityInfo{}
	for _, name := range slices.Sorted(maps.Keys(a.file.Entities)) {
		if name == config.Wildcard {
			continue
		}
		e := a.file.Entities[name].Entity(name)
		decision, err := a.router.Route(e)
		if err != nil {
			return nil, err
		}
		infos[name] = &reader.EntityInfo{
			Name: name, Source: e.Source, Table: e.Table,
			Storages: slices.Clone(decision.Storages), Audited: true,
			ViewRoles: e.ViewRoles, Key: e.Key,
		}
	}
	_, all := a.file.Entities[config.Wildcard]
	for _, name := range slices.Sorted(maps.Keys(a.storages)) {
		registered, err := a.storages[name].registered(ctx)
		if errors.Is(err, annals.ErrSchema) && !all {
			continue // the question itself will say so, naming its entity
		}
		if err != nil {
			return nil, fmt.Errorf("read the registry of storage %s: %w", name, err)
		}
		a.addRegistered(infos, a.storages[name], registered)
	}
	list := make([]reader.EntityInfo, 0, len(infos))
	for _, name := range slices.Sorted(maps.Keys(infos)) {
		list = append(list, *infos[name])
	}
	return list, nil
}

// addRegistered adds what a storage remembers. A table is listed once, or its entries
// would be shown once for each name that its entity had: under the name that is
// configured, where one is.
func (a *Auditor) addRegistered(
	infos map[string]*reader.EntityInfo, s *store, registered []sqlstore.Registered,
) {
	holder := map[annals.Table]string{}
	for entity, info := range infos {
		c, named := a.file.Entities[entity]
		if named && slices.Contains(info.Storages, s.name) {
			holder[s.table(c.Entity(entity))] = entity
		}
	}
	var former []*reader.EntityInfo
	tables := map[string]annals.Table{}
	add := func(info *reader.EntityInfo) {
		table := tables[info.Name]
		if other, held := holder[table]; held && other != info.Name {
			return
		}
		holder[table] = info.Name
		infos[info.Name] = info
		if !slices.Contains(info.Storages, s.name) {
			info.Storages = append(info.Storages, s.name)
		}
	}
	for _, r := range registered {
		info := infos[r.Entity]
		if info == nil {
			info = a.remembered(r)
		}
		tables[r.Entity] = r.Table
		// "*" may stand for every name, but not for the table of another.
		e, _ := a.entity(r.Entity)
		if !info.Audited || s.table(e) != r.Table {
			former = append(former, info)
			continue
		}
		add(info)
	}
	for _, info := range former {
		add(info)
	}
}

// remembered describes an entity that the configuration does not name: "*" may
// stand for it, or it is no longer audited.
func (a *Auditor) remembered(r sqlstore.Registered) *reader.EntityInfo {
	info := &reader.EntityInfo{Name: r.Entity, Source: r.Source}
	if all, ok := a.file.Entities[config.Wildcard]; ok {
		info.ViewRoles = all.Roles.View // also of one that is no longer audited
	}
	s := a.sources[r.Source]
	if s == nil {
		return info
	}
	table := annals.ParseTable(r.Entity)
	if e := s.registry.EntityOf(table); e != nil && e.Name == r.Entity {
		info.Table, info.Audited = table, true
	}
	return info
}

func (a *Auditor) newReader() error {
	var stores []reader.Named
	for _, name := range slices.Sorted(maps.Keys(a.storages)) {
		stores = append(stores, reader.Named{Name: name, Store: a.storages[name].entries})
	}
	r, err := reader.New(reader.Config{
		Stores: stores, Entities: a.known, Allow: a.cfg.Allow, Live: a.live,
		Shape: a.shape,
	})
	if err != nil {
		return err
	}
	a.reader = r
	return nil
}
