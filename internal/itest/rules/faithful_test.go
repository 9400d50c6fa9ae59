package rules_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

type span struct {
	ID int
	V  string `gorm:"type:spread"`
	R  string `gorm:"type:reading"`
}

// TestChangesBelowSessionDigits: a session that prints fewer digits hides no change of
// a float within a range or a composite.
func TestChangesBelowSessionDigits(t *testing.T) {
	t.Parallel()
	if !slices.Contains(testdb.Kinds(), dialect.PostgresName) {
		return // no other database has such types
	}
	db := testdb.New(t, dialect.PostgresName)
	db.SetMaxOpenConns(1)
	for _, s := range []string{
		"CREATE TYPE spread AS RANGE (subtype = float8)", "CREATE TYPE reading AS (n int, v float8)",
		"SET extra_float_digits = 0",
	} {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, db, entities(map[string]config.Entity{"span": {Table: "spans"}}), &span{})
	row := span{ID: 1, V: "[0.1,0.3]", R: "(1,0.3)"}
	err := errors.Join(
		w.db.Create(&row).Error,
		w.db.Model(&row).Update("v", "[0.1,0.30000000000000004]").Error,
		w.db.Model(&row).Update("r", "(1,0.30000000000000004)").Error,
		w.db.Model(&row).Update("r", "(1,0.30000000000000004)").Error,
	)
	if err != nil {
		t.Fatal(err)
	}
	stored := w.stored("spans")
	if len(stored) != 3 || !strings.Contains(stored[1].diffs, `"[0.1,0.30000000000000004]"`) ||
		!strings.Contains(stored[2].diffs, `"(1,0.30000000000000004)"`) {
		t.Errorf("stored %v", stored)
	}
}

type tome struct {
	ID int
	V  string `gorm:"type:LONGTEXT CHARACTER SET latin1"`
	N  int
}

// TestLongTexts: a text whose UTF-8 form is over max_allowed_packet is no null: its
// change is over the limit of an entry, and one of another column is recorded.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"mariadb", "mysql"} {
		if !slices.Contains(testdb.Kinds(), kind) {
			continue
		}
		db := testdb.New(t, kind)
		cfg := entities(map[string]config.Entity{"tome": {Table: "tomes"}})
		w := newWorld(t, db, cfg, &tome{})
		_, err := db.ExecContext(t.Context(),
			"INSERT INTO tomes (id, v, n) VALUES (1, repeat(_latin1 x'E9', @@max_allowed_packet / 2 + 1024), 0)")
		if err != nil {
			t.Fatal(err)
		}
		other := gorm.Expr("repeat(_latin1 x'E8', @@max_allowed_packet / 2 + 1024)")
		if err := w.db.Model(&tome{ID: 1}).Update("v", other).Error; !errors.Is(err, annals.ErrEntryTooLarge) {
			t.Errorf("%s: change of the text: %v", kind, err)
		}
		if err := w.db.Model(&tome{ID: 1}).Update("n", 1).Error; err != nil {
			t.Errorf("%s: change of a number: %v", kind, err)
		}
		stored := w.stored("tomes")
		if len(stored) != 1 || !strings.Contains(stored[0].diffs, `"n"`) || strings.Contains(stored[0].diffs, `"v"`) {
			t.Errorf("%s: stored %v", kind, stored)
		}
	}
}
