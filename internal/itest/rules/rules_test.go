package rules_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// Post is written by most cases.
type Post struct {
	ID    int `gorm:"autoIncrement:false"`
	Title string
	Body  string
	Token *string
	Kind  string
	Views int
	Gone  *int
}

// Contact is in the same embedded struct twice.
type Contact struct {
	City string
	Mail string `annals:"mask"`
}

// Member has rules in its tags.
type Member struct {
	ID     int     `gorm:"autoIncrement:false"`
	Name   string  `annals:"label"`
	Secret string  `annals:"-"`
	Pin    *string `annals:"mask"`
	Home   Contact `gorm:"embedded;embeddedPrefix:home_"`
	Work   Contact `gorm:"embedded;embeddedPrefix:work_" annals:"-"`
}

func text(s string) *string { return &s }

const maskKey = "a key of thirty-two bytes, or so"

// digest is what a keyed digest has to be, worked out apart.
func digest(value string) string {
	h := hmac.New(sha256.New, []byte(maskKey))
	h.Write([]byte(value))
	return "hmac-sha256:" + hex.EncodeToString(h.Sum(nil))
}

// ruleCase is a configuration, a program and what it leaves.
type ruleCase struct {
	name string
	cfg  auditor.Config
	do   func(db *gorm.DB) error
	want []string
	// hidden must not stand in any table of annals.
	hidden []string
	// seen must stand there, as stored.
	seen []string
}

// post is a configuration of the entity post.
func post(e config.Entity) auditor.Config {
	e.Table = "posts"
	return entities(map[string]config.Entity{"post": e})
}

func member(e config.Entity) auditor.Config {
	e.Table = "members"
	return entities(map[string]config.Entity{"member": e})
}

// story creates, changes and deletes a post.
func story(db *gorm.DB) error {
	p := Post{ID: 1, Title: "a", Body: "body-1", Token: text("token-1"), Kind: "blog"}
	for _, step := range []func() *gorm.DB{
		func() *gorm.DB { return db.Create(&p) },
		func() *gorm.DB { return db.Model(&p).Update("title", "b") },
		func() *gorm.DB { return db.Model(&p).Update("body", "body-2") },
		func() *gorm.DB { return db.Model(&p).Update("token", "token-2") },
		func() *gorm.DB { return db.Delete(&p) },
	} {
		if err := step().Error; err != nil {
			return err
		}
	}
	return nil
}

