package annals_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
)

// However a secret is printed, alone or within something, it is not in the text.
func TestSecretIsNeverPrinted(t *testing.T) {
	const text = "the secret itself"
	s := annals.Secret(text)
	type holder struct {
		Key   annals.Secret
		Keys  []annals.Secret
		Named map[string]*annals.Secret
	}
	h := holder{Key: s, Keys: []annals.Secret{s}, Named: map[string]*annals.Secret{"a": &s}}
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%T%v"} {
		for _, v := range []any{s, &s, h, &h, []any{h}} {
			printed = append(printed, fmt.Sprintf(verb, v))
		}
	}
	asJSON, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", s, "holder", h)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", s, "holder", h)
	printed = append(printed, string(asJSON), log.String(), errors.Join(fmt.Errorf("key %v", s)).Error())
	for _, p := range printed {
		if strings.Contains(p, text) || strings.Contains(strings.ToLower(p), hex.EncodeToString([]byte(text))) {
			t.Errorf("printed: %s", p)
		}
	}
	if string(s) != text {
		t.Error("the secret is lost")
	}
	if got := fmt.Sprintf("%v|%s", annals.Secret(""), annals.Secret("")); got != "|" {
		t.Errorf("no secret prints as %q", got)
	}
}

func TestEntityRules(t *testing.T) {
	for _, c := range []struct {
		name   string
		entity annals.Entity
		keeps  map[string]bool
		gives  map[annals.EntryType]bool
	}{
		{
			"no rule",
			annals.Entity{},
			map[string]bool{"a": true},
			map[annals.EntryType]bool{annals.Insert: true, annals.Statement: true},
		},
		{
			"ignore",
			annals.Entity{Ignore: []string{"a"}, Mask: []string{"b"}},
			map[string]bool{"a": false, "b": true, "c": true},
			nil,
		},
		{
			"only", annals.Entity{Only: []string{"a"}}, map[string]bool{"a": true, "b": false}, nil,
		},
		{
			"operations",
			annals.Entity{Operations: []annals.EntryType{annals.Remove}},
			nil,
			map[annals.EntryType]bool{annals.Insert: false, annals.Remove: true},
		},
	} {
		for column, want := range c.keeps {
			if got := c.entity.Keeps(column); got != want {
				t.Errorf("%s: Keeps(%s) = %v", c.name, column, got)
			}
		}
		for typ, want := range c.gives {
			if got := c.entity.Gives(typ); got != want {
				t.Errorf("%s: Gives(%s) = %v", c.name, typ, got)
			}
		}
	}
}
