package period_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-162b1470/annals/internal/period"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]period.Period{
		"P12M":           {Months: 12},
		"P1Y":            {Months: 12},
		"P1Y6M":          {Months: 18},
		"P2W":            {Days: 14},
		"P1W1D":          {Days: 8},
		"P1DT12H":        {Days: 1, Clock: 12 * time.Hour},
		"PT1H":           {Clock: time.Hour},
		"PT90M":          {Clock: 90 * time.Minute},
		"PT1H30M5S":      {Clock: time.Hour + 30*time.Minute + 5*time.Second},
		"P0D":            {},
		"PT0S":           {},
		"P9999Y":         {Months: 119988},
		"1h":             {Clock: time.Hour},
		"1h30m":          {Clock: 90 * time.Minute},
		"250ms":          {Clock: 250 * time.Millisecond},
		"1.5h":           {Clock: 90 * time.Minute},
		"3600":           {Clock: time.Hour},
		"0":              {},
		"P001M":          {Months: 1},
		"P1Y2M3W4DT5H6S": {Months: 14, Days: 25, Clock: 5*time.Hour + 6*time.Second},
	} {
		got, err := period.Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		again, err := period.Parse(got.String())
		if err != nil || again != got {
			t.Errorf("Parse(String(%q) = %q) = %+v, %v", text, got.String(), again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "P", "PT", "P1", "P1DT", "T1H", "p12m", "P1M1Y", "P1Y1Y", "P1H", "PT1D", "P-1M",
		"-P1M", "+P1M", "-1h", "+1h", "P1.5M", "PT0.5S", "P1,5M", "P 1M", " P1M", "P1M ", "12M",
		"P1D2W", "P10000Y", "P3659635D", "P99999999999999999999Y", "99999999999999999999",
		"PT9999999999H", "9999999999999h", "eternity", "1 h", "P１M", "PT2562047H3000M",
	} {
		if got, err := period.Parse(text); !errors.Is(err, period.ErrSyntax) {
			t.Errorf("Parse(%q) = %v, %v; want ErrSyntax", text, got, err)
		}
	}
}

func TestBeforeClampsToMonthEnd(t *testing.T) {
	for _, c := range []struct{ from, period, want string }{
		{"2026-03-31T10:00:00Z", "P1M", "2026-02-28T10:00:00Z"},
		{"2024-03-31T10:00:00Z", "P1M", "2024-02-29T10:00:00Z"},
		{"2024-02-29T10:00:00Z", "P1Y", "2023-02-28T10:00:00Z"},
		{"2026-01-31T00:00:00Z", "P13M", "2024-12-31T00:00:00Z"},
		{"2026-05-31T00:00:00Z", "P1M1D", "2026-04-29T00:00:00Z"},
		{"2026-01-01T00:00:00Z", "P1W", "2025-12-25T00:00:00Z"},
		{"2026-01-01T00:00:00Z", "PT25H", "2025-12-30T23:00:00Z"},
		{"2026-01-01T00:00:00Z", "3600", "2025-12-31T23:00:00Z"},
	} {
		from, _ := time.Parse(time.RFC3339, c.from)
		p, err := period.Parse(c.period)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Before(from).Format(time.RFC3339); got != c.want {
			t.Errorf("%s before %s = %s, want %s", c.period, c.from, got, c.want)
		}
	}
}

func TestAfterClampsToMonthEnd(t *testing.T) {
	from := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	want := time.Date(2026, 2, 28, 8, 0, 0, 0, time.UTC)
	if got := (period.Period{Months: 1}).After(from); !got.Equal(want) {
		t.Errorf("P1M after %s = %s, want %s", from, got, want)
	}
}

// A day is a calendar day of the zone, however many hours it has.
func TestBeforeCountsInTheZone(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 3, 29, 12, 0, 0, 0, zone) // clocks went forward that night
	if got := from.Sub((period.Period{Days: 1}).Before(from)); got != 23*time.Hour {
		t.Errorf("a day before %s is %s away, want 23h", from, got)
	}
	if got := from.Sub((period.Period{Clock: 24 * time.Hour}).Before(from)); got != 24*time.Hour {
		t.Errorf("24 hours before %s is %s away", from, got)
	}
}

func TestBeforeIsNeverLaterAndKeepsOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	zones := []*time.Location{time.UTC}
	for _, name := range []string{"Europe/Berlin", "Pacific/Apia", "America/St_Johns"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	for range 20000 {
		p := period.Period{
			Months: random.IntN(40), Days: random.IntN(40),
			Clock: time.Duration(random.Int64N(int64(100 * time.Hour))),
		}
		at := time.Unix(random.Int64N(4e9)-1e9, 0).In(zones[random.IntN(len(zones))])
		if got := p.Before(at); got.After(at) {
			t.Fatalf("%s before %s = %s is later", p, at, got)
		}
		// Several days are clamped to one month's end, each with its time of day,
		// so the order holds between days.
		day := at.UTC().Truncate(24 * time.Hour)
		later := day.AddDate(0, 0, random.IntN(100))
		if a, b := p.Before(day), p.Before(later); a.After(b) {
			t.Fatalf("%s before %s = %s, but before %s = %s", p, day, a, later, b)
		}
	}
}

func TestExact(t *testing.T) {
	if d, ok := (period.Period{Clock: time.Second}).Exact(); !ok || d != time.Second {
		t.Errorf("Exact(1s) = %v, %v", d, ok)
	}
	if _, ok := (period.Period{Months: 1, Clock: time.Second}).Exact(); ok {
		t.Error("a month has no exact length")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"P12M", "P1Y2M3W4DT5H6M7S", "1h", "3600", "P", "250ms", "PT0S"} {
		f.Add(seed)
	}
	at := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := period.Parse(text)
		if err != nil {
			if !errors.Is(err, period.ErrSyntax) {
				t.Fatalf("Parse(%q): %v is no ErrSyntax", text, err)
			}
			return
		}
		if p.Months < 0 || p.Days < 0 || p.Clock < 0 {
			t.Fatalf("Parse(%q) = %+v is negative", text, p)
		}
		if again, err := period.Parse(p.String()); err != nil || again != p {
			t.Fatalf("Parse(%q) = %+v, printed %q, read %+v, %v", text, p, p, again, err)
		}
		if p.Before(at).After(at) || p.After(at).Before(at) {
			t.Fatalf("%q goes the wrong way", text)
		}
	})
}
