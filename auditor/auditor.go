package auditor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/route"
	"github.com/seed-162b1470/annals/schema"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
	"github.com/seed-162b1470/annals/track"
)

// connectTimeout bounds what New asks of each database: which one it is.
const connectTimeout = 10 * time.Second

// Auditor holds sources and storages together. It is safe for concurrent use.
type Auditor struct {
	cfg      Config
	file     *config.Config
	router   *route.Router
	sources  map[string]*source
	storages map[string]*store
	reader   *reader.Reader
	owned    []*sql.DB
	switches capture.Switch
}

// backend is the store of a SQL storage.
type backend interface {
	storage.Store
	storage.Cleaner
	// Registered lists the entities that the storage knows, each with its table.
	Registered(ctx context.Context) ([]sqlstore.Registered, error)
}

var _ backend = (*sqlstore.Store)(nil)

// source is an audited database.
type source struct {
	name     string
	db       *sql.DB
	dialect  dialect.Dialect
	cfg      config.Source
	registry *track.Registry
	capture  *capture.Source
}

// store is a SQL storage.
type store struct {
	name    string
	db      *sql.DB
	dialect dialect.Dialect
	cfg     config.Storage
	entries backend
	// remembered has the audit tables of the registry by entity, as last read.
	remembered atomic.Pointer[map[string]annals.Table]
}

// New checks cfg and returns the auditor. Faults in the configuration come all
// at once as an *annals.ConfigError; a database that does not answer gives an
// error that matches annals.ErrUnreachable.
func New(cfg Config) (*Auditor, error) {
	file, handles, err := cfg.file()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	return assemble(ctx, cfg, file, func(ctx context.Context, dsn string) (handle, error) {
		h := handles[dsn]
		h.dialect, err = dialect.Detect(ctx, h.db, h.name)
		return h, err
	})
}

// Open returns the auditor of a configuration file, whose databases open opens.
// Close closes them.
func Open(ctx context.Context, file *config.Config, open Opener) (*Auditor, error) {
	f := *file
	f.Storages = maps.Clone(file.Storages)
	addDefaultStorage(&f)
	var owned []*sql.DB
	opened := map[string]handle{}
	a, err := assemble(ctx, Config{Timezone: f.Timezone, MaxEntrySize: f.MaxEntrySize}, &f,
		func(ctx context.Context, dsn string) (handle, error) {
			if h, ok := opened[dsn]; ok {
				return h, nil
			}
			db, d, err := open(ctx, dsn)
			if err != nil {
				return handle{}, err
			}
			owned = append(owned, db)
			opened[dsn] = handle{db: db, dialect: d}
			return opened[dsn], nil
		})
	if err != nil {
		for _, db := range owned {
			err = errors.Join(err, db.Close())
		}
		return nil, err
	}
	a.owned = owned
	return a, nil
}

func assemble(ctx context.Context, cfg Config, file *config.Config,
	open func(ctx context.Context, dsn string) (handle, error),
) (*Auditor, error) {
	if err := file.Validate(); err != nil {
		return nil, err
	}
	file = file.WithDefaults()
	a := &Auditor{
		cfg: cfg, file: file, router: route.New(file, cfg.Route),
		sources: map[string]*source{}, storages: map[string]*store{},
	}
	for name, c := range file.Storages {
		if parsed, err := config.ParseDSN(c.DSN); err != nil || !parsed.IsSQL() {
			continue // a file holds no tables; its relay writes it
		}
		h, err := open(ctx, c.DSN)
		if err != nil {
			return nil, fmt.Errorf("open storage %s: %w", name, err)
		}
		if a.storages[name], err = a.newStore(name, h.db, h.dialect, c); err != nil {
			return nil, err
		}
	}
	for name, c := range file.Sources {
		h, err := open(ctx, c.DSN)
		if err != nil {
			return nil, fmt.Errorf("open source %s: %w", name, err)
		}
		if a.sources[name], err = a.newSource(name, h.db, h.dialect, c); err != nil {
			return nil, err
		}
	}
	return a, a.newReader()
}

func (a *Auditor) newStore(
	name string, db *sql.DB, d dialect.Dialect, c config.Storage,
) (*store, error) {
	s := &store{name: name, db: db, dialect: d, cfg: c}
	var err error
	if s.isMirror() {
		s.entries, err = a.newMirror(s)
		return s, err
	}
	s.entries, err = sqlstore.New(sqlstore.Config{
		Name: name, DB: db, Dialect: d, MaxEntrySize: a.file.MaxEntrySize, Now: a.cfg.Now,
		AuditTable: func(ctx context.Context, entity string) (annals.Table, error) {
			return a.auditTable(ctx, s, entity)
		},
	})
	return s, err
}

