package verify_test

import (
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/verify"
)

type customer struct {
	ID     int
	Name   string
	City   *string
	Secret string
}

func (customer) TableName() string { return "customers" }

// Entries that the application captured lead to the rows, and where somebody wrote past
// it the rows and columns are named.
func TestReplayEntries(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := &scene{DB: db, t: t}
		s.exec("CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(50), city VARCHAR(50), secret VARCHAR(50))",
			"INSERT INTO customers VALUES (100, 'old', NULL, NULL)")
		var err error
		s.aud, err = auditor.New(auditor.Config{
			Sources:  map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect}},
			Entities: map[string]config.Entity{"customer": {Table: "customers", Mask: []string{"secret"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.update()
		g := orm.Open(t, db.Dialect, db.DB, gorm.Config{})
		if err := g.Use(gormcapture.New(s.aud)); err != nil {
			t.Fatal(err)
		}
		berlin := "Berlin"
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(g.Create([]customer{
			{ID: 1, Name: "ann", City: &berlin, Secret: "x"}, {ID: 2, Name: "bob"}, {ID: 3, Name: "eve"}, {ID: 4, Name: "moved"},
		}).Error)
		must(g.Model(&customer{ID: 1}).Update("name", "anna").Error)
		must(g.Delete(&customer{ID: 3}).Error)
		must(g.Model(&customer{}).Where("id = 4").Update("id", 5).Error)
		must(g.Model(&customer{}).Where("id = 100").Update("city", "Bonn").Error)
		replayed := func() []string {
			var got []string
			for _, f := range s.verify(true) {
				if f.Kind == verify.KindReplay || f.Kind == verify.KindNoBaseline {
					got = append(got, string(f.Severity)+" "+f.Detail)
				}
			}
			return got
		}
		if got := replayed(); len(got) != 0 {
			t.Fatalf("recorded: %q", got)
		}
		s.exec("UPDATE customers SET secret = 'other' WHERE id = 1", "UPDATE customers SET city = 'Rome' WHERE id = 2",
			"DELETE FROM customers WHERE id = 1", "INSERT INTO customers VALUES (3, 'eve', NULL, NULL), (7, 'new', NULL, NULL)",
			"UPDATE customers SET name = 'x' WHERE id = 5", "UPDATE customers SET name = 'not told' WHERE id = 100")
		want := []string{
			"error row 1: it is not there, and its entries do not say that it was removed",
			"error row 2: differs from its entries in city",
			"error row 3: it is there, and by its entries it was removed",
			"error row 5: differs from its entries in name",
			"note 1 rows have no entries: they are older than the capture, or were made past it",
		}
		got := replayed()
		// The name of row 5 was told under its first key; that of row 100 never was.
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
