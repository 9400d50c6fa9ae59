package notice_test

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals/config"
)

// Team, Member, Badge: a key that the database makes, unique keys, foreign keys,
// a check, lengths, soft deletion, hooks, and a many-to-many relation.
type Team struct {
	ID      uint
	Name    string `gorm:"size:20;uniqueIndex;not null"`
	Members []Member
	Rooms   []Room `gorm:"constraint:OnDelete:CASCADE"`
}

type Member struct {
	ID        uint
	TeamID    *uint
	Team      *Team
	Name      *string `gorm:"size:10;not null"`
	Score     int     `gorm:"default:7;check:score_not_negative,score >= 0"`
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
	Badges    []*Badge `gorm:"many2many:member_badges"`
}

type Badge struct {
	ID   uint
	Name string `gorm:"size:20;uniqueIndex"`
}

type Room struct {
	ID     uint
	TeamID uint
	Name   string
}

// Coin has a key that the program makes, Stock a composite one.
type Coin struct {
	ID   string `gorm:"primaryKey;size:20"`
	Name string
	Size int `gorm:"default:7"`
}

type Stock struct {
	Shelf string `gorm:"primaryKey;size:20"`
	Item  string `gorm:"primaryKey;size:20"`
	Count int
}

// Order has hooks of all kinds, which write themselves.
type Order struct {
	ID    uint
	Text  string
	Total int
	Seen  []string `gorm:"-"`
}

func (o *Order) note(hook string) error {
	o.Seen = append(o.Seen, fmt.Sprint(hook, o.ID, o.Text))
	if o.Text == "refused "+hook {
		return fmt.Errorf("%s says no", hook)
	}
	return nil
}

func (o *Order) BeforeSave(*gorm.DB) error   { return o.note("before save") }
func (o *Order) BeforeUpdate(*gorm.DB) error { return o.note("before update") }
func (o *Order) AfterUpdate(*gorm.DB) error  { return o.note("after update") }
func (o *Order) AfterSave(*gorm.DB) error    { return o.note("after save") }
func (o *Order) AfterFind(*gorm.DB) error    { return o.note("after find") }
func (o *Order) BeforeDelete(*gorm.DB) error { return o.note("before delete") }
func (o *Order) AfterDelete(*gorm.DB) error  { return o.note("after delete") }

func (o *Order) BeforeCreate(tx *gorm.DB) error {
	tx.Statement.SetColumn("Total", o.Total+1)
	return o.note("before create")
}

func (o *Order) AfterCreate(tx *gorm.DB) error {
	if err := tx.Create(&Coin{ID: fmt.Sprintf("of order %d", o.ID)}).Error; err != nil {
		return err
	}
	return o.note("after create")
}

// Plain is not audited.
type Plain struct {
	ID   uint
	Name string
}

func models() []any {
	return []any{
		&Team{}, &Badge{}, &Member{}, &Room{}, &Coin{}, &Stock{}, &Order{}, &Plain{},
	}
}

func tables() []string {
	return []string{
		"teams", "badges", "members", "member_badges", "rooms", "coins", "stocks", "orders",
		"plains",
	}
}

func rules() map[string]config.Entity {
	return map[string]config.Entity{
		"team": {Table: "teams", Label: "name"}, "badge": {Table: "badges"},
		"member": {Table: "members"}, "room": {Table: "rooms"}, "coin": {Table: "coins"},
		"stock": {Table: "stocks"}, "order": {Table: "orders"},
	}
}

func text(s string) *string { return &s }

func id(n uint) *uint { return &n }
