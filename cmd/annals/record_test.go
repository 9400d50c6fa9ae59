package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// Hashes of the recorded revisions.
const (
	firstHash  = "00000000000000000000000000000001"
	secondHash = "00000000000000000000000000000002"
	thirdHash  = "00000000000000000000000000000003"
)

// record stores a small history in a storage: record DSN. What is recorded is
// hostile to terminals where it can be.
func record(ts *testscript.TestScript, _ bool, args []string) {
	write(ts, args[0], storage.Batch{Revisions: revisions(), Entries: entries()})
}

func write(ts *testscript.TestScript, dsn string, b storage.Batch) {
	ctx := context.Background()
	db, d, err := open(ctx, dsn)
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	store, err := sqlstore.New(sqlstore.Config{
		Name: "default", DB: db, Dialect: d,
		AuditTable: func(_ context.Context, entity string) (annals.Table, error) {
			return layout.AuditTable(annals.ParseTable(entity+"s"), "", "_audit", d.Limits()), nil
		},
	})
	ts.Check(err)
	ts.Check(store.Write(ctx, b))
}

// tell stores one entry of number n, a minute after the one before: tell DSN n type
// entity id diffs. An id "9>10" is a change of key. An odd number has an actor.
func tell(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	at := time.Date(2026, 3, 1, 12, n, 0, 0, time.UTC)
	e := annals.Entry{
		Entity: args[3], Source: "app", Type: annals.EntryType(args[2]), ObjectID: args[4],
		TransactionHash: fmt.Sprintf("%032x", n), Seq: int64(n), CreatedAt: at, SchemaVersion: 1,
		Diffs: json.RawMessage(args[5]),
	}
	if was, is, ok := strings.Cut(args[4], ">"); ok {
		e.PreviousObjectID, e.ObjectID = was, is
	}
	rev := annals.Revision{Source: "app", Hash: e.TransactionHash, CreatedAt: at}
	if n%2 == 1 {
		rev.Managed, rev.Actor.ID, e.Blame.ID = true, "42", "42"
	}
	write(ts, args[0], storage.Batch{
		Revisions: []annals.Revision{rev}, Entries: []annals.Entry{e},
	})
}

func revisions() []annals.Revision {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	return []annals.Revision{
		{
			Source: "app", Hash: firstHash, Managed: true, CreatedAt: at, Comment: "first\x1b[2J light",
			Actor: annals.Actor{
				ID: "42", Name: "ann", Email: "ann@example.org", Type: "User", Context: "api",
			},
			Origin: annals.Origin{IP: "192.0.2.7", UserAgent: "curl/8", RequestID: "r-1"},
		},
		{
			Source: "app", Hash: secondHash, Managed: true, CreatedAt: at.Add(time.Hour),
			Actor: annals.Actor{ID: "7", Name: "bob"},
		},
		{Source: "app", Hash: thirdHash, CreatedAt: at.Add(2 * time.Hour)},
	}
}

func entries() []annals.Entry {
	revs := revisions()
	made := func(rev int, seq int64, t annals.EntryType, entity, id, diffs string) annals.Entry {
		r := revs[rev]
		return annals.Entry{
			Entity: entity, Source: "app", Type: t, ObjectID: id, TransactionHash: r.Hash, Seq: seq,
			Diffs: json.RawMessage(diffs), CreatedAt: r.CreatedAt, SchemaVersion: 1,
			Blame: annals.Blame{
				ID: r.Actor.ID, User: r.Actor.Name, FQDN: r.Actor.Type, Firewall: r.Actor.Context,
				IP: r.Origin.IP,
			},
		}
	}
	title := func(from, to string) string {
		return `{"changes":{"title":{"new":` + to + `,"old":` + from + `}},"label":"日本語"}`
	}
	link := `{"is_owning_side":true,"join_table":"post_tag",` +
		`"subject":{"entity":"post","field":"tags","key":{"id":1},"label":"日本語","table":"posts"},` +
		`"target":{"entity":"tag","field":null,"key":{"id":3},"label":"go","table":"tags"}}`
	return []annals.Entry{
		made(0, 1, annals.Insert, "post", "1", `{"changes":{"id":{"new":1,"old":null},`+
			`"secret":{"new":{"masked":true},"old":null},`+
			`"title":{"new":"\u001b[31mred\u0007","old":null}},"label":"\u001b]0;x\u0007"}`),
		made(0, 2, annals.Insert, "tag", "3", `{"changes":{"id":{"new":3,"old":null}},"label":"go"}`),
		made(0, 3, annals.Associate, "post", "1", link),
		made(1, 4, annals.Update, "post", "1", title(`"\u001b[31mred\u0007"`, `"日本語"`)),
		made(1, 5, annals.Insert, "post", "2", title("null", `"`+strings.Repeat("long ", 60)+`"`)),
		made(2, 6, annals.Remove, "post", "2", title(`"long"`, "null")),
	}
}
