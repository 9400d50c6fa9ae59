package annalscmd

import (
	"time"

	"github.com/seed-162b1470/annals/internal/period"
)

// timeForms are the forms of --since and --until without a zone; they count in
// the configured one.
func timeForms() []string {
	return []string{
		"2006-01-02", "2006-01-02T15:04", "2006-01-02 15:04",
		"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999",
	}
}

// when reads a point in time: RFC 3339, a date or a time without zone, or a
// duration before now. An empty text is the zero time.
func (a *app) when(flag, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	for _, form := range timeForms() {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, nil
		}
	}
	p, err := period.Parse(text)
	if err != nil {
		return time.Time{}, usage("%s %q: write 2006-01-02, 2006-01-02T15:04:05Z, "+
			"or a duration before now (P1D, 2h)", flag, text)
	}
	return p.Before(a.opts.Now().In(zone)), nil
}
