package auditor_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/reader"
)

// However often an entity was renamed, also in a registry that kept every name, each
// entry is shown once, under the name that is configured, and on some page.
func TestRenamedEntityShowsItsEntriesOnce(t *testing.T) {
	names := []struct {
		shown    string
		entities map[string]config.Entity
	}{
		{"post", map[string]config.Entity{"post": {Table: "posts"}}},
		{"article", map[string]config.Entity{"article": {Table: "posts"}}},
		{"posts", map[string]config.Entity{"*": {}}},
		{"post", map[string]config.Entity{"post": {Table: "posts"}, "*": {}}},
		{"", map[string]config.Entity{"other": {}}}, // no longer audited: one of its names
	}
	for _, kept := range []bool{false, true} {
		t.Run(fmt.Sprintf("names kept %t", kept), func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				exec(t, db, "CREATE TABLE posts (id INTEGER PRIMARY KEY, title VARCHAR(50))",
					"CREATE TABLE other (id INTEGER PRIMARY KEY)")
				for i, n := range names {
					aud := newAuditor(t, auditor.Config{Sources: sources(db), Entities: n.entities})
					update(t, aud)
					if i == 0 {
						storeFour(t, db)
					}
					if i == 0 && kept {
						exec(t, db, "INSERT INTO annals_audit_entity (name, source, table_name) VALUES"+
							" ('article', 'app', 'posts_audit'), ('posts', 'app', 'posts_audit')")
					}
					shownOnce(t, aud, n.shown)
					if !kept && n.shown != "" {
						revisionWhole(t, aud, n.shown)
					}
				}
			})
		})
	}
}

// storeFour stores entries of posts and their revision.
func storeFour(t *testing.T, db *testdb.DB) {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db, db.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	at := "'2026-01-02T03:04:05.000006Z'"
	if d.Name() == dialect.MySQLName {
		at = "'2026-01-02 03:04:05.000006'"
	}
	managed := map[bool]string{true: "TRUE", false: "1"}[d.Name() == dialect.PostgresName]
	exec(t, db, "INSERT INTO annals_revision (source, transaction_hash, managed, created_at) VALUES ('app', "+
		"'0123456789abcdef0123456789abcdef', "+managed+", "+at+")",
		"INSERT INTO annals_revision_entity (revision, entity, "+d.Quote("type")+", entries)"+
			" SELECT id, 'post', 'insert', 4 FROM annals_revision")
	for seq := range 4 {
		exec(t, db, fmt.Sprintf("INSERT INTO posts_audit (%s, object_id, transaction_hash, source, seq, part,"+
			" diffs, created_at, schema_version) VALUES ('insert', '1', '0123456789abcdef0123456789abcdef',"+
			" 'app', %d, 0, '{}', %s, 1)", d.Quote("type"), seq+1, at))
	}
}

// shownOnce reads all entries in pages of three, and the revision.
func shownOnce(t *testing.T, aud *auditor.Auditor, entity string) {
	t.Helper()
	var seqs []int64
	q := reader.Query{Limit: 3}
	for {
		page, err := aud.Reader().Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			seqs = append(seqs, e.Seq)
			if entity != "" && e.Entity != entity {
				t.Errorf("shown under %s instead of %s", e.Entity, entity)
			}
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	if want := []int64{4, 3, 2, 1}; !slices.Equal(seqs, want) {
		t.Errorf("%s: entries %v, want %v", entity, seqs, want)
	}
}

// revisionWhole reads the revision, whose receipts took the new name.
func revisionWhole(t *testing.T, aud *auditor.Auditor, entity string) {
	t.Helper()
	view, err := aud.Reader().Revision(t.Context(), "0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	if len(view.Entities) != 1 || len(view.Entities[0].Entries) != 4 || len(view.Unreadable) > 0 {
		t.Errorf("%s: revision %+v", entity, view)
	}
}
