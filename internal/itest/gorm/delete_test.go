package gorm_test

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// TestDelete covers hard and soft deletes.
func TestDelete(t *testing.T) {
	play(t, gorm.Config{}, append(hardDelete(), softDelete()...))
}

func hardDelete() []scene {
	return []scene{
		{
			name: "by model",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				return see(db.Delete(&Author{ID: 2}))
			},
			want: []string{`remove author 2: email=b@x> id=2> name=b>`},
		},
		{
			name: "by key",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				return see(db.Delete(&Author{}, []int{1, 3, 9}))
			},
			want: []string{
				`remove author 1: email=> id=1> name=a>`, `remove author 3: email=> id=3> name=c>`,
			},
			loose: true,
		},
		{
			name: "by condition",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				return see(db.Where("email IS NOT NULL").Delete(&Author{}))
			},
			want: []string{`remove author 2: email=b@x> id=2> name=b>`},
		},
		{
			name: "slice",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				return see(db.Delete(&[]Author{{ID: 1}, {ID: 2}}))
			},
			want: []string{
				`remove author 1: email=> id=1> name=a>`,
				`remove author 2: email=b@x> id=2> name=b>`,
			},
			loose: true,
		},
		{
			name: "nothing there",
			do:   func(db *gorm.DB) any { return see(db.Delete(&Author{ID: 2})) },
		},
		{
			name: "without a condition",
			seed: threeAuthors(),
			do:   func(db *gorm.DB) any { return see(db.Delete(&Author{})) },
		},
		{
			name: "composite key",
			seed: []any{Stock{"w", "a", 1}, Stock{"w", "b", 2}},
			do: func(db *gorm.DB) any {
				return see(db.Delete(&[]Stock{{Warehouse: "w", SKU: "a"}, {Warehouse: "v", SKU: "b"}}))
			},
			want: []string{`remove stock ["w","a"]: quantity=1> sku=a> warehouse=w>`},
		},
		{
			name: "table without model",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				return see(db.Table("authors").Where("id = ?", 1).Delete(nil))
			},
			want: []string{`remove author 1: email=> id=1> name=a>`},
		},
		{
			name: "returning",
			seed: threeAuthors(),
			do: func(db *gorm.DB) any {
				var gone []Author
				return see(db.Clauses(clause.Returning{}).Where("id < 3").Delete(&gone), len(gone))
			},
			want: []string{
				`remove author 1: email=> id=1> name=a>`,
				`remove author 2: email=b@x> id=2> name=b>`,
			},
			loose: true,
		},
		{
			name: "masked column",
			seed: []any{Post{Title: "t", Secret: "s", Note: "n"}},
			do:   func(db *gorm.DB) any { return see(db.Delete(&Post{ID: 1})) },
			want: []string{`remove post 1: author_id=> id=1> secret=***> title=t> views=0>`},
		},
	}
}

func softDelete() []scene {
	items := []any{Item{Name: "a"}, Item{Name: "b"}}
	return []scene{
		{
			name: "soft, by configuration",
			seed: items,
			do: func(db *gorm.DB) any {
				i := Item{ID: 1}
				return see(db.Delete(&i))
			},
			want: []string{`remove item 1 soft: deleted_at=>T`},
		},
		{
			name: "soft, learnt from the model",
			seed: []any{Memo{Body: "m"}},
			do:   func(db *gorm.DB) any { return see(db.Delete(&Memo{ID: 1})) },
			want: []string{`remove memo 1 soft: deleted_at=>T`},
		},
		{
			name: "a second time",
			seed: items,
			do: func(db *gorm.DB) any {
				one := see(db.Delete(&Item{ID: 1}))
				return []saw{one, see(db.Delete(&Item{ID: 1}))}
			},
			want: []string{`remove item 1 soft: deleted_at=>T`},
		},
		{
			name: "restored, then gone for good",
			seed: items,
			do: func(db *gorm.DB) any {
				one := see(db.Where("name = ?", "b").Delete(&Item{}))
				two := see(db.Unscoped().Model(&Item{ID: 2}).Update("deleted_at", nil))
				return []saw{one, two, see(db.Unscoped().Delete(&Item{ID: 2}))}
			},
			want: []string{
				`remove item 2 soft: deleted_at=>T`, `insert item 2 soft: deleted_at=T>`,
				`remove item 2: deleted_at=> id=2> name=b>`,
			},
			revisions: 3,
		},
		{
			name: "purged after a soft delete",
			seed: items,
			do: func(db *gorm.DB) any {
				one := see(db.Delete(&Item{ID: 1}))
				return []saw{one, see(db.Unscoped().Delete(&Item{ID: 1}))}
			},
			want: []string{
				`remove item 1 soft: deleted_at=>T`, `remove item 1: deleted_at=T> id=1> name=a>`,
			},
			revisions: 2,
		},
		{
			name: "updates pass over what is deleted",
			seed: items,
			do: func(db *gorm.DB) any {
				one := see(db.Delete(&Item{ID: 1}))
				return []saw{one, see(db.Model(&Item{}).Where("id > 0").Update("name", "x"))}
			},
			want: []string{
				`remove item 1 soft: deleted_at=>T`, `update item 2: name=b>x`,
			},
			revisions: 2,
		},
		{
			name: "touched only",
			seed: items,
			do: func(db *gorm.DB) any {
				return see(db.Model(&Item{ID: 1}).Update("name", "a"))
			},
		},
	}
}

