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
	// Stored is told of each entry after the commit. Nil is not told.
	Stored func(context.Context, annals.Entry)
	// Switch turns capture off; nil never does.
	Switch *Switch
	// Raw is what becomes of raw SQL that writes to audited tables.
	Raw    RawPolicy
	Now    func() time.Time
	Logger *slog.Logger
	// Aborted tells the error of a statement that the database did not run because
	// an earlier one had failed in the transaction. Nil knows of no such errors.
	Aborted func(error) bool
}

// Unit gathers what one transaction changes. It implements conn.Watcher: the
// entries are written once, in one batch, before the commit, and follow
// savepoints. It is safe for concurrent use.
type Unit struct {
	cfg Config

	mu      sync.Mutex
	pending []captured
	// size is the bytes of the diffs that are pending, base the number of mutations
	// that were stored ahead of them, written what those are.
	size    int
	base    int
	written *written
	marks   []mark
	binding *binding
	// failures are why the transaction must not commit.
	failures []error
	flushed  []*annals.Comment
	// labels are those of the objects whose images were seen in the transaction.
	labels labels
	// locked tells that the transaction holds the database's write lock (SQLite).
	locked bool
	// asked is what Config.Actor answered in this transaction.
	asked *annals.Actor
	// stored is what Undone and Stands go back to; standing tells that what was
	// captured is stored in a transaction that goes on.
	stored   *stored
	standing bool
	// contexts are those of the entries that are being written, told what to tell
	// after the commit: both only for Config.Stored.
	contexts []context.Context
	told     []told
}

// captured is what one mutation gave. Entries are made at once: they take far
// less memory than the images that they are made of.
type captured struct {
	ctx     context.Context //nolint:containedctx // whom the listener is told about
	entries []annals.Entry
}

