package gorm_test

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals/dialect"
)

// TestUpsert tells inserted, updated and untouched rows apart.
func TestUpsert(t *testing.T) {
	tags := []any{Tag{Name: "en"}, Tag{Name: "fr"}}
	byName := []clause.Column{{Name: "name"}}
	byEmail := []clause.Column{{Name: "email"}}
	play(t, gorm.Config{}, []scene{
		{
			name: "do nothing, batch of old and new",
			seed: tags,
			do: func(db *gorm.DB) any {
				ts := []Tag{{Name: "en"}, {Name: "de"}, {Name: "fr"}, {Name: "it"}}
				return see(db.Clauses(clause.OnConflict{DoNothing: true}).Create(&ts))
			},
			// The numbers that a refused row uses up differ.
			want: []string{`insert tag 4: id=>4 name=>de`, `insert tag 6: id=>6 name=>it`},
			on: map[string][]string{
				dialect.MySQLName: {`insert tag 3: id=>3 name=>de`, `insert tag 4: id=>4 name=>it`},
			},
		},
		{
			name: "do nothing, nothing new",
			seed: tags,
			do: func(db *gorm.DB) any {
				return see(db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Tag{ID: 1, Name: "en"}))
			},
		},
		{
			name: "update all on the primary key: new, changed, the same",
			seed: []any{Doc{ID: "a", Body: "a", Size: 1}, Doc{ID: "b", Body: "b", Size: 2}},
			do: func(db *gorm.DB) any {
				ds := []Doc{{"b", "b", 2}, {"c", "c", 3}, {"a", "A", 1}}
				return see(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&ds), ds)
			},
			want:  []string{`insert doc c: body=>c id=>c size=>3`, `update doc a: body=a>A`},
			loose: true,
		},
		{
			name: "update on another unique key",
			seed: []any{Author{Name: "ann", Email: text("a@x")}},
			do: func(db *gorm.DB) any {
				as := []Author{
					{Name: "Ann", Email: text("a@x")}, {Name: "bob", Email: text("b@x")},
				}
				return see(db.Clauses(clause.OnConflict{
					Columns: byEmail, DoUpdates: clause.AssignmentColumns([]string{"name"}),
				}).Create(&as), as[0].ID)
			},
			want: []string{
				`update author 1: name=ann>Ann`, `insert author 3: email=>b@x id=>3 name=>bob`,
			},
			on: map[string][]string{dialect.MySQLName: {
				`update author 1: name=ann>Ann`, `insert author 2: email=>b@x id=>2 name=>bob`,
			}},
			loose: true,
		},
		{
			name: "update with an expression and a condition",
			seed: []any{Doc{ID: "a", Body: "a", Size: 1}, Doc{ID: "b", Body: "b", Size: 5}},
			do: func(db *gorm.DB) any {
				ds := []Doc{{"a", "", 1}, {"b", "", 1}}
				return see(db.Clauses(clause.OnConflict{
					Columns: []clause.Column{{Name: "id"}},
					DoUpdates: clause.Assignments(map[string]any{
						"size": gorm.Expr("docs.size + 1"),
					}),
				}).Create(&ds))
			},
			want:  []string{`update doc a: size=1>2`, `update doc b: size=5>6`},
			loose: true,
		},
		{
			name: "single upsert that inserts a row with a made key",
			seed: tags,
			do: func(db *gorm.DB) any {
				tg := Tag{Name: "es"}
				return see(db.Clauses(clause.OnConflict{
					Columns: byName, DoUpdates: clause.AssignmentColumns([]string{"name"}),
				}).Create(&tg), tg)
			},
			want: []string{`insert tag 3: id=>3 name=>es`},
		},
		{
			name: "composite key",
			seed: []any{Stock{"w", "a", 1}},
			do: func(db *gorm.DB) any {
				ss := []Stock{{"w", "a", 2}, {"w", "b", 3}}
				return see(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&ss), ss)
			},
			want: []string{
				`update stock ["w","a"]: quantity=1>2`,
				`insert stock ["w","b"]: quantity=>3 sku=>b warehouse=>w`,
			},
			loose: true,
		},
		{
			name: "the key itself is updated",
			seed: []any{Author{Name: "ann", Email: text("a@x")}},
			do: func(db *gorm.DB) any {
				a := Author{ID: 9, Name: "Ann", Email: text("a@x")}
				return see(db.Clauses(clause.OnConflict{
					Columns: byEmail, DoUpdates: clause.AssignmentColumns([]string{"id", "name"}),
				}).Create(&a))
			},
			want: []string{`update author 9<-1: id=1>9 name=ann>Ann`},
		},
		{
			name: "rows of the same transaction",
			do: func(db *gorm.DB) any {
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					tx.Create(&Doc{ID: "a", Body: "1"})
					return tx.Clauses(clause.OnConflict{UpdateAll: true}).
						Create(&[]Doc{{"a", "2", 7}, {"b", "3", 7}}).Error
				}))
			},
			want: []string{
				`insert doc a: body=>1 id=>a size=>7`, `update doc a: body=1>2`,
				`insert doc b: body=>3 id=>b size=>7`,
			},
			loose: true,
		},
		{
			name: "self-reference within one upsert",
			do: func(db *gorm.DB) any {
				ns := []Node{{ID: 1, Name: "n"}, {ID: 2, Name: "m", ParentID: id(1)}}
				return see(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&ns))
			},
			want: []string{
				`insert node 1: id=>1 name=>n`, `insert node 2: id=>2 name=>m parent_id=>1`,
				`associate node 1.children node 2`,
			},
		},
	})
}

