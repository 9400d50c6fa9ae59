package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

// writeTx stores a revision in a transaction of its own and commits it.
func writeTx(
	t *testing.T, in Instance, rev *annals.Revision, list []annals.Entry,
) error {
	t.Helper()
	direct, _ := storage.As[storage.Direct](in.Store)
	tx, err := in.Begin(t.Context())
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	if err := direct.WriteTx(t.Context(), tx, rev, list); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// mutations returns entries of one transaction: numbers 1 to n, in turn on the
// two entities, every third with a second part. Hash, source and time are left
// to the revision.
func mutations(in Instance, n int) []annals.Entry {
	var list []annals.Entry
	for i := range n {
		e := entry(in.Entities[i%2], int64(i+1))
		e.TransactionHash, e.Source, e.CreatedAt = "", "", start()
		e.ObjectID = fmt.Sprint(i)
		list = append(list, e)
		if i%3 == 0 {
			e.Part, e.Type = 1, annals.Associate
			list = append(list, e)
		}
	}
	return list
}

func testTxNumbers(t *testing.T, in Instance) {
	rev := revision(1)
	list := mutations(in, 7)
	given := slices.Clone(list)
	if err := writeTx(t, in, &rev, list); err != nil {
		t.Fatal(err)
	}
	if rev.ID == 0 {
		t.Error("the revision got no id")
	}
	for i := range list {
		for j := range list {
			if (given[i].Seq < given[j].Seq) != (list[i].Seq < list[j].Seq) {
				t.Fatalf("numbers %d and %d became %d and %d", given[i].Seq, given[j].Seq,
					list[i].Seq, list[j].Seq)
			}
		}
		if list[i].TransactionHash != rev.Hash || list[i].Source != rev.Source {
			t.Errorf("entry %d did not take hash and source", i)
		}
	}
	same(t, find(t, in, storage.Query{Ascending: true}), list)
	wantReceipts(t, in, rev.Hash,
		storage.Receipt{Entity: in.Entities[0], Type: annals.Update, Entries: 4},
		storage.Receipt{Entity: in.Entities[1], Type: annals.Update, Entries: 3},
		storage.Receipt{Entity: in.Entities[0], Type: annals.Associate, Entries: 2},
		storage.Receipt{Entity: in.Entities[1], Type: annals.Associate, Entries: 1})
	stored, err := in.Store.Revision(t.Context(), rev.Hash)
	if err != nil || stored.ID != rev.ID || stored.Actor != rev.Actor || stored.Origin != rev.Origin {
		t.Errorf("revision %+v, %v", stored, err)
	}
	next := revision(2)
	more := mutations(in, 2)
	if err := writeTx(t, in, &next, more); err != nil {
		t.Fatal(err)
	}
	if more[0].Seq <= list[len(list)-1].Seq {
		t.Errorf("the next transaction got %d after %d", more[0].Seq, list[len(list)-1].Seq)
	}
}

func testTxRollback(t *testing.T, in Instance) {
	direct, _ := storage.As[storage.Direct](in.Store)
	rev := revision(1)
	tx, err := in.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := direct.WriteTx(t.Context(), tx, &rev, mutations(in, 3)); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	same(t, find(t, in, storage.Query{}), nil)
	_, err = in.Store.Revision(t.Context(), rev.Hash)
	wantError(t, err, annals.ErrNotFound)
	wantReceipts(t, in, rev.Hash)
	again := mutations(in, 3)
	if err := writeTx(t, in, &rev, again); err != nil {
		t.Fatalf("the same revision after a rollback: %v", err)
	}
	same(t, find(t, in, storage.Query{Ascending: true}), again)
}

func testTxMany(t *testing.T, in Instance) {
	const n = 2345
	rev := revision(1)
	list := mutations(in, n)
	if err := writeTx(t, in, &rev, list); err != nil {
		t.Fatal(err)
	}
	got := allPages(t, in, storage.Query{Ascending: true, Limit: 1000})
	same(t, got, list)
	last, distinct := int64(0), 0
	for _, e := range got {
		if e.Seq != last {
			distinct++
		}
		last = e.Seq
	}
	if distinct != n {
		t.Errorf("%d mutations got %d numbers", n, distinct)
	}
}

func testTxNoEntries(t *testing.T, in Instance) {
	rev := revision(1)
	if err := writeTx(t, in, &rev, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := in.Store.Revision(t.Context(), rev.Hash); err != nil || got.ID != rev.ID {
		t.Errorf("revision %+v, %v", got, err)
	}
}

func testTxUnmanaged(t *testing.T, in Instance) {
	rev := annals.Revision{Source: "app", Hash: hashOf(1), CreatedAt: start()}
	list := mutations(in, 1)
	for i := range list {
		list[i].Blame = annals.Blame{}
	}
	if err := writeTx(t, in, &rev, list); err != nil {
		t.Fatal(err)
	}
	got, err := in.Store.Revision(t.Context(), rev.Hash)
	if err != nil || got.Managed || got.Actor != (annals.Actor{Name: annals.Unattributed}) {
		t.Errorf("revision %+v, %v", got, err)
	}
}

func testTxRefused(t *testing.T, in Instance) {
	check := func(name string, rev annals.Revision, list []annals.Entry, family error) {
		t.Helper()
		given := slices.Clone(list)
		err := writeTx(t, in, &rev, list)
		wantError(t, err, family, name)
		same(t, list, given)
	}
	for name, e := range refusals(in.Entities[0]) {
		check(name, revision(1), []annals.Entry{e}, annals.ErrCapture)
	}
	unnumbered, foreign := entry(in.Entities[0], 0), entry(in.Entities[0], 1)
	foreign.TransactionHash = hashOf(2)
	check("number", revision(1), []annals.Entry{unnumbered}, annals.ErrCapture)
	check("another revision", revision(1), []annals.Entry{foreign}, annals.ErrCapture)
	nobody := revision(1)
	nobody.Hash = ""
	check("revision", nobody, nil, annals.ErrCapture)
	same(t, find(t, in, storage.Query{}), nil)
}

func testTxMissingTable(t *testing.T, in Instance) {
	if in.Missing == "" {
		return
	}
	rev := revision(1)
	e := entry(in.Missing, 1)
	wantError(t, writeTx(t, in, &rev, []annals.Entry{e}), annals.ErrSchema,
		in.Missing, "annals schema update --force")
}

// testTxAscending lets transactions change one row in turn, as its lock has
// them: the numbers must tell their order.
func testTxAscending(t *testing.T, in Instance) {
	const writers, rounds = 4, 5
	direct, _ := storage.As[storage.Direct](in.Store)
	var mu sync.Mutex
	var order []string
	one := func(n int) error {
		rev := revision(n)
		tx, err := in.Begin(t.Context())
		if err != nil {
			return err
		}
		if err := in.Lock(t.Context(), tx); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		mu.Lock()
		order = append(order, rev.Hash)
		mu.Unlock()
		list := []annals.Entry{entry(in.Entities[0], 1)}
		list[0].TransactionHash = rev.Hash
		if err := direct.WriteTx(t.Context(), tx, &rev, list); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return tx.Commit()
	}
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for r := range rounds {
				if err := one(w*rounds + r); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wait.Wait()
	got := find(t, in, storage.Query{})
	slices.SortFunc(got, func(x, y annals.Entry) int { return int(x.Seq - y.Seq) })
	for i, e := range got {
		if i < len(order) && e.TransactionHash != order[i] {
			t.Fatalf("number %d belongs to %s, the lock was then held by %s", e.Seq,
				e.TransactionHash, order[i])
		}
	}
	if len(got) != writers*rounds {
		t.Errorf("got %d entries, want %d", len(got), writers*rounds)
	}
}
