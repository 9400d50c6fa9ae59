package gorm_test

import (
	"time"

	"gorm.io/gorm"
)

// The models are a small blog and a warehouse: every kind of key, relation and
// foreign key action that a program meets.

type Author struct {
	ID      uint
	Name    string
	Email   *string `gorm:"size:100;uniqueIndex"`
	Profile *Profile
	Posts   []Post
}

type Profile struct {
	ID       uint
	AuthorID *uint
	Bio      string
}

type Post struct {
	ID       uint
	Title    string
	Views    int
	Secret   string
	Note     string
	AuthorID *uint
	Author   *Author
	Tags     []*Tag `gorm:"many2many:post_tags"`
}

type Tag struct {
	ID    uint
	Name  string `gorm:"size:50;uniqueIndex"`
	Posts []Post `gorm:"many2many:post_tags"`
}

// Item is soft-deleted by configuration, Memo by what its model says.
type Item struct {
	ID        uint
	Name      string
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
}

type Memo struct {
	ID        uint
	Body      string
	DeletedAt gorm.DeletedAt
}

// Stock has a composite key, Doc one that the program makes, Ticket one that the
// database makes and that is no number.
type Stock struct {
	Warehouse string `gorm:"primaryKey;size:20"`
	SKU       string `gorm:"primaryKey;size:20"`
	Quantity  int
}

type Doc struct {
	ID   string `gorm:"primaryKey;size:36"`
	Body string
	Size int `gorm:"default:7"`
}

type Ticket struct {
	ID   string `gorm:"primaryKey;size:36;default:(-)"`
	Name string
}

type Toy struct {
	ID        uint
	Name      string
	OwnerID   uint
	OwnerType string
}

type Cat struct {
	ID   uint
	Name string
	Toys []Toy `gorm:"polymorphic:Owner"`
}

type Address struct {
	Street, City string
}

type Person struct {
	ID   uint
	Name string
	Home Address `gorm:"embedded;embeddedPrefix:home_"`
}

// Node refers to itself: children go with their parent, friends stay.
type Node struct {
	ID       uint `gorm:"primaryKey;autoIncrement:false"`
	Name     string
	ParentID *uint
	Children []Node `gorm:"foreignKey:ParentID;constraint:OnDelete:CASCADE"`
	FriendID *uint
	Friend   *Node `gorm:"constraint:OnDelete:SET NULL"`
}

// Region is not audited; what hangs on it is.
type Region struct {
	ID       uint
	Name     string
	Branches []Branch `gorm:"constraint:OnDelete:CASCADE"`
}

type Branch struct {
	ID       uint
	Name     string
	RegionID *uint
	Desks    []Desk `gorm:"constraint:OnDelete:CASCADE"`
}

type Desk struct {
	ID       uint
	Name     string
	BranchID *uint
}

// Slot's key is followed by what refers to it, in two steps; Lot's code is no
// key but is followed too.
type Slot struct {
	Code string `gorm:"primaryKey;size:20"`
	Name string
	Uses []SlotUse `gorm:"foreignKey:SlotCode;constraint:OnUpdate:CASCADE,OnDelete:CASCADE"`
}

type SlotUse struct {
	SlotCode string `gorm:"primaryKey;size:20"`
	Day      string `gorm:"primaryKey;size:10"`
	Who      string
	Notes    []SlotNote `gorm:"foreignKey:SlotCode,Day;references:SlotCode,Day;constraint:OnUpdate:CASCADE,OnDelete:SET NULL"`
}

type SlotNote struct {
	ID       uint
	SlotCode *string `gorm:"size:20"`
	Day      *string `gorm:"size:10"`
	Text     string
}

type Lot struct {
	ID    uint
	Code  string `gorm:"size:20;uniqueIndex"`
	Parts []Part `gorm:"foreignKey:LotCode;references:Code;constraint:OnUpdate:CASCADE,OnDelete:SET NULL"`
}

type Part struct {
	ID      uint
	LotCode *string `gorm:"size:20"`
}

// Vehicle is one table for several types.
type Vehicle struct {
	ID     uint
	Kind   string
	Wheels *int
	Sails  *int
}

// Sample has values of every sort.
type Sample struct {
	ID     uint
	Price  *string `gorm:"type:decimal(14,4)"`
	Data   *string `gorm:"type:json"`
	Raw    []byte
	Seen   *time.Time `gorm:"precision:6"`
	Rate   *float64
	Ready  *bool
	Big    int64
	Letter string `gorm:"type:text"`
}

// Bare is not audited, and nothing that is hangs on it.
type Bare struct {
	ID   uint
	Name string
}

func models() []any {
	return append([]any{
		&Author{}, &Profile{}, &Tag{}, &Post{}, &Item{}, &Memo{}, &Stock{}, &Doc{}, &Toy{},
		&Cat{}, &Person{}, &Node{}, &Region{}, &Branch{}, &Desk{}, &Slot{}, &SlotUse{},
		&SlotNote{}, &Lot{}, &Part{}, &Vehicle{}, &Sample{}, &Bare{},
	}, specialModels()...)
}
