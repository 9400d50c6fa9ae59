package notice_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals/dialect"
)

// failing are statements that every database refuses, or most do.
func failing() map[string]func(tx *gorm.DB) *gorm.DB {
	return map[string]func(tx *gorm.DB) *gorm.DB{
		"unique":        func(tx *gorm.DB) *gorm.DB { return tx.Create(&Team{Name: "red"}) },
		"primary key":   func(tx *gorm.DB) *gorm.DB { return tx.Create(&Coin{ID: "a"}) },
		"unique, batch": func(tx *gorm.DB) *gorm.DB { return tx.Create(&[]Badge{{Name: "x"}, {Name: "x"}}) },
		"unique, update": func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Team{}).Where("name = ?", "blue").Update("name", "red")
		},
		"foreign key": func(tx *gorm.DB) *gorm.DB {
			return tx.Create(&Member{Name: text("x"), TeamID: id(9999)})
		},
		"foreign key, update": func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Member{}).Where("1 = 1").Update("team_id", 9999)
		},
		"foreign key, delete": func(tx *gorm.DB) *gorm.DB {
			return tx.Where("name = ?", "red").Delete(&Team{})
		},
		"not null":         func(tx *gorm.DB) *gorm.DB { return tx.Create(&Member{}) },
		"not null, update": func(tx *gorm.DB) *gorm.DB { return tx.Model(&Team{ID: 1}).Update("name", nil) },
		"check":            func(tx *gorm.DB) *gorm.DB { return tx.Create(&Member{Name: text("x"), Score: -1}) },
		"check, update": func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Member{}).Where("1 = 1").Update("score", -1)
		},
		"too long": func(tx *gorm.DB) *gorm.DB {
			return tx.Create(&Member{Name: text("more than ten characters")})
		},
		"too long, update": func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Member{}).Where("1 = 1").Update("name", "more than ten characters")
		},
		"too long, upsert": func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(clause.OnConflict{UpdateAll: true}).
				Create(&Coin{ID: "more than twenty characters"})
		},
		"unknown column, update": func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Coin{}).Where("nothing = ?", 1).Update("size", 1)
		},
		"unknown column, set": func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Coin{}).Where("id = ?", "a").Update("nothing", 1)
		},
		"unknown column, delete": func(tx *gorm.DB) *gorm.DB {
			return tx.Where("nothing = ?", 1).Delete(&Coin{})
		},
		"bad type": func(tx *gorm.DB) *gorm.DB {
			return tx.Where("id = ?", "x").Delete(&Team{})
		},
		"division by zero": func(tx *gorm.DB) *gorm.DB {
			return tx.Where("size / 0 = 1").Delete(&Coin{})
		},
		"no such table": func(tx *gorm.DB) *gorm.DB {
			return tx.Table("nowhere").Where("id = 1").Update("x", 1)
		},
		"bad upsert target": func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "size"}}, DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(&Coin{ID: "z"})
		},
		"invalid model": func(tx *gorm.DB) *gorm.DB { return tx.Create(7) },
	}
}

func failures() []act {
	return []act{
		{name: "failing statements", refused: true, do: func(p *program) {
			cases := failing()
			for _, name := range sorted(cases) {
				p.note(name)
				p.see(cases[name](p.db))
			}
		}},
		{name: "failing statements in transactions", refused: true, do: func(p *program) {
			cases := failing()
			for _, name := range sorted(cases) {
				p.note(name)
				p.within(func(tx *gorm.DB) error {
					p.see(tx.Create(&Coin{ID: "before"}))
					p.err(tx.Transaction(func(in *gorm.DB) error { return cases[name](in).Error }))
					p.see(tx.Create(&Coin{ID: "after"}))
					return errStop
				})
			}
		}},
		{name: "bad SQL", refused: true, do: func(p *program) {
			if p.sql.Dialect == dialect.MySQLName {
				p.words(p.db.Where("id = = ?", 1).Delete(&Coin{}))
				return
			}
			p.see(p.db.Where("id = = ?", 1).Delete(&Coin{}))
		}},
		{name: "going on after a failure", refused: true, do: func(p *program) {
			p.within(func(tx *gorm.DB) error {
				p.see(tx.Create(&Coin{ID: "on 1"}))
				p.see(tx.Create(&Coin{ID: "a"}))
				// PostgreSQL refuses all that follows.
				p.see(tx.Create(&Coin{ID: "on 2"}))
				p.see(tx.Model(&Coin{ID: "a"}).Update("size", 3))
				p.see(tx.Where("id = ?", "on 1").Delete(&Coin{}))
				p.see(tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Coin{ID: "a"}))
				return nil
			})
		}},
	}
}
