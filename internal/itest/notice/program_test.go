package notice_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals/dialect"
)

// program is one run of the script: what it saw, in order, and apart what a
// database may force to differ, by name.
type program struct {
	*world
	db     *gorm.DB
	mu     sync.Mutex
	log    []string
	forced map[string]string
}

// act is a part of the program.
type act struct {
	name string
	do   func(p *program)
	// loose acts send their statements in any order: they have goroutines.
	loose bool
	// refused acts have statements that the database refuses: those whose rows
	// annals reads beforehand are not sent, for the reading was refused already.
	refused bool
	// narrowed acts have statements that annals sends with the keys of the rows
	// that it read, for their condition might choose others when asked again.
	narrowed bool
}

// see notes the end of a statement: its count, its error and what the caller
// holds afterwards.
func (p *program) see(tx *gorm.DB, values ...any) {
	p.note(fmt.Sprintf("%d rows", tx.RowsAffected))
	p.err(tx.Error)
	p.values(values...)
}

// words notes a refusal whose text the database may force to differ.
func (p *program) words(tx *gorm.DB) {
	p.note(fmt.Sprint(tx.RowsAffected, " rows, error ", chain(tx.Error)))
	p.forced["words of a refusal"] += p.clean(tx.Error.Error()) + "\n"
}

// err notes an error: the types of the whole chain, and the text.
func (p *program) err(err error) {
	if err == nil {
		return
	}
	p.note("error " + chain(err) + ": " + p.clean(err.Error()))
}

// clean takes the name of the database out.
func (p *program) clean(text string) string {
	if p.sql.Dialect != dialect.MySQLName {
		return text
	}
	return strings.ReplaceAll(text, p.name, "DB")
}

// chain leaves out whether the driver had prepared the statement already.
func chain(err error) string {
	name := reflect.TypeOf(err).String()
	if name == "*pgconn.PrepareError" {
		return chain(errors.Unwrap(err))
	}
	if next := errors.Unwrap(err); next != nil {
		name += " of " + chain(next)
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range all.Unwrap() {
			name += " of " + chain(e)
		}
	}
	return name
}

func (p *program) values(values ...any) {
	for _, v := range values {
		p.note("holds " + deep(reflect.ValueOf(v)))
	}
}

func (p *program) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, line)
}

// deep prints a value with its types, through pointers, telling nil from empty.
func deep(v reflect.Value) string {
	if !v.IsValid() {
		return "nil"
	}
	if t, ok := v.Interface().(time.Time); ok {
		return t.UTC().Format(time.RFC3339Nano)
	}
	var parts []string
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		return "&" + deep(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				parts = append(parts, v.Type().Field(i).Name+":"+deep(v.Field(i)))
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return v.Type().String() + " nil"
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("%T %q", v.Interface(), v.Interface())
		}
		for i := range v.Len() {
			parts = append(parts, deep(v.Index(i)))
		}
	default: // maps are printed in the order of their keys
		return fmt.Sprintf("%T %v", v.Interface(), v.Interface())
	}
	return v.Type().String() + "{" + strings.Join(parts, " ") + "}"
}

// ask notes the answer of a query for one row, as the program's own.
func (p *program) ask(tx *gorm.DB, query string, args ...any) { p.note(p.answer(tx, query, args...)) }

// may notes an answer that the database forces to differ: see differences.
func (p *program) may(difference string, tx *gorm.DB, query string, args ...any) {
	p.forced[difference] += p.answer(tx, query, args...) + "\n"
}

func (p *program) answer(tx *gorm.DB, query string, args ...any) string {
	var values []map[string]any
	if err := tx.Raw(query, args...).Scan(&values).Error; err != nil {
		return query + ": " + chain(err) + " " + err.Error()
	}
	return fmt.Sprint(query, ": ", values)
}

// lastKey is how a session asks for the key that was last made for it.
var lastKey = map[string]string{
	dialect.PostgresName: "SELECT lastval() AS v",
	dialect.MySQLName:    "SELECT CAST(LAST_INSERT_ID() AS CHAR) AS v",
	dialect.SQLiteName:   "SELECT last_insert_rowid() AS v",
}

// last notes it.
func (p *program) last(tx *gorm.DB) { p.ask(tx, lastKey[p.sql.Dialect]) }

