// Package config is annals.yaml as one validated struct, the same as in Go.
//
// Load reads a file, Parse bytes; both expand ${ENV}, refuse unknown keys and
// report every fault at once, each with its path, as an *annals.ConfigError.
package config

import "github.com/seed-162b1470/annals"

// Config is a whole configuration. The zero value of each part takes the
// default that annals.example.yaml documents.
type Config struct {
	// Timezone (an IANA name) is for cut-offs, dates without zone and display;
	// storage is UTC. Default UTC.
	Timezone  string              `yaml:"timezone,omitempty"`
	Sources   map[string]Source   `yaml:"sources,omitempty"`
	Storages  map[string]Storage  `yaml:"storages,omitempty"`
	Routes    []Route             `yaml:"routes,omitempty"`
	Entities  map[string]Entity   `yaml:"entities,omitempty"`
	Relations map[string]Relation `yaml:"relations,omitempty"`
	Epoch     Epoch               `yaml:"epoch,omitempty"`
	Queue     Queue               `yaml:"queue,omitempty"`
	Retention Retention           `yaml:"retention,omitempty"`
	// MaxEntrySize is the most bytes that an entry's diffs may have. Default
	// 8388608 (8 MiB); -1 for no limit.
	MaxEntrySize int `yaml:"max_entry_size,omitempty"`
	// MaskKey adds a keyed digest to masked values: those of every entity without
	// a key of its own. At least 16 bytes.
	MaskKey annals.Secret `yaml:"mask_key,omitempty"`
}

// The values of Capture, Delivery, Layout, Raw, Indexes, Context and Truncate.
const (
	CaptureORM     = "orm"
	CaptureTrigger = "trigger"

	DeliveryDirect      = "direct"
	DeliveryOutbox      = "outbox"
	DeliveryAfterCommit = "after_commit"
	DeliveryRelay       = "relay"

	LayoutEntries = "entries"
	LayoutMirror  = "mirror"

	RawObserve = "observe"
	RawRefuse  = "refuse"
	RawAllow   = "allow"

	IndexesLean    = "lean"
	IndexesClassic = "classic"

	ContextSession = "session"
	ContextRow     = "row"

	TruncateMarker = "marker"
	TruncateRows   = "rows"
)

// Source is a database that is audited.
type Source struct {
	DSN string `yaml:"dsn,omitempty"`
	// Capture: orm (default) or trigger. Delivery: direct (default), outbox,
	// after_commit or relay.
	Capture  string `yaml:"capture,omitempty"`
	Delivery string `yaml:"delivery,omitempty"`
	// Raw is what becomes of raw SQL in the program that writes to audited tables:
	// observe (default), refuse or allow.
	Raw string `yaml:"raw,omitempty"`
	// Context is how triggers are told who acts: by the state of the session
	// (session, default) or by a row of the transaction (row), where a proxy pins
	// connections whose session has a state. Only with capture trigger.
	Context string `yaml:"context,omitempty"`
	// Exclude lists table patterns ("schema_*") that "*" leaves out.
	Exclude []string `yaml:"exclude,omitempty"`
	// Stamps: false keeps "schema update" from making indexes for created_by_id and
	// updated_by_id in audited tables that have stamps. Default true.
	Stamps *bool `yaml:"stamps,omitempty"`
}

// StampIndexes reports whether tables with stamps get indexes for them.
func (s Source) StampIndexes() bool { return s.Stamps == nil || *s.Stamps }

// Storage is a database or file that holds entries.
type Storage struct {
	DSN string `yaml:"dsn,omitempty"`
	// Layout: entries or mirror. Default: mirror where every source that reaches the
	// storage delivers by trigger and direct, else entries. Indexes: lean (default)
	// or classic.
	Layout      string `yaml:"layout,omitempty"`
	TablePrefix string `yaml:"table_prefix,omitempty"`
	// TableSuffix is "_audit" where absent; explicitly empty means none.
	TableSuffix *string `yaml:"table_suffix,omitempty"`
	Indexes     string  `yaml:"indexes,omitempty"`
}

// DefaultSuffix ends the names of audit tables.
const DefaultSuffix = "_audit"

// Suffix returns the suffix of audit tables, with the default applied.
func (s Storage) Suffix() string {
	if s.TableSuffix == nil {
		return DefaultSuffix
	}
	return *s.TableSuffix
}

