package annals

import (
	"encoding/json"
	"time"
)

// SchemaVersion is the version of the diff format that this release writes. It
// is stored with every entry. The format is described in docs/formats/diff.md.
const SchemaVersion = 1

// EntryType says what an entry tells. Its text is what the column "type" holds.
type EntryType string

// The types of entries.
const (
	Insert     EntryType = "insert"
	Update     EntryType = "update"
	Remove     EntryType = "remove"
	Associate  EntryType = "associate"
	Dissociate EntryType = "dissociate"
	Epoch      EntryType = "epoch"
	Truncate   EntryType = "truncate"
	Statement  EntryType = "statement"
)

// EntryTypes lists every type of entry, in the order of the documentation.
func EntryTypes() []EntryType {
	return []EntryType{
		Insert, Update, Remove, Associate, Dissociate, Epoch, Truncate, Statement,
	}
}

// Valid reports whether t is a type of entry.
func (t EntryType) Valid() bool {
	switch t {
	case Insert, Update, Remove, Associate, Dissociate, Epoch, Truncate, Statement:
		return true
	}
	return false
}

// Entry is one recorded change of one object. It is immutable once stored.
//
// Text fields hold "" where the stored column is null.
type Entry struct {
	// ID is the storage's own number; zero until stored.
	ID int64
	// Entity is the name of the audited entity, Source the database it lives in
	// and Storage the place the entry was read from (empty before).
	Entity, Source, Storage string

	Type EntryType
	// ObjectID is the object's canonical key: the key's text, or for a composite
	// key a canonical JSON array in key order. See [ObjectID].
	ObjectID string
	// PreviousObjectID is set after a change of the key.
	PreviousObjectID string
	// Discriminator is the concrete type where a table holds several.
	Discriminator string

	// TransactionHash names the revision: lower-case hex, unique across sources.
	TransactionHash string
	// Seq numbers the mutation in its source; Part the entry within the mutation:
	// 0 its own, then relations by name, then side. Unique together with Source.
	Seq  int64
	Part int

	// Diffs is canonical JSON as described in docs/formats/diff.md.
	Diffs json.RawMessage
	// ExtraData is what the application added, a JSON value or nil.
	ExtraData json.RawMessage

	Blame Blame

	// CreatedAt is the instant of capture, UTC with microseconds.
	CreatedAt time.Time
	// SchemaVersion is the version of the format of Diffs.
	SchemaVersion int

	// Revision holds what the entry's transaction says of itself. Readers fill
	// it; storing an entry does not store it.
	Revision *Revision
}

// Blame is who and where from, as stored with each entry.
type Blame struct {
	// ID, User and FQDN are the actor's id, name and type; Firewall is the
	// actor's context: api, admin, console, job.
	ID, User, FQDN, Firewall string
	// IP is the origin's address.
	IP string
}

// Cursor returns the entry's place in the order of every page: newest first by
// (created_at, source, seq, part).
func (e *Entry) Cursor() Position {
	return Position{CreatedAt: e.CreatedAt, Source: e.Source, Seq: e.Seq, Part: e.Part}
}

// Position is a place in the order of entries across objects and sources.
type Position struct {
	CreatedAt time.Time
	Source    string
	Seq       int64
	Part      int
}

// Before reports whether p is older than o.
func (p Position) Before(o Position) bool {
	switch {
	case !p.CreatedAt.Equal(o.CreatedAt):
		return p.CreatedAt.Before(o.CreatedAt)
	case p.Source != o.Source:
		return p.Source < o.Source
	case p.Seq != o.Seq:
		return p.Seq < o.Seq
	}
	return p.Part < o.Part
}

// IsZero reports whether p is no place at all.
func (p Position) IsZero() bool { return p == Position{} }
