package annals

import (
	"context"
	"encoding/json"
	"sync"
)

type (
	actorKey   struct{}
	originKey  struct{}
	commentKey struct{}
	extraKey   struct{}
	offKey     struct{}
	objectKey  struct{}
)

// WithActor returns a context whose captured changes are blamed on a.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFrom reports the actor in ctx; ok is false for unattributed work.
func ActorFrom(ctx context.Context) (a Actor, ok bool) {
	a, ok = ctx.Value(actorKey{}).(Actor)
	return a, ok
}

// WithOrigin returns a context that says where the work comes from.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginFrom reports the origin in ctx; ok is false where there is none.
func OriginFrom(ctx context.Context) (o Origin, ok bool) {
	o, ok = ctx.Value(originKey{}).(Origin)
	return o, ok
}

// WithExtra returns a context that adds data (a JSON value) to each entry and
// to the revision. What one database's JSON type refuses is refused on all, and the
// write with it (ErrCapture): a string with U+0000, a number of more than 16,383
// digits, more than 28 levels of nesting.
func WithExtra(ctx context.Context, data json.RawMessage) context.Context {
	return context.WithValue(ctx, extraKey{}, data)
}

// ExtraFrom reports the extra data in ctx.
func ExtraFrom(ctx context.Context) (data json.RawMessage, ok bool) {
	data, ok = ctx.Value(extraKey{}).(json.RawMessage)
	return data, ok
}

// Off returns a context in which ORM capture records nothing. Triggers have no
// off switch.
func Off(ctx context.Context) context.Context {
	return context.WithValue(ctx, offKey{}, true)
}

// IsOff reports whether capture is switched off in ctx.
func IsOff(ctx context.Context) bool {
	off, _ := ctx.Value(offKey{}).(bool)
	return off
}

// WithObject returns a context that has the program's own value an entry is
// about. Captures call it before they call a listener.
func WithObject(ctx context.Context, object any) context.Context {
	return context.WithValue(ctx, objectKey{}, object)
}

// ObjectFrom returns, in a listener, the program's own value that the entry is
// about, such as a *Post that was passed to GORM; nil where the capture knows
// none, as for rows that a statement changed by its conditions alone. It is live:
// what it holds is the program's idea, not what was stored.
func ObjectFrom(ctx context.Context) any { return ctx.Value(objectKey{}) }

// WithComment returns a context whose next revision carries the comment: the
// first transaction with a captured write reserves it, its commit uses it up,
// and its rollback frees it again.
func WithComment(ctx context.Context, comment string) context.Context {
	return context.WithValue(ctx, commentKey{}, &Comment{text: comment})
}

// CommentFrom returns the comment in ctx, nil where there is none.
func CommentFrom(ctx context.Context) *Comment {
	c, _ := ctx.Value(commentKey{}).(*Comment)
	return c
}

// Comment is a text that explains one revision. It is safe for concurrent use.
// Captures use it; applications call WithComment.
type Comment struct {
	mu     sync.Mutex
	text   string
	holder any
	used   bool
}

// Reserve returns the text for holder, a transaction. ok is false where another
// transaction holds it or one has used it up.
func (c *Comment) Reserve(holder any) (text string, ok bool) {
	if c == nil {
		return "", false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.used || (c.holder != nil && c.holder != holder) {
		return "", false
	}
	c.holder = holder
	return c.text, true
}

// Use marks the comment as used up by holder, whose transaction committed.
func (c *Comment) Use(holder any) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holder == holder {
		c.used = true
	}
}

// Free gives the comment back: holder's transaction did not commit.
func (c *Comment) Free(holder any) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holder == holder && !c.used {
		c.holder = nil
	}
}
