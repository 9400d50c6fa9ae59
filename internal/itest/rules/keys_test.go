package rules_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

type longKeyed struct {
	ID string `gorm:"primaryKey;size:400"`
	V  int
}

// TestDigestKeys: a key that reads like the digest of a long one is another object.
func TestDigestKeys(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, entities(map[string]config.Entity{"long": {Table: "long_keyeds"}}), &longKeyed{})
		long := strings.Repeat("x", annals.MaxObjectID+1)
		digest := annals.ObjectID([]byte(`"` + long + `"`))
		rows := []longKeyed{{ID: long}, {ID: digest}}
		if err := w.db.Create(&rows).Error; err != nil {
			t.Fatal(err)
		}
		if err := w.db.Model(&rows[1]).Update("v", 2).Error; err != nil {
			t.Fatal(err)
		}
		stored := w.stored("long_keyeds")
		if len(stored) != 3 || stored[0].object != digest || stored[1].object == digest ||
			stored[2].object != stored[1].object {
			t.Fatalf("stored %v", stored)
		}
		for _, r := range stored {
			if !strings.Contains(r.diffs, `"key"`) {
				t.Errorf("the entry of %s lacks the whole key: %s", r.object, r.diffs)
			}
		}
	})
}

type blobKeyed struct {
	ID string `gorm:"primaryKey;type:blob"`
	V  int
}

// TestMixedKeys: keys that would share an object id are refused: by the column where
// it takes any type, by the value where it is declared BLOB.
func TestMixedKeys(t *testing.T) {
	t.Parallel()
	db := testdb.New(t, dialect.SQLiteName)
	cfg := entities(map[string]config.Entity{"blob": {Table: "blob_keyeds"}})
	w := newWorld(t, db, cfg, &blobKeyed{})
	for _, id := range []string{"1", "-1.5", "null", `{"base64":"MQ=="}`, `"x"`} {
		err := w.db.Create(&blobKeyed{ID: id}).Error
		if !errors.Is(err, annals.ErrCapture) || !strings.Contains(err.Error(), "declare") {
			t.Errorf("key %s: %v", id, err)
		}
	}
	for _, id := range []string{"a", "1b", "550e8400-e29b-41d4-a716-446655440000"} {
		if err := w.db.Create(&blobKeyed{ID: id}).Error; err != nil {
			t.Errorf("key %s: %v", id, err)
		}
	}
	var ids []string
	for _, r := range w.stored("blob_keyeds") {
		ids = append(ids, r.object)
	}
	if want := []string{"a", "1b", "550e8400-e29b-41d4-a716-446655440000"}; !slices.Equal(ids, want) {
		t.Errorf("stored %v, want %v", ids, want)
	}
	for _, declared := range []string{
		"loose (id PRIMARY KEY, v int)", "loose (id ANY PRIMARY KEY, v int) STRICT",
	} {
		db := testdb.New(t, dialect.SQLiteName)
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE "+declared); err != nil {
			t.Fatal(err)
		}
		aud := newAuditor(t, db, entities(map[string]config.Entity{"loose": {}}))
		_, err := aud.Schema(t.Context(), nil)
		if !errors.Is(err, annals.ErrConfig) || !strings.Contains(err.Error(), "without a type") {
			t.Errorf("%s: %v", declared, err)
		}
	}
}
