package config_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
)

// base is a valid configuration that a case replaces sections of.
var base = map[string]string{
	"sources":  `{app: {dsn: "postgres://u:topsecret@db/shop"}}`,
	"storages": `{default: {dsn: "postgres://audit@DB:5432/shop"}}`,
	"entities": `{post: {table: posts}, tag: {table: tags}}`,
}

func with(changes map[string]string) string {
	var b strings.Builder
	for _, key := range []string{
		"timezone", "sources", "storages", "routes", "entities", "relations", "epoch", "queue",
		"retention", "max_entry_size", "mask_key",
	} {
		value, ok := changes[key]
		if !ok {
			value = base[key]
		}
		if value != "" {
			b.WriteString(key + ": " + value + "\n")
		}
	}
	return b.String()
}

// caseEnv holds the DSNs of the cases.
var caseEnv = lookup(map[string]string{
	"PG": "postgres://u:topsecret@db/shop", "PG2": "postgres://audit@db/audit",
	"MYSQL": "mysql://u:topsecret@db/shop", "MYSQL2": "mysql://u@db/audit", "EMPTY": "",
})

// cases reads a file of cases: a comment, then lines that replace sections.
func cases(t *testing.T, file string) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for _, block := range strings.Split(string(text), "\n\n") {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		name, ok := strings.CutPrefix(lines[0], "# ")
		if !ok {
			continue
		}
		changes := map[string]string{}
		for _, line := range lines[1:] {
			key, value, _ := strings.Cut(line, ":")
			changes[key] = strings.TrimSpace(value)
		}
		all[name] = changes
	}
	return all
}

func TestValid(t *testing.T) {
	for name, c := range cases(t, "valid.txt") {
		t.Run(name, func(t *testing.T) {
			if _, err := config.Parse([]byte(with(c)), caseEnv); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	for want, c := range cases(t, "faults.txt") {
		t.Run(want, func(t *testing.T) {
			faults := faultsOf(t, with(c), caseEnv)
			found := slices.ContainsFunc(faults, func(f annals.Fault) bool {
				return strings.Contains(f.String(), want)
			})
			if !found {
				t.Errorf("faults = %v, want %q", faults, want)
			}
			for _, f := range faults {
				if strings.Contains(f.String(), "topsecret") {
					t.Errorf("a password stands in %q", f)
				}
			}
		})
	}
}

// Whatever does not work names what does.
func TestCombinationsAreNamed(t *testing.T) {
	faults := faultsOf(t, with(map[string]string{"storages": `{d: {dsn: "${PG2}"}}`}), caseEnv)
	if len(faults) != 1 || !strings.Contains(faults[0].Remedy, "outbox or after_commit") {
		t.Errorf("faults = %v", faults)
	}
}