// within runs f in a transaction on which it may fail.
func (p *program) within(f func(tx *gorm.DB) error) {
	p.err(p.db.Transaction(f))
}

var errStop = errors.New("stop")

func creates() []act {
	return []act{
		{name: "create one", do: func(p *program) {
			team := Team{Name: "red"}
			p.see(p.db.Create(&team), team)
			m := Member{Name: text("ann"), TeamID: id(team.ID)}
			p.see(p.db.Create(&m), m)
			c := Coin{ID: "a"}
			p.see(p.db.Create(&c), c)
			p.see(p.db.Select("ID", "Name").Create(&Coin{ID: "b", Name: "bb", Size: 3}))
			p.see(p.db.Create(&Plain{Name: "x"}))
		}},
		{name: "create many", do: func(p *program) {
			teams := []Team{{Name: "green"}, {Name: "blue"}, {ID: 40, Name: "forty"}}
			p.see(p.db.Create(teams[2:]), teams)
			more := teams[:2]
			p.see(p.db.Create(&more), more, teams)
			members := []*Member{{Name: text("bob"), Score: 1}, {Name: text("cy")}, {Name: text("dee")}}
			p.see(p.db.CreateInBatches(&members, 2), members)
			p.see(p.db.Create(&[]Stock{{"s", "i", 1}, {"s", "j", 2}}))
			none := []Team{}
			p.see(p.db.Create(&none), none)
		}},
		{name: "create from maps", do: func(p *program) {
			one := map[string]any{"ID": "m1", "Name": "map"}
			p.see(p.db.Model(&Coin{}).Create(one), one)
			two := []map[string]any{{"ID": "m2"}, {"ID": "m3", "Name": clause.Expr{SQL: "'x'"}}}
			p.see(p.db.Model(&Coin{}).Create(&two), two)
			named := map[string]any{"Name": "mapped"}
			p.see(p.db.Model(&Team{}).Create(&named), named)
			loose := map[string]any{"id": "t1", "name": "table", "size": 4}
			p.see(p.db.Table("coins").Create(&loose), loose)
		}},
		{name: "upserts", do: func(p *program) {
			nothing := clause.OnConflict{DoNothing: true}
			all := clause.OnConflict{UpdateAll: true}
			badge := Badge{Name: "gold"}
			p.see(p.db.Clauses(nothing).Create(&badge), badge)
			again := Badge{Name: "gold"}
			p.see(p.db.Clauses(nothing).Create(&again), again)
			some := []Badge{{Name: "gold"}, {Name: "iron"}}
			p.see(p.db.Clauses(nothing).Create(&some), len(some))
			coins := []Coin{{"a", "A", 1}, {"u1", "u", 2}}
			p.see(p.db.Clauses(all).Create(&coins), coins)
			p.see(p.db.Clauses(all).Create(&coins), coins)
			by := clause.OnConflict{
				Columns:   []clause.Column{{Name: "name"}},
				DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}
			up := Badge{Name: "gold"}
			p.see(p.db.Clauses(by).Create(&up), up.Name)
			p.see(p.db.Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "shelf"}, {Name: "item"}},
				DoUpdates: clause.Assignments(map[string]any{"count": gorm.Expr("stocks.count + 5")}),
			}).Create(&Stock{"s", "i", 0}))
			p.within(func(tx *gorm.DB) error {
				p.see(tx.Clauses(nothing).Create(&[]Badge{{Name: "u1"}, {Name: "u2"}}))
				p.last(tx)
				p.see(tx.Clauses(all).Create(&Coin{ID: "u2", Size: 1}))
				p.last(tx)
				p.see(tx.Clauses(nothing).Create(&Coin{ID: "u2", Size: 1}))
				p.last(tx)
				return nil
			})
		}},
		{name: "save", do: func(p *program) {
			fresh := Team{Name: "saved"}
			p.see(p.db.Save(&fresh), fresh)
			fresh.Name = "saved 2"
			p.see(p.db.Save(&fresh), fresh)
			ghost := Coin{ID: "ghost", Name: "not there yet"}
			p.see(p.db.Save(&ghost), ghost)
			many := []Coin{{ID: "a", Name: "many"}, {ID: "s9", Name: "new"}}
			p.see(p.db.Save(&many), many)
		}},
		{name: "first or create", do: func(p *program) {
			var a, b, c Badge
			p.see(p.db.Where(Badge{Name: "tin"}).FirstOrCreate(&a), a)
			p.see(p.db.Where(Badge{Name: "tin"}).FirstOrCreate(&b), b)
			p.see(p.db.Where(Badge{Name: "tin"}).Assign(Badge{Name: "zinc"}).FirstOrCreate(&c), c)
			var d Badge
			p.see(p.db.Where(Badge{Name: "none"}).FirstOrInit(&d), d)
		}},
	}
}

