// Package retention removes what was kept long enough: the entries that are
// strictly older than a cut-off, the oldest first, and then the revisions that no
// entry names any more.
//
// A run works in short transactions that make no writer wait, and can be stopped or
// killed at any time: an entity is marked (storage.Mark) before the first of its
// entries goes, and what is left of it is always the end of its story. Running it
// again goes on. One run at a time works on a database, across hosts.
package retention
