package gorm_test

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// TestManyToMany covers join tables.
func TestManyToMany(t *testing.T) {
	tagged := []any{Post{Title: "p", Tags: []*Tag{{Name: "a"}, {Name: "b"}}}, Tag{Name: "c"}}
	play(t, gorm.Config{}, []scene{
		{
			name: "created with their post",
			do: func(db *gorm.DB) any {
				p := Post{Title: "p", Tags: []*Tag{{Name: "a"}, {Name: "b"}}}
				return see(db.Create(&p), p)
			},
			want: []string{
				`insert post 1: id=>1 secret=>*** title=>p views=>0`,
				`insert tag 1: id=>1 name=>a`, `insert tag 2: id=>2 name=>b`,
				`associate post 1.tags tag 1 owning`, `associate tag 1.posts post 1`,
				`associate post 1.tags tag 2 owning`, `associate tag 2.posts post 1`,
			},
			loose: true,
		},
		{
			name: "Append of a new one, one that is there, and one that is linked",
			seed: tagged,
			do: func(db *gorm.DB) any {
				p := Post{ID: 1}
				err := db.Model(&p).Association("Tags").Append(
					&Tag{Name: "d"}, &Tag{ID: 3, Name: "c"}, &Tag{ID: 1, Name: "a"})
				return seeErr(err, p)
			},
			want: []string{
				`insert tag 4: id=>4 name=>d`,
				`associate post 1.tags tag 4 owning`, `associate tag 4.posts post 1`,
				`associate post 1.tags tag 3 owning`, `associate tag 3.posts post 1`,
			},
			loose: true, revisions: 1,
		},
		{
			name: "Append again",
			seed: tagged,
			do: func(db *gorm.DB) any {
				p := Post{ID: 1}
				return seeErr(db.Model(&p).Association("Tags").Append(&Tag{ID: 1, Name: "a"}))
			},
		},
		{
			name: "from the other end",
			seed: tagged,
			do: func(db *gorm.DB) any {
				c := Tag{ID: 3}
				return seeErr(db.Model(&c).Association("Posts").Append(&Post{ID: 1, Title: "p"}))
			},
			want:  []string{`associate post 1.tags tag 3 owning`, `associate tag 3.posts post 1`},
			loose: true,
		},
		{
			name: "Replace",
			seed: tagged,
			do: func(db *gorm.DB) any {
				p := Post{ID: 1}
				return seeErr(db.Model(&p).Association("Tags").Replace(
					&Tag{ID: 2, Name: "b"}, &Tag{ID: 3, Name: "c"}))
			},
			want: []string{
				`associate post 1.tags tag 3 owning`, `associate tag 3.posts post 1`,
				`dissociate post 1.tags tag 1 owning`, `dissociate tag 1.posts post 1`,
			},
			loose: true, revisions: 2,
		},
		{
			name: "Delete and Clear",
			seed: tagged,
			do: func(db *gorm.DB) any {
				p := Post{ID: 1}
				one := seeErr(db.Model(&p).Association("Tags").Delete(&Tag{ID: 2}, &Tag{ID: 3}))
				two := seeErr(db.Model(&p).Association("Tags").Clear())
				return []saw{one, two, seeErr(db.Model(&p).Association("Tags").Clear())}
			},
			want: []string{
				`dissociate post 1.tags tag 2 owning`, `dissociate tag 2.posts post 1`,
				`dissociate post 1.tags tag 1 owning`, `dissociate tag 1.posts post 1`,
			},
			revisions: 2,
		},
		{
			name: "Select of the links with Delete",
			seed: tagged,
			do: func(db *gorm.DB) any {
				return see(db.Select("Tags").Delete(&Post{ID: 1}))
			},
			want: []string{
				`dissociate post 1.tags tag 1 owning`, `dissociate tag 1.posts post 1`,
				`dissociate post 1.tags tag 2 owning`, `dissociate tag 2.posts post 1`,
				`remove post 1: author_id=> id=1> secret=***> title=p> views=0>`,
			},
			loose: true,
		},
		{
			name: "Save of a loaded graph changes nothing",
			seed: tagged,
			do: func(db *gorm.DB) any {
				var p Post
				db.Preload("Tags").First(&p, 1)
				p.Tags[0].Name = "edited, which a save without FullSaveAssociations drops"
				return see(db.Save(&p))
			},
		},
		{
			name: "FullSaveAssociations",
			seed: tagged,
			do: func(db *gorm.DB) any {
				var p Post
				db.Preload("Tags", func(d *gorm.DB) *gorm.DB { return d.Order("id") }).First(&p, 1)
				p.Tags[0].Name = "edited"
				p.Tags = append(p.Tags, &Tag{Name: "new"})
				return see(db.Session(&gorm.Session{FullSaveAssociations: true}).Save(&p))
			},
			want: []string{
				`update tag 1: name=a>edited`, `insert tag 4: id=>4 name=>new`,
				`associate post 1.tags tag 4 owning`, `associate tag 4.posts post 1`,
			},
			loose: true,
		},
	})
}

