package track

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"sync"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// Rules are what is to be audited in one source.
type Rules struct {
	Source string
	// Entities are the named ones. All, where not nil, is the rule of every
	// other table ("*"), except for those that match Exclude or that Own says
	// belong to annals itself.
	Entities  []annals.Entity
	All       *annals.Entity
	Exclude   []string
	Own       func(annals.Table) bool
	Relations []annals.Relation
}

// Registry resolves the rules of one source against its live tables, as they
// are needed and through the connection at hand. It is safe for concurrent use.
type Registry struct {
	dialect dialect.Dialect
	rules   Rules

	mu     sync.Mutex
	learnt []annals.Relation
	told   map[annals.Table]Learnt
	live   map[annals.Table]*catalog.Table
	tables map[annals.Table]*Table
	refs   map[annals.Table][]Reference
	// aliases are the tables that other names lead to, as they are asked for.
	aliases map[annals.Table]annals.Table
}

// Reference is a foreign key that leads to a table.
type Reference struct {
	Table *catalog.Table
	Key   catalog.ForeignKey
}

// NewRegistry returns a registry of rules; it asks no database yet.
func NewRegistry(d dialect.Dialect, rules Rules) *Registry {
	r := &Registry{dialect: d, rules: rules, told: map[annals.Table]Learnt{}}
	r.Forget()
	return r
}

// Dialect returns the source's dialect.
func (r *Registry) Dialect() dialect.Dialect { return r.dialect }

// Source returns the source's name.
func (r *Registry) Source() string { return r.rules.Source }

// Forget drops what is known of live tables, after a schema change.
func (r *Registry) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live = map[annals.Table]*catalog.Table{}
	r.tables = map[annals.Table]*Table{}
	r.refs, r.aliases = nil, map[annals.Table]annals.Table{}
}

// Relate adds relations that a capture learnt from the program. One that is
// known by name, or whose join table or foreign key is declared, is left alone.
func (r *Registry) Relate(relations ...annals.Relation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rel := range relations {
		known := slices.ContainsFunc(r.relations(), func(k annals.Relation) bool {
			return k.Name() == rel.Name() || sameWay(k, rel)
		})
		if !known {
			r.learnt = append(r.learnt, rel)
			clear(r.tables)
			r.refs = nil
			clear(r.aliases)
		}
	}
}

// sameWay reports whether two relations of one owner are read from the same
// columns, so that both together would tell everything twice.
func sameWay(a, b annals.Relation) bool {
	if a.Owner != b.Owner || a.Target != b.Target || a.Through != b.Through {
		return false
	}
	if !a.IsJoin() {
		return sameSet(a.Columns, b.Columns) && a.TypeColumn == b.TypeColumn &&
			a.TypeValue == b.TypeValue
	}
	unsaid := len(a.OwnerColumns) == 0 || len(b.OwnerColumns) == 0
	return unsaid || slices.Equal(a.OwnerColumns, b.OwnerColumns)
}

func (r *Registry) relations() []annals.Relation {
	return append(slices.Clone(r.rules.Relations), r.learnt...)
}

// EntityOf returns the entity of a table by the rules alone, nil where it has
// none.
func (r *Registry) EntityOf(table annals.Table) *annals.Entity {
	for i := range r.rules.Entities {
		if r.rules.Entities[i].Table == table {
			return &r.rules.Entities[i]
		}
	}
	if r.rules.All == nil || r.excluded(table) {
		return nil
	}
	e := *r.rules.All
	e.Name, e.Table = table.String(), table
	return &e
}

// Audited reports whether rows of the table can give entries: as an entity, a
// join table or the child of a relation.
func (r *Registry) Audited(table annals.Table) bool {
	if r.EntityOf(table) != nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rel := range r.relations() {
		if rel.Through == table {
			return true
		}
		if target := r.named(rel.Target); !rel.IsJoin() && target != nil && target.Table == table {
			return true
		}
	}
	return false
}

func (r *Registry) excluded(table annals.Table) bool {
	if r.rules.Own != nil && r.rules.Own(table) {
		return true
	}
	for _, pattern := range r.rules.Exclude {
		if ok, err := path.Match(pattern, table.String()); err == nil && ok {
			return true
		}
	}
	return false
}

// named returns the entity of that name, or nil.
func (r *Registry) named(name string) *annals.Entity {
	for i := range r.rules.Entities {
		if r.rules.Entities[i].Name == name {
			return &r.rules.Entities[i]
		}
	}
	if table := annals.ParseTable(name); r.rules.All != nil && !r.excluded(table) {
		return r.EntityOf(table)
	}
	return nil
}

