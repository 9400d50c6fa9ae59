package mirror_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage/sqlstore"
	"github.com/seed-162b1470/annals/track"
)

// byHand is a mirror that the test writes into as triggers do, at times and under
// numbers of its own, and that knows what entries this has to give.
type byHand struct {
	*mirror
	targets map[string]journal.Target
	// sources of targets that are not those of the registry.
	sources map[string]string
	syntax  sqlstore.Syntax
	seq     int64
	rev     *annals.Revision
	// entries are those that the Tracker gives, by the labels so far.
	entries []annals.Entry
	labels  map[[2]string]*string
}

// newByHand makes the mirror of the shop. Its rules hold from the beginning.
func newByHand(t *testing.T, db *testdb.DB, cfg auditor.Config) *byHand {
	t.Helper()
	h := &byHand{
		mirror: &mirror{DB: db, t: t}, targets: map[string]journal.Target{}, labels: map[[2]string]*string{},
		sources: map[string]string{},
	}
	var err error
	if h.d, err = dialect.Detect(t.Context(), db.DB, db.Dialect); err != nil {
		t.Fatal(err)
	}
	h.syntax = sqlstore.SyntaxOf(h.d)
	h.exec(shop...)
	h.plan(cfg)
	j, err := h.aud.Journal("app")
	if err != nil {
		t.Fatal(err)
	}
	targets, err := j.Targets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		h.targets[target.Name] = target
		h.insert(layout.RulesTable, map[string]any{
			layout.ColEntity: target.Name, layout.ColFromSeq: 0, layout.ColRules: journal.RulesOf(target.Table).Text(),
			layout.ColCreatedAt: h.instant(start),
		})
	}
	h.store = h.open(nil)
	return h
}

// start is when the story begins.
var start = time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC)

func (h *byHand) instant(at time.Time) string { return h.syntax.BindInstant(at) }

// insert adds a row of annals' own.
func (h *byHand) insert(table string, row map[string]any) {
	h.t.Helper()
	var columns, marks []string
	var args []any
	for column, v := range row {
		columns = append(columns, h.d.Quote(column))
		args = append(args, v)
		marks = append(marks, h.d.Placeholder(len(args)))
	}
	query := "INSERT INTO " + h.d.Quote(table) + " (" + strings.Join(columns, ", ") + ") VALUES (" +
		strings.Join(marks, ", ") + ")"
	if _, err := h.DB.ExecContext(h.t.Context(), query, args...); err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
}

// revision begins a transaction of somebody, or of nobody.
func (h *byHand) revision(actor, comment string, at time.Time) {
	h.t.Helper()
	n := int64(1)
	if h.rev != nil {
		n = h.rev.ID + 1
	}
	r := &annals.Revision{
		ID: n, Source: "app", Hash: fmt.Sprintf("0199%028x", n), Managed: actor != "", Comment: comment,
		Actor: annals.Actor{ID: actor, Name: "name of " + actor, Type: "User"}, CreatedAt: at,
	}
	row := map[string]any{
		layout.ColID: n, layout.ColSource: r.Source, layout.ColTransactionHash: r.Hash, layout.ColManaged: r.Managed,
		layout.ColCreatedAt: h.instant(at), layout.ColUserName: annals.Unattributed,
	}
	if actor != "" {
		row[layout.ColUserID], row[layout.ColUserName], row[layout.ColUserType] = actor, r.Actor.Name, r.Actor.Type
	}
	if comment != "" {
		row[layout.ColComment] = comment
	}
	h.insert(layout.RevisionTable, row)
	h.rev = r
}

// change is a row before and after; values are nil, int or string.
type change struct{ before, after map[string]any }

// fire writes what a trigger writes of one firing, and notes the entries.
func (h *byHand) fire(target string, op annals.Operation, at time.Time, changes ...change) {
	h.t.Helper()
	if h.d.Name() != dialect.PostgresName && len(changes) > 1 {
		for _, c := range changes { // a receipt for each row
			h.fire(target, op, at, c)
		}
		return
	}
	receipt := h.seq + 1
	h.insert(layout.RevisionEntityTable, map[string]any{
		layout.ColID: receipt, layout.ColRevision: h.rev.ID, layout.ColEntity: target, layout.ColType: string(op),
		layout.ColEntries: max(1, len(changes)), layout.ColCreatedAt: h.instant(at),
	})
	if op == annals.OpTruncate {
		h.seq++
		h.note(target, op, at, change{})
	}
	for i, c := range changes {
		h.seq++
		if c.before != nil {
			h.row(target, receipt, i+1, layout.ImageBefore, c)
		}
		if c.after != nil {
			h.row(target, receipt, i+1, layout.ImageAfter, c)
		}
		h.note(target, op, at, c)
	}
}

