package main

import (
	"fmt"
	"strings"
	"time"
)

// item is the audited row: 12 columns, about 290 bytes.
type item struct {
	ID         int64  `gorm:"primaryKey"`
	Name       string `gorm:"size:100"`
	Code       string `gorm:"size:40;index"`
	Status     string `gorm:"size:20"`
	Body       string `gorm:"type:text"`
	Quantity   int32
	Position   int32
	Price      string `gorm:"type:decimal(12,2)"`
	Active     bool
	Attributes string `gorm:"type:json"`
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// TableName implements GORM's Tabler.
func (item) TableName() string { return table }

const (
	entity = "item"
	table  = "items"
	copied = "items_copy"
	audit  = "items_audit"
)

// newItems makes n rows without id, different from one another from number at.
func newItems(at, n int) []item {
	items := make([]item, n)
	for i := range items {
		k := at + i
		items[i] = item{
			Name: fmt.Sprintf("Item number %d", k), Code: fmt.Sprintf("C-%08d", k),
			Status: []string{"draft", "open", "sold"}[k%3], Body: body(k),
			Quantity: int32(k % 1000), Position: int32(k % 77),
			Price: fmt.Sprintf("%d.%02d", k%5000, 1+k%98), Active: k%2 == 0,
			Attributes: fmt.Sprintf(`{"colour":"blue","size":%d,"tags":["a","b"]}`, k%40),
		}
	}
	return items
}

// body is a text of 100 characters.
func body(k int) string {
	text := fmt.Sprintf("%d ", k)
	return text + strings.Repeat("lorem ipsum dolor ", 6)[:100-len(text)]
}
