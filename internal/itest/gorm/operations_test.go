package gorm_test

import (
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// operations are what a random program does to the models.
func operations() []operation {
	all := []operation{
		createFamily, createPosts, moveChildren, updatePosts, deletePosts, tagPosts, saveGraph,
		deleteAuthors, createTags,
	}
	all = append(all, createDocs, upsertDocs, ignoreDocs, updateDocs, deleteDocs, renameDoc,
		saveDoc, upsertStocks, moveStocks)
	all = append(all, createNode, moveNode, deleteNodes, items, memos, slots, renameSlot, deleteSlot)
	return append(all, shops, lots, vehicles, samples, changeSamples)
}

func key(n int) string { return fmt.Sprintf("k%d", n) }

func uintp(n int) *uint {
	if n == 0 {
		return nil
	}
	return id(uint(n))
}

func createFamily(db *gorm.DB, s step) error {
	a := Author{Name: s.Text, Posts: []Post{{Title: "p" + s.Text}, {Title: "q", Views: s.A}}}
	if s.Flag {
		a.Email, a.Profile = text(key(s.A)), &Profile{Bio: s.Text}
	}
	return db.Create(&a).Error
}

func createPosts(db *gorm.DB, s step) error {
	ps := make([]Post, s.A%3+1)
	for i := range ps {
		ps[i] = Post{Title: s.Text, Secret: s.Text, Note: s.Text, AuthorID: uintp(s.B)}
	}
	if s.Flag {
		ps[0].Tags = []*Tag{{Name: key(s.A)}, {Name: key(s.B)}}
	}
	return db.Create(&ps).Error
}

func moveChildren(db *gorm.DB, s step) error {
	a := Author{ID: uint(s.A)}
	posts := db.Model(&a).Association("Posts")
	var other []Post
	// Only what is there: a made-up key would be drawn by PostgreSQL's sequence
	// again later.
	db.Limit(2).Find(&other, "id > ?", s.B)
	switch s.B % 4 {
	case 0:
		return posts.Clear()
	case 1:
		return posts.Append(&other)
	case 2:
		return posts.Replace(&other)
	}
	return posts.Delete(&other)
}

func updatePosts(db *gorm.DB, s step) error {
	posts := db.Model(&Post{}).Where("id % 3 = ?", s.A%3)
	switch {
	case s.Flag:
		return posts.Updates(map[string]any{
			"views": gorm.Expr("views + ?", s.B), "note": s.Text, "secret": s.Text,
		}).Error
	case s.B == 0:
		return posts.Update("author_id", nil).Error
	}
	return posts.Update("author_id", s.B).Error
}

func deletePosts(db *gorm.DB, s step) error {
	if s.Flag {
		return db.Select(clause.Associations).Delete(&Post{ID: uint(s.A)}).Error
	}
	return db.Where("views > ?", s.B).Delete(&Post{}).Error
}

func tagPosts(db *gorm.DB, s step) error {
	p := Post{ID: uint(s.A + 1)}
	tags := db.Model(&p).Association("Tags")
	some := []*Tag{{ID: uint(s.B + 1), Name: key(s.B)}, {Name: "n" + key(s.A)}}
	switch s.B % 4 {
	case 0:
		return tags.Clear()
	case 1:
		return tags.Append(some)
	case 2:
		return tags.Replace(some)
	}
	return tags.Delete(some[:1])
}

func saveGraph(db *gorm.DB, s step) error {
	var p Post
	if err := db.Preload(clause.Associations).First(&p, s.A+1).Error; err != nil {
		return err
	}
	p.Title = s.Text
	if p.Author != nil {
		p.Author.Name = s.Text
	}
	for _, t := range p.Tags {
		t.Name += "'"
	}
	return db.Session(&gorm.Session{FullSaveAssociations: s.Flag}).Save(&p).Error
}

func deleteAuthors(db *gorm.DB, s step) error {
	return db.Select("Posts", "Profile").Delete(&Author{ID: uint(s.A + 1)}).Error
}

func createTags(db *gorm.DB, s step) error {
	ts := []Tag{{Name: key(s.A)}, {Name: key(s.B)}, {Name: s.Text}}
	if s.Flag {
		return db.Create(&ts).Error
	}
	return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&ts).Error
}

func docs(s step) []Doc {
	return []Doc{
		{key(s.A), s.Text, s.B + 1}, {key(s.B + 10), s.Text, 1}, {key(s.A + s.B + 20), "z", 2},
	}
}

func createDocs(db *gorm.DB, s step) error {
	ds := docs(s)
	if s.Flag {
		return db.CreateInBatches(&ds, 2).Error
	}
	return db.Create(&ds).Error
}

func upsertDocs(db *gorm.DB, s step) error {
	ds := docs(s)
	return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&ds).Error
}

func ignoreDocs(db *gorm.DB, s step) error {
	ds := docs(s)
	return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&ds).Error
}

func updateDocs(db *gorm.DB, s step) error {
	return db.Model(&Doc{}).Where("size > ?", s.A).Updates(map[string]any{
		"size": gorm.Expr("size - ?", s.B), "body": s.Text,
	}).Error
}

func deleteDocs(db *gorm.DB, s step) error {
	return db.Where("size < ? AND body = ?", s.A, s.Text).Delete(&Doc{}).Error
}

func renameDoc(db *gorm.DB, s step) error {
	return db.Model(&Doc{}).Where("id = ?", key(s.A)).Update("id", key(s.B+10)).Error
}

func saveDoc(db *gorm.DB, s step) error {
	return db.Save(&Doc{ID: key(s.A), Body: s.Text, Size: s.B}).Error
}