// Table resolves one table; nil where its rows give no entries. Errors match
// those of Check, or say that the catalogue could not be read.
func (r *Registry) Table(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (*Table, error) {
	if !r.Audited(name) {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tables[name]; t != nil {
		return t, nil
	}
	t, err := r.resolve(ctx, q, name)
	if err != nil {
		return nil, err
	}
	r.tables[name] = t
	return t, nil
}

func (r *Registry) resolve(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (*Table, error) {
	live, err := r.load(ctx, q, name)
	if err != nil {
		return nil, err
	}
	t := &Table{Live: live, Key: live.Key}
	if t.Entity, err = r.ruled(ctx, q, name, live); err != nil {
		return nil, err
	}
	for _, rel := range mergeInverse(r.rules.Relations, r.learnt, name) {
		link, err := r.link(ctx, q, t, rel)
		if err == nil && link != nil {
			err = hiddenLink(t, link)
		}
		if rel.learnt &&
			(errors.Is(err, annals.ErrConfig) || errors.Is(err, catalog.ErrNoTable)) {
			// The program's own idea of a relation, which the tables or the rules do
			// not bear out.
			continue
		}
		if err != nil {
			return nil, err
		}
		if link != nil {
			t.Links = append(t.Links, *link)
		}
	}
	if t.Entity != nil && !r.isNamed(name) && (isBareJoin(t) || isAuditTable(live)) {
		t.Entity = nil
	}
	if t.Entity == nil {
		return t, nil
	}
	if err := Check(*t.Entity, live, "entities."+t.Entity.Name); err != nil {
		return nil, err
	}
	if len(t.Entity.Key) > 0 {
		t.Key = t.Entity.Key
	}
	return t, nil
}

// Bare returns a table that gives no entries, for captures that must read
// through it.
func (r *Registry) Bare(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (*Table, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	live, err := r.load(ctx, q, name)
	if err != nil {
		return nil, err
	}
	t := &Table{Live: live, Key: live.Key}
	if len(t.Key) == 0 && len(live.Uniques) > 0 {
		t.Key = live.Uniques[0] // what a foreign key can lead to has no nulls in it
	}
	return t, nil
}

func (r *Registry) isNamed(table annals.Table) bool {
	return slices.ContainsFunc(r.rules.Entities, func(e annals.Entity) bool {
		return e.Table == table
	})
}

// isBareJoin reports whether a table is a join table with nothing but its two
// keys: its rows are told as links of its ends.
func isBareJoin(t *Table) bool {
	for _, l := range t.Links {
		if l.JoinTable == "" {
			continue
		}
		linking := append(slices.Clone(l.Owner.Columns), l.Target.Columns...)
		rest := slices.ContainsFunc(t.Live.Columns, func(c dialect.Column) bool {
			return !slices.Contains(linking, c.Name) && !slices.Contains(t.Live.Key, c.Name)
		})
		if !rest {
			return true
		}
	}
	return false
}

// isAuditTable tells an audit table, or a copy in a mirror, by its shape, whatever
// its name: "*" does not mean the records themselves.
func isAuditTable(live *catalog.Table) bool {
	return hasColumns(live, "object_id", "transaction_hash", "diffs", "blame_user_firewall", "schema_version") ||
		hasColumns(live, layout.CopyColumns()...)
}

func hasColumns(live *catalog.Table, names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, ok := live.Column(name)
		return !ok
	})
}

// load reads a live table, once.
func (r *Registry) load(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (*catalog.Table, error) {
	if live := r.live[name]; live != nil {
		return live, nil
	}
	live, err := catalog.Load(ctx, q, r.dialect, name)
	if errors.Is(err, catalog.ErrNoTable) {
		return nil, &annals.Error{
			Op: "read table", Subject: name.String(), Err: err,
			Remedy: fmt.Sprintf("create it in source %s, or correct the configuration",
				r.rules.Source),
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", name, err)
	}
	live.Name = name
	r.live[name] = live
	return live, nil
}

// Entities resolves every audited table of the source, sorted by entity name.
// All faults are joined.
func (r *Registry) Entities(ctx context.Context, q dialect.Queryer) ([]*Table, error) {
	return r.all(ctx, q, func(t *Table) bool { return t.Entity != nil })
}

// Tracked resolves every table of the source whose rows give entries: those of
// entities sorted by entity name, then those that only link entities, sorted by
// table. All faults are joined.
func (r *Registry) Tracked(ctx context.Context, q dialect.Queryer) ([]*Table, error) {
	var joins []annals.Table
	for _, rel := range r.rules.Relations {
		if rel.IsJoin() {
			joins = append(joins, rel.Through)
		}
	}
	return r.all(ctx, q, func(t *Table) bool { return t.Entity != nil || len(t.Links) > 0 }, joins...)
}

// all resolves the tables of entities and more, of which it returns the wanted.
func (r *Registry) all(
	ctx context.Context, q dialect.Queryer, wanted func(*Table) bool, more ...annals.Table,
) ([]*Table, error) {
	names, err := r.names(ctx, q, more)
	if err != nil {
		return nil, err
	}
	var tables []*Table
	var faults []error
	for _, name := range names {
		t, err := r.Table(ctx, q, name)
		if err != nil {
			faults = append(faults, err)
		} else if t != nil && wanted(t) {
			tables = append(tables, t)
		}
	}
	if len(faults) == 0 {
		faults = append(faults, r.strayColumns(tables))
	}
	slices.SortStableFunc(tables, func(a, b *Table) int {
		return cmp.Or(boolCompare(a.Entity == nil, b.Entity == nil),
			cmp.Compare(sortName(a), sortName(b)))
	})
	faults = slices.DeleteFunc(faults, func(err error) bool { return err == nil })
	sort.Slice(faults, func(i, j int) bool { return faults[i].Error() < faults[j].Error() })
	return tables, errors.Join(faults...)
}

func sortName(t *Table) string {
	if t.Entity == nil {
		return t.Live.Name.String()
	}
	return t.Entity.Name
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// names lists the tables of entities and more, each once.
func (r *Registry) names(
	ctx context.Context, q dialect.Queryer, more []annals.Table,
) ([]annals.Table, error) {
	var names []annals.Table
	add := func(name annals.Table) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, e := range r.rules.Entities {
		add(e.Table)
	}
	for _, name := range more {
		add(name)
	}
	if r.rules.All == nil {
		return names, nil
	}
	all, err := catalog.List(ctx, q, r.dialect)
	if err != nil {
		return nil, fmt.Errorf("list tables of source %s: %w", r.rules.Source, err)
	}
	for _, name := range all {
		if !r.excluded(name) {
			add(name)
		}
	}
	return names, nil
}
