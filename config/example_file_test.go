package config_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/config"
)

// lookup makes an environment of a map.
func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
}

var exampleEnv = lookup(map[string]string{
	"DATABASE_URL":       "postgres://app:secret@db.example.org/shop",
	"AUDIT_DATABASE_URL": "postgres://audit:secret@audit.example.org/audit",
	"AUDIT_MASK_KEY":     "0123456789abcdef0123456789abcdef",
	"STOCK_DATABASE_URL": "mysql://stock:secret@stock.example.org/stock",
	"FINANCE_AUDIT_URL":  "mysql://audit:secret@finance.example.org/audit",
})

func TestExampleFileLoads(t *testing.T) {
	c, err := config.Load("../annals.example.yaml", exampleEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Entities["post"].Roles.View; len(got) != 2 {
		t.Errorf("roles of post = %v", got)
	}
	if rule, ok := c.RouteFor("billing.invoice"); !ok || rule.String() != `routes[0] "billing.*"` {
		t.Errorf("route of billing.invoice = %v, %v", rule, ok)
	}
}

// Every key of the structs is in the example, and has a comment near it.
func TestExampleFileHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../annals.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys(reflect.TypeFor[config.Config]()) {
		if !regexp.MustCompile(`(?m)^\s*(- )?` + key + `:`).Match(text) {
			t.Errorf("annals.example.yaml has no key %q", key)
		}
		if !strings.Contains(string(page), "`"+key+"`") {
			t.Errorf("docs/configuration.md does not tell of `%s`", key)
		}
	}
}

// keys lists the YAML keys of a type and of everything within it.
func keys(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Pointer:
		return keys(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		names = append(names, name)
		names = append(names, keys(t.Field(i).Type)...)
	}
	return names
}
