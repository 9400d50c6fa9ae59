package storagetest

import (
	"context"
	"database/sql"
	"testing"

	"github.com/seed-162b1470/annals/storage"
)

// Instance is an empty storage under test. Each case gets one of its own, which
// ends with the case.
type Instance struct {
	Store storage.Store
	// Entities are two names of entities that the storage has tables for.
	Entities [2]string
	// Missing is an entity that is known but whose audit table does not exist;
	// empty where tables are not made beforehand.
	Missing string
	// MaxEntrySize is the limit that the store was given, in bytes; at least
	// 2 MiB, so that an entry of 1 MB fits. 0 where there is none.
	MaxEntrySize int
	// Begin starts a transaction of the source in which storage.Direct stores;
	// nil where the store is not one. Several can be open at a time where
	// Concurrent is set, as far as their locks allow.
	Begin func(ctx context.Context) (*sql.Tx, error)
	// Concurrent: several transactions can write at a time.
	Concurrent bool
	// Lock makes tx wait for other transactions that called it, as the lock of a
	// changed row does, until they end; nil without Begin.
	Lock func(ctx context.Context, tx *sql.Tx) error
	// Conn is where storage.Cleaner works; nil where the store is not one. Missing is
	// not in its registry then, or its table is gone.
	Conn storage.Conn
}

// Run runs every case that the instance is able to.
func Run(t *testing.T, open func(t *testing.T) Instance) {
	t.Helper()
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
	probe := open(t)
	runClean(t, open, probe)
	if probe.Begin == nil {
		return
	}
	if _, ok := storage.As[storage.Direct](probe.Store); !ok {
		t.Fatal("the instance can begin transactions, but its store is no storage.Direct")
	}
	for _, c := range directCases() {
		t.Run("direct/"+c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

type testCase struct {
	name string
	run  func(t *testing.T, in Instance)
}

func cases() []testCase {
	return []testCase{
		{"entries come back whole", testWhole},
		{"a repeated batch is kept once", testRepeat},
		{"a batch that repeats in part", testRepeatInPart},
		{"an entry finds its stored revision", testStoredRevision},
		{"all or nothing", testAllOrNothing},
		{"an empty batch", testEmptyBatch},
		{"order and its ties", testOrder},
		{"pages without gaps or doubles", testPages},
		{"filters alone and together", testFilters},
		{"fields with odd names", testFields},
		{"text compares by bytes", testText},
		{"time to the microsecond", testTime},
		{"a diff of 1 MB", testLargeDiff},
		{"keys composite and changed", testKeys},
		{"many alternatives", testManyAlternatives},
		{"no match is an empty slice", testEmptyResult},
		{"revisions and receipts", testRevisions},
		{"hashes by prefix", testHashes},
		{"values of changes", testValues},
		{"conditions alone and together", testConditions},
		{"counting", testCount},
		{"following", testTail},
		{"hostile text", testHostileText},
		{"extra data", testExtra},
		{"what cannot be stored", testRefused},
		{"an entry over the limit", testTooLarge},
		{"a missing table", testMissingTable},
		{"a cancelled context", testCancelled},
		{"parallel writers", testParallelWriters},
	}
}

func directCases() []testCase {
	return []testCase{
		{"numbers and parts", testTxNumbers},
		{"rollback leaves nothing", testTxRollback},
		{"many mutations", testTxMany},
		{"a revision without entries", testTxNoEntries},
		{"nobody bound", testTxUnmanaged},
		{"what cannot be stored", testTxRefused},
		{"a missing table", testTxMissingTable},
		{"numbers ascend per row", testTxAscending},
		{"following transactions that commit late", testTailLate},
	}
}
