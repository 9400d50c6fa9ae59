// Package claim is what a program says about one of its transactions: who acts,
// from where, why, and what else it adds. Who captures by triggers binds it to the
// transaction in the way of the database, where the triggers find it.
package claim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// Claim is what is said of one transaction.
type Claim struct {
	Actor   annals.Actor
	Origin  annals.Origin
	Comment string
	Extra   json.RawMessage
}

// IsZero reports whether nothing is said.
func (c Claim) IsZero() bool {
	return c.Actor.IsZero() && c.Origin.IsZero() && c.Comment == "" && len(c.Extra) == 0
}

// ActorFunc tells who acts where the context does not.
type ActorFunc func(context.Context) (annals.Actor, error)

// Transaction gathers the claim of one transaction. It is not safe for concurrent
// use, as a connection is not.
type Transaction struct {
	// Ask is asked once, where no context names an actor. Nil asks nobody.
	Ask ActorFunc

	claim           Claim
	asked, wrote    bool
	comment         *annals.Comment
	actor, from, ex bool
}

// Take takes from contexts what is not said yet, from the first that says it, and
// reports whether that is anything. Once the transaction has written, what its first
// write was told stands.
func (t *Transaction) Take(all ...context.Context) (more bool, err error) {
	if t.wrote && !t.claim.IsZero() {
		return false, nil
	}
	before := t.fields()
	for _, ctx := range all {
		if err := t.take(ctx); err != nil {
			return false, err
		}
	}
	if !t.actor && t.Ask != nil && !t.asked {
		t.asked = true
		if err := t.ask(all[len(all)-1]); err != nil {
			t.asked = false
			return false, err
		}
	}
	return t.fields() != before && !t.claim.IsZero(), nil
}

func (t *Transaction) take(ctx context.Context) error {
	if actor, ok := annals.ActorFrom(ctx); ok && !t.actor {
		if err := t.act(actor); err != nil {
			return err
		}
	}
	if origin, ok := annals.OriginFrom(ctx); ok && !t.from {
		t.claim.Origin, t.from = origin, true
	}
	if comment := annals.CommentFrom(ctx); comment != nil && t.comment == nil {
		if text, ok := comment.Reserve(t); ok {
			t.claim.Comment, t.comment = text, comment
		}
	}
	return t.takeExtra(ctx)
}

// fields is what was said so far, to compare.
func (t *Transaction) fields() [4]bool {
	return [4]bool{t.actor, t.from, t.ex, t.comment != nil}
}

func (t *Transaction) act(actor annals.Actor) error {
	if longer(actor.ID, idLimit) {
		return refused("actor", fmt.Errorf("the id has more than %d characters", idLimit))
	}
	t.claim.Actor, t.actor = actor, true
	return nil
}

// ask asks the program, and turns a panic of its function into an error.
func (t *Transaction) ask(ctx context.Context) error {
	var actor annals.Actor
	err := func() (err error) {
		defer func() {
			switch p := recover().(type) {
			case nil:
			case error:
				err = fmt.Errorf("the function Actor panicked: %w", p)
			default:
				err = fmt.Errorf("the function Actor panicked: %v", p)
			}
		}()
		actor, err = t.Ask(ctx)
		return err
	}()
	if err != nil {
		return &annals.Error{
			Op: "ask for", Subject: "the actor", Err: errors.Join(annals.ErrCapture, err),
		}
	}
	if actor.IsZero() {
		return nil
	}
	return t.act(actor)
}

func (t *Transaction) takeExtra(ctx context.Context) error {
	data, ok := annals.ExtraFrom(ctx)
	if !ok || t.ex || annals.IsNull(data) {
		return nil
	}
	extra, err := dialect.StorableJSON(data)
	if err != nil {
		return refused("extra data", err)
	}
	t.claim.Extra, t.ex = extra, true
	return nil
}

func refused(subject string, err error) error {
	return &annals.Error{Op: "bind", Subject: subject, Err: errors.Join(annals.ErrCapture, err)}
}

// Claim returns what is said so far.
func (t *Transaction) Claim() Claim { return t.claim }

// Wrote notes that the transaction has changed something.
func (t *Transaction) Wrote() { t.wrote = true }

// Committed ends the claim: its comment is used up, if the transaction wrote.
func (t *Transaction) Committed() {
	if t.wrote {
		t.comment.Use(t)
	}
	t.RolledBack()
}

// RolledBack ends the claim: its comment is free again.
func (t *Transaction) RolledBack() {
	t.comment.Free(t)
	*t = Transaction{Ask: t.Ask}
}
