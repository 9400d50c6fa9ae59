// Package annals is the vocabulary of the audit trail: what changed in a SQL
// database, who changed it, and the entry that says so.
//
// # The flow
//
// A capture (an ORM plugin or a trigger) reads a changed row from the database
// and makes a [Mutation]. The tracker turns it, by the rules of its [Entity],
// into zero or more entries ([Entry]). Every entry belongs to a [Revision]: one
// database transaction that changed something audited, with its actor, origin
// and comment. Storages keep entries, the reader finds them again.
//
// # For an application
//
// Who acts, from where and why travels in the context:
//
//	ctx = annals.WithActor(ctx, annals.Actor{ID: "42", Name: "ann", Type: "User"})
//	ctx = annals.WithComment(ctx, "price correction, ticket 1187")
//	db.WithContext(ctx).Model(&post).Update("title", "Second thoughts")
//
// Package auditor puts the parts together; capture/gormcapture audits GORM;
// reader answers questions. This package imports the standard library only and
// is imported by all of them.
package annals
