package layout

import (
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// Tables of the mirror layout (docs/formats/mirror.md), besides those that entries
// storages have too.
const (
	RevisionTypeTable = "annals_revision_type"
	TargetEntityTable = "annals_target_entity"
	TargetColumnTable = "annals_target_column"
	RulesTable        = "annals_rules"
	EpochTable        = "annals_epoch"
)

// Columns of a copied row, besides those of the audited table.
const (
	ColCopyID      = "annals_id"
	ColCopyReceipt = "annals_revision_entity_id"
	ColCopySeq     = "annals_seq"
	ColCopyImage   = "annals_image"
	ColCopyOrdinal = "annals_ordinal"
)

// CopyColumns are the columns that every copy has besides those of its table, and by
// which it is known.
func CopyColumns() []string {
	return []string{ColCopyID, ColCopyReceipt, ColCopySeq, ColCopyImage, ColCopyOrdinal}
}

// MaskedPrefix begins the name of the column that stands in for a masked one, a
// truth value. In a before image, and in the after image of an insert or epoch, it
// tells whether the value is not null. In the after image of an update it is false
// where the value is as it was (compared as the codec does: by its stored form),
// true where it has become another that is not null, and null where it has become
// null.
const MaskedPrefix = "annals_m_"

// OrdinalOfConnection is the bit that marks an ordinal of a row trigger of MySQL. What it
// marks is the connection: the low 24 bits are those of its number. A session can set the
// variables by which its triggers remember their revision; this it cannot.
const OrdinalOfConnection = 1 << 30

// The values of ColCopyImage.
const (
	ImageBefore = "before"
	ImageAfter  = "after"
)

// Columns of annals_target_entity, annals_target_column, annals_rules and
// annals_epoch, with ColID, ColName, ColEntity, ColSource, ColTableSchema and
// ColTableName.
const (
	ColIsJoinTable = "is_join_table"
	ColParent      = "parent"
	ColAuditEntity = "audit_entity"

	ColColumnName = "column_name"
	ColCopyColumn = "copy_column"
	ColSourceType = "source_type"
	ColCodec      = "codec"
	ColFromSeq    = "from_seq"
	ColUntilSeq   = "until_seq"

	ColRules      = "rules"
	ColStartedSeq = "started_seq"
	ColLastKey    = "last_key"
	ColDone       = "done"
)

// RevisionTypes are the types of receipts in the mirror layout: what a trigger fired
// for, and the baseline.
func RevisionTypes() []string {
	return []string{"insert", "update", "delete", "epoch", "truncate"}
}

// MirrorOwn returns the tables that a storage of the mirror layout has besides its
// copies, in the order of their creation.
func MirrorOwn(lim dialect.Limits) []Table {
	rev := Revision(lim)
	// Triggers find their transaction's revision by xid, readers an actor's by user_id.
	rev.Indexes = append(rev.Indexes, named(RevisionTable, []Index{
		{Columns: []string{ColXID, ColCreatedAt}},
		{Columns: []string{ColUserID, ColCreatedAt, ColID}},
	}, lim)...)
	return []Table{
		rev, Receipt(lim), AuditEntity(lim), Clean(lim), revisionType(lim),
		targetEntity(lim), targetColumn(lim), rules(lim), epoch(lim),
	}
}

// Receipt returns the shape that annals_revision_entity has in the mirror layout: a
// row for each firing of a trigger, which is a statement on PostgreSQL and a row
// elsewhere. Its id comes from annals_seq on PostgreSQL and is the first number of
// its rows; elsewhere it numbers itself, and is the number of its row.
func Receipt(lim dialect.Limits) Table {
	return Table{
		Name: annals.Table{Name: RevisionEntityTable},
		Columns: []Column{
			{Name: ColID, Type: BigInt, Auto: true},
			{Name: ColRevision, Type: BigInt},
			{Name: ColEntity, Type: VarChar, Size: 255, Exact: true},
			{Name: ColType, Type: VarChar, Size: 11},
			{Name: ColEntries, Type: Integer},
			{Name: ColCreatedAt, Type: Instant},
		},
		Key: []string{ColID},
		Indexes: named(RevisionEntityTable, []Index{
			{Columns: []string{ColRevision}},
			{Columns: []string{ColEntity, ColCreatedAt, ColID}},
		}, lim),
	}
}

func revisionType(lim dialect.Limits) Table {
	return Table{
		Name: annals.Table{Name: RevisionTypeTable},
		Columns: []Column{
			{Name: ColID, Type: BigInt, Auto: true},
			{Name: ColName, Type: VarChar, Size: 11, Exact: true},
		},
		Key:     []string{ColID},
		Indexes: named(RevisionTypeTable, []Index{{Columns: []string{ColName}, Unique: true}}, lim),
	}
}

// targetEntity: the audited tables. name is the entity's, or the table's where it
// gives no entries of its own; parent is the owner of a join table; audit_entity is
// the name of its row in annals_audit_entity.
func targetEntity(lim dialect.Limits) Table {
	return Table{
		Name: annals.Table{Name: TargetEntityTable},
		Columns: []Column{
			{Name: ColID, Type: BigInt, Auto: true},
			{Name: ColName, Type: VarChar, Size: 255, Exact: true},
			{Name: ColSource, Type: VarChar, Size: 64, Exact: true},
			{Name: ColTableSchema, Type: VarChar, Size: 255, Null: true},
			{Name: ColTableName, Type: VarChar, Size: 255},
			{Name: ColIsJoinTable, Type: Boolean},
			{Name: ColParent, Type: VarChar, Size: 255, Exact: true, Null: true},
			{Name: ColAuditEntity, Type: VarChar, Size: 255, Exact: true},
		},
		Key:     []string{ColID},
		Indexes: named(TargetEntityTable, []Index{{Columns: []string{ColName}, Unique: true}}, lim),
	}
}

// targetColumn: which column of a copy held which column of its table from the
// number from_seq on (included) to until_seq (excluded; null: still). codec is what
// decoding the copy's column needs besides its type, a JSON text, else null.
func targetColumn(lim dialect.Limits) Table {
	return Table{
		Name: annals.Table{Name: TargetColumnTable},
		Columns: []Column{
			{Name: ColID, Type: BigInt, Auto: true},
			{Name: ColEntity, Type: VarChar, Size: 255, Exact: true},
			{Name: ColColumnName, Type: VarChar, Size: 255, Exact: true},
			{Name: ColCopyColumn, Type: VarChar, Size: 255, Exact: true},
			{Name: ColSourceType, Type: Text},
			{Name: ColCodec, Type: Text, Null: true},
			{Name: ColFromSeq, Type: BigInt},
			{Name: ColUntilSeq, Type: BigInt, Null: true},
		},
		Key:     []string{ColID},
		Indexes: named(TargetColumnTable, []Index{{Columns: []string{ColEntity}}}, lim),
	}
}

// rules: the rules of an entity for mutations from the number from_seq on.
func rules(lim dialect.Limits) Table {
	return Table{
		Name: annals.Table{Name: RulesTable},
		Columns: []Column{
			{Name: ColID, Type: BigInt, Auto: true},
			{Name: ColEntity, Type: VarChar, Size: 255, Exact: true},
			{Name: ColFromSeq, Type: BigInt},
			{Name: ColRules, Type: JSON},
			{Name: ColCreatedAt, Type: Instant},
		},
		Key:     []string{ColID},
		Indexes: named(RulesTable, []Index{{Columns: []string{ColEntity, ColFromSeq}}}, lim),
	}
}

func epoch(lim dialect.Limits) Table {
	return Table{
		Name: annals.Table{Name: EpochTable},
		Columns: []Column{
			{Name: ColID, Type: BigInt, Auto: true},
			{Name: ColSource, Type: VarChar, Size: 64, Exact: true},
			{Name: ColEntity, Type: VarChar, Size: 255, Exact: true},
			{Name: ColStartedSeq, Type: BigInt},
			{Name: ColLastKey, Type: Text, Null: true},
			{Name: ColDone, Type: Boolean},
			{Name: ColCreatedAt, Type: Instant},
		},
		Key:     []string{ColID},
		Indexes: named(EpochTable, []Index{{Columns: []string{ColEntity}}}, lim),
	}
}

// CopyOf says what the copy of a table holds and how it is found.
type CopyOf struct {
	// Name of the copy.
	Name annals.Table
	// Columns are Raw or, for masked ones, Boolean; all of them may be null.
	Columns []Column
	// Key are the copy's columns that hold the source's key, Finders those that hold
	// the keys of other objects which its rows link (a join table's two sides, a
	// child's foreign keys), each in the order of that key.
	Key     []string
	Finders [][]string
	// Bare leaves out what is for readers: a journal that a relay empties.
	Bare bool
}

// Copy returns the shape of a copy.
func Copy(c CopyOf, lim dialect.Limits) Table {
	t := Table{
		Name: c.Name,
		Columns: append([]Column{
			{Name: ColCopyID, Type: BigInt},
			{Name: ColCopyReceipt, Type: BigInt},
			{Name: ColCopySeq, Type: BigInt},
			{Name: ColCopyImage, Type: VarChar, Size: 6},
			{Name: ColCopyOrdinal, Type: Integer},
		}, c.Columns...),
		Key: []string{ColCopyID},
	}
	if c.Bare {
		return t
	}
	// Within a receipt, which may have millions of rows, readers page by number.
	specs := []Index{{Columns: []string{ColCopyReceipt, ColCopyID}}}
	for _, columns := range append([][]string{c.Key}, c.Finders...) {
		known := slices.ContainsFunc(specs, func(i Index) bool {
			return len(i.Columns) > len(columns) && slices.Equal(i.Columns[:len(columns)], columns)
		})
		if len(columns) > 0 && !known {
			specs = append(specs, Index{Columns: append(slices.Clone(columns), ColCopyID)})
		}
	}
	t.Indexes = named(c.Name.Name, specs, lim)
	return t
}