// TestIgnoreAndReplace covers the forms of MySQL and SQLite.
func TestIgnoreAndReplace(t *testing.T) {
	docs := []any{Doc{ID: "a", Body: "a", Size: 1}}
	modifier := func(db *gorm.DB, mysql, sqlite string) *gorm.DB {
		m := sqlite
		if db.Dialector.Name() == dialect.MySQLName {
			m = mysql
		}
		return db.Clauses(clause.Insert{Modifier: m})
	}
	on := func(lines ...string) map[string][]string {
		return map[string][]string{dialect.MySQLName: lines, dialect.SQLiteName: lines}
	}
	skip := func(db *gorm.DB) bool { return db.Dialector.Name() == dialect.PostgresName }
	play(t, gorm.Config{}, []scene{
		{
			name: "ignore",
			seed: docs,
			do: func(db *gorm.DB) any {
				if skip(db) {
					return nil
				}
				ds := []Doc{{"a", "A", 1}, {"b", "b", 1}}
				return see(modifier(db, "IGNORE", "OR IGNORE").Create(&ds))
			},
			on: on(`insert doc b: body=>b id=>b size=>1`),
		},
		{
			name: "ignore, made keys",
			seed: []any{Tag{Name: "en"}},
			do: func(db *gorm.DB) any {
				if skip(db) {
					return nil
				}
				return see(modifier(db, "IGNORE", "OR IGNORE").Create(&[]Tag{{Name: "en"}, {Name: "de"}}))
			},
			on: map[string][]string{
				dialect.MySQLName:  {`insert tag 2: id=>2 name=>de`},
				dialect.SQLiteName: {`insert tag 3: id=>3 name=>de`},
			},
		},
		{
			name: "replace",
			seed: docs,
			do: func(db *gorm.DB) any {
				if db.Dialector.Name() != dialect.SQLiteName {
					return nil // GORM's MySQL dialect cannot write REPLACE
				}
				ds := []Doc{{"a", "A", 1}, {"b", "b", 1}}
				return see(modifier(db, "", "OR REPLACE").Create(&ds))
			},
			on: map[string][]string{dialect.SQLiteName: {
				`remove doc a: body=a> id=a> size=1>`, `insert doc a: body=>A id=>a size=>1`,
				`insert doc b: body=>b id=>b size=>1`,
			}},
		},
		{
			name: "replace takes the row with another unique key along",
			seed: []any{Author{Name: "ann", Email: text("a@x")}},
			do: func(db *gorm.DB) any {
				if db.Dialector.Name() != dialect.SQLiteName {
					return nil
				}
				a := Author{ID: 7, Name: "bob", Email: text("a@x")}
				return see(modifier(db, "", "OR REPLACE").Create(&a))
			},
			on: map[string][]string{dialect.SQLiteName: {
				`remove author 1: email=a@x> id=1> name=ann>`,
				`insert author 7: email=>a@x id=>7 name=>bob`,
			}},
		},
	})
}