// row writes one image.
func (h *byHand) row(target string, receipt int64, ordinal int, image string, c change) {
	h.t.Helper()
	t := h.targets[target]
	values, id := c.before, 2*h.seq
	if image == layout.ImageAfter {
		values, id = c.after, 2*h.seq+1
	}
	row := map[string]any{
		layout.ColCopyID: id, layout.ColCopyReceipt: receipt, layout.ColCopySeq: h.seq, layout.ColCopyImage: image,
		layout.ColCopyOrdinal: ordinal,
	}
	for i := range t.Columns {
		col := &t.Columns[i]
		row[col.Copy] = values[col.Name]
		switch {
		case !col.Masked:
		case image == layout.ImageAfter && c.before != nil && c.before[col.Name] == values[col.Name]:
			row[col.Copy] = false
		case image == layout.ImageAfter && c.before != nil && values[col.Name] == nil:
			row[col.Copy] = nil
		default:
			row[col.Copy] = values[col.Name] != nil
		}
	}
	h.insert(t.Copy.Name, row)
}

// note works out the entries of a change.
func (h *byHand) note(target string, op annals.Operation, at time.Time, c change) {
	h.t.Helper()
	t := h.targets[target]
	m := annals.Mutation{
		Source: "app", Operation: op, Seq: h.seq, At: at, Before: h.image(t, c.before), After: h.image(t, c.after),
	}
	if s := h.sources[target]; s != "" {
		m.Source = s
	}
	if m.Before != nil && m.After != nil {
		m.Before.Digests, m.After.Digests = digests(t, c.before), digests(t, c.after)
	}
	for _, image := range []*annals.Image{m.Before, m.After} {
		if id, label, ok := track.LabelOf(t.Table, image); ok {
			h.labels[[2]string{t.Table.Entity.Name, id}] = label
		}
	}
	entries, err := track.EntriesWith(t.Table, &m, func(entity, id string) *string {
		return h.labels[[2]string{entity, id}]
	})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		e.TransactionHash, e.Revision = h.rev.Hash, h.rev
		if h.rev.Managed {
			e.Blame = annals.Blame{ID: h.rev.Actor.ID, User: h.rev.Actor.Name, FQDN: h.rev.Actor.Type}
		}
		h.entries = append(h.entries, e)
	}
}

func digests(t journal.Target, row map[string]any) map[string][32]byte {
	out := map[string][32]byte{}
	for _, c := range t.Columns {
		if v, ok := row[c.Name].(string); ok && c.Masked {
			var b [32]byte
			copy(b[:], v)
			out[c.Name] = b
		}
	}
	return out
}

// image is a row as the codec gives it.
func (h *byHand) image(t journal.Target, row map[string]any) *annals.Image {
	if row == nil {
		return nil
	}
	image := &annals.Image{}
	for _, c := range t.Columns {
		value := annals.Null
		switch v := row[c.Name].(type) {
		case int:
			value = raw(fmt.Sprint(v))
		case string:
			value = raw(fmt.Sprintf("%q", v))
		}
		if c.Name == "price" && !annals.IsNull(value) {
			number := strings.TrimRight(strings.TrimRight(strings.Trim(string(value), `"`), "0"), ".")
			value = raw(number)
			if h.d.Name() != dialect.SQLiteName {
				value = raw(`"` + number + `"`)
			}
		}
		if c.Masked && !annals.IsNull(value) {
			value = raw(`{"masked":true}`)
		}
		image.Columns, image.Values = append(image.Columns, c.Name), append(image.Values, value)
	}
	return image
}

// all are the entries in the order of pages, oldest first.
func (h *byHand) all() []annals.Entry {
	all := slices.Clone(h.entries)
	slices.SortFunc(all, func(x, y annals.Entry) int {
		if x.Cursor().Before(y.Cursor()) {
			return -1
		}
		return 1
	})
	return all
}

// plan brings the schema up to date, without triggers.
func (m *mirror) plan(cfg auditor.Config) {
	m.t.Helper()
	m.setUp(cfg)
	manager, err := m.aud.Schema(m.t.Context(), nil)
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := manager.Update(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	m.aud.Refresh()
}