func updates() []act {
	return []act{
		{name: "updates", do: func(p *program) {
			coins := p.db.Model(&Coin{})
			p.see(coins.Where("id LIKE ?", "m%").Updates(map[string]any{"name": "n", "size": 2}))
			p.see(coins.Where("id LIKE ?", "m%").Updates(map[string]any{"name": "n", "size": 2}))
			p.see(coins.Where("id = ?", "nobody").Updates(Coin{Name: "x"}))
			p.see(coins.Where("size > ?", 0).UpdateColumn("size", gorm.Expr("size * ?", 2)))
			p.see(coins.Update("size", 1)) // no condition
			m := Member{ID: 1}
			p.see(p.db.Model(&m).Updates(Member{Name: text("anna"), Score: 9}), m)
			p.see(p.db.Model(&m).Select("Score").Updates(Member{Score: 0}), m)
			p.see(p.db.Model(&m).UpdateColumns(map[string]any{"score": 3}), m)
			p.see(p.db.Model(&Stock{}).Where("shelf = ?", "s").Update("item", gorm.Expr("item || 'x'")))
			p.see(p.db.Model(&Coin{ID: "m1"}).Update("id", "m1b"))
			p.see(p.db.Where("id IN (?)", p.db.Model(&Coin{}).Select("id").Where("size = 4")).
				Find(&[]Coin{}))
		}},
		{name: "conditions that may choose others", narrowed: true, do: func(p *program) {
			some := p.db.Model(&Coin{}).Select("id").Where("size = ?", 4)
			p.see(p.db.Model(&Stock{}).Where("item IN (?)", some).Update("count", 1))
			p.see(p.db.Model(&Coin{}).Where("id IN (?)", p.db.Model(&Team{}).Select("name")).
				Update("name", "never"))
			p.within(func(tx *gorm.DB) error {
				p.see(tx.Create(&[]Badge{{Name: "cond 1"}, {Name: "cond 2"}, {Name: "cond 3"}}))
				p.see(tx.Where("id > (?)", tx.Model(&Team{}).Select("min(id)")).
					Where("name LIKE ?", "cond%").Delete(&Badge{}))
				p.last(tx)
				p.see(tx.Where("id > (?)", tx.Table("nowhere").Select("min(id)")).Delete(&Badge{}))
				return errStop
			})
			if p.sql.Dialect == dialect.MySQLName {
				p.see(p.db.Model(&Coin{}).Where("size > 0").Order("id").Limit(2).Update("name", "first"))
				p.see(p.db.Where("name = ?", "first").Order("id DESC").Limit(1).Delete(&Coin{}))
			}
		}},
		{name: "updates that return", do: func(p *program) {
			var coins []Coin
			if p.sql.Dialect != dialect.MySQLName {
				p.see(p.db.Model(&coins).Clauses(clause.Returning{}).Where("id LIKE ?", "m%").
					Order("id").Update("name", "r"), len(coins))
				p.see(p.db.Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}}}).
					Where("id = ?", "m3").Delete(&coins), coins)
			}
		}},
		{name: "deletes", do: func(p *program) {
			c := Coin{ID: "m2"}
			p.see(p.db.Delete(&c), c)
			p.see(p.db.Delete(&c), c)
			p.see(p.db.Where("name = ?", "new").Delete(&Coin{}))
			p.see(p.db.Delete(&Coin{})) // no condition
			p.see(p.db.Delete(&Coin{}, []string{"t1", "u1"}))
			m := Member{ID: 2}
			p.see(p.db.Delete(&m), m) // soft
			p.see(p.db.Delete(&m), m)
			p.see(p.db.Find(&m), m)
			p.see(p.db.Unscoped().Delete(&Member{ID: 2}))
			p.see(p.db.Where("score > ?", 100).Delete(&Member{}))
			t := Team{Name: "doomed", Rooms: []Room{{Name: "r1"}, {Name: "r2"}}}
			p.see(p.db.Create(&t), t)
			p.see(p.db.Delete(&t), t)
		}},
		{name: "associations", do: func(p *program) {
			t := Team{Name: "team", Members: []Member{
				{Name: text("eve"), Badges: []*Badge{{Name: "new 1"}, {Name: "gold"}}},
			}}
			p.see(p.db.Create(&t), t)
			t = Team{ID: t.ID}
			members := p.db.Model(&t).Association("Members")
			p.err(members.Append(&Member{Name: text("fay")}))
			p.values(t, members.Count())
			p.err(members.Replace(&Member{Name: text("gus")}))
			p.values(t)
			p.err(members.Clear())
			p.values(t, members.Count())
			m := Member{ID: 1}
			badges := p.db.Model(&m).Association("Badges")
			p.err(badges.Append([]*Badge{{Name: "b1"}, {Name: "b2"}}))
			p.values(m)
			p.err(badges.Delete(m.Badges[0]))
			p.values(m)
			p.see(p.db.Select(clause.Associations).Delete(&m), m)
		}},
		{name: "hooks", do: func(p *program) {
			o := Order{Text: "one"}
			p.see(p.db.Create(&o), o)
			p.see(p.db.Model(&o).Update("text", "two"), o)
			p.see(p.db.First(&o), o)
			o.Total = 8
			p.see(p.db.Save(&o), o)
			p.see(p.db.Session(&gorm.Session{SkipHooks: true}).Create(&Order{Text: "quiet"}))
			p.see(p.db.Delete(&o), o)
			for _, hook := range []string{"before create", "after create", "after save"} {
				bad := Order{Text: "refused " + hook}
				p.see(p.db.Create(&bad), bad)
			}
		}},
	}
}

