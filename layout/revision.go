package layout

import (
	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// Names of annals' own tables. They live in the default schema of a storage's
// connection.
const (
	RevisionTable       = "annals_revision"
	RevisionEntityTable = "annals_revision_entity"
	AuditEntityTable    = "annals_audit_entity"
	CleanTable          = "annals_clean"
	// SequenceName is the sequence that numbers mutations, or the ticket table
	// that stands in for it.
	SequenceName = "annals_seq"
	// LockTable holds locks on SQLite; package lock makes it by itself.
	LockTable = "annals_lock"
)

// Columns of annals_revision, besides those that entries have too.
const (
	ColXID         = "xid"
	ColManaged     = "managed"
	ColComment     = "comment"
	ColUserID      = "user_id"
	ColUserName    = "user_name"
	ColUserEmail   = "user_email"
	ColUserType    = "user_type"
	ColContext     = "context"
	ColUserAgent   = "user_agent"
	ColRequestID   = "request_id"
	ColDBUser      = "db_user"
	ColApplication = "application"
	ColClientAddr  = "client_addr"
	ColExtra       = "extra"
)

// Columns of annals_revision_entity, with ColType.
const (
	ColRevision = "revision"
	ColEntity   = "entity"
	ColEntries  = "entries"
)

// Columns of annals_audit_entity, with ColID and ColSource.
const (
	ColName        = "name"
	ColTableSchema = "table_schema"
	ColTableName   = "table_name"
)

// Revision returns the shape of annals_revision: a row for each transaction
// that changed something audited.
func Revision(lim dialect.Limits) Table {
	return Table{
		Name: annals.Table{Name: RevisionTable},
		Columns: []Column{
			{Name: ColID, Type: BigInt, Auto: true},
			{Name: ColSource, Type: VarChar, Size: 64, Exact: true},
			{Name: ColTransactionHash, Type: VarChar, Size: 40, Exact: true},
			{Name: ColXID, Type: BigInt, Null: true},
			{Name: ColManaged, Type: Boolean},
			{Name: ColComment, Type: Text, Null: true},
			{Name: ColUserID, Type: VarChar, Size: 255, Exact: true, Null: true},
			{Name: ColUserName, Type: VarChar, Size: 255, Null: true},
			{Name: ColUserEmail, Type: VarChar, Size: 255, Null: true},
			{Name: ColUserType, Type: VarChar, Size: 255, Null: true},
			{Name: ColContext, Type: VarChar, Size: 100, Null: true},
			{Name: ColIP, Type: VarChar, Size: 45, Null: true},
			{Name: ColUserAgent, Type: Text, Null: true},
			{Name: ColRequestID, Type: VarChar, Size: 255, Exact: true, Null: true},
			{Name: ColDBUser, Type: VarChar, Size: 255, Null: true},
			{Name: ColApplication, Type: VarChar, Size: 255, Null: true},
			{Name: ColClientAddr, Type: VarChar, Size: 255, Null: true},
			{Name: ColExtra, Type: JSON, Null: true},
			{Name: ColCreatedAt, Type: Instant},
		},
		Key: []string{ColID},
		Indexes: named(RevisionTable, []Index{
			{Columns: []string{ColTransactionHash}, Unique: true},
		}, lim),
	}
}

// RevisionEntity returns the shape of annals_revision_entity: how many entries
// of a type a revision has for an entity.
func RevisionEntity(lim dialect.Limits) Table {
	return Table{
		Name: annals.Table{Name: RevisionEntityTable},
		Columns: []Column{
			{Name: ColRevision, Type: BigInt},
			{Name: ColEntity, Type: VarChar, Size: 255, Exact: true},
			{Name: ColType, Type: VarChar, Size: 11},
			{Name: ColEntries, Type: Integer},
		},
		Key: []string{ColRevision, ColEntity, ColType},
		Indexes: named(RevisionEntityTable, []Index{
			{Columns: []string{ColEntity, ColRevision}},
		}, lim),
	}
}

// AuditEntity returns the shape of annals_audit_entity: which audit table holds
// the entries of an entity, also of one that is no longer configured.
// table_schema is null for the connection's own schema.
func AuditEntity(lim dialect.Limits) Table {
	return Table{
		Name: annals.Table{Name: AuditEntityTable},
		Columns: []Column{
			{Name: ColID, Type: BigInt, Auto: true},
			{Name: ColName, Type: VarChar, Size: 255, Exact: true},
			{Name: ColSource, Type: VarChar, Size: 64, Exact: true},
			{Name: ColTableSchema, Type: VarChar, Size: 255, Null: true},
			{Name: ColTableName, Type: VarChar, Size: 255},
		},
		Key: []string{ColID},
		Indexes: named(AuditEntityTable, []Index{
			{Columns: []string{ColName}, Unique: true},
		}, lim),
	}
}

// Own returns the tables that every SQL storage has besides its audit tables,
// in the order of their creation. The sequence stands apart, see Seq.
func Own(lim dialect.Limits) []Table {
	return []Table{Revision(lim), RevisionEntity(lim), AuditEntity(lim), Clean(lim)}
}

// Sequence is where the numbers of a source's mutations come from. They grow,
// each is given once, and a gap means nothing.
type Sequence struct {
	// Name of the sequence. It hands out one number at a time (CACHE 1, NOCACHE),
	// so that numbers grow across sessions.
	Name annals.Table
	// Ticket stands in for it, under the same name, where the database has no
	// sequences (dialect.Features.Sequences): a number is drawn by inserting a
	// row, which may be deleted at once.
	Ticket Table
}

// Seq returns the sequence annals_seq.
func Seq() Sequence {
	name := annals.Table{Name: SequenceName}
	return Sequence{Name: name, Ticket: Table{
		Name:    name,
		Columns: []Column{{Name: ColID, Type: BigInt, Auto: true}},
		Key:     []string{ColID},
	}}
}
