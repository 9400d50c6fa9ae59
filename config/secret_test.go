package config_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
)

// Keys of masks come from the environment and are never shown, by no way of
// showing a configuration.
func TestMaskKeysAreNotShown(t *testing.T) {
	env := lookup(map[string]string{
		"TOP": "topsecret-of-the-file", "OWN": "topsecret-of-the-entity",
	})
	c, err := config.Parse([]byte(`
sources: {app: {dsn: "sqlite:shop.db"}}
mask_key: "${TOP}"
entities: {post: {mask: [token]}, tag: {mask: [token], mask_key: "${OWN}"}}
`), env)
	if err != nil {
		t.Fatal(err)
	}
	d := c.WithDefaults()
	if got := string(d.Entities["post"].Entity("post").MaskKey); got != "topsecret-of-the-file" {
		t.Errorf("post has key %q", got)
	}
	if got := string(d.Entities["tag"].Entity("tag").MaskKey); got != "topsecret-of-the-entity" {
		t.Errorf("tag has key %q", got)
	}
	if c.Entities["post"].MaskKey != "" {
		t.Error("WithDefaults changed the original")
	}
	for _, shown := range []*config.Config{c, d, c.Redacted(), d.Redacted()} {
		asYAML, err := yaml.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		asJSON, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{
			string(asYAML), string(asJSON), fmt.Sprintf("%v %+v %#v", shown, *shown, *shown),
		} {
			if strings.Contains(text, "topsecret") {
				t.Errorf("a key is shown: %s", text)
			}
		}
	}
	if r := d.Redacted(); strings.Contains(string(r.MaskKey)+string(r.Entities["tag"].MaskKey), "topsecret") {
		t.Error("Redacted keeps the key")
	}
}

// What came from the environment may be a secret that was put in the wrong place:
// faults name the variable.
func TestFaultsNameVariables(t *testing.T) {
	env := lookup(map[string]string{"SEC": "S3CRETVAL", "DSN": "S3CRETVAL://x", "NUM": "-77123"})
	faults := faultsOf(t, `timezone: "${SEC}"
sources: {app: {dsn: "${DSN}", capture: "${SEC}"}, b: {dsn: "sqlite:b", raw: "x${SEC}"}}
storages: {default: {dsn: "sqlite:${SEC}", layout: "${SEC}", indexes: "${NONE:-S3CRETVAL}"}}
routes: [{match: "${SEC}", storages: ["${SEC}"]}]
entities: {post: {source: "${SEC}", only: [id], ignore: ["${SEC}", "${SEC}"], operations: ["${SEC}"]}}
relations: {post.tags: {entity: "${SEC}", through: x}}
queue: {lanes: "${NUM}", backoff: "${SEC}", multiplier: "${NUM}"}
epoch: {batch: "${SEC}"}
retention: {keep: "${SEC}"}
max_entry_size: "${NUM}"
`, env)
	for _, f := range faults {
		text := f.String()
		if strings.Contains(strings.ToUpper(text), "S3CRETVAL") || strings.Contains(text, "77123") {
			t.Errorf("a value is shown: %s", text)
		}
	}
	for _, want := range []string{
		`timezone: unknown time zone "${SEC}" (line 1)`,
		`sources.app.capture: unknown value "${SEC}" (line 2)`,
		`sources.b.raw: unknown value "x${SEC}" (line 2)`,
		`sources.app.dsn: DSN has no known scheme (line 2)`,
		`queue.lanes: ${NUM} is less than 1 (line 7)`,
	} {
		if !slices.ContainsFunc(faults, func(f annals.Fault) bool {
			return strings.HasPrefix(f.String(), want)
		}) {
			t.Errorf("no fault %s in\n%v", want, faults)
		}
	}
}

// A default is taken as it is, so that it cannot hold a reference.
func TestNestedReferences(t *testing.T) {
	env := lookup(map[string]string{"B": "b"})
	for _, text := range []string{"${A:-${B}}", "x${A:-y${B}z}", "${A:-$${B}}", "${B:-${A}}"} {
		faults := faultsOf(t, "timezone: \""+text+"\"\n"+minimal[1:], env)
		if len(faults) != 1 || !strings.Contains(faults[0].Problem, "holds another reference") {
			t.Errorf("%s: %v", text, faults)
		}
	}
}
