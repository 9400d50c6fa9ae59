package config_test

import (
	"testing"

	"github.com/seed-162b1470/annals/config"
)

// What is not part of this version is a valid configuration, and told by its paths.
func TestUnbuilt(t *testing.T) {
	for name, c := range map[string]struct {
		changes map[string]string
		want    []string
	}{
		"smallest": {map[string]string{"storages": ""}, nil},
		"direct":   {nil, nil},
		"outbox": {map[string]string{
			"sources": `{app: {dsn: "postgres://db/shop", delivery: outbox}}`,
		}, []string{"sources.app.delivery"}},
		"relay to a file": {map[string]string{
			"sources":  `{app: {dsn: "postgres://db/shop", capture: trigger, delivery: relay}}`,
			"storages": `{log: {dsn: "jsonl:audit.jsonl"}}`,
		}, []string{"sources.app.delivery", "storages.log.dsn"}},
		"mirror": {map[string]string{
			"sources":  `{app: {dsn: "postgres://db/shop", capture: trigger}}`,
			"storages": `{default: {dsn: "postgres://db/shop", layout: mirror}}`,
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := config.Parse([]byte(with(c.changes)), caseEnv)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, fault := range file.Unbuilt() {
				got = append(got, fault.Path)
				if fault.Problem == "" || fault.Remedy == "" {
					t.Errorf("%+v", fault)
				}
			}
			if len(got) != len(c.want) {
				t.Fatalf("unbuilt: %q, want %q", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("unbuilt: %q, want %q", got, c.want)
				}
			}
		})
	}
}
