package gorm_test

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals/dialect"
)

func threeAuthors() []any {
	return []any{Author{Name: "a"}, Author{Name: "b", Email: text("b@x")}, Author{Name: "c"}}
}

// TestUpdate covers the ways to change rows.
func TestUpdate(t *testing.T) {
	play(t, gorm.Config{}, append(updateByModel(), updateByCondition()...))
}

func updateByModel() []scene {
	return []scene{
		{
			name: "Save of a loaded row",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				var a Author
				db.First(&a, 2)
				a.Name, a.Email = "B", nil
				return see(db.Save(&a), a)
			},
			want: []string{`update author 2: email=b@x> name=b>B`},
		},
		{
			name: "Save of what is not there inserts",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				a := Author{ID: 9, Name: "new"}
				return see(db.Save(&a), a)
			},
			want: []string{`insert author 9: id=>9 name=>new`},
		},
		{
			name: "Save without change",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				var a Author
				db.First(&a, 2)
				return see(db.Save(&a), a)
			},
		},
		{
			name: "Save of a slice",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				as := []Author{{ID: 1, Name: "A"}, {ID: 2, Name: "b", Email: text("b@x")}, {Name: "d"}}
				return see(db.Save(&as), as)
			},
			want: []string{`update author 1: name=a>A`, `insert author 4: id=>4 name=>d`},
		},
		{
			name: "Update of one column",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				a := Author{ID: 1}
				return see(db.Model(&a).Update("name", "A"), a)
			},
			want: []string{`update author 1: name=a>A`},
		},
		{
			name: "Updates by struct leaves zero values alone",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				a := Author{ID: 2}
				return see(db.Model(&a).Updates(Author{Name: "B"}), a)
			},
			want: []string{`update author 2: name=b>B`},
		},
		{
			name: "Updates by map sets null",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				a := Author{ID: 2}
				return see(db.Model(&a).Updates(map[string]any{"email": nil, "name": "b"}), a)
			},
			want: []string{`update author 2: email=b@x>`},
		},
		{
			name: "UpdateColumn and UpdateColumns",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				one := see(db.Model(&Author{ID: 1}).UpdateColumn("name", "A"))
				return []saw{one, see(db.Model(&Author{ID: 2}).UpdateColumns(Author{Name: "B"}))}
			},
			want:      []string{`update author 1: name=a>A`, `update author 2: name=b>B`},
			revisions: 2,
		},
		{
			name: "skipped hooks are no switch",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				return see(db.Session(&gorm.Session{SkipHooks: true}).
					Model(&Author{ID: 1}).Update("name", "A"))
			},
			want: []string{`update author 1: name=a>A`},
		},
		{
			name: "ignored column alone",
			seed: []any{Post{Title: "t", Note: "n"}},
			do: func(db *gorm.DB) any {
				return see(db.Model(&Post{ID: 1}).Update("note", "other"))
			},
		},
		{
			name: "masked column",
			seed: []any{Post{Title: "t", Secret: "one"}},
			do: func(db *gorm.DB) any {
				same := see(db.Model(&Post{ID: 1}).Update("secret", "one"))
				return []saw{same, see(db.Model(&Post{ID: 1}).Update("secret", "two"))}
			},
			want: []string{`update post 1: secret=***>***`},
		},
		{
			name: "row that is not there",
			do: func(db *gorm.DB) any {
				return see(db.Model(&Author{ID: 7}).Update("name", "A"))
			},
		},
		{
			name: "column that is not there",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				return db.Model(&Author{ID: 1}).Update("nonsense", "A").Error != nil
			},
		},
		{
			name: "embedded",
			seed: []any{Person{Name: "p", Home: Address{"s", "c"}}},
			do: func(db *gorm.DB) any {
				return see(db.Model(&Person{ID: 1}).Updates(Person{Home: Address{City: "d"}}))
			},
			want: []string{`update person 1: home_city=c>d`},
		},
	}
}

