// Package period reads and applies the durations of annals: ISO 8601 durations
// with calendar arithmetic ("P12M", "PT1H"), Go's ("1h30m") and plain seconds
// ("3600").
//
// Months and years are calendar units: what is a month before 31 March is the
// last day of February, as PostgreSQL and MariaDB compute it, and not 3 March.
package period

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrSyntax is the family of everything that Parse refuses.
var ErrSyntax = errors.New("not a duration")

// Bounds keep every result within the years that databases can hold, and every
// intermediate number within an int64.
const (
	maxYears  = 9999
	maxMonths = 12 * maxYears
	maxDays   = 366 * maxYears
)

// Period is a length of time in calendar units and clock units. The zero value
// is no time at all. Values are comparable and never negative.
type Period struct {
	// Months includes years, Days includes weeks.
	Months, Days int
	// Clock is the part below a day; it may be longer than one.
	Clock time.Duration
}

// IsZero reports whether p is no time at all.
func (p Period) IsZero() bool { return p == Period{} }

// Exact returns p as a time.Duration; ok is false where p has calendar units,
// whose length depends on the day they are counted from.
func (p Period) Exact() (d time.Duration, ok bool) {
	return p.Clock, p.Months == 0 && p.Days == 0
}

// Before returns the instant p before t, counted in t's zone: months first, with
// the day clamped to the month's end, then days, then the clock part.
func (p Period) Before(t time.Time) time.Time {
	return p.shift(t, -1)
}

// After returns the instant p after t, counted as Before does.
func (p Period) After(t time.Time) time.Time {
	return p.shift(t, 1)
}

func (p Period) shift(t time.Time, sign int) time.Time {
	if p.Months != 0 || p.Days != 0 {
		year, month, day := t.Date()
		year, month, day = addMonths(year, month, day, sign*p.Months)
		hour, minute, second := t.Clock()
		t = time.Date(year, month, day+sign*p.Days, hour, minute, second, t.Nanosecond(),
			t.Location())
	}
	return t.Add(time.Duration(sign) * p.Clock)
}

// addMonths moves a date by n months and clamps the day to the new month's end.
func addMonths(year int, month time.Month, day, n int) (int, time.Month, int) {
	months := year*12 + int(month) - 1 + n
	year, m := months/12, months%12
	if m < 0 {
		year, m = year-1, m+12
	}
	month = time.Month(m + 1)
	if last := daysIn(year, month); day > last {
		day = last
	}
	return year, month, day
}

// daysIn returns the length of a month: the day before the next month's first.
func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// String returns a form that Parse reads back as the same value: ISO 8601, or
// Go's where there are fractions of a second, which never meet calendar units.
func (p Period) String() string {
	if p.Clock%time.Second != 0 {
		return p.Clock.String()
	}
	if p.IsZero() {
		return "PT0S"
	}
	var b strings.Builder
	b.WriteByte('P')
	write := func(n int, unit byte) {
		if n != 0 {
			fmt.Fprintf(&b, "%d%c", n, unit)
		}
	}
	write(p.Months/12, 'Y')
	write(p.Months%12, 'M')
	write(p.Days, 'D')
	if p.Clock != 0 {
		b.WriteByte('T')
		seconds := int(p.Clock / time.Second)
		write(seconds/3600, 'H')
		write(seconds/60%60, 'M')
		write(seconds%60, 'S')
	}
	return b.String()
}
