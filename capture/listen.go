package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/diff"
)

// Identifier is the ability of a Sink to tell the numbers under which entries
// that were just written are stored.
type Identifier interface {
	// IDs fills in the entries' ID, through the transaction that wrote them.
	IDs(ctx context.Context, q dialect.Queryer, entries []annals.Entry) error
}

// Objects gives the program's own value for an object id, nil where it has none.
type Objects func(objectID string) any

type objectsKey struct{}

// WithObjects returns a context whose captured changes are about values of the
// program's own. A listener gets them by annals.ObjectFrom.
func WithObjects(ctx context.Context, o Objects) context.Context {
	return context.WithValue(ctx, objectsKey{}, o)
}

// told is an entry that is to be told of after the commit.
type told struct {
	ctx   context.Context //nolint:containedctx // that of the statement
	entry annals.Entry
}

// listen passes an entry to the listener, which may add to it but not make
// another of it.
func (u *Unit) listen(ctx context.Context, e *annals.Entry) error {
	if u.cfg.Listener == nil {
		return nil
	}
	// Entries of relations are about the other rows that they name.
	if objects, ok := ctx.Value(objectsKey{}).(Objects); ok && e.Part == 0 {
		if object := objects(e.ObjectID); object != nil {
			ctx = annals.WithObject(ctx, object)
		}
	}
	was := *e
	was.Diffs = bytes.Clone(e.Diffs)
	err := guard("listener", func() error { return u.cfg.Listener(ctx, e) })
	if err == nil {
		err = sameEntry(&was, e)
	}
	if err != nil {
		return &annals.Error{
			Op: "record", Subject: fmt.Sprintf("%s of %s %s", was.Type, was.Entity, was.ObjectID),
			Err: errors.Join(annals.ErrCapture, err),
		}
	}
	return nil
}

// guard runs a function of the application's and makes an error of its panic,
// so that the transaction ends as after any other error.
func guard(who string, f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("the %s panicked: %w", who, p)
		default:
			err = fmt.Errorf("the %s panicked: %v", who, p)
		}
	}()
	return f()
}

// sameEntry refuses an entry of which a listener changed what makes it that
// entry, and diffs that are none.
func sameEntry(was, is *annals.Entry) error {
	for _, field := range []struct {
		name    string
		changed bool
	}{
		{"Entity", was.Entity != is.Entity},
		{"Source", was.Source != is.Source},
		{"Type", was.Type != is.Type},
		{"ObjectID", was.ObjectID != is.ObjectID},
		{"PreviousObjectID", was.PreviousObjectID != is.PreviousObjectID},
		{"TransactionHash", was.TransactionHash != is.TransactionHash},
		{"Seq", was.Seq != is.Seq},
		{"Part", was.Part != is.Part},
		{"CreatedAt", !was.CreatedAt.Equal(is.CreatedAt)},
		{"SchemaVersion", was.SchemaVersion != is.SchemaVersion},
	} {
		if field.changed {
			return fmt.Errorf("the listener changed %s, which a listener may not", field.name)
		}
	}
	if bytes.Equal(was.Diffs, is.Diffs) {
		return nil
	}
	if _, err := diff.Parse(is.Diffs); err != nil {
		return errors.New("the listener made the diffs unreadable")
	}
	canonical, err := diff.Canonical(is.Diffs)
	if err != nil {
		return errors.New("the listener made the diffs unreadable")
	}
	is.Diffs = canonical
	return nil
}

// keepTold keeps entries that were written for the time after the commit.
func (u *Unit) keepTold(
	ctx context.Context, tx dialect.Queryer, rev *annals.Revision, entries []annals.Entry,
) error {
	if u.cfg.Stored == nil {
		return nil
	}
	if sink, ok := u.cfg.Sink.(Identifier); ok {
		if err := sink.IDs(ctx, tx, entries); err != nil {
			return err
		}
	}
	revision := *rev
	for i := range entries {
		t := told{ctx: u.contexts[i], entry: entries[i]}
		t.entry.Revision = &revision
		u.told = append(u.told, t)
	}
	u.contexts = nil
	return nil
}

// tell calls Config.Stored. The change is committed: nothing can undo it, so
// what goes wrong is logged.
func (u *Unit) tell(all []told) {
	for i := range all {
		t := &all[i]
		// The request may be over by now; what it carries still holds.
		ctx := context.WithoutCancel(t.ctx)
		err := guard("function Stored", func() error {
			u.cfg.Stored(ctx, t.entry)
			return nil
		})
		if err != nil {
			u.cfg.Logger.LogAttrs(ctx, slog.LevelError, "told of a stored entry",
				slog.String("entity", t.entry.Entity),
				slog.String("transaction_hash", t.entry.TransactionHash),
				slog.String("error", err.Error()))
		}
	}
}
