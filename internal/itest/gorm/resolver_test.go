package gorm_test

import (
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"

	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestReplica: rows are read from the source that is written, never from a
// replica, in whichever order the plugins came.
func TestReplica(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		for name, first := range map[string]bool{"annals first": true, "resolver first": false} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, testdb.New(t, db.Kind), true, gorm.Config{})
				w.fill([]any{&Doc{ID: "a", Body: "x"}, &Doc{ID: "b", Body: "x"}})
				// The replica has fallen far behind.
				behind := newWorld(t, testdb.New(t, db.Kind), false, gorm.Config{})
				behind.fill([]any{&Doc{ID: "a", Body: "stale"}})
				resolver := dbresolver.Register(dbresolver.Config{
					Replicas: []gorm.Dialector{orm.Dialector(behind.sql.Dialect, behind.sql.DB)},
				})
				g := open(t, w.sql, gorm.Config{})
				plugins := []gorm.Plugin{resolver, gormcapture.New(w.aud)}
				if first {
					plugins[0], plugins[1] = plugins[1], plugins[0]
				}
				for _, p := range plugins {
					if err := g.Use(p); err != nil {
						t.Fatal(err)
					}
				}
				var seen Doc
				if g.Find(&seen, "id = ?", "a"); seen.Body != "stale" {
					t.Fatalf("the replica is not read: %+v", seen)
				}
				for _, tx := range []*gorm.DB{
					g.Model(&Doc{}).Where("body = ?", "x").Update("body", "y"),
					g.Delete(&Doc{ID: "b"}),
					g.Exec("UPDATE docs SET body = 'z'"),
				} {
					if tx.Error != nil || tx.RowsAffected == 0 {
						t.Errorf("%d rows, error %v", tx.RowsAffected, tx.Error)
					}
				}
				want := []string{
					"update doc a: body=x>y", "update doc b: body=x>y",
					"remove doc b: body=y> id=b> size=7>",
					"statement doc * update 1: UPDATE docs SET body = ?",
				}
				got := story(t, w.stored())
				if strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Errorf("story\n%s", strings.Join(got, "\n"))
				}
			})
		}
	})
}