func columnCases() []ruleCase {
	withKey := post(config.Entity{Mask: []string{"token"}})
	withKey.MaskKey = maskKey
	return []ruleCase{
		{
			name: "only", cfg: post(config.Entity{Only: []string{"id", "title"}}), do: story,
			want: []string{
				"insert posts 1: id >1 title >a", "update posts 1: title a>b", "remove posts 1: id 1> title b>",
			},
			hidden: []string{"body-", "token-"},
		},
		{
			name: "only and mask",
			cfg:  post(config.Entity{Only: []string{"id", "token"}, Mask: []string{"token"}}), do: story,
			want: []string{
				"insert posts 1: id >1 token >*", "update posts 1: token *>*", "remove posts 1: id 1> token *>",
			},
			hidden: []string{"body-", "token-"},
		},
		{
			name: "ignore",
			cfg:  post(config.Entity{Ignore: []string{"body", "token", "kind", "views", "gone"}}), do: story,
			want: []string{
				"insert posts 1: id >1 title >a", "update posts 1: title a>b", "remove posts 1: id 1> title b>",
			},
			hidden: []string{"body-", "token-"},
		},
		{
			name: "mask",
			cfg: post(config.Entity{
				Only: []string{"id", "body", "token"}, Mask: []string{"token", "body"},
			}), do: story,
			want: []string{
				"insert posts 1: body >* id >1 token >*", "update posts 1: body *>*",
				"update posts 1: token *>*", "remove posts 1: body *> id 1> token *>",
			},
			hidden: []string{"body-", "token-"},
		},
		{
			name: "mask of null",
			cfg:  post(config.Entity{Only: []string{"id", "token"}, Mask: []string{"token"}}),
			do: func(db *gorm.DB) error {
				p := Post{ID: 1}
				return firstError(db.Create(&p), db.Model(&p).Update("token", "token-1"),
					db.Model(&p).Update("token", "token-1"), db.Model(&p).Update("token", nil))
			},
			want: []string{
				"insert posts 1: id >1", "update posts 1: token >*", "update posts 1: token *>",
			},
			hidden: []string{"token-"},
		},
		{
			name: "mask with digest", cfg: withKey,
			do: func(db *gorm.DB) error {
				p := Post{ID: 1, Token: text("token-1")}
				q := Post{ID: 2, Token: text("token-1")}
				return firstError(db.Select("ID", "Token").Create(&p), db.Select("ID", "Token").Create(&q),
					db.Model(&p).Update("token", "token-2"), db.Model(&p).Update("token", "token-2"))
			},
			want: []string{
				"insert posts 1: id >1 token >#", "insert posts 2: id >2 token >#", "update posts 1: token #>#",
			},
			hidden: []string{"token-", maskKey},
			seen:   []string{digest(`"token-1"`), digest(`"token-2"`)},
		},
		{
			name: "digest by the entity's own key",
			cfg: func() auditor.Config {
				c := post(config.Entity{Mask: []string{"token"}, MaskKey: maskKey})
				c.MaskKey = "another key that is not used"
				return c
			}(),
			do: func(db *gorm.DB) error {
				return db.Select("ID", "Token").Create(&Post{ID: 1, Token: text("token-1")}).Error
			},
			want:   []string{"insert posts 1: id >1 token >#"},
			hidden: []string{"token-"},
			seen:   []string{digest(`"token-1"`)},
		},
		{
			name: "label", cfg: post(config.Entity{Only: []string{"id", "title"}, Label: "title"}), do: story,
			want: []string{
				"insert posts 1 [a]: id >1 title >a", "update posts 1 [b]: title a>b",
				"remove posts 1 [b]: id 1> title b>",
			},
		},
		{
			name: "discriminator",
			cfg:  post(config.Entity{Only: []string{"id", "kind"}, Discriminator: "kind"}),
			do: func(db *gorm.DB) error {
				p := Post{ID: 1, Kind: "blog"}
				return firstError(db.Create(&p), db.Model(&p).Update("kind", "news"), db.Delete(&p))
			},
			want: []string{
				"insert posts 1 (blog): id >1 kind >blog", "update posts 1 (news): kind blog>news",
				"remove posts 1 (news): id 1> kind news>",
			},
		},
		{
			name: "soft delete",
			cfg:  post(config.Entity{Only: []string{"id", "gone"}, SoftDelete: "gone"}),
			do: func(db *gorm.DB) error {
				p := Post{ID: 1}
				return firstError(db.Create(&p), db.Model(&p).Update("gone", 7),
					db.Model(&p).Update("gone", 8), db.Model(&p).Update("gone", nil), db.Delete(&p))
			},
			want: []string{
				"insert posts 1: id >1", "remove posts 1 soft: gone >7", "update posts 1: gone 7>8",
				"insert posts 1 soft: gone 8>", "remove posts 1: gone > id 1>",
			},
		},
		{
			name: "every table",
			cfg: entities(map[string]config.Entity{
				"*": {Ignore: []string{"body", "kind", "views", "secret"}, Mask: []string{"token"}, Label: "title"},
			}),
			do: func(db *gorm.DB) error {
				return db.Create(&Post{ID: 1, Title: "a", Body: "body-1", Token: text("token-1")}).Error
			},
			want:   []string{"insert posts 1 [a]: id >1 title >a token >*"},
			hidden: []string{"body-", "token-"},
		},
	}
}

