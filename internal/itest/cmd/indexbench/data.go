package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

// How the entries are spread.
const (
	perTransaction = 4
	actors         = 1000
	batchSize      = 1000
)

// data makes entries: n of them, of n/10 objects, within a year.
type data struct {
	n, objects int
	start      time.Time
	step       time.Duration
}

func newData(n int) data {
	return data{
		n: n, objects: max(1, n/10), start: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		step: 365 * 24 * time.Hour / time.Duration(max(1, n)),
	}
}

// source of chance: seeded, so that every database gets the same entries.
func chance(seed int) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(seed), 7))
}

func (d data) at(i int) time.Time {
	return d.start.Add(time.Duration(i) * d.step).Truncate(time.Microsecond)
}

func (d data) hash(i int) string {
	r := chance(i / perTransaction)
	return fmt.Sprintf("%012x7%015x%04x", d.at(i/perTransaction*perTransaction).UnixMilli(),
		r.Uint64()>>4, r.Uint32()&0xffff)
}

// object: one in a hundred entries is of the hot one.
func (d data) object(i int) string {
	r := chance(i ^ 0x5bd1e995)
	if r.IntN(100) == 0 {
		return "hot"
	}
	return strconv.Itoa(r.IntN(d.objects))
}

// actor: one in five entries is of user 0.
func (d data) actor(i int) string {
	r := chance(i / perTransaction * 31)
	if r.IntN(5) == 0 {
		return "user-0"
	}
	return "user-" + strconv.Itoa(1+r.IntN(actors-1))
}

// kind: most entries are updates, a few types are very rare.
func (d data) kind(i int) annals.EntryType {
	switch n := chance(i ^ 0x2545f491).IntN(100_000); {
	case n < 3:
		return annals.Truncate
	case n < 5000:
		return annals.Remove
	case n < 15_000:
		return annals.Associate
	case n < 20_000:
		return annals.Dissociate
	case n < 40_000:
		return annals.Insert
	default:
		return annals.Update
	}
}

func (d data) entry(i int) annals.Entry {
	e := annals.Entry{
		Entity: "post", Source: "app", Type: d.kind(i), ObjectID: d.object(i),
		TransactionHash: d.hash(i), Seq: int64(i + 1), SchemaVersion: annals.SchemaVersion,
		Blame: annals.Blame{
			ID: d.actor(i), User: "Ann Example", FQDN: "User", Firewall: "api", IP: "203.0.113.9",
		},
		CreatedAt: d.at(i),
	}
	if i%1000 == 0 {
		e.PreviousObjectID = "old-" + strconv.Itoa(i)
	}
	if i%5 == 4 {
		e.Entity = "tag"
	}
	r := chance(i)
	e.Diffs = json.RawMessage(fmt.Sprintf(
		`{"changes":{"c%d":{"new":"%x","old":"%x"},"price":{"new":"%d.5","old":"%d.25"},`+
			`"updated_at":{"new":"2025-06-01T00:00:00.%06dZ","old":null}},"label":"Post %d"}`,
		r.IntN(12), r.Uint64(), r.Uint64(), r.IntN(1e6), r.IntN(1e6), r.IntN(1e6), r.IntN(1e6)))
	return e
}

// batch returns entries from to to, with the revisions that begin among them.
func (d data) batch(from, to int) storage.Batch {
	var b storage.Batch
	for i := from; i < to; i++ {
		e := d.entry(i)
		b.Entries = append(b.Entries, e)
		if i%perTransaction == 0 {
			b.Revisions = append(b.Revisions, annals.Revision{
				Source: "app", Hash: e.TransactionHash, Managed: true, CreatedAt: e.CreatedAt,
				Actor:  annals.Actor{ID: e.Blame.ID, Name: "Ann Example", Type: "User", Context: "api"},
				Origin: annals.Origin{IP: "203.0.113.9", UserAgent: "curl/8", RequestID: e.TransactionHash},
			})
		}
	}
	return b
}
