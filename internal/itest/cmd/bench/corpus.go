package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/seed-162b1470/annals"
)

// How the entries to read among are spread over their entities, actors, objects,
// types and fields.
const (
	manyEntities = 200
	manyActors   = 50
	// mostPerRevision is what a revision has at most, but for large ones.
	mostPerRevision = 7
	largeRevision   = 5000
	largeRevisions  = 9
	// hotHome is the entity of the hot object, not the largest one.
	hotHome = 3
	// rareActor made one revision in rareEvery.
	rareActor  = "user-rare"
	rareEvery  = 25_000
	plainField = "price"
	// rareField changed once in rareFieldEvery entries.
	rareField      = "vat_number"
	rareFieldEvery = 20_000
	// rareType is that of three in 100,000 entries.
	rareType = annals.Truncate
)

// corpus makes the entries to read among, the same for every database: a year of
// them in the order of time, a quarter of them of one entity, the others' shares as
// 1, 1/2, 1/3, … A revision has one to seven of them, of any entities, nine have
// 5,000.
type corpus struct {
	history
	// firsts are the numbers of the first entries of the revisions, large the
	// numbers of the large revisions.
	firsts, large []int
	// shares are the entities' shares of the entries, added up.
	shares []float64
}

func newCorpus(n int) *corpus {
	c := &corpus{history: newHistory(n)}
	big := min(largeRevision, max(1, n/100))
	next := n / (largeRevisions + 1)
	for at := 0; at < n; {
		size := 1 + chance(at).IntN(mostPerRevision)
		if at >= next {
			size, next = big, next+n/(largeRevisions+1)
			c.large = append(c.large, len(c.firsts))
		}
		c.firsts = append(c.firsts, at)
		at += size
	}
	c.shares = []float64{0.25}
	total := 0.0
	for k := 1; k < manyEntities; k++ {
		total += 1 / float64(k)
	}
	for k := 1; k < manyEntities; k++ {
		c.shares = append(c.shares, c.shares[k-1]+0.75/float64(k)/total)
	}
	return c
}

// entityName is the name of an entity, from 0, the one with the most entries.
func entityName(k int) string { return fmt.Sprintf("e%03d", k) }

// end is the number of the entry behind revision j.
func (c *corpus) end(j int) int {
	if j+1 < len(c.firsts) {
		return c.firsts[j+1]
	}
	return c.n
}

func (c *corpus) hash(j int) string {
	first := c.firsts[j]
	return fmt.Sprintf("%012x7%015x%04x", c.at(first).UnixMilli(),
		chance(first).Uint64()>>4, first&0xffff)
}

func (c *corpus) actor(j int) string {
	if j%rareEvery == rareEvery/2 || len(c.firsts) < rareEvery && j == 0 {
		return rareActor
	}
	r := chance(j ^ 0x2545f491)
	if r.IntN(5) == 0 {
		return hotActor
	}
	return "user-" + strconv.Itoa(1+r.IntN(manyActors-1))
}

// object returns the entity and the object of entry i.
func (c *corpus) object(i int) (int, string) {
	r := chance(i ^ 0x5bd1e995)
	if r.IntN(100) == 0 {
		return hotHome, hotObject
	}
	return c.draw(r)
}

// draw chooses one of the objects that have about ten entries.
func (c *corpus) draw(r *rand.Rand) (int, string) {
	k, _ := slices.BinarySearch(c.shares, r.Float64())
	k = min(k, manyEntities-1)
	share := c.shares[k]
	if k > 0 {
		share -= c.shares[k-1]
	}
	return k, strconv.Itoa(r.IntN(max(1, int(share*float64(c.n)/10))))
}

func (c *corpus) kind(r *rand.Rand) annals.EntryType {
	switch at := r.IntN(100_000); {
	case at < 3:
		return rareType
	case at < 5_000:
		return annals.Remove
	case at < 15_000:
		return annals.Insert
	}
	return annals.Update
}

// entry makes entry i, of revision j, without its entity.
func (c *corpus) entry(i, j int) (int, annals.Entry) {
	r := chance(i)
	home, object := c.object(i)
	rare := ""
	if i%rareFieldEvery == rareFieldEvery/2 {
		rare = fmt.Sprintf(`,%q:{"new":"DE%d","old":null}`, rareField, i)
	}
	// One in three changes the common field.
	plain := ""
	if r.IntN(3) == 0 {
		plain = fmt.Sprintf(`%q:{"new":"%d.5","old":"%d.25"},`, plainField, r.IntN(1e6), r.IntN(1e6))
	}
	return home, annals.Entry{
		Source: "app", Type: c.kind(r), ObjectID: object, TransactionHash: c.hash(j),
		Seq: int64(i + 1), SchemaVersion: annals.SchemaVersion,
		Blame: annals.Blame{
			ID: c.actor(j), User: "Ann Example", FQDN: "User", Firewall: "api", IP: "203.0.113.9",
		},
		CreatedAt: c.at(i),
		Diffs: []byte(fmt.Sprintf(
			`{"changes":{"body":{"new":"%x","old":"%x"},%s`+
				`"updated_at":{"new":"2025-06-01T00:00:00.%06dZ","old":null}%s},"label":"Item %d"}`,
			r.Uint64(), r.Uint64(), plain, r.IntN(1e6), rare, r.IntN(1e6))),
	}
}

// time is when revision j began.
func (c *corpus) time(j int) time.Time { return c.at(c.firsts[j]) }