func reads() []act {
	return []act{
		{name: "reads", do: func(p *program) {
			var teams []Team
			p.see(p.db.Preload("Members.Badges").Preload("Rooms").Order("id").Find(&teams), teams)
			var one Coin
			p.see(p.db.First(&one, "id = ?", "none"), one)
			p.see(p.db.Take(&one, "id = ?", "a"), one)
			var names []string
			p.see(p.db.Model(&Coin{}).Order("id").Pluck("id", &names), names)
			var rows []struct {
				Size, N int
			}
			p.see(p.db.Model(&Coin{}).Select("size, count(*) AS n").Group("size").Order("size").
				Scan(&rows), rows)
			var n int64
			p.see(p.db.Model(&Member{}).Count(&n), n)
			p.within(func(tx *gorm.DB) error {
				cursor, err := tx.Model(&Coin{}).Order("id").Rows()
				if err != nil {
					return err
				}
				defer cursor.Close()
				for cursor.Next() {
					var c Coin
					p.err(tx.ScanRows(cursor, &c))
					p.values(c)
				}
				return cursor.Err()
			})
			var batch []Coin
			p.see(p.db.Order("id").FindInBatches(&batch, 2, func(*gorm.DB, int) error {
				p.values(batch)
				return nil
			}))
			p.see(p.db.Clauses(clause.Locking{Strength: "UPDATE"}).Find(&[]Team{}, "id = ?", 1))
		}},
		{name: "raw SQL", do: func(p *program) {
			p.see(p.db.Exec("UPDATE coins SET size = size + 1 WHERE size >= ?", 0))
			p.see(p.db.Exec("INSERT INTO coins (id, name, size) VALUES (?, ?, ?)", "raw", "r", 1))
			p.see(p.db.Exec("DELETE FROM coins WHERE id = @id", sql.Named("id", "raw")))
			var got []Coin
			p.see(p.db.Raw("SELECT * FROM coins ORDER BY id").Scan(&got), got)
			var row struct {
				N int
				X *string
			}
			p.err(p.db.Raw("SELECT count(*) AS n, NULL FROM teams").Row().Scan(&row.N, &row.X))
			p.values(row)
			p.see(p.db.Exec("UPDATE nowhere SET x = 1"))
			p.see(p.db.Exec("UPDATE coins SET nothing = 1"))
			p.see(p.db.Exec("not SQL at all"))
			p.within(func(tx *gorm.DB) error {
				p.see(tx.Exec("INSERT INTO teams (name) VALUES (?)", "raw team"))
				p.last(tx)
				return nil
			})
		}},
	}
}