func operationCases() []ruleCase {
	only := func(operations ...string) auditor.Config {
		return post(config.Entity{
			Only: []string{"id", "title", "gone"}, SoftDelete: "gone", Operations: operations,
		})
	}
	all := func(db *gorm.DB) error {
		p := Post{ID: 1, Title: "a"}
		return firstError(db.Create(&p), db.Model(&p).Update("title", "b"),
			db.Model(&p).Update("gone", 1), db.Delete(&p))
	}
	return []ruleCase{
		{
			name: "operations: insert", cfg: only("insert"), do: all,
			want: []string{"insert posts 1: id >1 title >a"},
		},
		{
			name: "operations: update", cfg: only("update"), do: all,
			want: []string{"update posts 1: title a>b"},
		},
		{
			name: "operations: remove, soft or not", cfg: only("remove"), do: all,
			want: []string{"remove posts 1 soft: gone >1", "remove posts 1: gone 1> id 1> title b>"},
		},
		{
			name: "operations: two", cfg: only("remove", "insert"), do: all,
			want: []string{
				"insert posts 1: id >1 title >a", "remove posts 1 soft: gone >1",
				"remove posts 1: gone 1> id 1> title b>",
			},
		},
		{name: "operations: associate", cfg: only("associate"), do: all},
	}
}

func tagCases() []ruleCase {
	create := func(db *gorm.DB) error {
		m := Member{
			ID: 1, Name: "ann", Secret: "hidden-1", Pin: text("hidden-2"),
			Home: Contact{City: "Rome", Mail: "hidden-3"}, Work: Contact{City: "hidden-4", Mail: "hidden-5"},
		}
		return firstError(db.Create(&m), db.Model(&m).Updates(Member{Pin: text("hidden-6"), Secret: "hidden-7"}))
	}
	return []ruleCase{
		{
			name: "tags", cfg: member(config.Entity{}), do: create,
			want: []string{
				"insert members 1 [ann]: home_city >Rome home_mail >* id >1 name >ann pin >*",
				"update members 1 [ann]: pin *>*",
			},
			hidden: []string{"hidden-"},
		},
		{
			name: "tags of a table that only * names",
			cfg:  entities(map[string]config.Entity{"*": {}}), do: create,
			want: []string{
				"insert members 1 [ann]: home_city >Rome home_mail >* id >1 name >ann pin >*",
				"update members 1 [ann]: pin *>*",
			},
			hidden: []string{"hidden-"},
		},
		{
			name: "tags with digest", cfg: member(config.Entity{MaskKey: maskKey}), do: create,
			want: []string{
				"insert members 1 [ann]: home_city >Rome home_mail ># id >1 name >ann pin >#",
				"update members 1 [ann]: pin #>#",
			},
			hidden: []string{"hidden-", maskKey},
			seen:   []string{digest(`"hidden-2"`), digest(`"hidden-6"`), digest(`"hidden-3"`)},
		},
		{
			name: "configuration wins over tags",
			cfg: member(config.Entity{
				Label: "home_city", Mask: []string{"secret"}, Ignore: []string{"pin"},
			}), do: create,
			want: []string{
				"insert members 1 [Rome]: home_city >Rome home_mail >* id >1 name >ann secret >*",
				"update members 1 [Rome]: secret *>*",
			},
			hidden: []string{"hidden-"},
		},
		{
			name: "a list of columns wins over tags",
			cfg:  member(config.Entity{Only: []string{"id", "secret", "pin"}}), do: create,
			want: []string{
				"insert members 1: id >1 pin >* secret >hidden-1", "update members 1: pin *>* secret hidden-1>hidden-7",
			},
			hidden: []string{"hidden-2", "hidden-6"},
		},
		{
			name: "tags of a model that is written to another table",
			cfg:  entities(map[string]config.Entity{"post": {Table: "posts"}}),
			do: func(db *gorm.DB) error {
				type Draft struct {
					ID    int
					Title string `annals:"label"`
					Body  string `annals:"-"`
					Token string `annals:"mask"`
				}
				return db.Table("posts").Create(&Draft{ID: 1, Title: "a", Body: "body-1", Token: "token-1"}).Error
			},
			want:   []string{"insert posts 1 [a]: id >1 title >a token >*"},
			hidden: []string{"body-", "token-"},
		},
		{
			name: "tags without a model, once the model is known", cfg: member(config.Entity{}),
			do: func(db *gorm.DB) error {
				return firstError(db.Find(&[]Member{}), db.Table("members").Create(map[string]any{
					"id": 1, "name": "ann", "secret": "hidden-1", "pin": "hidden-2", "home_mail": "hidden-3",
				}))
			},
			want:   []string{"insert members 1 [ann]: home_mail >* id >1 name >ann pin >*"},
			hidden: []string{"hidden-"},
		},
	}
}

