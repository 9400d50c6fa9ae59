package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-162b1470/annals/internal/nearest"
	"github.com/seed-162b1470/annals/internal/period"
)

// Lengths of the columns that names are stored in.
const (
	maxSourceName = 64
	maxEntityName = 255
)

// Validate returns an *annals.ConfigError with every fault of c, or nil. It looks
// at c alone: what only the live databases know is checked elsewhere.
func (c *Config) Validate() error {
	f := &faults{}
	c.validate(f)
	return f.err()
}

func (c *Config) validate(f *faults) {
	// Absent values count as their defaults, under the paths they would have.
	d := c.WithDefaults()
	d.checkTimezone(f)
	d.checkSources(f)
	if _, one := c.onlySource(); len(c.Storages) > 0 || !one {
		d.checkStorages(f) // else the source's DSN, which was checked there
	}
	d.checkRoutes(f)
	d.checkMaskKey(f, "mask_key", d.MaskKey)
	d.checkEntities(f)
	d.checkRelations(f)
	d.checkDelivery(f)
	d.checkAuditTables(f)
	d.checkNumbers(f)
}

func (c *Config) checkTimezone(f *faults) {
	// "Local" would mean another zone on each host.
	if _, err := time.LoadLocation(c.Timezone); err != nil || c.Timezone == "Local" {
		f.add("timezone", fmt.Sprintf("unknown time zone %q", c.Timezone),
			"write an IANA name, such as Europe/Berlin or UTC")
	}
}

func (c *Config) checkSources(f *faults) {
	if len(c.Sources) == 0 {
		f.add("sources", "no database is audited", "name at least one: app: {dsn: …}")
	}
	for _, name := range sortedKeys(c.Sources) {
		s, path := c.Sources[name], child("sources", name)
		checkName(f, path, name, maxSourceName)
		if d, ok := checkDSN(f, child(path, "dsn"), s.DSN); ok && !d.IsSQL() {
			f.add(child(path, "dsn"), "a file of JSON lines cannot be audited",
				"jsonl: is for storages")
		}
		oneOf(f, child(path, "capture"), s.Capture, CaptureORM, CaptureTrigger)
		checkRaw(f, child(path, "raw"), s)
		checkContext(f, child(path, "context"), s)
		oneOf(f, child(path, "delivery"), s.Delivery,
			DeliveryDirect, DeliveryOutbox, DeliveryAfterCommit, DeliveryRelay)
		for i, p := range s.Exclude {
			if p == "" {
				f.add(item(child(path, "exclude"), i), "is empty", "")
			}
		}
	}
}

func (c *Config) checkStorages(f *faults) {
	if len(c.Storages) == 0 {
		f.add("storages", "there is no place for the entries of several sources",
			"name at least one: default: {dsn: …}")
	}
	for _, name := range sortedKeys(c.Storages) {
		s, path := c.Storages[name], child("storages", name)
		checkName(f, path, name, maxSourceName)
		d, ok := checkDSN(f, child(path, "dsn"), s.DSN)
		oneOf(f, child(path, "layout"), s.Layout, LayoutEntries, LayoutMirror)
		oneOf(f, child(path, "indexes"), s.Indexes, IndexesLean, IndexesClassic)
		if ok && !d.IsSQL() && s.Layout == LayoutMirror {
			f.add(child(path, "layout"), "a file of JSON lines has the entries layout only", "")
		}
	}
}

// checkDSN reports a wrong DSN; ok is false where there is no value to go on with.
func checkDSN(f *faults, path, text string) (d DSN, ok bool) {
	d, err := ParseDSN(text)
	if err == nil {
		return d, true
	}
	if fault, is := err.(*dsnFault); is { //nolint:errorlint // ParseDSN gives nothing else
		problem := fault.problem
		if _, secret := f.fromEnv[path]; secret && strings.HasPrefix(problem, unknownScheme) {
			problem = noScheme // what stands before the colon may be anything
		}
		f.add(path, problem, fault.remedy)
	}
	return d, false
}

