package track

import "github.com/seed-162b1470/annals/catalog"

// IsAuditTable reports whether a live table holds entries, by its shape, whatever
// its name.
func IsAuditTable(live *catalog.Table) bool { return isAuditTable(live) }
