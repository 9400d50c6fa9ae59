package period

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Parse reads "P1Y6M", "P2W", "P1DT12H" (ISO 8601: upper case, integers, units in
// order, at least one of them), "1h30m" (Go), or "3600" (seconds). Negative and
// oversized values are refused. Every error matches ErrSyntax; zero is a value,
// and callers for whom it has no meaning ask IsZero.
func Parse(s string) (Period, error) {
	p, err := parse(s)
	if err != nil {
		return Period{}, fmt.Errorf("parse duration %q: %w: %w", s, ErrSyntax, err)
	}
	return p, nil
}

// reason says what is wrong with a text; it becomes part of the message only.
type reason string

// Error implements error.
func (r reason) Error() string { return string(r) }

const (
	errForm  reason = "write an ISO 8601 duration (P12M, PT1H), 1h30m, or seconds (3600)"
	errLarge reason = "too long"
	errSign  reason = "a duration has no sign"
)

func parse(s string) (Period, error) {
	switch {
	case s == "":
		return Period{}, errForm
	case s[0] == '-' || s[0] == '+':
		return Period{}, errSign
	case s[0] == 'P':
		return parseISO(s[1:])
	case digits(s) == len(s):
		n, err := number(s)
		if err != nil {
			return Period{}, err
		}
		clock, err := clockOf(n, time.Second)
		return Period{Clock: clock}, err
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return Period{}, errForm
	}
	return Period{Clock: d}, nil
}

// parseISO reads what follows the P.
func parseISO(s string) (Period, error) {
	date, clock, hasClock := strings.Cut(s, "T")
	var p Period
	years, months, weeks, days := 0, 0, 0, 0
	err := units(date, []unit{{'Y', &years}, {'M', &months}, {'W', &weeks}, {'D', &days}})
	if err != nil {
		return p, err
	}
	hours, minutes, seconds := 0, 0, 0
	err = units(clock, []unit{{'H', &hours}, {'M', &minutes}, {'S', &seconds}})
	if err != nil {
		return p, err
	}
	if (date == "" && clock == "") || (hasClock && clock == "") {
		return p, errForm
	}
	p.Months, p.Days = years*12+months, weeks*7+days
	if p.Months > maxMonths || p.Days > maxDays {
		return p, errLarge
	}
	for _, part := range []struct {
		n    int
		size time.Duration
	}{{hours, time.Hour}, {minutes, time.Minute}, {seconds, time.Second}} {
		d, err := clockOf(part.n, part.size)
		if err != nil {
			return p, err
		}
		if p.Clock > math.MaxInt64-d {
			return p, errLarge
		}
		p.Clock += d
	}
	return p, nil
}

// unit is a letter of ISO 8601 and where its number goes.
type unit struct {
	letter byte
	into   *int
}

// units reads numbers with their letters, each letter at most once, in order.
func units(s string, order []unit) error {
	for s != "" {
		n := digits(s)
		if n == 0 || n == len(s) {
			return errForm
		}
		value, err := number(s[:n])
		if err != nil {
			return err
		}
		letter := s[n]
		for len(order) > 0 && order[0].letter != letter {
			order = order[1:]
		}
		if len(order) == 0 {
			return errForm
		}
		*order[0].into = value
		order, s = order[1:], s[n+1:]
	}
	return nil
}

// digits counts the leading decimal digits of s.
func digits(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}

// number reads digits, at most so many that a product with a unit fits an int64.
func number(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 34)
	if err != nil {
		return 0, errLarge
	}
	return int(n), nil
}

func clockOf(n int, size time.Duration) (time.Duration, error) {
	if int64(n) > math.MaxInt64/int64(size) {
		return 0, errLarge
	}
	return time.Duration(n) * size, nil
}