func transactions() []act {
	return []act{
		{name: "transactions", do: func(p *program) {
			p.within(func(tx *gorm.DB) error {
				p.see(tx.Create(&Coin{ID: "tx1"}))
				p.see(tx.Model(&Coin{ID: "tx1"}).Update("name", "x"))
				var c Coin
				p.see(tx.First(&c, "id = ?", "tx1"), c)
				return nil
			})
			p.within(func(tx *gorm.DB) error {
				p.see(tx.Create(&Coin{ID: "tx2"}))
				return errStop
			})
			p.within(func(tx *gorm.DB) error {
				p.see(tx.Create(&Coin{ID: "tx3"}))
				p.err(tx.Transaction(func(in *gorm.DB) error {
					p.see(in.Create(&Coin{ID: "tx4"}))
					p.see(in.Create(&Coin{ID: "tx3"})) // fails
					return errStop
				}))
				tx.SavePoint("sp")
				p.see(tx.Delete(&Coin{ID: "tx3"}))
				p.see(tx.RollbackTo("sp"))
				p.see(tx.RollbackTo("nosuch"))
				return nil
			})
			tx := p.db.Begin(&sql.TxOptions{Isolation: sql.LevelSerializable})
			p.see(tx.Create(&Coin{ID: "tx5"}))
			p.see(tx.Commit())
			p.see(tx.Session(&gorm.Session{NewDB: true}).Create(&Coin{ID: "tx6"}))
			p.see(tx.Session(&gorm.Session{NewDB: true}).Commit())
			p.see(p.db.Begin().Rollback())
			tx = p.db.Begin(&sql.TxOptions{ReadOnly: true})
			var n int64
			p.see(tx.Model(&Coin{}).Count(&n), n)
			p.see(tx.Rollback())
		}},
		{name: "a panic", do: func(p *program) {
			defer func() { p.note(fmt.Sprint(recover())) }()
			p.within(func(tx *gorm.DB) error {
				p.see(tx.Create(&Coin{ID: "panic"}))
				panic("stop")
			})
		}},
		{name: "a write in a read-only transaction", refused: true, do: func(p *program) {
			if p.sql.Dialect == dialect.SQLiteName {
				return // its driver knows none
			}
			tx := p.db.Begin(&sql.TxOptions{ReadOnly: true})
			p.see(tx.Create(&Coin{ID: "ro"}))
			p.see(tx.Rollback())
			for _, write := range []func(tx *gorm.DB) *gorm.DB{
				func(tx *gorm.DB) *gorm.DB { return tx.Model(&Coin{ID: "a"}).Update("size", 5) },
				func(tx *gorm.DB) *gorm.DB { return tx.Delete(&Coin{ID: "a"}) },
			} {
				tx := p.db.Begin(&sql.TxOptions{ReadOnly: true})
				if p.sql.Dialect == dialect.PostgresName {
					p.words(write(tx))
				} else {
					p.see(write(tx))
				}
				p.see(tx.Rollback())
			}
		}},
		{name: "cancelled", do: func(p *program) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			p.see(p.db.WithContext(ctx).Create(&Coin{ID: "never"}))
			p.see(p.db.WithContext(ctx).Model(&Coin{ID: "a"}).Update("size", 5))
			p.see(p.db.WithContext(ctx).Delete(&Coin{ID: "a"}))
		}},
	}
}

func crowds() []act {
	return []act{
		{name: "goroutines", loose: true, do: func(p *program) {
			var group sync.WaitGroup
			seen := make([]int64, 8)
			for n := range seen {
				group.Go(func() {
					key := fmt.Sprintf("go %d", n)
					seen[n] += p.db.Create(&Coin{ID: key}).RowsAffected
					seen[n] += p.db.Model(&Coin{ID: key}).Update("size", n).RowsAffected
					seen[n] += p.db.Where("id = ?", key).Where("size > 5").Delete(&Coin{}).RowsAffected
				})
			}
			group.Wait()
			p.values(seen)
		}},
	}
}
