// Package auditor puts the parts together, for applications and for the
// command: sources with their rules and captures, storages with their readers
// and schema.
//
//	aud, err := auditor.New(auditor.Config{
//		Sources:  map[string]auditor.Source{"app": {DB: sqlDB, Dialect: dialect.PostgresName}},
//		Entities: map[string]config.Entity{"post": {Table: "posts", Label: "title"}},
//	})
//
// One source and no storages means that entries are kept beside the tables that
// they are about.
package auditor

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/route"
)

// DefaultStorage is the name of the storage that exists without being named.
const DefaultStorage = "default"

// Config is what an application says. Maps are read once, by New.
type Config struct {
	// Timezone is an IANA name for dates without zone and display; default UTC.
	Timezone string
	Sources  map[string]Source
	// Storages may be empty where there is one source: entries are then kept in
	// its own database, under the storage name "default".
	Storages  map[string]Storage
	Routes    []config.Route
	Entities  map[string]config.Entity
	Relations map[string]config.Relation
	// Route chooses storages in Go before Routes are asked; nil chooses nothing.
	Route route.Func
	// Actor is asked once a transaction where the context names nobody; the zero
	// Actor means nobody. It must not write to the audited database.
	Actor func(context.Context) (annals.Actor, error)
	// Listener may enrich an entry before it is stored, or refuse the write by an
	// error. annals.ObjectFrom gives it the program's own value, where GORM has
	// one. It may change extra data, blame, discriminator and diffs; what makes the
	// entry that entry (entity, type, object, hash, seq, part, time) it may not. Its
	// error or panic fails the write, which rolls back. Until the entry is stored,
	// Seq is not its final one. It must not write to the audited database.
	Listener func(context.Context, *annals.Entry) error
	// Stored is told of each entry after the commit, with its ID and Revision, in
	// the goroutine that committed. The change stands by then: there is no error to
	// return, and a panic is only logged. A program that ends between the commit
	// and the call is not told again. The entries wait in memory for the commit.
	Stored func(context.Context, annals.Entry)
	// MaskKey adds a keyed digest to masked values, so that equal ones can be told
	// to be equal; an entity may have a key of its own. At least 16 bytes.
	MaskKey annals.Secret
	// Allow decides who may read an entity with view roles; without it nobody does.
	Allow reader.AllowFunc
	// MaxEntrySize is the most bytes of an entry's diffs: 0 means 8 MiB, -1 no
	// limit. A larger entry fails the write with annals.ErrEntryTooLarge.
	MaxEntrySize int
	// Logger is told of each captured entry at debug level, never of values.
	Logger *slog.Logger
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Source is a database that is audited.
type Source struct {
	DB *sql.DB
	// Dialect is dialect.PostgresName, MySQLName (MariaDB too) or SQLiteName.
	Dialect string
	// Capture and Delivery are as in annals.yaml; default orm and direct.
	Capture, Delivery string
	// Raw is what becomes of raw SQL that writes to audited tables: observe
	// (default; an entry without rows), refuse (it fails with annals.ErrRawSQL) or
	// allow (nothing is recorded).
	Raw string
	// Context is how triggers are told who acts: session (default) or row.
	Context string
	// Exclude lists patterns of tables that the entity "*" leaves out.
	Exclude []string
	// Stamps decides whether Schema makes indexes for the stamps of audited tables;
	// nil means that it does.
	Stamps *bool
}

// Storage is a database that holds entries.
type Storage struct {
	// DB is the source's own handle where entries are delivered directly. For
	// triggers it may be another one: see Beside.
	DB      *sql.DB
	Dialect string
	// Beside names the source in whose database (PostgreSQL: in another schema), on
	// whose server (MySQL, MariaDB: in another database) or in whose file the storage
	// is, where DB is not that source's handle.
	Beside string
	// Layout is entries or mirror; default by the sources that reach the storage.
	Layout string
	// TablePrefix and TableSuffix make the names of audit tables; a nil suffix
	// means "_audit".
	TablePrefix string
	TableSuffix *string
	// Indexes is lean (default) or classic.
	Indexes string
}

// Opener opens the database of a DSN and tells which one it is, as
// dialect.Detect does. The command and programs that use annals.yaml pass one,
// so that annals itself imports no driver.
type Opener func(ctx context.Context, dsn string) (*sql.DB, dialect.Dialect, error)

// file returns the configuration in the form of annals.yaml. Databases that were
// opened by the application stand under a name of their own in place of a DSN.
func (c Config) file() (*config.Config, map[string]handle, error) {
	f := &config.Config{
		Timezone: c.Timezone, Sources: map[string]config.Source{},
		Storages: map[string]config.Storage{}, Routes: c.Routes,
		Entities: c.Entities, Relations: c.Relations, MaxEntrySize: c.MaxEntrySize,
		MaskKey: c.MaskKey,
	}
	handles := map[string]handle{}
	names := map[*sql.DB]string{}
	var faults []annals.Fault
	dsn := func(path string, db *sql.DB, name string) string {
		if db == nil {
			faults = append(faults, annals.Fault{Path: path + ".DB", Problem: "is nil"})
			return ""
		}
		if names[db] == "" {
			names[db] = placeholderDSN(name, len(names)+1)
			handles[names[db]] = handle{db: db, name: name}
		}
		return names[db]
	}
	for name, s := range c.Sources {
		f.Sources[name] = config.Source{
			DSN:     dsn("Sources."+name, s.DB, s.Dialect),
			Capture: s.Capture, Delivery: s.Delivery, Raw: s.Raw, Context: s.Context,
			Exclude: s.Exclude, Stamps: s.Stamps,
		}
	}
	for name, s := range c.Storages {
		if of, ok := c.Sources[s.Beside]; ok && s.DB != nil && names[s.DB] == "" {
			names[s.DB] = besideDSN(names[of.DB], name)
			handles[names[s.DB]] = handle{db: s.DB, name: s.Dialect}
		} else if s.Beside != "" && !ok {
			faults = append(faults, annals.Fault{
				Path: "Storages." + name + ".Beside", Problem: fmt.Sprintf("unknown source %q", s.Beside),
			})
		}
		f.Storages[name] = config.Storage{
			DSN:    dsn("Storages."+name, s.DB, s.Dialect),
			Layout: s.Layout, TablePrefix: s.TablePrefix, TableSuffix: s.TableSuffix, Indexes: s.Indexes,
		}
	}
	if len(faults) > 0 {
		return nil, nil, &annals.ConfigError{Faults: faults}
	}
	addDefaultStorage(f)
	return f, handles, nil
}

// addDefaultStorage keeps entries beside the tables of the only source where
// nothing else is said.
func addDefaultStorage(f *config.Config) {
	if len(f.Storages) > 0 || len(f.Sources) != 1 {
		return
	}
	for _, s := range f.Sources {
		f.Storages = map[string]config.Storage{DefaultStorage: {DSN: s.DSN}}
	}
}

// handle is a database that is open.
type handle struct {
	db      *sql.DB
	name    string
	dialect dialect.Dialect
}

// besideDSN names a handle that leads to the same place as another one: with a schema
// of its own on PostgreSQL, a database of its own on MySQL.
func besideDSN(of, storage string) string {
	if strings.HasPrefix(of, dialect.MySQLName+":") {
		return strings.TrimSuffix(of, "/db") + "/beside-" + url.PathEscape(storage)
	}
	return of + "?search_path=" + url.QueryEscape(storage)
}

// placeholderDSN names a handle in the form that config checks: the same handle,
// the same database.
func placeholderDSN(scheme string, n int) string {
	return fmt.Sprintf("%s://handle-%d/db", scheme, n)
}
