package sqlstore

import (
	"fmt"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/canonical"
	"github.com/seed-162b1470/annals/layout"
)

// columnsOf names the columns that an INSERT fills, in the order of the rows
// that entryRow and revisionRow make.
func columnsOf(t layout.Table) []string { return t.ColumnNames() }

// entryRow returns the values of layout.Entries' columns for e under the number
// seq. Every value is nil, a string, an int64 or a bool.
func (s *Store) entryRow(op string, e *annals.Entry, seq int64) ([]any, error) {
	if err := s.check(op, e); err != nil {
		return nil, err
	}
	extra, err := jsonValue(op, e.ExtraData)
	if err != nil {
		return nil, err
	}
	diffs := string(e.Diffs)
	if diffs == "" {
		diffs = "{}"
	}
	version := e.SchemaVersion
	if version == 0 {
		version = annals.SchemaVersion
	}
	return []any{
		string(e.Type), e.ObjectID, text(e.PreviousObjectID, annals.MaxObjectID),
		text(e.Discriminator, 255), e.TransactionHash, e.Source, seq, int64(e.Part),
		diffs, extra, text(e.Blame.ID, 255), text(e.Blame.User, 255),
		text(e.Blame.FQDN, 255), text(e.Blame.Firewall, 100), text(e.Blame.IP, 45),
		s.eng.bindInstant(s.timeOf(e.CreatedAt)), int64(version),
	}, nil
}

// check refuses what must not be cut or replaced, because it identifies.
func (s *Store) check(op string, e *annals.Entry) error {
	subject := "entry of entity " + e.Entity
	if size := len(e.Diffs) + len(e.ExtraData); s.cfg.MaxEntrySize > 0 && size > s.cfg.MaxEntrySize {
		return &annals.Error{
			Op:      op,
			Subject: fmt.Sprintf("%s, object %s", subject, e.ObjectID),
			Remedy:  "raise max_entry_size, or ignore or mask the large column",
			Err: fmt.Errorf("%w: %d bytes, the limit is %d", annals.ErrEntryTooLarge,
				size, s.cfg.MaxEntrySize),
		}
	}
	if !e.Type.Valid() {
		return refuse(op, subject, "unknown type %q", e.Type)
	}
	if canonical.HasNUL(e.Diffs) {
		return refuse(op, subject, "its diffs hold the character U+0000, which JSON columns refuse")
	}
	for _, id := range []struct {
		name, value string
		limit       int
		required    bool
	}{
		{"object id", e.ObjectID, annals.MaxObjectID, false},
		{"previous object id", e.PreviousObjectID, annals.MaxObjectID, false},
		{"transaction hash", e.TransactionHash, 40, true},
		{"source", e.Source, 64, true},
		{"name of its entity", e.Entity, 255, true},
	} {
		switch {
		case id.required && id.value == "":
			return refuse(op, subject, "%s is missing", id.name)
		case longer(id.value, id.limit):
			return refuse(op, subject, "%s has more than %d characters", id.name, id.limit)
		case clean(id.value) != id.value:
			return refuse(op, subject, "%s holds what is no text", id.name)
		}
	}
	return checkActor(op, e.Blame.ID)
}

// checkActor refuses an id that would have to be cut: a part of it could be
// somebody else's.
func checkActor(op, id string) error {
	if longer(id, 255) {
		return refuse(op, "actor", "the id has more than 255 characters")
	}
	return nil
}

// revisionRow returns the values of layout.Revision's columns.
func (s *Store) revisionRow(op string, r *annals.Revision) ([]any, error) {
	if err := checkActor(op, r.Actor.ID); err != nil {
		return nil, err
	}
	if r.Hash == "" || longer(r.Hash, 40) || r.Source == "" || longer(r.Source, 64) {
		return nil, refuse(op, "revision", "hash (1 to 40 characters) or source (1 to 64) is missing or too long")
	}
	extra, err := jsonValue(op, r.Extra)
	if err != nil {
		return nil, err
	}
	user := r.Actor.Name
	if !r.Managed {
		user = annals.Unattributed
	}
	return []any{
		clean(r.Source), clean(r.Hash), nil, r.Managed, text(r.Comment, maxText),
		text(r.Actor.ID, 255), text(user, 255), text(r.Actor.Email, 255),
		text(r.Actor.Type, 255), text(r.Actor.Context, 100), text(r.Origin.IP, 45),
		text(r.Origin.UserAgent, maxText), text(r.Origin.RequestID, 255),
		text(r.DBUser, 255), text(r.Application, 255), text(r.ClientAddr, 255),
		extra, s.eng.bindInstant(s.timeOf(r.CreatedAt)),
	}, nil
}

func (s *Store) timeOf(t time.Time) string {
	if t.IsZero() {
		t = s.cfg.Now()
	}
	return formatInstant(t)
}

// Where the values of a row stand.
const (
	rowType   = 0
	rowHash   = 4
	rowSource = 5
	rowSeq    = 6
	rowPart   = 7
)

// group is what goes into one audit table.
type group struct {
	entity string
	table  layout.Table
	rows   [][]any
}

// receipt is a row of annals_revision_entity on its way.
type receipt struct {
	hash, entity, typ string
	entries           int64
}

// tally counts entries for receipts, in the order of their appearance.
type tally struct {
	at   map[receipt]int
	list []receipt
}

func (t *tally) add(hash, entity, typ string, entries int64) {
	key := receipt{hash: hash, entity: entity, typ: typ}
	n, ok := t.at[key]
	if !ok {
		if t.at == nil {
			t.at = map[receipt]int{}
		}
		n = len(t.list)
		t.at[key] = n
		t.list = append(t.list, key)
	}
	t.list[n].entries += entries
}

// The most that one statement carries. MariaDB takes packets of 16 MiB by
// default; a quarter leaves room for what escaping adds.
const (
	maxRows  = 1000
	maxBytes = 4 << 20
)

// chunks cuts rows into statements: at most maxRows rows, maxBytes bytes and
// limit parameters each, in sizes that the engine likes.
func chunks(rows [][]any, limit int, sizes func(int) []int) [][][]any {
	var out [][][]any
	most := maxRows
	if len(rows) > 0 && limit > 0 {
		most = min(most, max(1, limit/len(rows[0])))
	}
	for len(rows) > 0 {
		n, bytes := 0, 0
		for n < min(most, len(rows)) && (n == 0 || bytes+weight(rows[n]) <= maxBytes) {
			bytes += weight(rows[n])
			n++
		}
		for _, size := range sizes(n) {
			out = append(out, rows[:size:size])
			rows = rows[size:]
		}
	}
	return out
}

func weight(row []any) int {
	n := 0
	for _, v := range row {
		if s, ok := v.(string); ok {
			n += len(s)
		}
		n += 8
	}
	return n
}
