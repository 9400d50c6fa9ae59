package annals

import "slices"

// Entity is a table with its rules. The zero value of each rule means "none".
type Entity struct {
	// Name is how people and programs call it; Source the database it lives in.
	Name, Source string
	Table        Table
	// Key names the key columns in key order; empty means the primary key as
	// the database has it.
	Key []string
	// Label is the column whose value names an object for people.
	Label string
	// Ignore lists columns that are never kept, Mask those whose value is
	// replaced by {"masked":true}.
	Ignore, Mask []string
	// Only lists the columns that are kept, in place of Ignore; empty means all.
	Only []string
	// MaskKey, where there is one, adds a keyed digest to masked values, by which
	// equal values can be told to be equal.
	MaskKey Secret
	// Operations are the types of entries that are kept; empty means every type.
	Operations []EntryType
	// SoftDelete is the column that, once set, means the object is gone.
	SoftDelete string
	// Discriminator is the column with the concrete type of a row.
	Discriminator string
	Tags          []string
	// ViewRoles may read the entity's entries; empty means everyone.
	ViewRoles []string
	// URL leads to the object in the application; {column} is replaced.
	URL string
	// AuditTable overrides the name of the audit table.
	AuditTable string
	// LostRows asks triggers for the rows that a TRUNCATE removes, besides the entry
	// that says that it happened.
	LostRows bool
}

// Keeps reports whether the rules keep a column, masked or not.
func (e *Entity) Keeps(column string) bool {
	if len(e.Only) > 0 {
		return slices.Contains(e.Only, column)
	}
	return !slices.Contains(e.Ignore, column)
}

// Masks reports whether the rules replace a column's values.
func (e *Entity) Masks(column string) bool { return slices.Contains(e.Mask, column) }

// Gives reports whether the rules keep entries of a type.
func (e *Entity) Gives(t EntryType) bool {
	return len(e.Operations) == 0 || slices.Contains(e.Operations, t)
}

// Relation says that objects of one entity belong to another. It is either a
// many-to-many relation through a join table, or a one-to-many relation by a
// foreign key of the target.
type Relation struct {
	// Owner and Field name it: "post.tags".
	Owner, Field string
	// Target is the entity at the other end.
	Target string
	// Through is the join table of a many-to-many relation.
	Through Table
	// OwnerColumns and TargetColumns are the join table's columns in the order
	// of the two keys; empty means as the foreign keys say.
	OwnerColumns, TargetColumns []string
	// Columns is the foreign key of a one-to-many relation, a column of the
	// target's table for each of the owner's key.
	Columns []string
	// TypeColumn and TypeValue narrow a polymorphic one-to-many relation: only the
	// target's rows with that value in that column belong to the owner.
	TypeColumn, TypeValue string
}

// Name returns "owner.field".
func (r *Relation) Name() string { return r.Owner + "." + r.Field }

// IsJoin reports whether the relation has a join table.
func (r *Relation) IsJoin() bool { return !r.Through.IsZero() }
