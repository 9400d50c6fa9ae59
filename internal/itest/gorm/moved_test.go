package gorm_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// twoCodes seeds a table of codes.
func twoCodes(db *gorm.DB) error {
	return db.Table("codes").Create([]map[string]any{
		{"id": "a", "code": "x", "v": 1}, {"id": "b", "code": "y", "v": 2},
	}).Error
}

// TestKeyUpdateThatDoesNotHappen has updates of a key that the database leaves
// undone or does otherwise than was to be expected.
func TestKeyUpdateThatDoesNotHappen(t *testing.T) {
	ddl := []string{"CREATE TABLE codes (id varchar(20) PRIMARY KEY, code varchar(20), v int)"}
	audited := []string{"codes"}
	playOwn(t, []ownTables{
		{
			name: "ignored, because another row has the key", ddl: ddl, audited: audited,
			on: []string{dialect.MySQLName, dialect.SQLiteName}, seed: twoCodes,
			do: func(_ *testing.T, db *gorm.DB) any {
				modifier := "OR IGNORE"
				if db.Name() == dialect.MySQLName {
					modifier = "IGNORE"
				}
				ignore := clause.Update{Modifier: modifier}
				return []saw{
					see(db.Table("codes").Clauses(ignore).Where("id = 'a'").Update("id", "b")),
					see(db.Table("codes").Clauses(ignore).Where("id = 'a'").Update("id", "c")),
				}
			},
			want: []string{`update codes c<-a: id=a>c`},
		},
		{
			name: "a trigger keeps the key", ddl: ddl, audited: audited, seed: twoCodes,
			on: []string{dialect.PostgresName},
			special: map[string][]string{dialect.PostgresName: {
				`CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN NEW.id := OLD.id; RETURN NEW; END $$`,
				`CREATE TRIGGER keep BEFORE UPDATE ON codes FOR EACH ROW EXECUTE FUNCTION keep()`,
			}},
			do: func(_ *testing.T, db *gorm.DB) any {
				return []saw{
					see(db.Table("codes").Where("id = 'a'").Updates(map[string]any{"id": "b", "v": 9})),
					see(db.Table("codes").Where("id = 'a'").Update("id", "c")),
				}
			},
			want: []string{`update codes a: v=1>9`},
		},
		{
			name: "keys that move up by one", audited: audited,
			ddl: []string{"CREATE TABLE codes (id int PRIMARY KEY, v int)"},
			seed: func(db *gorm.DB) error {
				return db.Table("codes").Create([]map[string]any{{"id": 5, "v": 1}, {"id": 7, "v": 2}}).Error
			},
			do: func(_ *testing.T, db *gorm.DB) any {
				return see(db.Table("codes").Where("v > 0").Update("id", gorm.Expr("id + 1")))
			},
			want: []string{`update codes 6<-5: id=5>6`, `update codes 8<-7: id=7>8`},
		},
		{
			name: "computed from a column that is set before it", ddl: ddl, audited: audited,
			on: []string{dialect.MySQLName}, alone: true,
			seed: func(db *gorm.DB) error {
				return db.Table("codes").Create([]map[string]any{
					{"id": "a1", "code": "a", "v": 1}, {"id": "a2", "code": "z", "v": 2},
				}).Error
			},
			do: func(t *testing.T, db *gorm.DB) any {
				err := db.Table("codes").Where("id = 'a1'").Updates(map[string]any{
					"code": "b", "id": gorm.Expr("concat(code, '2')"),
				}).Error
				if !errors.Is(err, annals.ErrCapture) {
					t.Errorf("error %v, want %v", err, annals.ErrCapture)
				}
				return nil
			},
		},
	})
}

// TestDeleteThatUpdates has deletes that the database turns into updates.
func TestDeleteThatUpdates(t *testing.T) {
	ddl := []string{"CREATE TABLE notes (id int PRIMARY KEY, gone boolean)"}
	seed := func(db *gorm.DB) error {
		return db.Table("notes").Create([]map[string]any{
			{"id": 1, "gone": false}, {"id": 2, "gone": false}, {"id": 3, "gone": true},
		}).Error
	}
	do := func(_ *testing.T, db *gorm.DB) any {
		return see(db.Table("notes").Where("id <> 2").Delete(nil))
	}
	want := []string{`update notes 1: gone=false>true`}
	playOwn(t, []ownTables{
		{
			name: "by a trigger", ddl: ddl, audited: []string{"notes"}, seed: seed, do: do, want: want,
			on: []string{dialect.PostgresName},
			special: map[string][]string{dialect.PostgresName: {
				`CREATE FUNCTION hide() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN UPDATE notes SET gone = true WHERE id = OLD.id; RETURN NULL; END $$`,
				`CREATE TRIGGER hide BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION hide()`,
			}},
		},
		{
			name: "by a rule", ddl: ddl, audited: []string{"notes"}, seed: seed, do: do, want: want,
			on: []string{dialect.PostgresName},
			special: map[string][]string{dialect.PostgresName: {`CREATE RULE hide AS ON DELETE TO notes
				DO INSTEAD UPDATE notes SET gone = true WHERE id = OLD.id`}},
		},
	})
}

// TestDeleteOfJoined has deletes from one of several joined tables.
func TestDeleteOfJoined(t *testing.T) {
	joined := func(name, table, modifier string, refused bool, want ...string) ownTables {
		return ownTables{
			name: name, on: []string{dialect.MySQLName}, audited: []string{"orders"}, want: want,
			ddl: []string{
				"CREATE TABLE orders (id int PRIMARY KEY, v int)",
				"CREATE TABLE others (id int PRIMARY KEY, v int)",
			},
			seed: func(db *gorm.DB) error {
				rows := []map[string]any{{"id": 1, "v": 1}, {"id": 2, "v": 2}}
				return errors.Join(db.Table("orders").Create(rows).Error,
					db.Table("others").Create(rows).Error)
			},
			alone: refused,
			do: func(t *testing.T, db *gorm.DB) any {
				tx := db.Table(table).Clauses(clause.Delete{Modifier: modifier}).
					Where("o.id = x.id AND x.v < 2").Delete(nil)
				if refused && !errors.Is(tx.Error, annals.ErrCapture) {
					t.Errorf("error %v, want %v", tx.Error, annals.ErrCapture)
				}
				return see(tx)
			},
		}
	}
	playOwn(t, []ownTables{
		joined("joined by a condition", "orders o JOIN others x ON x.id = o.id", "o", false,
			`remove orders 1: id=1> v=1>`),
		joined("listed", "orders o, others x", "o", false, `remove orders 1: id=1> v=1>`),
		joined("the other one", "orders o, others x", "x", false),
		joined("both", "orders o, others x", "o, x", true),
	})
}