// TestOneToMany covers foreign keys: children, parents, the only child.
func TestOneToMany(t *testing.T) {
	family := []any{
		Author{Name: "a"},
		Author{Name: "b"},
		Post{Title: "p", AuthorID: id(1)},
		Post{Title: "q", AuthorID: id(1)},
		Post{Title: "r"},
	}
	play(t, gorm.Config{}, append([]scene{
		{
			name: "children created with their parent",
			do: func(db *gorm.DB) any {
				a := Author{
					Name: "a", Posts: []Post{{Title: "p"}, {Title: "q"}},
					Profile: &Profile{Bio: "x"},
				}
				return see(db.Create(&a), a)
			},
			want: []string{
				`insert author 1: id=>1 name=>a`,
				`insert profile 1: author_id=>1 bio=>x id=>1`,
				`associate author 1.profile profile 1`,
				`insert post 1: author_id=>1 id=>1 secret=>*** title=>p views=>0`,
				`associate author 1.posts post 1`,
				`insert post 2: author_id=>1 id=>2 secret=>*** title=>q views=>0`,
				`associate author 1.posts post 2`,
			},
			loose: true,
		},
		{
			name: "parent created with its child",
			do: func(db *gorm.DB) any {
				p := Post{Title: "p", Author: &Author{Name: "a"}}
				return see(db.Create(&p), p)
			},
			want: []string{
				`insert author 1: id=>1 name=>a`,
				`insert post 1: author_id=>1 id=>1 secret=>*** title=>p views=>0`,
				`associate author 1.posts post 1`,
			},
		},
		{
			name: "moved to another parent, by the child",
			seed: family,
			do:   func(db *gorm.DB) any { return see(db.Model(&Post{ID: 1}).Update("author_id", 2)) },
			want: []string{
				`update post 1: author_id=1>2`, `dissociate author 1.posts post 1`,
				`associate author 2.posts post 1`,
			},
		},
		{
			name: "child deleted, child created",
			seed: family,
			do: func(db *gorm.DB) any {
				one := see(db.Delete(&Post{ID: 2}))
				return []saw{one, see(db.Create(&Post{Title: "s", AuthorID: id(2)}))}
			},
			want: []string{
				`remove post 2: author_id=1> id=2> secret=***> title=q> views=0>`,
				`dissociate author 1.posts post 2`,
				`insert post 4: author_id=>2 id=>4 secret=>*** title=>s views=>0`,
				`associate author 2.posts post 4`,
			},
			revisions: 2,
		},
		{
			name: "polymorphic",
			do: func(db *gorm.DB) any {
				c := Cat{Name: "c", Toys: []Toy{{Name: "ball"}, {Name: "mouse"}}}
				one := see(db.Create(&c), c)
				return []saw{
					one, seeErr(db.Model(&c).Association("Toys").Append(&Toy{Name: "string"})),
					see(db.Select(clause.Associations).Delete(&c)),
				}
			},
			want: []string{
				`insert cat 1: id=>1 name=>c`,
				`insert toy 1: id=>1 name=>ball owner_id=>1 owner_type=>cats`,
				`associate cat 1.toys toy 1`,
				`insert toy 2: id=>2 name=>mouse owner_id=>1 owner_type=>cats`,
				`associate cat 1.toys toy 2`,
				`insert toy 3: id=>3 name=>string owner_id=>1 owner_type=>cats`,
				`associate cat 1.toys toy 3`,
				`remove toy 1: id=1> name=ball> owner_id=1> owner_type=cats>`,
				`dissociate cat 1.toys toy 1`,
				`remove toy 2: id=2> name=mouse> owner_id=1> owner_type=cats>`,
				`dissociate cat 1.toys toy 2`,
				`remove toy 3: id=3> name=string> owner_id=1> owner_type=cats>`,
				`dissociate cat 1.toys toy 3`,
				`remove cat 1: id=1> name=c>`,
			},
			revisions: 3,
		},
	}, oneToManyByAssociation(family)...))
}

