package retention

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/nearest"
	"github.com/seed-162b1470/annals/internal/period"
)

// earliest is a cut-off that leaves everything: no database has a time before it.
func earliest() time.Time { return time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC) }

// CutOff returns the instant keep before now, counted in now's zone: keep is a
// duration as the configuration has it (P12M, 1h, 3600). No time at all and what is
// no duration give an error that matches annals.ErrConfig.
func CutOff(keep string, now time.Time) (time.Time, error) {
	p, err := period.Parse(keep)
	if err != nil {
		return time.Time{}, refuse("keep", "%w: %w", annals.ErrConfig, err)
	}
	if p.IsZero() {
		return time.Time{}, refuse("keep "+keep,
			"%w: keeping entries for no time would remove every one of them", annals.ErrConfig)
	}
	at := p.Before(now).Truncate(time.Microsecond)
	if at.Before(earliest()) {
		return earliest(), nil
	}
	return at, nil
}

func refuse(subject, format string, args ...any) error {
	return &annals.Error{
		Op: "read", Subject: subject, Err: fmt.Errorf(format, args...),
		Remedy: "write an ISO 8601 duration (P12M, PT1H), 1h30m, or seconds (3600)",
	}
}

// Select returns the known entities that one of the patterns of include matches
// and none of exclude, sorted; no include means all. Patterns are names in which
// * stands for any characters and ? for one. One that matches nothing gives an error
// that matches annals.ErrUnknownEntity: what was meant to be spared must not go
// because of a slip of the pen.
func Select(known, include, exclude []string) ([]string, error) {
	for _, p := range slices.Concat(include, exclude) {
		if !slices.ContainsFunc(known, func(name string) bool { return config.MatchGlob(p, name) }) {
			return nil, &annals.Error{
				Op: "find", Subject: fmt.Sprintf("entity %q", p), Err: annals.ErrUnknownEntity,
				Remedy: nearest.DidYouMean(strings.Trim(p, "*"), known),
			}
		}
	}
	var out []string
	for _, name := range known {
		if (len(include) == 0 || matches(include, name)) && !matches(exclude, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return config.MatchGlob(p, name) })
}
