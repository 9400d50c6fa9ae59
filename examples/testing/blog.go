// Package blog is a small program whose tests say what has to be audited; see
// blog_test.go.
package blog

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
)

// Post is an ordinary GORM model.
type Post struct {
	ID        uint
	Title     string
	Published bool
	UpdatedAt time.Time
}

// Blog keeps posts.
type Blog struct{ db *gorm.DB }

// New returns the blog in a database.
func New(db *gorm.DB) *Blog { return &Blog{db: db} }

// Write adds a post.
func (b *Blog) Write(ctx context.Context, title string) (Post, error) {
	p := Post{Title: title}
	if err := b.db.WithContext(ctx).Create(&p).Error; err != nil {
		return p, fmt.Errorf("write post: %w", err)
	}
	return p, nil
}

// Publish shows a post to the world, for a reason.
func (b *Blog) Publish(ctx context.Context, id uint, reason string) error {
	ctx = annals.WithComment(ctx, reason)
	err := b.db.WithContext(ctx).Model(&Post{ID: id}).Update("published", true).Error
	if err != nil {
		return fmt.Errorf("publish post: %w", err)
	}
	return nil
}

// Find reads a post; it changes nothing.
func (b *Blog) Find(ctx context.Context, id uint) (p Post, err error) {
	if err = b.db.WithContext(ctx).First(&p, id).Error; err != nil {
		return p, fmt.Errorf("find post: %w", err)
	}
	return p, nil
}