func oneToManyByAssociation(family []any) []scene {
	return []scene{
		{
			name: "Append of new and of another's children",
			seed: family,
			do: func(db *gorm.DB) any {
				b := Author{ID: 2}
				return seeErr(db.Model(&b).Association("Posts").Append(
					&Post{Title: "new"}, &Post{ID: 1, Title: "p"}, &Post{ID: 3, Title: "r"}), b)
			},
			want: []string{
				`insert post 4: author_id=>2 id=>4 secret=>*** title=>new views=>0`,
				`associate author 2.posts post 4`,
				`update post 1: author_id=1>2`, `dissociate author 1.posts post 1`,
				`associate author 2.posts post 1`,
				`update post 3: author_id=>2`, `associate author 2.posts post 3`,
			},
			loose: true,
		},
		{
			name: "Replace, Delete and Clear",
			seed: family,
			do: func(db *gorm.DB) any {
				a := Author{ID: 1}
				one := seeErr(db.Model(&a).Association("Posts").Replace(&Post{ID: 2, Title: "q"},
					&Post{ID: 3, Title: "r"}))
				two := seeErr(db.Model(&a).Association("Posts").Delete(&Post{ID: 2}))
				return []saw{one, two, seeErr(db.Model(&a).Association("Posts").Clear())}
			},
			want: []string{
				`update post 3: author_id=>1`, `associate author 1.posts post 3`,
				`update post 1: author_id=1>`, `dissociate author 1.posts post 1`,
				`update post 2: author_id=1>`, `dissociate author 1.posts post 2`,
				`update post 3: author_id=1>`, `dissociate author 1.posts post 3`,
			},
			revisions: 4,
		},
		{
			name: "Unscoped Clear deletes the children",
			seed: family,
			do: func(db *gorm.DB) any {
				a := Author{ID: 1}
				return seeErr(db.Model(&a).Association("Posts").Unscoped().Clear())
			},
			want: []string{
				`remove post 1: author_id=1> id=1> secret=***> title=p> views=0>`,
				`dissociate author 1.posts post 1`,
				`remove post 2: author_id=1> id=2> secret=***> title=q> views=0>`,
				`dissociate author 1.posts post 2`,
			},
			loose: true,
		},
		{
			name: "belongs-to by association",
			seed: family,
			do: func(db *gorm.DB) any {
				p := Post{ID: 3}
				one := seeErr(db.Model(&p).Association("Author").Append(&Author{ID: 2, Name: "b"}))
				return []saw{one, seeErr(db.Model(&p).Association("Author").Clear())}
			},
			want: []string{
				`update post 3: author_id=>2`, `associate author 2.posts post 3`,
				`update post 3: author_id=2>`, `dissociate author 2.posts post 3`,
			},
			revisions: 2,
		},
		{
			name: "has-one replaced",
			seed: []any{Author{Name: "a"}, Profile{Bio: "x", AuthorID: id(1)}},
			do: func(db *gorm.DB) any {
				a := Author{ID: 1}
				return seeErr(db.Model(&a).Association("Profile").Replace(&Profile{Bio: "y"}))
			},
			want: []string{
				`insert profile 2: author_id=>1 bio=>y id=>2`, `associate author 1.profile profile 2`,
				`update profile 1: author_id=1>`, `dissociate author 1.profile profile 1`,
			},
			revisions: 2,
		},
		{
			name: "Save of a loaded graph, one child moved in memory",
			seed: family,
			do: func(db *gorm.DB) any {
				var b Author
				db.Preload("Posts").First(&b, 2)
				b.Posts = []Post{{ID: 1, Title: "p"}, {Title: "new"}}
				return see(db.Save(&b))
			},
			want: []string{
				`update post 1: author_id=1>2`, `dissociate author 1.posts post 1`,
				`associate author 2.posts post 1`,
				`insert post 4: author_id=>2 id=>4 secret=>*** title=>new views=>0`,
				`associate author 2.posts post 4`,
			},
			loose: true,
		},
		{
			name: "Select of children with Delete",
			seed: []any{Region{Name: "r"}, Branch{Name: "b", RegionID: id(1)}, Desk{Name: "d", BranchID: id(1)}},
			do: func(db *gorm.DB) any {
				return see(db.Select("Desks").Delete(&Branch{ID: 1}))
			},
			want: []string{
				`remove desk 1: branch_id=1> id=1> name=d>`, `dissociate branch 1.desks desk 1`,
				`remove branch 1: id=1> name=b> region_id=1>`,
			},
		},
	}
}
