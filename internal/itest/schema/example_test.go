package schema_test

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/schema"
)

func Example() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:example?mode=memory&cache=shared")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	post := annals.Entity{Name: "post", Source: "app", Table: annals.Table{Name: "posts"}}
	d := dialect.SQLite()
	m, err := schema.New(schema.Config{Targets: []schema.Target{{
		Name: "default", DB: db, Dialect: d,
		Entities: []schema.EntityTable{{
			Entity: post, Audit: layout.EntityTable(post, "", "_audit", d.Limits()),
		}},
	}}})
	if err != nil {
		panic(err)
	}
	plans, err := m.Plan(ctx)
	if err != nil {
		panic(err)
	}
	last := plans[0].Statements[len(plans[0].Statements)-1]
	fmt.Println(last.SQL)
	if _, err := m.Update(ctx); err != nil {
		panic(err)
	}
	again, err := m.Plan(ctx)
	fmt.Println(again[0].Empty(), err)
	// Output:
	// INSERT INTO `annals_audit_entity` (`name`, `source`, `table_schema`, `table_name`) VALUES ('post', 'app', NULL, 'posts_audit')
	// true <nil>
}
