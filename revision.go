package annals

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Revision is one database transaction that changed something audited.
type Revision struct {
	// ID is the storage's own number; zero until stored.
	ID int64
	// Source is the database the transaction ran in, Hash its name everywhere.
	Source, Hash string
	// Managed is true where annals bound an actor or an origin.
	Managed bool
	Comment string
	Actor   Actor
	Origin  Origin
	// DBUser, Application and ClientAddr are the database's own facts about the
	// session; a storage fills them while it stores a revision.
	DBUser, Application, ClientAddr string
	// Extra is what the application added, a JSON value or nil.
	Extra json.RawMessage
	// CreatedAt is the instant of the first capture, UTC with microseconds.
	CreatedAt time.Time
}

// Unattributed is the user name of a revision to which nobody was bound.
const Unattributed = "not orm"

// Actor is who acted. Its fields are the program's claim, kept as given.
type Actor struct {
	// ID identifies the actor; at most 255 characters.
	ID string `json:"id"`
	// Name is for people, Email likewise.
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	// Type is the kind of actor, such as a Go or business type: User, Service.
	Type string `json:"type,omitempty"`
	// Context is the way in: api, admin, console, job.
	Context string `json:"context,omitempty"`
}

// IsZero reports whether nobody is named.
func (a Actor) IsZero() bool { return a == Actor{} }

// Origin is where an action came from.
type Origin struct {
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// IsZero reports whether nothing is known.
func (o Origin) IsZero() bool { return o == Origin{} }

// NewHash returns the name of a new revision: 32 lower-case hex digits, the
// first twelve of which are the milliseconds since 1970, so that names made
// later sort later and land side by side in an index; the layout is that of a
// version 7 UUID (RFC 9562, section 5.7) without dashes.
func NewHash(now time.Time) string {
	var b [16]byte
	// Read never fails (crypto/rand, since Go 1.24).
	_, _ = rand.Read(b[6:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(b[:6], ms[2:])
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	return hex.EncodeToString(b[:])
}

// Receipt says how many entries of a type a revision has for an entity.
type Receipt struct {
	Entity  string
	Type    EntryType
	Entries int
}
