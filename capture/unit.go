// Package capture has what every capture in the application shares: a Unit
// gathers the mutations of one transaction and writes their entries before its
// commit; a Reader reads rows as they are in the database.
package capture

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/track"
)

// Sink stores the entries of one transaction through it.
type Sink interface {
	// WriteTx is storage.Direct's.
	WriteTx(ctx context.Context, tx dialect.Execer, rev *annals.Revision,
		entries []annals.Entry) error
}

// Config is what a unit needs besides the transaction.
type Config struct {
	// Source names the audited database.
	Source string
	Sink   Sink
	// Actor is asked once a transaction, at its first captured statement, when
	// that statement's context has no actor. Nil asks nobody.
	Actor func(context.Context) (annals.Actor, error)
	// Listener may enrich an entry before it is stored, or refuse the write by
	// an error. Nil listens to nothing.
	Listener func(context.Context, *annals.Entry) error
	Now      func() time.Time
	Logger   *slog.Logger
}

// Unit gathers what one transaction changes. It implements conn.Watcher: the
// entries are written once, in one batch, before the commit, and follow
// savepoints. It is safe for concurrent use.
type Unit struct {
	cfg Config

	mu      sync.Mutex
	pending []captured
	marks   []mark
	binding *binding
	// failures are why the transaction must not commit.
	failures []error
	flushed  []*annals.Comment
	// locked tells that the transaction holds the database's write lock (SQLite).
	locked bool
}

// captured is what one mutation gave. Entries are made at once: they take far
// less memory than the images that they are made of.
type captured struct {
	ctx     context.Context //nolint:containedctx // whom the listener is told about
	entries []annals.Entry
}

// mark is a savepoint: how much was pending, and had failed, when it was set.
type mark struct {
	name        string
	n, failures int
}

// binding is who acts in the transaction: bound by its first captured statement.
type binding struct {
	actor   annals.Actor
	origin  annals.Origin
	comment *annals.Comment
	text    string
	extra   []byte
	managed bool
	at      time.Time
}

var _ conn.Watcher = (*Unit)(nil)

// NewUnit returns the unit of a transaction that has just begun.
func NewUnit(cfg Config) *Unit {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Unit{cfg: cfg}
}

// Record adds the mutations of one statement, which ran under ctx, in order.
func (u *Unit) Record(ctx context.Context, t *track.Table, ms ...annals.Mutation) error {
	if len(ms) == 0 {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.bind(ctx); err != nil {
		return err
	}
	blame := u.blame(ctx)
	extra, _ := annals.ExtraFrom(ctx)
	for i := range ms {
		m := &ms[i]
		m.Source, m.Table, m.At = u.cfg.Source, t.Live.Name, u.now()
		entries, err := track.Entries(t, m)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			continue
		}
		for j := range entries {
			entries[j].Blame, entries[j].ExtraData = blame, extra
		}
		u.pending = append(u.pending, captured{ctx: ctx, entries: entries})
	}
	return nil
}

// Fail makes the transaction impossible to commit: something was changed that
// could not be recorded. Rolling back to a savepoint set before undoes that.
func (u *Unit) Fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.failures = append(u.failures, err)
}

// LockOnce reports true the first time it is called for the transaction.
func (u *Unit) LockOnce() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	first := !u.locked
	u.locked = true
	return first
}

func (u *Unit) now() time.Time { return u.cfg.Now().UTC().Truncate(time.Microsecond) }

// bind fixes who acts at the first captured statement.
func (u *Unit) bind(ctx context.Context) error {
	if u.binding != nil {
		return nil
	}
	b := &binding{at: u.now()}
	actor, ok := annals.ActorFrom(ctx)
	if !ok && u.cfg.Actor != nil {
		var err error
		if actor, err = u.cfg.Actor(ctx); err != nil {
			return &annals.Error{
				Op: "ask for", Subject: "the actor", Err: errors.Join(annals.ErrCapture, err),
			}
		}
		ok = !actor.IsZero()
	}
	var hasOrigin bool
	b.origin, hasOrigin = annals.OriginFrom(ctx)
	b.actor, b.managed = actor, ok || hasOrigin
	b.extra, _ = annals.ExtraFrom(ctx)
	if comment := annals.CommentFrom(ctx); comment != nil {
		if text, ok := comment.Reserve(u); ok {
			b.comment, b.text = comment, text
		}
	}
	u.binding = b
	return nil
}

// blame is who the entries of a statement are blamed on: the statement's own
// actor and origin, else those of the transaction.
func (u *Unit) blame(ctx context.Context) annals.Blame {
	actor, ok := annals.ActorFrom(ctx)
	if !ok {
		actor = u.binding.actor
	}
	origin, ok := annals.OriginFrom(ctx)
	if !ok {
		origin = u.binding.origin
	}
	return annals.Blame{
		ID: actor.ID, User: actor.Name, FQDN: actor.Type, Firewall: actor.Context, IP: origin.IP,
	}
}

