package conn_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// Post is a model of the audited table.
type Post struct {
	ID    int64
	Title string
}

// TableName implements schema.Tabler.
func (Post) TableName() string { return "post" }

// asGORM gives the pool to GORM with the plugin, for a source whose triggers
// capture.
func (h *harness) asGORM(pool *sql.DB, cfg gorm.Config) *gorm.DB {
	h.Helper()
	aud, err := auditor.New(auditor.Config{
		Sources: map[string]auditor.Source{
			"app": {DB: pool, Dialect: h.plain.Dialect, Capture: config.CaptureTrigger},
		},
		Entities: map[string]config.Entity{"post": {}},
	})
	if err != nil {
		h.Fatal(err)
	}
	db := orm.Open(h, h.plain.Dialect, pool, cfg)
	if err := db.Use(gormcapture.New(aud)); err != nil {
		h.Fatal(err)
	}
	return db
}

// GORM's statements are bound, whether the pool does so or the plugin has to, and
// nothing is inherited.
func TestGORM(t *testing.T) {
	pools := map[string]func(h *harness) *sql.DB{
		"connector": func(h *harness) *sql.DB { return h.db },
		"plugin": func(h *harness) *sql.DB {
			pool, err := sql.Open(h.plain.DriverName, h.plain.DriverDSN)
			return opened(h.T, pool, err)
		},
	}
	for name, pool := range pools {
		for mode, cfg := range map[string]gorm.Config{
			"": {}, " prepared": {PrepareStmt: true}, " without transactions": {SkipDefaultTransaction: true},
			" prepared without": {PrepareStmt: true, SkipDefaultTransaction: true},
		} {
			t.Run(name+mode, func(t *testing.T) {
				testdb.Each(t, func(t *testing.T, db *testdb.DB) {
					h := newHarness(t, db)
					playGORM(h, h.asGORM(pool(h), cfg))
				})
			})
		}
	}
}

func playGORM(h *harness, db *gorm.DB) {
	h.Helper()
	commented := annals.WithComment(h.as("ann"), "once")
	ann, nobody := db.WithContext(commented), db.WithContext(h.Context())
	do := func(err error) {
		h.Helper()
		if err != nil {
			h.Fatal(err)
		}
	}
	enough := errors.New("enough")
	if err := ann.Transaction(func(tx *gorm.DB) error {
		do(tx.Create(&Post{Title: "gone"}).Error)
		return enough
	}); !errors.Is(err, enough) {
		h.Fatal(err)
	}
	do(nobody.Create(&Post{Title: "n1"}).Error)
	h.want("n1:")

	post := Post{Title: "a1"}
	do(ann.Create(&post).Error)
	do(ann.Model(&post).Update("title", "a2").Error)
	do(nobody.Model(&post).Update("title", "n2").Error)
	do(ann.Delete(&post).Error)
	h.want("a1:ann:once", "a2:ann", "n2:", "n2:ann")

	// annals.Off switches nothing off here.
	do(db.WithContext(annals.Off(h.as("ann"))).Create(&Post{Title: "off"}).Error)
	do(ann.Exec("UPDATE post SET title = ? WHERE title = ?", "raw", "off").Error)
	do(nobody.Exec("UPDATE post SET title = 'nobody' WHERE title = 'raw'").Error)
	h.want("off:ann", "raw:ann", "nobody:")
	var posts []Post
	do(ann.Raw("DELETE FROM post WHERE title = 'nobody' RETURNING id, title").Scan(&posts).Error)
	if len(posts) != 1 || posts[0].Title != "nobody" {
		h.Errorf("returned %v", posts)
	}
	do(ann.Where("title = ?", "x").Find(&posts).Error)
	h.want("nobody:ann")

	do(nobody.Transaction(func(tx *gorm.DB) error {
		do(tx.Exec("SAVEPOINT a").Error)
		do(tx.WithContext(h.as("ann")).Create(&Post{Title: "undone"}).Error)
		do(tx.Exec("ROLLBACK TO SAVEPOINT a").Error)
		do(tx.Create(&Post{Title: "s1"}).Error)
		do(tx.Exec("UPDATE post SET title = 's2' WHERE title = 's1'").Error)
		return nil
	}))
	h.want("s1:ann", "s2:ann")
	do(nobody.Create(&Post{Title: "n3"}).Error)
	h.want("n3:")

	ctx, cancel := context.WithCancel(h.as("ann"))
	err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		do(tx.Create(&Post{Title: "cancelled"}).Error)
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
		h.Errorf("cancelled: %v", err)
	}
	do(nobody.Create(&Post{Title: "n4"}).Error)
	h.want("n4:")
	func() {
		defer func() { _ = recover() }()
		_ = db.WithContext(h.as("ann")).Transaction(func(tx *gorm.DB) error {
			do(tx.Create(&Post{Title: "panic"}).Error)
			panic("as a program does")
		})
	}()
	if err := ann.Exec("INSERT INTO post (nothing) VALUES (1)").Error; err == nil {
		h.Error("no error")
	}
	do(ann.Create(&Post{Title: "a3"}).Error)
	do(nobody.Connection(func(tx *gorm.DB) error {
		do(tx.WithContext(h.as("cy")).Create(&Post{Title: "c1"}).Error)
		return tx.Create(&Post{Title: "c2"}).Error
	}))
	h.want("a3:ann", "c1:cy", "c2:")
}
