package demo

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
)

// The shop's tables. Their names are its own, so that they stand apart on a
// server that has other things.
type (
	customer struct {
		ID     uint
		Name   string `gorm:"size:80"`
		Email  string `gorm:"size:120"`
		Orders []order
	}
	product struct {
		ID        uint
		SKU       string `gorm:"size:20;uniqueIndex"`
		Name      string `gorm:"size:80"`
		Price     string `gorm:"type:decimal(10,2)"`
		Stock     int
		Tags      []tag          `gorm:"many2many:shop_product_tag"`
		DeletedAt gorm.DeletedAt `gorm:"index"`
	}
	tag struct {
		ID   uint
		Name string `gorm:"size:40"`
	}
	order struct {
		ID         uint
		CustomerID uint
		Status     string `gorm:"size:20"`
		Note       *string
		Items      []item
	}
	item struct {
		ID        uint
		OrderID   uint
		ProductID uint
		Quantity  int
	}
)

// TableName implements schema.Tabler.
func (customer) TableName() string { return "shop_customer" }

// TableName implements schema.Tabler.
func (product) TableName() string { return "shop_product" }

// TableName implements schema.Tabler.
func (tag) TableName() string { return "shop_tag" }

// TableName implements schema.Tabler.
func (order) TableName() string { return "shop_order" }

// TableName implements schema.Tabler.
func (item) TableName() string { return "shop_item" }

// models in the order of their creation.
func models() []any {
	return []any{&customer{}, &tag{}, &product{}, &order{}, &item{}}
}

// tables are the shop's, in the order in which they can be dropped.
func tables() []string {
	return []string{
		"shop_product_tag", "shop_item", "shop_order", "shop_product", "shop_tag", "shop_customer",
	}
}

// Who works in the shop.
func ann(ctx context.Context) context.Context {
	ctx = annals.WithActor(ctx, annals.Actor{
		ID: "42", Name: "ann", Email: "ann@shop.example", Type: "User", Context: "api",
	})
	return annals.WithOrigin(ctx, annals.Origin{
		IP: "203.0.113.7", UserAgent: "shop-app/3.1", RequestID: "req-1187",
	})
}

func importer(ctx context.Context) context.Context {
	return annals.WithActor(ctx, annals.Actor{
		ID: "stock-import", Name: "stock import", Type: "Service", Context: "job",
	})
}

// errChangedMind makes a transaction roll back.
var errChangedMind = errors.New("the customer changed their mind")

// work is a day in the shop: two actors, a comment, links between rows, a change
// that does not come to pass.
func work(ctx context.Context, db *gorm.DB) error {
	steps := []struct {
		what string
		do   func(context.Context, *gorm.DB) error
	}{
		{"fill the catalogue", fillCatalogue},
		{"take an order", takeOrder},
		{"correct a price", correctPrice},
		{"ship", ship},
		{"undo an order", undoOrder},
		{"clear out", clearOut},
	}
	for _, step := range steps {
		if err := step.do(ctx, db); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

func fillCatalogue(ctx context.Context, db *gorm.DB) error {
	ctx = annals.WithComment(importer(ctx), "spring catalogue")
	return db.WithContext(ctx).Create(&[]product{
		{SKU: "TEA-1", Name: "Green tea", Price: "4.50", Stock: 120, Tags: []tag{{Name: "tea"}}},
		{SKU: "CUP-1", Name: "Blue cup", Price: "12.00", Stock: 40, Tags: []tag{{Name: "kitchen"}}},
		{SKU: "POT-1", Name: "Iron pot", Price: "39.90", Stock: 8},
	}).Error
}

func takeOrder(ctx context.Context, db *gorm.DB) error {
	return db.WithContext(ann(ctx)).Create(&customer{
		Name: "Žofie Nováková", Email: "zofie@example.org",
		Orders: []order{{Status: "new", Items: []item{
			{ProductID: 1, Quantity: 2}, {ProductID: 2, Quantity: 1},
		}}},
	}).Error
}

func correctPrice(ctx context.Context, db *gorm.DB) error {
	ctx = annals.WithComment(ann(ctx), "price correction, ticket 1187")
	return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var tea product
		if err := tx.First(&tea, "sku = ?", "TEA-1").Error; err != nil {
			return err
		}
		if err := tx.Model(&tea).Updates(map[string]any{
			"price": "3.95", "name": "Green tea, loose",
		}).Error; err != nil {
			return err
		}
		return tx.Model(&tea).Association("Tags").Append(&tag{Name: "offer"})
	})
}

func ship(ctx context.Context, db *gorm.DB) error {
	note := "left with the neighbour"
	return db.WithContext(ann(ctx)).Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&order{ID: 1}).
			Updates(order{Status: "shipped", Note: &note}).Error; err != nil {
			return err
		}
		return tx.Model(&product{}).Where("id IN ?", []int{1, 2}).
			Update("stock", gorm.Expr("stock - ?", 1)).Error
	})
}

func undoOrder(ctx context.Context, db *gorm.DB) error {
	err := db.WithContext(ann(ctx)).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&order{CustomerID: 1, Status: "new"}).Error; err != nil {
			return err
		}
		return errChangedMind
	})
	if !errors.Is(err, errChangedMind) {
		return err
	}
	return nil
}

func clearOut(ctx context.Context, db *gorm.DB) error {
	db = db.WithContext(importer(ctx))
	if err := db.Where("sku = ?", "POT-1").Delete(&product{}).Error; err != nil {
		return err
	}
	var tea product
	if err := db.Preload("Tags").First(&tea, "sku = ?", "TEA-1").Error; err != nil {
		return err
	}
	return db.Model(&tea).Association("Tags").Delete(&tea.Tags[len(tea.Tags)-1])
}

// consoleSQL is what somebody types who takes stock by hand.
const consoleSQL = "UPDATE shop_product SET stock = 35 WHERE id = 2"