func (a *Auditor) newSource(
	name string, db *sql.DB, d dialect.Dialect, c config.Source,
) (*source, error) {
	s := &source{name: name, db: db, dialect: d, cfg: c}
	rules := track.Rules{Source: name, Exclude: c.Exclude, Own: isOwn}
	for _, entity := range slices.Sorted(maps.Keys(a.file.Entities)) {
		e := a.file.Entities[entity].Entity(entity)
		switch {
		case e.Source != name:
		case entity == config.Wildcard:
			rules.All = &e
		default:
			rules.Entities = append(rules.Entities, e)
		}
	}
	for _, rel := range a.file.CoreRelations() {
		if owner, ok := a.entity(rel.Owner); ok && owner.Source == name {
			rules.Relations = append(rules.Relations, rel)
		}
	}
	s.registry = track.NewRegistry(d, rules)
	// Direct delivery stores through the source's own transaction, whichever
	// storages of the same database the entities are routed to.
	sink, err := sqlstore.New(sqlstore.Config{
		Name: name, DB: db, Dialect: d, MaxEntrySize: a.file.MaxEntrySize, Now: a.cfg.Now,
		AuditTable: a.directTable,
	})
	if err != nil {
		return nil, err
	}
	s.capture = capture.NewSource(s.registry, capture.Config{
		Source: name, Sink: sink, Actor: a.cfg.Actor, Listener: a.cfg.Listener,
		Raw: capture.RawPolicy(c.Raw), Stored: a.cfg.Stored, Switch: &a.switches, Now: a.cfg.Now, Logger: a.cfg.Logger,
		Aborted: func(err error) bool { return d.Classify(err) == dialect.ClassAborted },
	})
	return s, nil
}

// isOwn reports whether a table is one of annals' own, by its name. Audit tables
// are told by their shape.
func isOwn(t annals.Table) bool {
	const prefix = "annals_"
	return len(t.Name) >= len(prefix) && t.Name[:len(prefix)] == prefix
}

// Capture returns a source for a capture in the application; "" names the only
// one.
func (a *Auditor) Capture(name string) (*capture.Source, error) {
	s, err := a.source(name)
	if err != nil {
		return nil, err
	}
	if s.cfg.Capture == config.CaptureTrigger {
		return nil, &annals.Error{
			Op: "capture", Subject: "source " + s.name, Err: annals.ErrConfig,
			Remedy: "its rows are captured by triggers; set capture: orm to capture them here",
		}
	}
	return s.capturing()
}

// Binding returns a source whose rows triggers capture, for a plugin that tells them
// who acts; "" names the only one.
func (a *Auditor) Binding(name string) (*capture.Source, error) {
	s, err := a.source(name)
	if err != nil {
		return nil, err
	}
	if s.cfg.Capture != config.CaptureTrigger {
		return nil, &annals.Error{
			Op: "bind", Subject: "source " + s.name, Err: annals.ErrConfig,
			Remedy: "its rows are captured in the application; set capture: trigger to have triggers do so",
		}
	}
	return s.capture, nil
}

// capturing is the source for a capture in the application.
func (s *source) capturing() (*capture.Source, error) {
	if s.cfg.Delivery != config.DeliveryDirect {
		return nil, &annals.Error{
			Op: "capture", Subject: "source " + s.name, Err: annals.ErrConfig,
			Remedy: fmt.Sprintf("delivery %s is not part of this version; set delivery: %s",
				s.cfg.Delivery, config.DeliveryDirect),
		}
	}
	return s.capture, nil
}

func (a *Auditor) source(name string) (*source, error) {
	if s, ok := a.sources[name]; ok {
		return s, nil
	}
	names := slices.Sorted(maps.Keys(a.sources))
	if name == "" && len(names) == 1 {
		return a.sources[names[0]], nil
	}
	return nil, &annals.Error{
		Op: "find", Subject: fmt.Sprintf("source %q", name), Err: annals.ErrConfig,
		Remedy: fmt.Sprintf("name one of the configured sources: %v", names),
	}
}

// Reader returns the reader over all storages.
func (a *Auditor) Reader() *reader.Reader { return a.reader }

// Location is the zone of dates without zone and of display.
func (a *Auditor) Location() *time.Location {
	loc, err := time.LoadLocation(a.file.Timezone)
	if err != nil {
		return time.UTC // Validate has refused names that are unknown
	}
	return loc
}

// Config returns the effective configuration, defaults applied. It may hold
// secrets; see its Redacted.
func (a *Auditor) Config() *config.Config { return a.file }

// Refresh forgets what is known of live tables, after a schema change.
func (a *Auditor) Refresh() {
	for _, s := range a.sources {
		s.capture.Forget()
	}
}

// Close closes what Open opened. Databases given to New stay open.
func (a *Auditor) Close() error {
	var errs []error
	for _, s := range a.storages {
		errs = append(errs, s.entries.Close())
	}
	for _, db := range a.owned {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}

// Schema returns the manager of annals' own tables, for what is audited now, and of
// the indexes for stamps in the sources' tables.
// Faults of the audited tables (no key, an engine without transactions, unknown
// columns) come with it, all at once.
func (a *Auditor) Schema(
	ctx context.Context, progress func(schema.Progress),
) (*schema.Manager, error) {
	routes, err := a.Routes(ctx)
	if err != nil {
		return nil, err
	}
	return a.manager(ctx, planning{routes: routes, progress: progress})
}

// table is the entity's audit table in the storage.
func (s *store) table(e annals.Entity) annals.Table {
	return layout.EntityTable(e, s.cfg.TablePrefix, s.cfg.Suffix(), s.dialect.Limits())
}