// Flush writes the entries of what is pending through tx.
func (u *Unit) Flush(ctx context.Context, tx dialect.Execer) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.failures) > 0 {
		return errors.Join(u.failures...)
	}
	if len(u.pending) == 0 {
		return nil
	}
	entries, err := u.entries()
	if err != nil {
		return err
	}
	b := u.binding
	u.pending, u.marks = nil, nil
	if len(entries) == 0 {
		return nil
	}
	rev := annals.Revision{
		Source: u.cfg.Source, Hash: annals.NewHash(b.at), Managed: b.managed, Comment: b.text,
		Actor: b.actor, Origin: b.origin, Extra: b.extra, CreatedAt: b.at,
	}
	for i := range entries {
		entries[i].TransactionHash = rev.Hash
	}
	if err := u.cfg.Sink.WriteTx(ctx, tx, &rev, entries); err != nil {
		if !errors.Is(err, annals.ErrCapture) && !errors.Is(err, annals.ErrSchema) {
			err = errors.Join(annals.ErrCapture, err)
		}
		return fmt.Errorf("record %d entries of source %s: %w", len(entries), u.cfg.Source, err)
	}
	if b.comment != nil {
		u.flushed = append(u.flushed, b.comment)
	}
	u.binding = nil
	u.log(ctx, &rev, entries)
	return nil
}

// entries returns what is pending, numbered in order of capture, as the listener
// has it.
func (u *Unit) entries() ([]annals.Entry, error) {
	all := make([]annals.Entry, 0, len(u.pending))
	for i := range u.pending {
		c := &u.pending[i]
		for j := range c.entries {
			e := &c.entries[j]
			e.Seq = int64(i + 1)
			if u.cfg.Listener == nil {
				continue
			}
			if err := u.cfg.Listener(c.ctx, e); err != nil {
				return nil, &annals.Error{
					Op: "record", Subject: fmt.Sprintf("%s of %s %s", e.Type, e.Entity, e.ObjectID),
					Err: errors.Join(annals.ErrCapture, err),
				}
			}
		}
		all = append(all, c.entries...)
	}
	return all, nil
}

// log tells of each entry at debug level, never of its values.
func (u *Unit) log(ctx context.Context, rev *annals.Revision, entries []annals.Entry) {
	if !u.cfg.Logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	for i := range entries {
		e := &entries[i]
		u.cfg.Logger.LogAttrs(ctx, slog.LevelDebug, "entry captured",
			slog.String("source", e.Source), slog.String("entity", e.Entity),
			slog.String("object_id", e.ObjectID), slog.String("type", string(e.Type)),
			slog.Int64("seq", e.Seq), slog.Int("part", e.Part),
			slog.String("transaction_hash", rev.Hash))
	}
}

// Committing implements conn.Watcher.
func (u *Unit) Committing(ctx context.Context, tx conn.Raw) error { return u.Flush(ctx, tx) }

// Committed implements conn.Watcher: comments are used up.
func (u *Unit) Committed() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range u.flushed {
		c.Use(u)
	}
	u.reset()
}

// RolledBack implements conn.Watcher: nothing happened, comments are free again.
func (u *Unit) RolledBack() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range u.flushed {
		c.Free(u)
	}
	u.failures = nil
	u.reset()
}

func (u *Unit) reset() {
	if u.binding != nil {
		u.binding.comment.Free(u)
	}
	u.pending, u.marks, u.binding, u.flushed, u.locked = nil, nil, nil, nil, false
}

// Savepoint implements conn.Watcher. The same savepoint noted twice in a row is
// one.
func (u *Unit) Savepoint(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	m := mark{name, len(u.pending), len(u.failures)}
	if last := len(u.marks) - 1; last >= 0 && u.marks[last] == m {
		return
	}
	u.marks = append(u.marks, m)
}

// RollbackTo implements conn.Watcher: what came after the savepoint did not
// happen. A savepoint that is not known makes the transaction fail, since what
// is pending can no longer be told from what was undone.
func (u *Unit) RollbackTo(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := len(u.marks) - 1; i >= 0; i-- {
		if u.marks[i].name == name {
			u.pending = u.pending[:min(u.marks[i].n, len(u.pending))]
			u.failures = u.failures[:min(u.marks[i].failures, len(u.failures))]
			u.marks = u.marks[:i+1]
			return
		}
	}
	if len(u.pending) > 0 {
		u.failures = append(u.failures, &annals.Error{
			Op: "roll back to", Subject: "savepoint " + name, Err: annals.ErrCapture,
			Remedy: "set savepoints through the audited connection",
		})
	}
}

// Release implements conn.Watcher.
func (u *Unit) Release(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := len(u.marks) - 1; i >= 0; i-- {
		if u.marks[i].name == name {
			u.marks = u.marks[:i]
			return
		}
	}
}