// mark is a savepoint: how much was pending, and had failed, and who had been
// bound, when it was set.
type mark struct {
	name        string
	n, failures int
	bound       bool
	comment     *annals.Comment
	written     *written
	told        int
	// sealed: what was captured before it was stored after it, and is gone with a
	// rollback to it.
	sealed bool
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
	hash    string
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
	on := u.cfg.Switch.load()
	var blame annals.Blame
	extra, _ := annals.ExtraFrom(ctx)
	bound := false
	for i := range ms {
		m := &ms[i]
		m.Source, m.Table, m.At = u.cfg.Source, t.Live.Name, u.now()
		if u.cfg.Raw != RawAllow { // such SQL may change labels unseen
			u.labels.see(t, m)
		}
		entries, err := track.EntriesWith(t, m, u.labels.find)
		if err != nil {
			return err
		}
		if entries = on.filter(entries); len(entries) == 0 {
			continue
		}
		if !bound {
			if err := u.bind(ctx, m.At); err != nil {
				return err
			}
			blame, bound = u.blame(ctx), true
		}
		for j := range entries {
			entries[j].Blame, entries[j].ExtraData = blame, extra
			u.size += len(entries[j].Diffs)
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

// NotLocked takes LockOnce back: the lock was not to be had that way.
func (u *Unit) NotLocked() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.locked = false
}

func (u *Unit) now() time.Time { return u.cfg.Now().UTC().Truncate(time.Microsecond) }

// bind fixes who acts at the first captured statement, and reserves the comment
// of the first that has one.
func (u *Unit) bind(ctx context.Context, at time.Time) error {
	if u.binding != nil {
		u.binding.reserve(ctx, u)
		return nil
	}
	b := &binding{at: at}
	b.hash = annals.NewHash(b.at)
	actor, ok := annals.ActorFrom(ctx)
	if !ok {
		var err error
		if actor, err = u.ask(ctx); err != nil {
			return err
		}
		ok = !actor.IsZero()
	}
	var hasOrigin bool
	b.origin, hasOrigin = annals.OriginFrom(ctx)
	b.actor, b.managed = actor, ok || hasOrigin
	b.extra, _ = annals.ExtraFrom(ctx)
	b.reserve(ctx, u)
	u.binding = b
	return nil
}

// ask asks Config.Actor, once a transaction.
func (u *Unit) ask(ctx context.Context) (actor annals.Actor, err error) {
	if u.cfg.Actor == nil {
		return actor, nil
	}
	if u.asked == nil {
		err = guard("function Actor", func() (err error) {
			actor, err = u.cfg.Actor(ctx)
			return err
		})
		if err != nil {
			return actor, &annals.Error{
				Op: "ask for", Subject: "the actor", Err: errors.Join(annals.ErrCapture, err),
			}
		}
		u.asked = &actor
	}
	return *u.asked, nil
}

// reserve takes the context's comment for the transaction of holder, unless it
// has one.
func (b *binding) reserve(ctx context.Context, holder *Unit) {
	comment := annals.CommentFrom(ctx)
	// A revision that is stored in part has the comment that it had then.
	if b.comment != nil || comment == nil || holder.written != nil {
		return
	}
	if text, ok := comment.Reserve(holder); ok {
		b.comment, b.text = comment, text
	}
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
	before := u.store()
	if u.written != nil {
		sink, _ := u.cfg.Sink.(Parts) // or nothing would be written
		if err := u.rest(ctx, tx, sink); err != nil {
			return err
		}
		u.flush()
		u.stored = before
		return nil
	}
	if len(u.pending) == 0 {
		return nil
	}
	entries, err := u.entries()
	if err != nil {
		return err
	}
	rev := u.revision()
	err = u.cfg.Sink.WriteTx(ctx, tx, &rev, entries)
	if err == nil {
		err = u.keepTold(ctx, tx, &rev, entries)
	}
	if err != nil {
		return u.unwritten(len(entries), err)
	}
	u.flush()
	u.stored = before
	u.log(ctx, &rev, entries)
	return nil
}

// flush notes that everything is stored that was captured so far.
func (u *Unit) flush() {
	if c := u.binding.comment; c != nil {
		u.flushed = append(u.flushed, c)
	}
	u.pending, u.marks, u.binding = nil, nil, nil
	u.size, u.base, u.written = 0, 0, nil
	u.labels.forget()
}

// revision is that of the transaction.
func (u *Unit) revision() annals.Revision {
	b := u.binding
	return annals.Revision{
		Source: u.cfg.Source, Hash: b.hash, Managed: b.managed, Comment: b.text,
		Actor: b.actor, Origin: b.origin, Extra: b.extra, CreatedAt: b.at,
	}
}

func (u *Unit) unwritten(n int, err error) error {
	if !errors.Is(err, annals.ErrCapture) && !errors.Is(err, annals.ErrSchema) {
		err = errors.Join(annals.ErrCapture, err)
	}
	return fmt.Errorf("record %d entries of source %s: %w", n, u.cfg.Source, err)
}

// entries returns what is pending, numbered in order of capture, as the listener
// has it.
func (u *Unit) entries() ([]annals.Entry, error) {
	all := make([]annals.Entry, 0, len(u.pending))
	for i := range u.pending {
		c := &u.pending[i]
		for j := range c.entries {
			e := &c.entries[j]
			e.Seq, e.TransactionHash = int64(i+1), u.binding.hash
			if err := u.listen(c.ctx, e); err != nil {
				return nil, err
			}
			if u.cfg.Stored != nil {
				u.contexts = append(u.contexts, c.ctx)
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
func (u *Unit) Committing(ctx context.Context, tx conn.Raw) error {
	err := u.Flush(ctx, tx)
	if err != nil && u.cfg.Aborted != nil && u.cfg.Aborted(err) {
		return errors.Join(conn.ErrAborted, err)
	}
	return err
}

// Committed implements conn.Watcher: comments are used up, and the application is
// told of the entries.
func (u *Unit) Committed() { u.tell(u.committed()) }

func (u *Unit) committed() []told {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range u.flushed {
		c.Use(u)
	}
	told := u.told
	u.reset()
	return told
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
	u.size, u.base, u.written = 0, 0, nil
	u.asked, u.contexts, u.told = nil, nil, nil
	u.stored, u.standing = nil, false
	u.labels.forget()
}

// Savepoint implements conn.Watcher.
func (u *Unit) Savepoint(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	m := mark{
		name: name, n: u.base + len(u.pending), failures: len(u.failures), written: u.written,
		told: len(u.told),
	}
	if u.binding != nil {
		m.bound, m.comment = true, u.binding.comment
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
			u.goBack(u.marks[i])
			u.failures = u.failures[:min(u.marks[i].failures, len(u.failures))]
			u.unbind(u.marks[i])
			if u.marks[i].sealed {
				u.failures = append(u.failures, lostSavepoint(name,
					"call what may end a transaction outside of its savepoints"))
			}
			u.marks = u.marks[:i+1]
			return
		}
	}
	if len(u.pending) > 0 || u.standing {
		u.failures = append(u.failures, lostSavepoint(name,
			"set savepoints through the audited connection"))
	}
}

// goBack forgets what was captured after a savepoint. What was stored since went
// with it, and was captured since too.
func (u *Unit) goBack(m mark) {
	u.labels.forget()
	u.written = m.written
	u.told = u.told[:min(m.told, len(u.told))]
	keep := m.n - u.base
	if keep < 0 {
		u.base, keep = m.n, 0
	}
	if keep < len(u.pending) {
		u.pending = u.pending[:keep]
	}
	u.size = 0
	for i := range u.pending {
		for j := range u.pending[i].entries {
			u.size += len(u.pending[i].entries[j].Diffs)
		}
	}
}

// unbind gives back what was bound after a savepoint.
func (u *Unit) unbind(m mark) {
	b := u.binding
	if b == nil || (m.bound && m.comment == b.comment) {
		return
	}
	b.comment.Free(u)
	if m.bound {
		b.comment, b.text = nil, ""
	} else {
		u.binding = nil
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