// TestCascade covers rows that the database changes because others changed.
func TestCascade(t *testing.T) {
	nodes := []any{
		Node{ID: 1, Name: "root"},
		Node{ID: 2, Name: "kid", ParentID: id(1)},
		Node{ID: 3, Name: "grandkid", ParentID: id(2)},
		Node{ID: 4, Name: "friend", FriendID: id(2)},
		Node{ID: 5, Name: "both", ParentID: id(1), FriendID: id(1)},
	}
	shop := []any{
		Region{Name: "r"},
		Branch{Name: "b", RegionID: id(1)},
		Branch{Name: "c"},
		Desk{Name: "d", BranchID: id(1)},
		Desk{Name: "e", BranchID: id(2)},
	}
	slots := []any{
		Slot{Code: "A", Name: "a"},
		Slot{Code: "B"},
		SlotUse{SlotCode: "A", Day: "mon", Who: "w"},
		SlotUse{SlotCode: "B", Day: "mon"},
		SlotNote{SlotCode: text("A"), Day: text("mon"), Text: "t"},
	}
	play(t, gorm.Config{}, []scene{
		{
			name: "self-reference: cascade, set null, and both",
			seed: nodes,
			do:   func(db *gorm.DB) any { return see(db.Delete(&Node{ID: 1})) },
			want: []string{
				`remove node 1: friend_id=> id=1> name=root> parent_id=>`,
				`remove node 2 cascade: friend_id=> id=2> name=kid> parent_id=1>`,
				`dissociate node 1.children node 2 cascade`,
				`remove node 5 cascade: friend_id=1> id=5> name=both> parent_id=1>`,
				`dissociate node 1.children node 5 cascade`,
				`remove node 3 cascade: friend_id=> id=3> name=grandkid> parent_id=2>`,
				`dissociate node 2.children node 3 cascade`,
				`update node 4 cascade: friend_id=2>`,
			},
			loose: true,
		},
		{
			name: "parent and child by one statement",
			seed: nodes,
			do:   func(db *gorm.DB) any { return see(db.Delete(&Node{}, []int{2, 3})).Err },
			want: []string{
				`remove node 2: friend_id=> id=2> name=kid> parent_id=1>`,
				`dissociate node 1.children node 2`,
				`remove node 3: friend_id=> id=3> name=grandkid> parent_id=2>`,
				`dissociate node 2.children node 3`,
				`update node 4 cascade: friend_id=2>`,
			},
			loose: true,
		},
		{
			name: "two levels below a table that is not audited",
			seed: shop,
			do:   func(db *gorm.DB) any { return see(db.Delete(&Region{ID: 1})) },
			want: []string{
				`remove branch 1 cascade: id=1> name=b> region_id=1>`,
				`remove desk 1 cascade: branch_id=1> id=1> name=d>`,
				`dissociate branch 1.desks desk 1 cascade`,
			},
			loose: true,
		},
		{
			name: "key change followed in two steps",
			seed: slots,
			do: func(db *gorm.DB) any {
				return see(db.Model(&Slot{}).Where("code = ?", "A").Update("code", "Z"))
			},
			want: []string{
				`update slot Z<-A: code=A>Z`,
				`update slot_use ["Z","mon"]<-["A","mon"] cascade: slot_code=A>Z`,
				`dissociate slot A.uses slot_use mon A cascade`,
				`associate slot Z.uses slot_use mon Z cascade`,
				`update slot_note 1 cascade: slot_code=A>Z`,
				`dissociate slot_use ["A","mon"].notes slot_note 1 cascade`,
				`associate slot_use ["Z","mon"].notes slot_note 1 cascade`,
			},
			loose: true,
		},
		{
			name: "delete, then set null of a composite key",
			seed: slots,
			do:   func(db *gorm.DB) any { return see(db.Delete(&Slot{Code: "A"})) },
			want: []string{
				`remove slot A: code=A> name=a>`,
				`remove slot_use ["A","mon"] cascade: day=mon> slot_code=A> who=w>`,
				`dissociate slot A.uses slot_use mon A cascade`,
				`update slot_note 1 cascade: day=mon> slot_code=A>`,
				`dissociate slot_use ["A","mon"].notes slot_note 1 cascade`,
			},
			loose: true,
		},
		{
			name: "followed column that is no key",
			seed: []any{Lot{Code: "x"}, Part{LotCode: text("x")}, Part{}},
			do: func(db *gorm.DB) any {
				return see(db.Model(&Lot{ID: 1}).Update("code", "y"))
			},
			want: []string{
				`update lot 1: code=x>y`, `update part 1 cascade: lot_code=x>y`,
			},
		},
		{
			name: "set null by a column that is no key",
			seed: []any{Lot{Code: "x"}, Part{LotCode: text("x")}},
			do:   func(db *gorm.DB) any { return see(db.Delete(&Lot{ID: 1})) },
			want: []string{
				`remove lot 1: code=x> id=1>`, `update part 1 cascade: lot_code=x>`,
			},
		},
	})
}