func updateByCondition() []scene {
	return []scene{
		{
			name: "condition over many rows",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				return see(db.Model(&Author{}).Where("name IN ?", []string{"a", "b"}).
					Update("name", "b"))
			},
			want: []string{`update author 1: name=a>b`},
		},
		{
			name: "expression",
			seed: []any{Post{Title: "p", Views: 1}, Post{Title: "q", Views: 5}},
			do: func(db *gorm.DB) any {
				p := Post{ID: 1}
				one := see(db.Model(&p).Update("views", gorm.Expr("views * ? + views", 2)))
				return []saw{one, see(db.Model(&Post{}).Where("views > ?", 2).
					Update("views", gorm.Expr("views + 1")))}
			},
			want: []string{
				`update post 1: views=1>3`, `update post 1: views=3>4`, `update post 2: views=5>6`,
			},
			revisions: 2, loose: true,
		},
		{
			name: "sub-query in the condition",
			seed: []any{
				Author{Name: "a"}, Post{Title: "p", AuthorID: id(1)}, Post{Title: "q"},
			},
			do: func(db *gorm.DB) any {
				return see(db.Model(&Post{}).Where("author_id IN (?)",
					db.Model(&Author{}).Select("id").Where("name = ?", "a")).Update("title", "P"))
			},
			want: []string{`update post 1: title=p>P`},
		},
		{
			name: "all rows, allowed and not",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				no := see(db.Model(&Author{}).Update("name", "x"))
				return []saw{no, see(db.Session(&gorm.Session{AllowGlobalUpdate: true}).
					Model(&Author{}).Update("name", "x"))}
			},
			want: []string{
				`update author 1: name=a>x`, `update author 2: name=b>x`, `update author 3: name=c>x`,
			},
			loose: true,
		},
		{
			name: "table without model",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				return see(db.Table("authors").Where("id = ?", 3).
					Updates(map[string]any{"name": "C"}))
			},
			want: []string{`update author 3: name=c>C`},
		},
		{
			name: "condition on what is changed",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				return see(db.Model(&Author{}).Where("name = ?", "a").Update("name", "z"))
			},
			want: []string{`update author 1: name=a>z`},
		},
		{
			name: "scopes and a slice as model",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				as := []Author{{ID: 1}, {ID: 3}}
				scoped := db.Scopes(func(d *gorm.DB) *gorm.DB { return d.Where("name <> ?", "c") })
				return see(scoped.Model(&as).Update("name", "n"))
			},
			want: []string{`update author 1: name=a>n`},
		},
		{
			name: "returning into a slice and a struct",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				if db.Dialector.Name() == dialect.MySQLName {
					return nil // MariaDB has no UPDATE … RETURNING
				}
				var many []Author
				one := see(db.Model(&many).Clauses(clause.Returning{}).Where("id < ?", 3).
					Update("name", "r"))
				var a Author
				return []any{one, len(many), see(db.Model(&a).Clauses(clause.Returning{
					Columns: []clause.Column{{Name: "name"}},
				}).Where("id > ?", 1).Update("email", nil), a)}
			},
			want: []string{
				`update author 1: name=a>r`, `update author 2: name=b>r`, `update author 2: email=b@x>`,
			},
			on:    map[string][]string{dialect.MySQLName: nil},
			loose: true, revisions: 2,
		},
		{
			name: "order and limit, where the database has them",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				if db.Dialector.Name() != dialect.MySQLName {
					return nil
				}
				return see(db.Model(&Author{}).Where("id > 0").Order("id DESC").Limit(1).
					Update("name", "last"))
			},
			on: map[string][]string{dialect.MySQLName: {`update author 3: name=c>last`}},
		},
	}
}

// TestKeyChange covers updates that set keys.
func TestKeyChange(t *testing.T) {
	stocks := []any{Stock{"w", "a", 1}, Stock{"w", "b", 2}}
	play(t, gorm.Config{}, []scene{
		{
			name: "literal",
			seed: []any{Doc{ID: "old", Body: "x"}},
			do: func(db *gorm.DB) any {
				return see(db.Model(&Doc{}).Where("id = ?", "old").
					Updates(map[string]any{"id": "new", "body": "y"}))
			},
			want: []string{`update doc new<-old: body=x>y id=old>new`},
		},
		{
			name: "expression over rows",
			seed: []any{Author{Name: "a"}, Author{Name: "b"}},
			do: func(db *gorm.DB) any {
				return see(db.Model(&Author{}).Where("id > 0").
					Update("id", gorm.Expr("id + 10")))
			},
			want:  []string{`update author 11<-1: id=1>11`, `update author 12<-2: id=2>12`},
			loose: true,
		},
		{
			name: "part of a composite key",
			seed: stocks,
			do: func(db *gorm.DB) any {
				return see(db.Model(&Stock{}).Where("sku = ?", "b").
					Updates(map[string]any{"sku": "c", "quantity": 3}))
			},
			want: []string{`update stock ["w","c"]<-["w","b"]: quantity=2>3 sku=b>c`},
		},
		{
			name: "part of a composite key over rows",
			seed: stocks,
			do: func(db *gorm.DB) any {
				return see(db.Model(&Stock{}).Where("warehouse = ?", "w").Update("warehouse", "v"))
			},
			want: []string{
				`update stock ["v","a"]<-["w","a"]: warehouse=w>v`,
				`update stock ["v","b"]<-["w","b"]: warehouse=w>v`,
			},
			loose: true,
		},
		{
			name: "key set to what it was",
			seed: stocks,
			do: func(db *gorm.DB) any {
				return see(db.Model(&Stock{}).Where("sku = ?", "b").
					Updates(Stock{Warehouse: "w", SKU: "b", Quantity: 5}))
			},
			want: []string{`update stock ["w","b"]: quantity=2>5`},
		},
	})
}
