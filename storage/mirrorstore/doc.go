// Package mirrorstore reads the mirror layout (docs/formats/mirror.md) as if it were
// entries: what triggers wrote, typed rows of each audited table, becomes mutations
// (package journal), and these become entries by the rules of their time (package
// track), on reading.
//
// An entity's entries come from its own copy and, as associates and dissociates,
// from the copies of join tables and of children that link to it; their rules tell
// which. What a page needs is found through indexes: objects by the keys in the
// copies, revisions and actors by annals_revision, everything else by the receipts
// in their order. SQL leaves out what cannot match where that is simple; Go decides.
package mirrorstore