// Tags hold however a statement spells the table.
func TestTagsUnderAnotherSpelling(t *testing.T) {
	own := map[string]string{
		"postgres": "SELECT current_schema()", "mysql": "SELECT DATABASE()", "sqlite": "SELECT 'main'",
	}
	type Draft struct {
		ID    int
		Title string `annals:"label"`
		Body  string `annals:"-"`
		Token string `annals:"mask"`
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, post(config.Entity{}), &Post{})
		var schema string
		if err := db.QueryRowContext(t.Context(), own[db.Dialect]).Scan(&schema); err != nil {
			t.Fatal(err)
		}
		ok(t, w.db.Table(schema+".posts").Create(&Draft{ID: 1, Title: "a", Body: "hidden-1", Token: "hidden-2"}))
		want := []string{"insert posts 1 [a]: id >1 title >a token >*"}
		if d := cmp.Diff(want, w.lines("posts")); d != "" {
			t.Errorf("stored (-want +got):\n%s", d)
		}
	})
}

// Tags hold from the first write on, whoever comes first.
func TestTagsHoldForTheFirstOfMany(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, member(config.Entity{}), &Member{})
		next := 0
		for range 5 {
			g := open(t, db) // a plugin that has seen no model
			if err := g.Use(gormcapture.New(newAuditor(t, db, member(config.Entity{})))); err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for range 4 {
				next++
				m := Member{ID: next, Secret: "hidden-1", Pin: text("hidden-2")}
				all.Go(func() {
					err := g.Create(&m).Error
					for err != nil && w.retryable(err) { // SQLite has one writer at a time
						err = g.Create(&m).Error
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		}
		if s := w.dump("members_audit"); strings.Contains(s, "hidden-") || w.count("members_audit") != next {
			t.Errorf("%d entries: %s", w.count("members_audit"), s)
		}
	})
}

func firstError(steps ...*gorm.DB) error {
	for i, s := range steps {
		if s.Error != nil {
			return fmt.Errorf("step %d: %w", i, s.Error)
		}
	}
	return nil
}

func TestRules(t *testing.T) {
	for _, c := range slices.Concat(columnCases(), operationCases(), tagCases()) {
		t.Run(c.name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				w := newWorld(t, db, c.cfg, &Post{}, &Member{})
				table := "posts"
				if _, ok := c.cfg.Entities["member"]; ok || strings.HasPrefix(c.name, "tags of a table") {
					table = "members"
				}
				if err := c.do(w.db); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(c.want, w.lines(table)); d != "" {
					t.Errorf("stored (-want +got):\n%s", d)
				}
				everything := w.dump(table+"_audit", "annals_revision", "annals_revision_entity")
				for _, h := range c.hidden {
					if strings.Contains(everything, h) {
						t.Errorf("%q is stored: %s", h, everything)
					}
				}
				for _, s := range c.seen {
					if !strings.Contains(everything, s) {
						t.Errorf("%q is not stored: %s", s, everything)
					}
				}
			})
		})
	}
}

// What a rule says of roles, tags and links comes out as it went in.
func TestRolesAreKnown(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, post(config.Entity{
			Roles: config.Roles{View: []string{"editor"}}, Operations: []string{"update"}, MaskKey: maskKey,
		}), &Post{})
		all, err := w.aud.Entities(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 1 || !slices.Equal(all[0].ViewRoles, []string{"editor"}) ||
			!slices.Equal(all[0].Operations, []annals.EntryType{annals.Update}) {
			t.Errorf("entities = %+v", all)
		}
		for _, v := range []any{all, w.aud.Config(), w.aud.Config().Redacted()} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%x", "%s"} {
				if s := fmt.Sprintf(verb, v); strings.Contains(s, maskKey) ||
					strings.Contains(s, hex.EncodeToString([]byte(maskKey))) {
					t.Errorf("%s prints the key: %s", verb, s)
				}
			}
		}
	})
}
