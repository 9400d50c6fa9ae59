package annals_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/seed-162b1470/annals"
)

func ExampleWithActor() {
	ctx := annals.WithActor(context.Background(), annals.Actor{ID: "42", Name: "ann", Type: "User"})

	actor, ok := annals.ActorFrom(ctx)
	fmt.Println(actor.Name, ok)
	// Output: ann true
}

// A comment goes to one revision: the transaction that reserves it, if it
// commits.
func ExampleWithComment() {
	ctx := annals.WithComment(context.Background(), "price correction, ticket 1187")
	comment := annals.CommentFrom(ctx)

	first, second := new(int), new(int) // two transactions
	text, _ := comment.Reserve(first)
	fmt.Println(text)
	_, ok := comment.Reserve(second)
	fmt.Println("while it is reserved:", ok)

	comment.Free(first) // it rolled back
	_, ok = comment.Reserve(second)
	fmt.Println("after the rollback:", ok)
	// Output:
	// price correction, ticket 1187
	// while it is reserved: false
	// after the rollback: true
}

func ExampleObjectID() {
	fmt.Println(annals.ObjectID(json.RawMessage(`42`)))
	fmt.Println(annals.ObjectID(json.RawMessage(`"AT-1010"`)))
	fmt.Println(annals.ObjectID(json.RawMessage(`7`), json.RawMessage(`"de"`)))
	// Output:
	// 42
	// AT-1010
	// [7,"de"]
}

func ExampleParseTable() {
	table := annals.ParseTable(`"odd.schema".orders`)
	fmt.Println(table.Schema, "and", table.Name)
	fmt.Println(table)
	// Output:
	// odd.schema and orders
	// "odd.schema".orders
}
