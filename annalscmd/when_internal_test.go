package annalscmd

import (
	"testing"
	"time"
)

func TestWhen(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	a := &app{opts: Options{Now: func() time.Time { return now }}}
	for text, want := range map[string]string{
		"":                          "0001-01-01T00:00:00Z",
		"2026-01-02":                "2026-01-01T23:00:00Z",
		"2026-07-02":                "2026-07-01T22:00:00Z",
		"2026-01-02T10:00":          "2026-01-02T09:00:00Z",
		"2026-01-02 10:00":          "2026-01-02T09:00:00Z",
		"2026-01-02 10:00:01.5":     "2026-01-02T09:00:01.5Z",
		"2026-01-02T10:00:00Z":      "2026-01-02T10:00:00Z",
		"2026-01-02T10:00:00+05:30": "2026-01-02T04:30:00Z",
		"P1D":                       "2026-03-30T12:00:00Z",
		"P1M":                       "2026-02-28T13:00:00Z", // 14:00 in summer, as in winter
		"2h":                        "2026-03-31T10:00:00Z",
		"3600":                      "2026-03-31T11:00:00Z",
	} {
		got, err := a.when("--since", text, zone)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("when(%q) = %s, %v; want %s", text, got.UTC(), err, want)
		}
	}
	for _, text := range []string{"yesterday", "2026-13-01", "P", "-1h", "26-01-02"} {
		if _, err := a.when("--since", text, zone); ExitCode(err) != ExitUsage {
			t.Errorf("when(%q) gave %v", text, err)
		}
	}
}
