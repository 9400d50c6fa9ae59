package verify

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
)

// looked is how many of the newest receipts and rows of each table are looked at.
const looked = 10_000

// Integrity checks that what triggers wrote belongs together: each receipt has its
// revision and its rows, each copied row its receipt. There are no foreign keys within
// the mirror, so that writers do not meet at them. Of each table the newest rows are
// looked at.
type Integrity struct {
	Journal
}

var _ Check = Integrity{}

// Name implements Check.
func (c Integrity) Name() string { return "integrity of storage " + c.Journal.Journal.Storage() }

// Run implements Check.
func (c Integrity) Run(ctx context.Context) ([]Finding, error) {
	e, err := c.look(ctx)
	if told(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := e.Dialect
	newest := strconv.Itoa(looked)
	receipts := d.Table(e.own(layout.RevisionEntityTable))
	failed := []error{e.broken(ctx, "", "receipts have no revision",
		"SELECT COUNT(*) FROM (SELECT revision FROM "+receipts+" ORDER BY id DESC LIMIT "+newest+
			") e WHERE NOT EXISTS (SELECT 1 FROM "+d.Table(e.own(layout.RevisionTable))+" v WHERE v.id = e.revision)")}
	for i := range e.targets {
		t := &e.targets[i]
		failed = append(failed, e.foreign(ctx, t.Name, d.Table(t.Copy)),
			e.broken(ctx, t.Name, "copied rows have no receipt",
				"SELECT COUNT(*) FROM (SELECT annals_revision_entity_id AS r FROM "+d.Table(t.Copy)+
					" ORDER BY annals_id DESC LIMIT "+newest+") c WHERE NOT EXISTS (SELECT 1 FROM "+receipts+
					" e WHERE e.id = c.r)"),
			e.broken(ctx, t.Name, "receipts have no copied rows",
				"SELECT COUNT(*) FROM (SELECT id FROM "+receipts+" WHERE entity = "+d.Placeholder(1)+
					" AND type <> '"+string(annals.OpTruncate)+"' ORDER BY created_at DESC, id DESC LIMIT "+newest+
					") e WHERE NOT EXISTS (SELECT 1 FROM "+d.Table(t.Copy)+
					" c WHERE c.annals_revision_entity_id = e.id)", t.Name))
	}
	return e.found, errors.Join(failed...)
}

// foreign finds rows that sessions put under revisions of other connections.
func (e *looker) foreign(ctx context.Context, entity, copied string) error {
	d, n := e.Dialect, 0
	err := each(ctx, e.StorageDB, "the revisions of storage "+e.Journal.Journal.Storage(),
		"SELECT c.o, v.transaction_hash FROM (SELECT annals_revision_entity_id AS r, annals_ordinal AS o FROM "+copied+
			" ORDER BY annals_id DESC LIMIT "+strconv.Itoa(looked)+") c JOIN "+
			d.Table(e.own(layout.RevisionEntityTable))+" e ON e.id = c.r JOIN "+
			d.Table(e.own(layout.RevisionTable))+" v ON v.id = e.revision WHERE c.o >= "+
			strconv.Itoa(layout.OrdinalOfConnection), nil,
		func(scan func(...any) error) error {
			var ordinal int64
			var hash string
			err := scan(&ordinal, &hash)
			if journal.Foreign(ordinal, hash) {
				n++
			}
			return err
		})
	if n > 0 {
		e.add(Error, entity, KindIntegrity, fmt.Sprintf("%d of the newest %d copied rows are under a revision of "+
			"another connection: a session set annals' variables", n, looked),
			"they are read as nobody's; db_user and created_at of the revisions about tell who was connected")
	}
	if err != nil && d.Classify(err) == dialect.ClassMissingTable {
		return nil
	}
	return err
}

// broken runs a query that counts. A table that is missing is another check's finding.
func (e *looker) broken(ctx context.Context, entity, what, query string, args ...any) error {
	err := each(ctx, e.StorageDB, "the integrity of storage "+e.Journal.Journal.Storage(), query, args,
		func(scan func(...any) error) error {
			var n int64
			err := scan(&n)
			if err == nil && n > 0 {
				e.add(Error, entity, KindIntegrity, fmt.Sprintf("%d of the newest %d %s: rows were removed past annals",
					n, looked, what), "restore them from a backup, and take the right to write annals' tables "+
					"from everybody: annals schema update --grants ROLE=NAME")
			}
			return err
		})
	if err != nil && e.Dialect.Classify(err) == dialect.ClassMissingTable {
		return nil
	}
	return err
}
