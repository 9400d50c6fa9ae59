package gorm_test

import (
	"testing"

	"gorm.io/gorm"
)

func text(s string) *string { return &s }

func id(n uint) *uint { return &n }

// TestCreate covers the ways to insert rows, and the kinds of keys.
func TestCreate(t *testing.T) {
	play(t, gorm.Config{}, []scene{
		{
			name: "one",
			do: func(db *gorm.DB) any {
				a := Author{Name: "ann", Email: text("ann@example.org")}
				return see(db.Create(&a), a)
			},
			want: []string{`insert author 1: email=>ann@example.org id=>1 name=>ann`},
		},
		{
			name: "zero values, masked and ignored columns",
			do: func(db *gorm.DB) any {
				p := Post{Secret: "s3cret", Note: "n0te"}
				return see(db.Create(&p), p)
			},
			want: []string{`insert post 1: id=>1 secret=>*** title=> views=>0`},
		},
		{
			name: "slice",
			do: func(db *gorm.DB) any {
				as := []Author{{Name: "a"}, {Name: "b"}, {Name: "c"}}
				return see(db.Create(&as), as)
			},
			want: []string{
				`insert author 1: id=>1 name=>a`, `insert author 2: id=>2 name=>b`,
				`insert author 3: id=>3 name=>c`,
			},
		},
		{
			name: "slice of pointers",
			do: func(db *gorm.DB) any {
				as := []*Author{{Name: "a"}, {Name: "b"}}
				return see(db.Create(as), as)
			},
			want: []string{`insert author 1: id=>1 name=>a`, `insert author 2: id=>2 name=>b`},
		},
		{
			name: "in batches, one revision",
			do: func(db *gorm.DB) any {
				as := []Author{{Name: "a"}, {Name: "b"}, {Name: "c"}}
				return see(db.CreateInBatches(&as, 2), as)
			},
			want: []string{
				`insert author 1: id=>1 name=>a`, `insert author 2: id=>2 name=>b`,
				`insert author 3: id=>3 name=>c`,
			},
		},
		{
			name: "map with a model",
			do: func(db *gorm.DB) any {
				return see(db.Model(&Author{}).Create(map[string]any{"name": "m"}))
			},
			want: []string{`insert author 1: id=>1 name=>m`},
		},
		{
			name: "maps with a model, over whose keys GORM stumbles: rolled back",
			do: func(db *gorm.DB) any {
				return see(db.Model(&Author{}).Create([]map[string]any{{"name": "m"}, {"name": "n"}}))
			},
		},
		{
			name: "maps with a model, committed nevertheless",
			do: func(db *gorm.DB) any {
				return seeErr(db.Transaction(func(tx *gorm.DB) error {
					_ = tx.Model(&Author{}).Create([]map[string]any{{"name": "m"}, {"name": "n"}})
					return nil
				}))
			},
			want: []string{`insert author 1: id=>1 name=>m`, `insert author 2: id=>2 name=>n`},
		},
		{
			name: "map, table without model",
			do: func(db *gorm.DB) any {
				return see(db.Table("authors").Create(map[string]any{"name": "m"}))
			},
			want: []string{`insert author 1: id=>1 name=>m`},
		},
		{
			name: "struct of another type by table",
			do: func(db *gorm.DB) any {
				row := struct {
					ID   uint
					Name string
				}{Name: "s"}
				return see(db.Table("authors").Create(&row), row)
			},
			want: []string{`insert author 1: id=>1 name=>s`},
		},
		{
			name: "client-side key, value from the database's default",
			do: func(db *gorm.DB) any {
				d := Doc{ID: "d-1", Body: "x"}
				return see(db.Create(&d), d)
			},
			want: []string{`insert doc d-1: body=>x id=>d-1 size=>7`},
		},
		{
			name: "composite keys",
			do: func(db *gorm.DB) any {
				ss := []Stock{{"w2", "b", 1}, {"w1", "a", 2}}
				return see(db.Create(&ss), ss)
			},
			want: []string{
				`insert stock ["w2","b"]: quantity=>1 sku=>b warehouse=>w2`,
				`insert stock ["w1","a"]: quantity=>2 sku=>a warehouse=>w1`,
			},
		},
		{
			name: "embedded struct",
			do: func(db *gorm.DB) any {
				p := Person{Name: "p", Home: Address{"s", "c"}}
				return see(db.Create(&p), p)
			},
			want: []string{`insert person 1: home_city=>c home_street=>s id=>1 name=>p`},
		},
		{
			name: "chosen columns",
			do: func(db *gorm.DB) any {
				a := Author{Name: "ann", Email: text("x")}
				return see(db.Select("Name").Create(&a), a)
			},
			want: []string{`insert author 1: id=>1 name=>ann`},
		},
		{
			name: "expression",
			do: func(db *gorm.DB) any {
				return see(db.Model(&Author{}).Create(map[string]any{
					"name": gorm.Expr("UPPER(?)", "ann"),
				}))
			},
			want: []string{`insert author 1: id=>1 name=>ANN`},
		},
		{
			name: "not audited",
			do: func(db *gorm.DB) any {
				b := Bare{Name: "b"}
				return see(db.Create(&b), b)
			},
		},
		{
			name: "duplicate key",
			seed: []any{Author{Name: "a", Email: text("e")}},
			do: func(db *gorm.DB) any {
				a := Author{Name: "b", Email: text("e")}
				return see(db.Create(&a), a.Name)
			},
		},
		{
			name: "FirstOrCreate creates, then finds",
			do: func(db *gorm.DB) any {
				var a, b Author
				one := see(db.FirstOrCreate(&a, Author{Name: "f"}), &a)
				return []saw{one, see(db.FirstOrCreate(&b, Author{Name: "f"}), &b)}
			},
			want: []string{`insert author 1: id=>1 name=>f`},
		},
		{
			name: "FirstOrCreate with Assign updates",
			seed: []any{Author{Name: "f"}},
			do: func(db *gorm.DB) any {
				var a Author
				return see(db.Where(Author{Name: "f"}).Assign(Author{Email: text("e")}).
					FirstOrCreate(&a), &a)
			},
			want: []string{`update author 1: email=>e`},
		},
		{
			name: "dry run and ToSQL",
			do: func(db *gorm.DB) any {
				sql := db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Create(&Author{Name: "x"}) })
				return see(db.Session(&gorm.Session{DryRun: true}).Create(&Author{Name: "y"}), sql)
			},
		},
	})
}

// TestDatabaseKeys covers keys that the database makes and that are no numbers.
func TestDatabaseKeys(t *testing.T) {
	t.Parallel()
	eachPair(t, gorm.Config{}, func(t *testing.T, audited, bare *world) {
		for name, do := range map[string]func(db *gorm.DB) any{
			"one": func(db *gorm.DB) any {
				tk := Ticket{Name: "t"}
				return see(db.Create(&tk), tk.Name)
			},
			"slice": func(db *gorm.DB) any {
				tks := []Ticket{{Name: "t"}, {Name: "u"}}
				return see(db.Create(&tks), tks[0].Name, tks[1].Name)
			},
			"map, no model": func(db *gorm.DB) any {
				return see(db.Table("tickets").Create(map[string]any{"id": "k", "name": "t"}))
			},
		} {
			t.Run(name, func(t *testing.T) {
				audited.tb, bare.tb = t, t
				s := scene{name: name, do: do}
				s.compare(t, audited, bare)
			})
		}
	})
}