// checkName refuses names that could not be stored, or not be told from patterns.
func checkName(f *faults, path, name string, limit int) {
	switch {
	case strings.TrimSpace(name) == "":
		f.add(path, "has an empty name", "")
	case len([]rune(name)) > limit:
		f.add(path, fmt.Sprintf("name is longer than %d characters", limit), "")
	case strings.ContainsAny(name, "*?"):
		f.add(path, "a name cannot hold * or ?", `only "*" alone stands for all other tables`)
	case strings.HasPrefix(name, tagPrefix):
		f.add(path, "a name cannot start with tag:", "")
	case strings.IndexFunc(name, control) >= 0:
		f.add(path, "name has control characters", "")
	}
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// checkRaw allows a policy for raw SQL where the program captures.
func checkRaw(f *faults, path string, s Source) {
	switch {
	case s.Capture == CaptureTrigger && s.Raw != "":
		f.add(path, "has no meaning with capture trigger, which sees every statement", "leave it out")
	case s.Capture == CaptureORM:
		oneOf(f, path, s.Raw, RawObserve, RawRefuse, RawAllow)
	}
}

// checkContext allows a way of telling triggers who acts where there are some.
func checkContext(f *faults, path string, s Source) {
	switch {
	case s.Capture == CaptureORM && s.Context != "":
		f.add(path, "has no meaning with capture orm, which knows who acts", "leave it out")
	case s.Capture == CaptureTrigger:
		oneOf(f, path, s.Context, ContextSession, ContextRow)
	}
}

func oneOf(f *faults, path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		f.add(path, fmt.Sprintf("unknown value %q", value), nearest.DidYouMean(value, allowed))
	}
}

func (c *Config) checkNumbers(f *faults) {
	atLeast := func(path string, n, least int) {
		if n < least {
			f.add(path, fmt.Sprintf("%d is less than %d", n, least), "")
		}
	}
	atMost := func(path string, n, most int) {
		if n > most {
			f.add(path, fmt.Sprintf("%d is more than %d", n, most), "")
		}
	}
	for _, path := range []string{"epoch.batch", "queue.batch"} {
		n := c.Epoch.Batch
		if path == "queue.batch" {
			n = c.Queue.Batch
		}
		atLeast(path, n, 1)
		atMost(path, n, 100_000)
	}
	atLeast("queue.lanes", c.Queue.Lanes, 1)
	atMost("queue.lanes", c.Queue.Lanes, 256)
	atLeast("queue.retries", c.Queue.Retries, -1)
	atMost("queue.retries", c.Queue.Retries, 1000)
	atLeast("max_entry_size", c.MaxEntrySize, -1)
	if m := c.Queue.Multiplier; m < 1 || m > 100 {
		f.add("queue.multiplier", fmt.Sprintf("%v is not between 1 and 100", m), "")
	}
	if j := c.Queue.Jitter; j != -1 && (j < 0 || j > 1) {
		f.add("queue.jitter", fmt.Sprintf("%v is not between 0 and 1", j), "write -1 for none")
	}
	c.checkDurations(f)
}

func (c *Config) checkDurations(f *faults) {
	backoff, ok := exact(f, "queue.backoff", c.Queue.Backoff)
	most, okMost := exact(f, "queue.max_backoff", c.Queue.MaxBackoff)
	if ok && okMost && most < backoff {
		f.add("queue.max_backoff", "is shorter than queue.backoff", "")
	}
	keep, err := period.Parse(c.Retention.Keep)
	switch {
	case err != nil:
		f.add("retention.keep", err.Error(), "")
	case keep.IsZero():
		f.add("retention.keep", "keeping entries for no time would remove every one of them",
			"write P12M for a year")
	}
}

// exact reads a duration whose length must not depend on the calendar.
func exact(f *faults, path, text string) (time.Duration, bool) {
	p, err := period.Parse(text)
	if err != nil {
		f.add(path, err.Error(), "")
		return 0, false
	}
	d, ok := p.Exact()
	if !ok || d <= 0 {
		f.add(path, fmt.Sprintf("%q is no waiting time", text), "write 1s, PT5M or 3600")
		return 0, false
	}
	return d, true
}
