package mirror_test

import (
	"fmt"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
)

// TestForeign: on MySQL a session can set the variables by which its triggers remember
// their revision. What it puts under another connection's, or under one that is not
// there, is read as nobody's.
func TestForeign(t *testing.T) {
	t.Parallel()
	m := triggered(t, testdb.New(t, "mariadb"), shopRules(), shop...)
	session := func(statements ...string) {
		t.Helper()
		conn, err := m.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		exec(t, conn, statements...)
		exec(t, conn, "SET timestamp = DEFAULT, @annals_tx = NULL, @annals_context = NULL")
	}
	boss, err := m.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer boss.Close()
	exec(t, boss, "SET @annals_tx = 1 << 60 | CONNECTION_ID() & 16777215, "+
		"@annals_context = CONCAT(X'1F', '7', X'1F', 'ceo', REPEAT(X'1F', 8))", "INSERT INTO tags (id, name) VALUES (1, 'a')")
	all := m.find(storage.Query{Entities: []string{"tag"}})
	for i, revision := range []int64{all[0].Revision.ID, 1 << 40} {
		session("SET timestamp = UNIX_TIMESTAMP(), @annals_tx = NULL, @annals_of = NULL",
			fmt.Sprintf("SET @annals_rev = %d, @annals_at = CONCAT(UTC_TIMESTAMP(6))", revision),
			fmt.Sprintf("INSERT INTO tags (id, name) VALUES (%d, 'forged')", i+2))
	}
	session("SET timestamp = UNIX_TIMESTAMP(), @annals_tx = NULL, @annals_of = NULL", "BEGIN",
		"INSERT INTO tags (id, name) VALUES (4, 'a')", "ROLLBACK", "INSERT INTO tags (id, name) VALUES (4, 'b')")
	var got []string
	hashes := map[string]bool{}
	for _, e := range m.find(storage.Query{Entities: []string{"tag"}}) {
		got = append(got, e.ObjectID+" "+e.Blame.ID+" "+e.Revision.Actor.Name)
		hashes[e.TransactionHash] = true
	}
	same(t, "entries", got, []string{
		"1 7 ceo", "2  " + annals.Unattributed, "3  " + annals.Unattributed,
		"4  " + annals.Unattributed,
	})
	if len(hashes) != 4 {
		t.Errorf("transactions %v, want 4", hashes)
	}
	if of := m.find(storage.Query{Entities: []string{"tag"}, Actors: []string{"7"}}); len(of) != 1 {
		t.Errorf("the actor has %d entries, want 1", len(of))
	}
}
