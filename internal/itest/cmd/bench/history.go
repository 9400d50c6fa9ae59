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

// How the entries are spread: ten to an object but one in a hundred of hotObject,
// one in five by hotActor, four to a transaction, within a year.
const (
	hotObject      = "hot"
	hotActor       = "user-0"
	actors         = 1000
	perTransaction = 4
)

// history makes entries; every database gets the same.
type history struct {
	n     int
	start time.Time
	step  time.Duration
}

func newHistory(n int) history {
	return history{
		n: n, start: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		step: 365 * 24 * time.Hour / time.Duration(n),
	}
}

// chance is seeded, so that entry i is the same whenever it is made.
func chance(seed int) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(seed), 7))
}

func (h history) at(i int) time.Time {
	return h.start.Add(time.Duration(i) * h.step).Truncate(time.Microsecond)
}

func (h history) hash(i int) string {
	first := i / perTransaction * perTransaction
	return fmt.Sprintf("%012x7%015x%04x", h.at(first).UnixMilli(),
		chance(first).Uint64()>>4, first&0xffff)
}

func (h history) object(i int) string {
	r := chance(i ^ 0x5bd1e995)
	if r.IntN(100) == 0 {
		return hotObject
	}
	return strconv.Itoa(r.IntN(max(1, h.n/10)))
}

func (h history) actor(i int) string {
	r := chance(i/perTransaction ^ 0x2545f491)
	if r.IntN(5) == 0 {
		return hotActor
	}
	return "user-" + strconv.Itoa(1+r.IntN(actors-1))
}

func (h history) entry(i int) annals.Entry {
	r := chance(i)
	kind := annals.Update
	if r.IntN(10) == 0 {
		kind = annals.Insert
	}
	return annals.Entry{
		Entity: entity, Source: "app", Type: kind, ObjectID: h.object(i),
		TransactionHash: h.hash(i), Seq: int64(i + 1), SchemaVersion: annals.SchemaVersion,
		Blame: annals.Blame{
			ID: h.actor(i), User: "Ann Example", FQDN: "User", Firewall: "api", IP: "203.0.113.9",
		},
		CreatedAt: h.at(i),
		Diffs: json.RawMessage(fmt.Sprintf(
			`{"changes":{"body":{"new":"%x","old":"%x"},"price":{"new":"%d.5","old":"%d.25"},`+
				`"updated_at":{"new":"2025-06-01T00:00:00.%06dZ","old":null}},"label":"Item %d"}`,
			r.Uint64(), r.Uint64(), r.IntN(1e6), r.IntN(1e6), r.IntN(1e6), r.IntN(1e6))),
	}
}

// batch returns entries from to to, with the revisions that begin among them.
func (h history) batch(from, to int) storage.Batch {
	var b storage.Batch
	for i := from; i < to; i++ {
		e := h.entry(i)
		b.Entries = append(b.Entries, e)
		if i%perTransaction == 0 {
			b.Revisions = append(b.Revisions, annals.Revision{
				Source: "app", Hash: e.TransactionHash, Managed: true, CreatedAt: e.CreatedAt,
				Actor:  annals.Actor{ID: e.Blame.ID, Name: "Ann Example", Type: "User", Context: "api"},
				Origin: annals.Origin{IP: "203.0.113.9", UserAgent: "curl/8"},
			})
		}
	}
	return b
}
