package annalscmd

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/term"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/reader"
)

// Longest values that are shown, in characters.
const (
	shortValue = 120
	longValue  = 2000
)

// renderer shows entries to people. Everything that comes from the database goes
// through term.Safe.
type renderer struct {
	term.Style
	zone *time.Location
	// longest value that is shown.
	longest int
	// brief leaves out what the head of a transaction has told.
	brief bool
	// key tells the key columns of an entity in order, none where they are not
	// known.
	key func(entity string) []string
}

func (a *app) renderer(zone *time.Location, longest int) renderer {
	return renderer{Style: a.style(), zone: zone, longest: longest}
}

// knowing is the renderer with the keys that the reader knows. What cannot be asked
// is not known: the entries are shown all the same.
func (r renderer) knowing(ctx context.Context, from *reader.Reader) renderer {
	known := map[string][]string{}
	r.key = func(entity string) []string {
		key, ok := known[entity]
		if !ok {
			shape, err := from.Shape(ctx, entity)
			if err == nil {
				key = shape.Key
			}
			known[entity] = key
		}
		return key
	}
	return r
}

// at is an instant in the configured zone.
func (r renderer) at(t time.Time) string {
	return t.In(r.zone).Format("2006-01-02 15:04:05.000000 Z07:00")
}

// entry is an entry as the log shows it: a head, then a line for each change.
func (r renderer) entry(e *annals.Entry) string {
	d, err := diff.Parse(e.Diffs)
	var b strings.Builder
	// The longest type, dissociate, has ten letters.
	pad := strings.Repeat(" ", max(0, 10-len(e.Type)))
	fmt.Fprintf(&b, "%s  %s%s  %s\n", r.Dim(r.at(e.CreatedAt)), r.kind(e.Type), pad,
		r.object(e, d))
	if !r.brief {
		fmt.Fprintf(&b, "    %s\n", r.Dim(r.origin(e)))
	}
	if !r.brief && e.Revision != nil && e.Revision.Comment != "" {
		fmt.Fprintf(&b, "    # %s\n", term.Safe(term.Cut(e.Revision.Comment, r.longest)))
	}
	if err != nil {
		fmt.Fprintf(&b, "    %s\n", term.Safe(term.Cut(string(e.Diffs), r.longest)))
		return b.String()
	}
	for _, line := range r.changes(d, e.Type) {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	return b.String()
}

func (r renderer) kind(t annals.EntryType) string {
	text := term.Safe(string(t))
	switch t {
	case annals.Insert, annals.Associate:
		return r.Green(text)
	case annals.Remove, annals.Dissociate, annals.Truncate:
		return r.Red(text)
	}
	return r.Yellow(text)
}

// object names what was changed: entity, id, label and what is special about it.
func (r renderer) object(e *annals.Entry, d diff.Diff) string {
	text := r.Bold(term.Safe(e.Entity) + " " + term.Safe(e.ObjectID))
	label := d.Label
	if d.Association != nil {
		label = d.Association.Subject.Label
	}
	if label != nil {
		text += " " + quoted(*label, shortValue)
	}
	if e.Discriminator != "" {
		text += " [" + term.Safe(e.Discriminator) + "]"
	}
	if e.PreviousObjectID != "" {
		text += " (was " + term.Safe(e.PreviousObjectID) + ")"
	}
	return text + marks(d)
}

// marks tells the flags of a diff.
func marks(d diff.Diff) string {
	text := ""
	if d.Soft || d.Association != nil && d.Association.Soft {
		text += " (soft)"
	}
	if d.Cascade || d.Association != nil && d.Association.Cascade {
		text += " (cascade)"
	}
	return text
}

// origin tells who did it, from where, and in which transaction.
func (r renderer) origin(e *annals.Entry) string {
	parts := []string{"by " + actor(e)}
	if e.Blame.Firewall != "" {
		parts = append(parts, "via "+term.Safe(e.Blame.Firewall))
	}
	if e.Blame.IP != "" {
		parts = append(parts, "from "+term.Safe(e.Blame.IP))
	}
	return strings.Join(append(parts, "tx "+term.Safe(e.TransactionHash)), "  ")
}

// actor names who did it: the application's claim, or else the database's user.
func actor(e *annals.Entry) string {
	name, id := e.Blame.User, e.Blame.ID
	switch {
	case name != "" && id != "":
		return term.Safe(name) + " (" + term.Safe(id) + ")"
	case name != "" || id != "":
		return term.Safe(name + id)
	}
	return term.Safe(nobody(e.Revision))
}

// nobody says what is known where no actor was named: the account, the program and
// the address, as the database has them.
func nobody(rev *annals.Revision) string {
	const name = "nobody known"
	if rev == nil {
		return name
	}
	var facts []string
	if rev.DBUser != "" {
		facts = append(facts, "database user "+rev.DBUser)
	}
	for _, fact := range []string{rev.Application, rev.ClientAddr} {
		if fact != "" {
			facts = append(facts, fact)
		}
	}
	if len(facts) == 0 {
		return name
	}
	return name + " (" + strings.Join(facts, ", ") + ")"
}

// changes are the lines below a head.
func (r renderer) changes(d diff.Diff, t annals.EntryType) []string {
	if d.Association != nil {
		return []string{r.association(d.Association, t)}
	}
	lines := make([]string, 0, len(d.Changes))
	if st := d.Statement; st != nil && st.SQL != "" {
		lines = append(lines, r.Yellow("~")+" "+term.Safe(term.Cut(st.SQL, r.longest)))
	}
	if st := d.Statement; st != nil && st.Table != "" {
		lines = append(lines, r.Yellow("~")+" table "+term.Safe(st.Table))
	}
	for _, c := range d.Changes {
		name := r.Cyan(term.Safe(c.Column))
		switch {
		case t == annals.Insert && !d.Soft, t == annals.Epoch:
			lines = append(lines, fmt.Sprintf("%s %s: %s", r.Green("+"), name, r.new(c)))
		case t == annals.Remove && !d.Soft:
			lines = append(lines, fmt.Sprintf("%s %s: %s", r.Red("-"), name, r.old(c)))
		default:
			lines = append(lines, fmt.Sprintf("%s %s: %s → %s",
				r.Yellow("~"), name, r.old(c), r.new(c)))
		}
	}
	return lines
}

func (r renderer) old(c diff.Change) string { return r.Red(r.value(c.Old)) }
func (r renderer) new(c diff.Change) string { return r.Green(r.value(c.New)) }

// value is a JSON value as people read it: texts stay in quotes, so that null and
// "null" are not the same.
func (r renderer) value(v json.RawMessage) string {
	switch {
	case annals.IsNull(v):
		return "null"
	case diff.IsMasked(v):
		return "(masked)"
	}
	return term.Safe(term.Cut(string(v), r.longest))
}

func (r renderer) association(s *diff.Association, t annals.EntryType) string {
	sign, paint := "+", r.Green
	if t == annals.Dissociate {
		sign, paint = "-", r.Red
	}
	text := paint(r.subject(&s.Target))
	if s.Subject.Field != "" {
		return fmt.Sprintf("%s %s: %s", paint(sign), r.Cyan(term.Safe(s.Subject.Field)), text)
	}
	if s.JoinTable != "" {
		text += " in " + term.Safe(s.JoinTable)
	}
	return paint(sign) + " " + text
}

// subject names one side of a relation as the command history takes it: entity and
// object id. Where the order of several key columns is not known, the id is not
// either: the columns stand there by name.
func (r renderer) subject(s *diff.Subject) string {
	var key []string
	if len(s.Key) > 1 && r.key != nil {
		key = r.key(s.Entity)
	}
	id, ok := s.ObjectID(key)
	if !ok {
		values := make([]string, len(s.Key))
		for i, k := range s.Key {
			values[i] = k.Name + "=" + string(k.Value)
		}
		id = strings.Join(values, " ") + " (the order of its key is not known)"
	}
	text := term.Safe(s.Entity) + " " + term.Safe(id)
	if s.Label != nil {
		text += " " + quoted(*s.Label, shortValue)
	}
	return text
}

func quoted(s string, n int) string { return `"` + term.Safe(term.Cut(s, n)) + `"` }