func upsertStocks(db *gorm.DB, s step) error {
	ss := []Stock{{key(s.A % 3), key(s.B), s.A}, {key(s.A % 3), key(s.B + 1), s.B}}
	return db.Clauses(clause.OnConflict{UpdateAll: s.Flag, DoNothing: !s.Flag}).Create(&ss).Error
}

func moveStocks(db *gorm.DB, s step) error {
	stocks := db.Model(&Stock{}).Where("warehouse = ?", key(s.A%3))
	switch s.B % 3 {
	case 0:
		return stocks.Update("warehouse", key(s.B%4)).Error
	case 1:
		return stocks.Update("sku", gorm.Expr("REPLACE(sku, 'k', 'k1')")).Error
	}
	return stocks.Where("quantity > ?", s.B).Delete(&Stock{}).Error
}

func createNode(db *gorm.DB, s step) error {
	n := s.A*10 + s.B + 1
	return db.Create(&Node{
		ID: uint(n), Name: s.Text, ParentID: uintp(n / 3), FriendID: uintp(s.B),
	}).Error
}

func moveNode(db *gorm.DB, s step) error {
	return db.Model(&Node{}).Where("id > ? AND id % 3 = ?", s.A*5, s.B%3).
		Updates(map[string]any{"parent_id": uintp(s.A), "friend_id": uintp(s.B)}).Error
}

func deleteNodes(db *gorm.DB, s step) error {
	return db.Delete(&Node{}, []int{s.A + 1, s.B + 1, s.A * s.B}).Error
}

func items(db *gorm.DB, s step) error {
	switch item := (Item{ID: uint(s.A + 1)}); s.B % 5 {
	case 0, 1:
		return db.Create(&[]Item{{Name: s.Text}, {Name: "i"}}).Error
	case 2:
		return db.Where("id % 2 = ?", s.A%2).Delete(&Item{}).Error
	case 3:
		return db.Unscoped().Model(&item).Update("deleted_at", nil).Error
	default:
		return db.Unscoped().Delete(&item).Error
	}
}

func memos(db *gorm.DB, s step) error {
	if s.B < 5 {
		return db.Create(&Memo{Body: s.Text}).Error
	}
	return db.Delete(&Memo{}, s.A).Error
}

func slots(db *gorm.DB, s step) error {
	day := key(s.B)
	slot := Slot{Code: key(s.A), Name: s.Text, Uses: []SlotUse{{
		Day: day, Who: s.Text,
		Notes: []SlotNote{{Text: s.Text}, {Text: "n"}},
	}}}
	return db.Create(&slot).Error
}

func renameSlot(db *gorm.DB, s step) error {
	return db.Model(&Slot{}).Where("code = ?", key(s.A)).Update("code", key(s.B+s.A)).Error
}

func deleteSlot(db *gorm.DB, s step) error {
	if s.Flag {
		return db.Delete(&SlotUse{SlotCode: key(s.A), Day: key(s.B)}).Error
	}
	return db.Delete(&Slot{Code: key(s.A)}).Error
}

func shops(db *gorm.DB, s step) error {
	if s.B > 3 {
		return db.Delete(&Region{ID: uint(s.A)}).Error
	}
	return db.Create(&Region{Name: s.Text, Branches: []Branch{
		{Name: "b", Desks: []Desk{{Name: s.Text}, {Name: "d"}}}, {Name: s.Text},
	}}).Error
}

func lots(db *gorm.DB, s step) error {
	switch s.B % 3 {
	case 0:
		return db.Create(&Lot{Code: key(s.A), Parts: []Part{{}, {}}}).Error
	case 1:
		return db.Model(&Lot{}).Where("code = ?", key(s.A)).Update("code", key(s.B)).Error
	}
	return db.Where("code = ?", key(s.A)).Delete(&Lot{}).Error
}

func vehicles(db *gorm.DB, s step) error {
	switch s.B % 4 {
	case 0, 1:
		return db.Create(&[]Vehicle{{Kind: "car", Wheels: &s.A}, {Kind: "boat", Sails: &s.B}}).Error
	case 2:
		return db.Model(&Vehicle{}).Where("wheels > ?", s.A).
			Updates(map[string]any{"kind": "tank", "wheels": nil}).Error
	}
	return db.Where("kind = ? AND sails < ?", "boat", s.A).Delete(&Vehicle{}).Error
}

func samples(db *gorm.DB, s step) error {
	seen := time.Date(2020+s.A, 2, 29-s.B, 23, 59, 59, (s.B*111111)*1000, time.UTC)
	rate, ready := float64(s.A)/3, s.Flag
	rows := []Sample{
		{}, {
			Price: text(fmt.Sprintf("%d.%d0", s.A*1000, s.B)), Raw: []byte{0, 255, byte(s.A)},
			Data: text(fmt.Sprintf(`{"b": [%d, 1.50, null], "a": {"x": "%d"}}`, s.A, s.B)),
			Seen: &seen, Rate: &rate, Ready: &ready, Big: int64(s.A) << 58, Letter: s.Text,
		},
	}
	return db.Create(&rows).Error
}

func changeSamples(db *gorm.DB, s step) error {
	some := db.Model(&Sample{}).Where("id % 4 = ?", s.A%4)
	switch s.B % 4 {
	case 0:
		return some.Updates(map[string]any{"raw": []byte(s.Text), "price": "12.340"}).Error
	case 1:
		return some.Updates(map[string]any{"seen": nil, "data": `[1, "two"]`, "rate": 0.1}).Error
	case 2:
		return some.Updates(map[string]any{"ready": s.Flag, "big": -s.A, "letter": s.Text}).Error
	}
	return some.Delete(&Sample{}).Error
}
