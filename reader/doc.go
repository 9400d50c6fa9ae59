// Package reader answers questions over all storages at once: who changed what,
// the story of one object, everything that one transaction did.
//
//	page, err := r.Find(ctx, reader.Query{Entity: "post", ObjectID: "1"})
//	for e, err := range r.History(ctx, "post", "1", reader.HistoryOptions{}) { … }
//	view, err := r.Revision(ctx, "019a3c5e7f00")
//
// Pages are newest first by the place of an entry (annals.Position) and go on by
// an opaque cursor, so that nothing is missed or shown twice while new entries
// arrive. Several storages are asked at once and their answers merged; an entry
// that lies in two of them is shown once.
//
// Errors: annals.ErrUnknownEntity (the nearest names are told), annals.ErrCursor,
// annals.ErrConfig (a query that cannot be meant), annals.ErrNotFound,
// [ErrAmbiguous], and what a storage says, behind the storage's name.
package reader
