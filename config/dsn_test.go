package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
)

func TestParseDSN(t *testing.T) {
	for text, want := range map[string]string{
		"postgres://u:p@db.example.org/shop":       "postgres db.example.org:5432/shop",
		"postgresql://db/shop?sslmode=disable":     "postgres db:5432/shop",
		"POSTGRES://db:1234/shop":                  "postgres db:1234/shop",
		"postgres:///shop":                         "postgres localhost:5432/shop",
		"postgres:///shop?host=/run/postgresql":    "postgres /run/postgresql/shop",
		"postgres://[::1]/shop":                    "postgres [::1]:5432/shop",
		"postgres://h1:1,h2:2/shop":                "postgres h1:1,h2:2/shop",
		"postgres://h1,h2:2,h3:3/shop":             "postgres h1:5432,h2:2,h3:3/shop",
		"postgres://u:p@h1,h2/shop":                "postgres h1:5432,h2:5432/shop",
		"postgres:///shop?host=a,b&port=1,2":       "postgres a:1,b:2/shop",
		"postgres:///shop?host=a,b&port=7":         "postgres a:7,b:7/shop",
		"mysql://u:p%40%2F@db:3307/shop?tls=true":  "mysql db:3307/shop",
		"mysql://u@localhost/shop?socket=/run/m.s": "mysql /run/m.s/shop",
		"sqlite:shop.db":                           "sqlite shop.db",
		"sqlite:/var/lib/a b%20.db?mode=ro":        "sqlite /var/lib/a b%20.db",
		"sqlite:///var/lib/a%20b.db":               "sqlite /var/lib/a b.db",
		"sqlite://shop.db":                         "sqlite shop.db",
		"sqlite::memory:":                          "sqlite :memory:",
		"jsonl:/var/log/audit.jsonl":               "jsonl /var/log/audit.jsonl",
	} {
		d, err := config.ParseDSN(text)
		if err != nil || d.Where() != want {
			t.Errorf("ParseDSN(%q).Where() = %q, %v; want %q", text, d.Where(), err, want)
		}
		if d.Text() != text {
			t.Errorf("Text() = %q, want %q", d.Text(), text)
		}
	}
}

func TestDSNRefused(t *testing.T) {
	for _, text := range []string{
		"", "topsecret", "u:topsecret@tcp(h)/d", "postgres:topsecret", "mysql://u:topsecret@h",
		"mysql://u:top#secret@h/d", "postgres://u:to/psecret@h/d", "mysql://u:%zztopsecret@h/d",
		"sqlite:", "jsonl:", "sqlite:///%zz", "oracle://u:topsecret@h/d", "host=h password=topsecret",
		"sqlite:x?%zz",
	} {
		_, err := config.ParseDSN(text)
		if !errors.Is(err, config.ErrDSN) || !errors.Is(err, annals.ErrConfig) {
			t.Errorf("ParseDSN(%q) = %v, want ErrDSN", text, err)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the password stands in %q", err)
		}
		if got := config.RedactDSN(text); strings.Contains(got, "secret") {
			t.Errorf("RedactDSN(%q) = %q", text, got)
		}
	}
}

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "",
		"sqlite:shop.db":                        "sqlite:shop.db",
		"postgres://u:p@h/d":                    "postgres://u:xxxxx@h/d",
		"postgres://u@h/d?password=p&sslmode=x": "postgres://u@h/d?password=xxxxx&sslmode=x",
		"postgres://u@h/d?sslmode=x&sslpassword=p": "postgres://u@h/d?sslmode=x&sslpassword=xxxxx",
		"mysql://u@h/d":                                       "mysql://u@h/d",
		"sqlite:x.db?_pragma=key(SECRET)":                     "sqlite:x.db?_pragma=xxxxx",
		"sqlite:x.db?_pragma=%6bey%28SECRET%29&mode=rw":       "sqlite:x.db?_pragma=xxxxx&mode=rw",
		"sqlite:x.db?_pragma=busy_timeout(5000)":              "sqlite:x.db?_pragma=busy_timeout(5000)",
		"sqlite:x.db?_pragma=journal_mode%3Dwal":              "sqlite:x.db?_pragma=journal_mode%3Dwal",
		"sqlite:x.db?_pragma=journal_mode(wal);key(SECRET)":   "xxxxx",
		"sqlite:x.db?_pragma=journal_mode(wal)%3Bkey(SECRET)": "sqlite:x.db?_pragma=xxxxx",
		"sqlite:x.db?_key=SECRET&SECRET":                      "sqlite:x.db?_key=xxxxx&xxxxx",
		"sqlite:x.db?pass%77ord=SECRET":                       "sqlite:x.db?pass%77ord=xxxxx",
		"postgres://u@h/d?pass%77ord=SECRET":                  "postgres://u@h/d?pass%77ord=xxxxx",
		"postgres://u:SECRET@h/d?PASSWORD=SECRET":             "postgres://u:xxxxx@h/d?PASSWORD=xxxxx",
		"postgres://u@h/d?options=-c%20x=SECRET&SSLMODE=x":    "postgres://u@h/d?options=xxxxx&SSLMODE=x",
		"postgres://u@h/d?sslmode=x#SECRET":                   "postgres://u@h/d?sslmode=x#xxxxx",
		"mysql://u@h/d?connectionAttributes=SECRET&parseTime=true": "mysql://u@h/d?" +
			"connectionAttributes=xxxxx&parseTime=true",
	} {
		if got := config.RedactDSN(text); got != want {
			t.Errorf("RedactDSN(%q) = %q, want %q", text, got, want)
		}
	}
	c, err := config.Parse([]byte(with(nil)), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Redacted().Sources["app"].DSN; strings.Contains(got, "topsecret") {
		t.Errorf("Redacted DSN = %q", got)
	}
	if got := c.Sources["app"].DSN; !strings.Contains(got, "topsecret") {
		t.Errorf("Redacted changed the original: %q", got)
	}
}

func TestTogether(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.db")
	link := filepath.Join(dir, "link.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"postgres://a@h/d", "postgresql://b:x@H:5432/d", true},
		{"postgres://localhost/d", "postgres://127.0.0.1/d", true},
		{"postgres://h/d", "postgres://h/e", false},
		{"postgres://h/d", "postgres://h:5433/d", false},
		{"mysql://h/d", "mysql://h/e", true},
		{"mysql://h/d", "mysql://i/d", false},
		{"mysql://h/d", "postgres://h/d", false},
		{"sqlite:" + file, "sqlite://" + link, true},
		{"sqlite:" + file, "sqlite:" + file + "2", false},
		{"sqlite:a.db", "sqlite:./x/../a.db", true},
		{"sqlite::memory:", "sqlite::memory:", true},
		{"jsonl:a", "jsonl:a", false},
	} {
		a, errA := config.ParseDSN(c.a)
		b, errB := config.ParseDSN(c.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got := a.Together(b); got != c.want {
			t.Errorf("%q and %q together: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func FuzzRedactDSN(f *testing.F) {
	f.Add("postgres://u:", "@h/d")
	f.Add("mysql://u@h/d?password=", "&x=y")
	f.Add("u:", "@tcp(h)/d")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "S3cr3tS3cr3t"
		d, err := config.ParseDSN(before + secret + after)
		if err != nil {
			if strings.Contains(err.Error(), secret) && !strings.Contains(err.Error(), "scheme") {
				t.Fatalf("error %q", err)
			}
			return
		}
		if p, has := d.Password(); has && strings.Contains(p, secret) &&
			strings.Contains(d.String(), secret) {
			t.Fatalf("String() = %q", d)
		}
	})
}
