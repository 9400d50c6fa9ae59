package config_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
)

const minimal = `
sources: {app: {dsn: "sqlite:shop.db"}}
storages: {default: {dsn: "sqlite:./shop.db"}}
entities: {post: {}}
`

func noEnv(string) (string, bool) { return "", false }

func TestMinimal(t *testing.T) {
	c, err := config.Parse([]byte(minimal), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if c.Timezone != "" || c.Entities["post"].Table != "" {
		t.Errorf("Parse filled in defaults: %+v", c)
	}
	d := c.WithDefaults()
	switch {
	case d.Timezone != "UTC", d.Sources["app"].Capture != "orm", d.Queue.Jitter != 0.1,
		d.Sources["app"].Delivery != "direct", d.Storages["default"].Layout != "entries",
		d.Storages["default"].Suffix() != "_audit", d.Entities["post"].Table != "post",
		d.Entities["post"].Source != "app", d.MaxEntrySize != 8<<20, d.Retention.Keep != "P12M":
		t.Errorf("WithDefaults = %+v", d)
	}
	if c.Sources["app"].Capture != "" {
		t.Error("WithDefaults changed the original")
	}
}

func TestEnvironment(t *testing.T) {
	env := lookup(map[string]string{
		"DIR": "/srv/a b", "EVIL": "x\", label: evil}\nsources: {", "LANES": "4", "EMPTY": "",
	})
	c, err := config.Parse([]byte(`
sources: {app: {dsn: "sqlite:${DIR}/shop.db"}}
storages: {default: {dsn: "sqlite:${DIR}/${NONE:-shop.db}", table_suffix: "${EMPTY}_log"}}
entities: {post: {label: "${EVIL}", url: "/$${id}/$5/{id}", tags: ["${EMPTY:-blog}"]}}
queue: {lanes: "${LANES}"}
`), env)
	if err != nil {
		t.Fatal(err)
	}
	post := c.Entities["post"]
	for _, v := range []struct{ got, want string }{
		{c.Sources["app"].DSN, "sqlite:/srv/a b/shop.db"},
		{c.Storages["default"].DSN, "sqlite:/srv/a b/shop.db"},
		{c.Storages["default"].Suffix(), "_log"},
		{post.Label, "x\", label: evil}\nsources: {"},
		{post.URL, "/${id}/$5/{id}"},
		{post.Tags[0], "blog"},
	} {
		if v.got != v.want {
			t.Errorf("got %q, want %q", v.got, v.want)
		}
	}
	if c.Queue.Lanes != 4 || len(c.Sources) != 1 {
		t.Errorf("lanes = %d, sources = %v", c.Queue.Lanes, c.Sources)
	}
}

func TestLoadUnreadable(t *testing.T) {
	_, err := config.Load(t.TempDir()+"/annals.yaml", noEnv)
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, annals.ErrConfig) {
		t.Errorf("error %v is not about a missing file", err)
	}
	if err == nil || !strings.Contains(err.Error(), "annals init") {
		t.Errorf("error %v names no way out", err)
	}
}

// faultsOf parses a text that must be refused.
func faultsOf(
	t *testing.T, text string, env func(string) (string, bool),
) []annals.Fault {
	t.Helper()
	_, err := config.Parse([]byte(text), env)
	var fault *annals.ConfigError
	if !errors.As(err, &fault) || !errors.Is(err, annals.ErrConfig) {
		t.Fatalf("Parse gave %v, want a *ConfigError for:\n%s", err, text)
	}
	return fault.Faults
}

func TestDocumentFaults(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":         {"", "empty"},
		"comment only":  {"# nothing\n", "empty"},
		"null":          {"~\n", "empty"},
		"not a mapping": {"- a\n", "must be a mapping"},
		"not YAML":      {"a: [\n", "line"},
		"two documents": {minimal + "---\na: b\n", "more than one"},
	} {
		t.Run(name, func(t *testing.T) {
			if faults := faultsOf(t, c.text, noEnv); !strings.Contains(faults[0].String(), c.want) {
				t.Errorf("faults = %v, want %q", faults, c.want)
			}
		})
	}
}

// All faults come at once, each with its path and line, and the nearest name.
func TestAllFaultsAtOnce(t *testing.T) {
	faults := faultsOf(t, `timezone: Mars/Olympus
sources:
  app: {dsn: "${NO_SUCH}", captur: orm}
storages:
  default: {dsn: "oracle://u:topsecret@h/db", indexes: [lean]}
  default: {dsn: "sqlite:x.db"}
entities:
  post: {lable: title, ignore: updated_at, label: {a: b}}
queue: {lanes: many, 1.5: x}
routs: []
max_entry_size: 1.5
`, noEnv)
	var all strings.Builder
	for _, f := range faults {
		all.WriteString(f.String() + "\n")
	}
	want := `sources.app.dsn: environment variable NO_SUCH is not set (line 3); ` +
		`set NO_SUCH, or write ${NO_SUCH:-default}
sources.app.captur: unknown key (line 3); did you mean "capture"?
storages.default.indexes: must be a single value, not a list (line 5)
storages.default: the key stands on line 5 already (line 6); merge the two
entities.post.lable: unknown key (line 8); did you mean "label"?
entities.post.ignore: must be a list, not a single value (line 8); write [a, b]
entities.post.label: must be a single value, not a mapping (line 8)
queue.lanes: must be a number (line 9)
queue.1.5: unknown key (line 9); known: "backoff", "batch", "jitter", "lanes", ` +
		`"max_backoff", "multiplier", "retries"
routs: unknown key (line 10); did you mean "routes"?
max_entry_size: must be a number (line 11)
timezone: unknown time zone "Mars/Olympus" (line 1); ` +
		`write an IANA name, such as Europe/Berlin or UTC
storages.default.dsn: unknown scheme "oracle" (line 5); ` +
		`write postgres://user:password@host:5432/database, ` +
		`mysql://user:password@host:3306/database, sqlite:path or jsonl:path
`
	if all.String() != want {
		t.Errorf("faults:\n%s\nwant:\n%s", all.String(), want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("a: &x [*x]\n"))
	f.Add([]byte("entities: &a {b: *a}\n"))
	f.Add([]byte("sources: {app: {dsn: ${A}, <<: {a: b}}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := config.Parse(text, noEnv)
		if (c == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", c, err)
		}
		if err != nil && !errors.Is(err, annals.ErrConfig) {
			t.Fatalf("%v is no ErrConfig", err)
		}
		if err == nil {
			if err := c.WithDefaults().Validate(); err != nil {
				t.Fatalf("with defaults: %v", err)
			}
			_ = c.Redacted()
		}
	})
}
