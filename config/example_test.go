package config_test

import (
	"fmt"

	"github.com/seed-162b1470/annals/config"
)

func ExampleParse() {
	c, err := config.Parse([]byte(`
sources:  {app: {dsn: "${DATABASE_URL}"}}
entities: {post: {table: posts, label: title, mask: [title]}}
`), func(name string) (string, bool) { return "sqlite:shop.db", name == "DATABASE_URL" })
	fmt.Println(c == nil, err)
	// Output:
	// true entities.post.mask[0]: "title" is the label and cannot be masked (line 3)
}

func ExampleConfig_RouteFor() {
	c, err := config.Parse([]byte(`
sources:  {app: {dsn: "postgres://db/shop", delivery: outbox}}
storages:
  default:   {dsn: "postgres://db/audit"}
  financial: {dsn: "postgres://safe/audit"}
routes:
  - {match: "tag:financial", storages: [financial]}
  - {match: "*", storages: [default]}
entities: {post: {}, invoice: {tags: [financial]}}
`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, entity := range []string{"post", "invoice"} {
		rule, _ := c.RouteFor(entity)
		fmt.Println(entity, rule.Storages, rule)
	}
	// Output:
	// post [default] routes[1] "*"
	// invoice [financial] routes[0] "tag:financial"
}
