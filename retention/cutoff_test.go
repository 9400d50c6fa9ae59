package retention_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/retention"
)

func TestCutOff(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ keep, now, want string }{
		{"P1M", "2026-03-31T12:00:00Z", "2026-02-28T12:00:00Z"},
		{"P12M", "2024-02-29T12:00:00Z", "2023-02-28T12:00:00Z"},
		{"1h", "2026-01-01T00:30:00Z", "2025-12-31T23:30:00Z"},
		{"3600", "2026-01-01T00:30:00Z", "2025-12-31T23:30:00Z"},
		{"PT0.5S", "2026-01-01T00:30:00Z", "fault"},
		{"500ms", "2026-01-01T00:00:01.000000999Z", "2026-01-01T00:00:00.5Z"},
		// A day back across the change to summer time is 23 hours, a day is not PT24H.
		{"P1D", "2026-03-29T12:00:00+02:00", "2026-03-28T11:00:00Z"},
		{"PT24H", "2026-03-29T12:00:00+02:00", "2026-03-28T10:00:00Z"},
		{"P9999Y", "2026-01-01T00:00:00Z", "1000-01-01T00:00:00Z"},
		{"P0D", "2026-01-01T00:00:00Z", "fault"},
		{"0", "2026-01-01T00:00:00Z", "fault"},
		{"-P1D", "2026-01-01T00:00:00Z", "fault"},
		{"-1h", "2026-01-01T00:00:00Z", "fault"},
		{"", "2026-01-01T00:00:00Z", "fault"},
		{"12 months", "2026-01-01T00:00:00Z", "fault"},
	} {
		now, err := time.Parse(time.RFC3339Nano, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(c.now, "Z") {
			now = now.In(berlin)
		}
		got, err := retention.CutOff(c.keep, now)
		var fault *annals.Error
		if c.want == "fault" {
			if !errors.Is(err, annals.ErrConfig) || !errors.As(err, &fault) || fault.Remedy == "" {
				t.Errorf("%q: %s, %v", c.keep, got, err)
			}
			continue
		}
		if text := got.UTC().Format(time.RFC3339Nano); err != nil || text != c.want {
			t.Errorf("%q before %s: %s, %v, want %s", c.keep, c.now, text, err, c.want)
		}
	}
}

func TestSelect(t *testing.T) {
	known := []string{"post", "billing.invoice", "billing.item", "tag", "Post"}
	for _, c := range []struct {
		include, exclude []string
		want             string
	}{
		{nil, nil, "[Post billing.invoice billing.item post tag]"},
		{[]string{"post"}, nil, "[post]"},
		{[]string{"billing.*", "post"}, nil, "[billing.invoice billing.item post]"},
		{[]string{"*"}, []string{"*"}, "[]"},
		{[]string{"billing.*"}, []string{"*.item"}, "[billing.invoice]"},
		{nil, []string{"?ost"}, "[billing.invoice billing.item tag]"},
		{[]string{"pst"}, nil, `fault; did you mean "Post"?`},
		{nil, []string{"billing.itm*"}, `fault; did you mean "billing.item"?`},
		{nil, []string{"zzzzzzzzz"}, `fault; known: `},
		{[]string{"post"}, []string{""}, "fault"},
	} {
		got, err := retention.Select(known, c.include, c.exclude)
		if want, fault := strings.CutPrefix(c.want, "fault"); fault {
			if !errors.Is(err, annals.ErrUnknownEntity) || !strings.Contains(err.Error(), want) {
				t.Errorf("-i %q -x %q: %q, %v", c.include, c.exclude, got, err)
			}
			continue
		}
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("-i %q -x %q: %q, %v, want %s", c.include, c.exclude, got, err, c.want)
		}
	}
}
