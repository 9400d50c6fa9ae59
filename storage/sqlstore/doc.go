// Package sqlstore keeps entries in a SQL database, in the entries layout
// (docs/formats/entries.md): an audit table per entity, and annals_revision and
// annals_revision_entity as the index of everything across them.
//
// # Writing
//
// [Store.WriteTx] joins the caller's transaction. Its statements are few and, on
// PostgreSQL, of constant text:
//
//   - PostgreSQL: one for revision, receipts and numbers together, then one for
//     each audit table and 1,000 entries. Rows travel as one JSON parameter, so
//     that the text of the statement does not depend on their number and a
//     driver's cache of prepared statements holds one statement per table.
//   - MariaDB: one for revision and numbers, one for each audit table and 1,000
//     entries, one for the receipts. MySQL: two more, since it has neither
//     RETURNING nor sequences.
//   - SQLite: one each for revision, receipts, drawing numbers and tidying up
//     the ticket; entries in chunks of 1,000, 100, 10 and 1. Statements cost
//     nothing there, and four texts per table spare the caches.
//
// On MySQL and MariaDB the number of rows stands in the text of a statement:
// their Go driver caches no statements, and a round trip is what costs.
//
// [Store.Write] is for batches that were captured elsewhere: one statement each
// for revisions and receipts, and one for each audit table and 1,000 entries;
// one more where revisions were stored before.
//
// # What the caller's session notices
//
// MySQL and MariaDB: nothing. LAST_INSERT_ID() is put back to what it was, by an
// expression in the last INSERT. SQLite: last_insert_rowid() is that of annals'
// last INSERT; SQL cannot set it. Results that the driver gave before, such as
// sql.Result.LastInsertId, are not touched. PostgreSQL: lastval() is annals';
// currval of the application's own sequences is not touched.
//
// The connection has to speak UTF-8 (MySQL: utf8mb4). Its time zone and its
// settings for reading times do not matter.
//
// # Texts
//
// A hostile user agent or name cannot make a business write fail: what is no
// UTF-8, and NUL, becomes U+FFFD, and texts are cut at the length of their
// column. The id of an actor is never cut, since that would blame somebody else:
// one over 255 characters is an error.
package sqlstore
