package annalscmd

import (
	"time"

	"github.com/seed-162b1470/annals/reader/search"
)

// timeForms are the forms of times without a zone; they count in the configured
// one.
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
	t, ok := search.Time(text, search.Options{Now: a.opts.Now(), Zone: zone})
	if !ok {
		return t, usage("%s %q: write 2006-01-02, 2006-01-02T15:04:05Z, "+
			"or a duration before now (P1D, 2h)", flag, text)
	}
	return t, nil
}
