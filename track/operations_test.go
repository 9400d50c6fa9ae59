package track_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/track"
)

func end(entity string, audited bool, operations ...annals.EntryType) track.End {
	return track.End{
		Entity: entity, Table: annals.Table{Name: entity}, Key: []string{"id"},
		Columns: []string{entity + "_id"}, Audited: audited, Operations: operations,
	}
}

// An epoch has every kept column, and links nobody; a truncate tells the entity, or
// those that a join table connects.
func TestEpochAndTruncate(t *testing.T) {
	t.Parallel()
	live := &catalog.Table{Name: annals.Table{Name: "posts"}}
	row := &annals.Image{
		Columns: []string{"id", "title", "secret", "author_id"},
		Values: []json.RawMessage{
			json.RawMessage("1"), annals.Null, json.RawMessage(`"x"`), json.RawMessage("7"),
		},
	}
	child := track.Link{Name: "author.posts", Owner: end("author", true), Target: end("post", true)}
	child.Target.Columns = []string{"id"}
	post := &track.Table{
		Live: live, Key: []string{"id"}, Links: []track.Link{child},
		Entity: &annals.Entity{Name: "post", Mask: []string{"secret"}},
	}
	join := &track.Table{Live: live, Links: []track.Link{{
		Name: "post.tags", JoinTable: "post_tag", Owner: end("post", true), Target: end("tag", true, annals.Associate),
	}, {
		Name: "post.twins", JoinTable: "post_tag", Owner: end("post", true), Target: end("twin", true),
	}}}
	const whole = `{"changes":{},"statement":{"affected":null,"operation":"truncate","sql":""}}`
	const joined = `{"changes":{},"statement":{"affected":null,"operation":"truncate","sql":"","table":"post_tag"}}`
	for name, c := range map[string]struct {
		table *track.Table
		op    annals.Operation
		want  []string
	}{
		"epoch": {post, annals.OpEpoch, []string{
			`post epoch 1 7.0 {"changes":{"author_id":{"new":7,"old":null},"id":{"new":1,"old":null},` +
				`"secret":{"new":{"masked":true},"old":null},"title":{"new":null,"old":null}}}`,
		}},
		"epoch of a link": {join, annals.OpEpoch, nil},
		"truncate":        {post, annals.OpTruncate, []string{"post truncate * 7.0 " + whole}},
		"truncate of join": {join, annals.OpTruncate, []string{
			"post truncate * 7.1 " + joined, "twin truncate * 7.3 " + joined,
		}},
		"truncate unwanted": {
			&track.Table{Live: live, Entity: &annals.Entity{Operations: []annals.EntryType{annals.Insert}}},
			annals.OpTruncate, nil,
		},
	} {
		m := annals.Mutation{Source: "app", Operation: c.op, Seq: 7}
		if c.op == annals.OpEpoch {
			m.After = row
		}
		entries, err := track.Entries(c.table, &m)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, fmt.Sprintf("%s %s %s %d.%d %s", e.Entity, e.Type, e.ObjectID, e.Seq, e.Part, e.Diffs))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}
