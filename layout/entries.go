package layout

import (
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// Columns of the entries layout (docs/formats/entries.md). Revisions share
// ColID, ColSource, ColTransactionHash, ColIP and ColCreatedAt.
const (
	ColID                = "id"
	ColType              = "type"
	ColObjectID          = "object_id"
	ColPreviousObjectID  = "previous_object_id"
	ColDiscriminator     = "discriminator"
	ColTransactionHash   = "transaction_hash"
	ColSource            = "source"
	ColSeq               = "seq"
	ColPart              = "part"
	ColDiffs             = "diffs"
	ColExtraData         = "extra_data"
	ColBlameID           = "blame_id"
	ColBlameUser         = "blame_user"
	ColBlameUserFQDN     = "blame_user_fqdn"
	ColBlameUserFirewall = "blame_user_firewall"
	ColIP                = "ip"
	ColCreatedAt         = "created_at"
	ColSchemaVersion     = "schema_version"
)

// EntriesVersion is the version of the entries layout.
const EntriesVersion = 1

// IndexSet chooses the indexes of audit tables. Its text is what a storage's
// setting "indexes" holds.
type IndexSet string

// The index sets.
const (
	// Lean is the smallest set that serves every filter.
	Lean IndexSet = "lean"
	// Classic has one index per common column.
	Classic IndexSet = "classic"
)

// ParseIndexSet reads the setting; empty means Lean. Anything else than the two
// names gives an error that matches annals.ErrConfig.
func ParseIndexSet(s string) (IndexSet, error) {
	switch set := IndexSet(s); set {
	case "":
		return Lean, nil
	case Lean, Classic:
		return set, nil
	}
	return "", fmt.Errorf("index set %q is neither lean nor classic: %w", s, annals.ErrConfig)
}

// Entries returns the shape of an audit table. An empty set means Lean.
func Entries(name annals.Table, set IndexSet, lim dialect.Limits) Table {
	t := Table{Name: name, Columns: entriesColumns(), Key: []string{ColID}}
	specs := leanIndexes()
	if set == Classic {
		specs = classicIndexes()
	}
	t.Indexes = named(name.Name, specs, lim)
	return t
}

func entriesColumns() []Column {
	return []Column{
		{Name: ColID, Type: BigInt, Auto: true},
		{Name: ColType, Type: VarChar, Size: 10},
		{Name: ColObjectID, Type: VarChar, Size: 255, Exact: true},
		{Name: ColPreviousObjectID, Type: VarChar, Size: 255, Exact: true, Null: true},
		{Name: ColDiscriminator, Type: VarChar, Size: 255, Exact: true, Null: true},
		{Name: ColTransactionHash, Type: VarChar, Size: 40, Exact: true},
		{Name: ColSource, Type: VarChar, Size: 64, Exact: true, Sorted: true},
		{Name: ColSeq, Type: BigInt},
		{Name: ColPart, Type: Integer},
		{Name: ColDiffs, Type: JSON},
		{Name: ColExtraData, Type: JSON, Null: true},
		{Name: ColBlameID, Type: VarChar, Size: 255, Exact: true, Null: true},
		{Name: ColBlameUser, Type: VarChar, Size: 255, Null: true},
		{Name: ColBlameUserFQDN, Type: VarChar, Size: 255, Null: true},
		{Name: ColBlameUserFirewall, Type: VarChar, Size: 100, Null: true},
		{Name: ColIP, Type: VarChar, Size: 45, Null: true},
		{Name: ColCreatedAt, Type: Instant},
		{Name: ColSchemaVersion, Type: SmallInt},
	}
}

// leanIndexes: each filter of the reader leads one index, which goes on in the
// order of every page, so that a page is read and not sorted.
func leanIndexes() []Index {
	return []Index{
		{Columns: []string{ColSource, ColSeq, ColPart}, Unique: true},
		{Columns: ordered(ColObjectID)},
		{Columns: ordered()},
		{Columns: ordered(ColBlameID)},
		{Columns: ordered(ColType)},
		{Columns: []string{ColTransactionHash}},
		{Columns: []string{ColPreviousObjectID}, NotNull: ColPreviousObjectID},
	}
}

func classicIndexes() []Index {
	return []Index{
		{Columns: []string{ColSource, ColSeq, ColPart}, Unique: true},
		{Columns: []string{ColType}},
		{Columns: []string{ColObjectID}},
		{Columns: []string{ColDiscriminator}},
		{Columns: []string{ColTransactionHash}},
		{Columns: []string{ColBlameID}},
		{Columns: []string{ColCreatedAt}},
	}
}

// ordered puts the order of pages (annals.Position) behind the columns.
func ordered(columns ...string) []string {
	return append(columns, ColCreatedAt, ColSource, ColSeq, ColPart)
}

func named(table string, indexes []Index, lim dialect.Limits) []Index {
	for i := range indexes {
		indexes[i].Name = IndexName(table, indexes[i].Columns, lim)
	}
	return indexes
}
