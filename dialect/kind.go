package dialect

// Kind is the form of a column's values.
type Kind int

// The kinds. Which column type of which database has which kind, and the JSON
// form of each, is in docs/formats/values.md.
const (
	// KindText is the fallback: the value's text.
	KindText Kind = iota
	KindBool
	KindInteger
	KindDecimal
	KindFloat32
	KindFloat64
	// KindDate, KindTime, KindTimeTZ, KindTimestamp (without zone), KindInstant
	// (a point in time, stored as such) and KindInterval.
	KindDate
	KindTime
	KindTimeTZ
	KindTimestamp
	KindInstant
	KindInterval
	KindBytes
	KindBits
	KindJSON
	KindArray
	// KindRange and KindMultirange: Column.Elem is the type of their bounds.
	KindRange
	KindMultirange
	// KindComposite: Column.Fields are its attributes. It occurs inside KindSent.
	KindComposite
	// KindSent is a value of PostgreSQL that is read in the binary form of its own
	// type, whose text would follow the session: Column.Elem is what it is made of.
	KindSent
	// KindDynamic is SQLite's: each value has a type of its own.
	KindDynamic
	// KindGeometry and others that need a reading of their own stay internal to
	// the dialect that knows them, from this number on.
	KindPrivate
)
