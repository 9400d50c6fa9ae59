package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

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