// Route sends matching entities to storages; the first match wins.
type Route struct {
	// Match holds patterns: an entity name with * and ?, "tag:name", or "*". In
	// the file a single pattern may stand without brackets.
	Match    Patterns `yaml:"match"`
	Storages []string `yaml:"storages"`
}

// Patterns is a list that may be written as one string.
type Patterns []string

// Entity is the rule of one entity; {} is valid.
type Entity struct {
	// Source may be absent where there is one. Table defaults to the name.
	Source string `yaml:"source,omitempty"`
	Table  string `yaml:"table,omitempty"`
	// Key lists the key columns; default the primary key of the catalogue.
	Key   []string `yaml:"key,omitempty"`
	Label string   `yaml:"label,omitempty"`
	// Only lists the columns that are kept, Ignore those that are not: one of the
	// two. Mask lists columns of which is kept only that they changed.
	Only    []string      `yaml:"only,omitempty"`
	Ignore  []string      `yaml:"ignore,omitempty"`
	Mask    []string      `yaml:"mask,omitempty"`
	MaskKey annals.Secret `yaml:"mask_key,omitempty"`
	// Operations are the types of entries that are kept; default every type.
	Operations    []string `yaml:"operations,omitempty"`
	SoftDelete    string   `yaml:"soft_delete,omitempty"`
	Discriminator string   `yaml:"discriminator,omitempty"`
	Tags          []string `yaml:"tags,omitempty"`
	Roles         Roles    `yaml:"roles,omitempty"`
	URL           string   `yaml:"url,omitempty"`
	AuditTable    string   `yaml:"audit_table,omitempty"`
	// Truncate is what is kept of a TRUNCATE: that it happened (marker, default), or
	// the lost rows too (rows). Only with capture trigger.
	Truncate string `yaml:"truncate,omitempty"`
}

// Roles say who may read; empty means everyone.
type Roles struct {
	View []string `yaml:"view,omitempty"`
}

// Relation of "owner.field": through a join table, or by a column of the
// target.
type Relation struct {
	Entity  string `yaml:"entity"`
	Through string `yaml:"through,omitempty"`
	// OwnerColumns and TargetColumns of the join table; default: as its foreign
	// keys say.
	OwnerColumns  []string `yaml:"owner_columns,omitempty"`
	TargetColumns []string `yaml:"target_columns,omitempty"`
	// Column is the target's foreign key; Columns where it has several.
	Column  string   `yaml:"column,omitempty"`
	Columns []string `yaml:"columns,omitempty"`
	// TypeColumn and TypeValue narrow a polymorphic relation to the target's rows
	// that have this value in that column.
	TypeColumn string `yaml:"type_column,omitempty"`
	TypeValue  string `yaml:"type_value,omitempty"`
}

// Epoch imports a baseline.
type Epoch struct {
	Batch int `yaml:"batch,omitempty"`
}

// Queue is how a relay works.
type Queue struct {
	Batch      int     `yaml:"batch,omitempty"`
	Lanes      int     `yaml:"lanes,omitempty"`
	Retries    int     `yaml:"retries,omitempty"`
	Backoff    string  `yaml:"backoff,omitempty"`
	Multiplier float64 `yaml:"multiplier,omitempty"`
	MaxBackoff string  `yaml:"max_backoff,omitempty"`
	Jitter     float64 `yaml:"jitter,omitempty"`
}

// Retention is how long entries are kept: an ISO 8601 duration.
type Retention struct {
	Keep string `yaml:"keep,omitempty"`
}

// Entity returns the rule as the core has it.
func (e Entity) Entity(name string) annals.Entity {
	table := e.Table
	if table == "" {
		table = name
	}
	var operations []annals.EntryType
	for _, o := range e.Operations {
		operations = append(operations, annals.EntryType(o))
	}
	return annals.Entity{
		Name: name, Source: e.Source, Table: annals.ParseTable(table), Key: e.Key,
		Label: e.Label, Only: e.Only, Ignore: e.Ignore, Mask: e.Mask, MaskKey: e.MaskKey,
		Operations: operations, SoftDelete: e.SoftDelete,
		Discriminator: e.Discriminator, Tags: e.Tags, ViewRoles: e.Roles.View, URL: e.URL,
		AuditTable: e.AuditTable, LostRows: e.Truncate == TruncateRows,
	}
}
