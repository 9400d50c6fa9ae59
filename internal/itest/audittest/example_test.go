package audittest_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/audittest"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
)

// printed is a test whose failures are printed, since an example has none.
type printed struct{ *spy }

func (printed) Error(args ...any) { fmt.Println(args...) }

// A wrong expectation tells what differs.
func ExampleExpectation_Exactly() {
	var t testing.TB = printed{&spy{TB: &testing.T{}, ctx: exampleContext()}} // the test's t

	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	g := open(t, db, dialect.SQLiteName) // GORM with the tables of the models

	aud := audittest.New(t, auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: db, Dialect: dialect.SQLiteName}},
		Entities: map[string]config.Entity{"tag": {Table: "tags"}},
	})
	if err := g.Use(gormcapture.New(aud)); err != nil {
		fmt.Println(err)
		return
	}
	ctx := annals.WithActor(t.Context(), annals.Actor{ID: "42", Name: "ann"})
	g.WithContext(ctx).Create(&tag{Name: "go"})
	g.WithContext(ctx).Model(&tag{ID: 1}).Update("name", "Go")

	audittest.Expect(t, aud).Exactly(
		audittest.Insert("tag", "1", audittest.Set("name", "go")),
		audittest.Update("tag", "1", audittest.Change("name", "go", "golang"), audittest.By("7")),
		audittest.Remove("tag", "1"),
	)
	// Output:
	// audit entries differ: expected 3, got 2 (- expected, + got, ~ differs)
	//   insert tag 1
	// ~ update tag 1
	// -     name: "go" → "golang"
	// +     name: "go" → "Go"
	// -     by "7"
	// +     by "42"
	// - remove tag 1
}
