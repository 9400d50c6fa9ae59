package audittest

import (
	"fmt"
	"strings"

	"github.com/seed-162b1470/annals"
)

// Want is an entry that a test expects. Insert and the other functions make it.
//
// Where it names columns it has to name all that the entry changes: but for key
// columns, which the object's id tells already, for columns that the expectation
// ignores, and unless AndMore is among the details. Without any column it says
// nothing about columns.
type Want struct {
	kind       annals.EntryType
	entity, id string
	columns    []column
	more       bool
	link       *link
	facts      []fact
}

// column is what a test expects of one changed column.
type column struct {
	name          string
	old, new      any
	hasOld, isNew bool
	masked        bool
}

// link is the other end of an association.
type link struct{ field, entity, id string }

// fact is something else that has to hold.
type fact struct {
	text  string
	check func(*annals.Entry) error
}

// Detail says more of a Want.
type Detail func(*Want)

func want(kind annals.EntryType, entity, id string, details []Detail) Want {
	w := Want{kind: kind, entity: entity, id: id}
	for _, detail := range details {
		detail(&w)
	}
	return w
}

// Insert expects that an object was inserted. The id is its canonical key, see
// annals.ObjectID: the key as text, of several columns a JSON array.
func Insert(entity, id string, details ...Detail) Want {
	return want(annals.Insert, entity, id, details)
}

// Update expects that an object was changed.
func Update(entity, id string, details ...Detail) Want {
	return want(annals.Update, entity, id, details)
}

// Remove expects that an object was deleted; Was tells the values it had.
func Remove(entity, id string, details ...Detail) Want {
	return want(annals.Remove, entity, id, details)
}

// Associate expects that an object was linked to another by its field, as in
// Associate("post", "1", "tags", "tag", "3"). The other end has an entry too where
// it is audited; it has no field unless the relation is declared there as well:
// Associate("tag", "3", "", "post", "1").
func Associate(entity, id, field, toEntity, toID string, details ...Detail) Want {
	w := want(annals.Associate, entity, id, details)
	w.link = &link{field, toEntity, toID}
	return w
}

// Dissociate expects that such a link was taken away.
func Dissociate(entity, id, field, fromEntity, fromID string, details ...Detail) Want {
	w := want(annals.Dissociate, entity, id, details)
	w.link = &link{field, fromEntity, fromID}
	return w
}

// EntryOf expects an entry of any type, such as annals.Truncate.
func EntryOf(kind annals.EntryType, entity, id string, details ...Detail) Want {
	return want(kind, entity, id, details)
}

// Set expects that a column got a value, whatever it had before.
//
// A value is a Go value as the program hands it to its database driver: a string,
// a number, a time.Time, a driver.Valuer, nil. What the database makes of it in
// that very column is what counts, so that "12.50" is the decimal 12.5, and
// microseconds are lost where the column has none.
func Set(name string, value any) Detail {
	return func(w *Want) { w.columns = append(w.columns, column{name: name, new: value, isNew: true}) }
}

// Change expects that a column had one value and got another, as Set does.
func Change(name string, old, value any) Detail {
	return func(w *Want) {
		w.columns = append(w.columns,
			column{name: name, old: old, hasOld: true, new: value, isNew: true})
	}
}

// Was expects that a column had a value before.
func Was(name string, value any) Detail {
	return func(w *Want) { w.columns = append(w.columns, column{name: name, old: value, hasOld: true}) }
}

// Changed expects that a column changed, whatever its values are.
func Changed(name string) Detail {
	return func(w *Want) { w.columns = append(w.columns, column{name: name}) }
}

// Masked expects that a column changed, and that no value of it was kept.
func Masked(name string) Detail {
	return func(w *Want) { w.columns = append(w.columns, column{name: name, masked: true}) }
}

// AndMore allows columns that are not named.
func AndMore() Detail { return func(w *Want) { w.more = true } }

// By expects that the entry is blamed on the actor of this id; "" is nobody.
func By(actor string) Detail {
	return That(fmt.Sprintf("by %q", actor), func(e *annals.Entry) error {
		return same("by", e.Blame.ID, actor)
	})
}

// Comment expects the comment of the entry's transaction; "" is none.
func Comment(text string) Detail {
	return That(fmt.Sprintf("comment %q", text), func(e *annals.Entry) error {
		return same("comment", commentOf(e), text)
	})
}

// PreviousID expects that the object's key was another before.
func PreviousID(id string) Detail {
	return That("was "+id, func(e *annals.Entry) error {
		return same("previous id", e.PreviousObjectID, id)
	})
}

// That expects something else of the entry: what is told where it does not hold,
// with the error of check. Diffs are read by package diff's Parse.
func That(what string, check func(*annals.Entry) error) Detail {
	return func(w *Want) { w.facts = append(w.facts, fact{what, check}) }
}

// same compares texts.
func same(what, got, want string) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%s %q", what, got)
}

func commentOf(e *annals.Entry) string {
	if e.Revision == nil {
		return ""
	}
	return e.Revision.Comment
}

// head names a wanted entry in a line.
func (w *Want) head() string {
	text := fmt.Sprintf("%s %s %s", w.kind, w.entity, w.id)
	if w.link != nil {
		text += " " + w.link.text()
	}
	return strings.TrimSpace(text)
}

// Revision expects a transaction with exactly these entries, in this order.
func Revision(entries ...Want) Transaction { return Transaction{entries: entries} }

// Transaction is a transaction that a test expects.
type Transaction struct{ entries []Want }

// By expects every entry of the transaction to be blamed on the actor of this id.
func (t Transaction) By(actor string) Transaction { return t.with(By(actor)) }

// Comment expects the transaction to have this comment.
func (t Transaction) Comment(text string) Transaction { return t.with(Comment(text)) }

func (t Transaction) with(d Detail) Transaction {
	entries := make([]Want, len(t.entries))
	for i, w := range t.entries {
		w.facts = append([]fact(nil), w.facts...)
		d(&w)
		entries[i] = w
	}
	return Transaction{entries}
}
