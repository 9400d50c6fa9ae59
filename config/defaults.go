package config

import (
	"maps"
	"slices"

	"github.com/seed-162b1470/annals"
)

// The defaults that annals.example.yaml documents.
const (
	// DefaultStorage is the storage that exists without being named: the only
	// source's own database.
	DefaultStorage      = "default"
	DefaultTimezone     = "UTC"
	DefaultKeep         = "P12M"
	DefaultBatch        = 1000
	DefaultLanes        = 1
	DefaultRetries      = 3
	DefaultBackoff      = "1s"
	DefaultMultiplier   = 2.0
	DefaultMaxBackoff   = "1h"
	DefaultJitter       = 0.1
	DefaultMaxEntrySize = 8 << 20
)

// WithDefaults returns a copy in which every absent value has its default: the
// table of an entity is its name, its source the only one, and without storages
// entries are kept in the only source's database, in the layout that its capture
// fills. c stays as it is.
func (c *Config) WithDefaults() *Config {
	d := c.clone()
	or(&d.Timezone, DefaultTimezone)
	for name, s := range d.Sources {
		or(&s.Capture, CaptureORM)
		or(&s.Delivery, DeliveryDirect)
		switch s.Capture {
		case CaptureORM:
			or(&s.Raw, RawObserve)
		case CaptureTrigger:
			or(&s.Context, ContextSession)
		}
		d.Sources[name] = s
	}
	only, one := d.onlySource()
	if len(d.Storages) == 0 && one {
		d.Storages = map[string]Storage{DefaultStorage: {DSN: d.Sources[only].DSN}}
	}
	for name, e := range d.Entities {
		or(&e.Source, only)
		or(&e.MaskKey, d.MaskKey)
		if d.Sources[e.Source].Capture == CaptureTrigger {
			or(&e.Truncate, TruncateMarker)
		}
		if name != Wildcard {
			or(&e.Table, name)
		}
		d.Entities[name] = e
	}
	filled := d.filled()
	for name, s := range d.Storages {
		or(&s.Layout, d.layoutOf(s, filled[name]))
		or(&s.Indexes, IndexesLean)
		suffix := s.Suffix()
		s.TableSuffix = &suffix
		d.Storages[name] = s
	}
	or(&d.Epoch.Batch, DefaultBatch)
	or(&d.Queue.Batch, DefaultBatch)
	or(&d.Queue.Lanes, DefaultLanes)
	or(&d.Queue.Retries, DefaultRetries)
	or(&d.Queue.Backoff, DefaultBackoff)
	or(&d.Queue.Multiplier, DefaultMultiplier)
	or(&d.Queue.MaxBackoff, DefaultMaxBackoff)
	or(&d.Queue.Jitter, DefaultJitter)
	or(&d.Retention.Keep, DefaultKeep)
	or(&d.MaxEntrySize, DefaultMaxEntrySize)
	return d
}

// filled lists the sources whose entries can reach each storage.
func (c *Config) filled() map[string][]string {
	filled := map[string][]string{}
	for _, name := range sortedKeys(c.Entities) {
		source := c.Entities[name].Source
		storages, _ := c.reach(name)
		for _, storage := range storages {
			if !slices.Contains(filled[storage], source) {
				filled[storage] = append(filled[storage], source)
			}
		}
	}
	return filled
}

// layoutOf is the layout of a storage that names none: what all of the sources that
// reach it fill. Where nothing reaches it, all sources count.
func (c *Config) layoutOf(s Storage, sources []string) string {
	if to, err := ParseDSN(s.DSN); err == nil && !to.IsSQL() {
		return LayoutEntries
	}
	if len(sources) == 0 {
		sources = sortedKeys(c.Sources)
	}
	for _, name := range sources {
		if !c.Sources[name].mirrors() {
			return LayoutEntries
		}
	}
	if len(sources) == 0 {
		return LayoutEntries
	}
	return LayoutMirror
}

// mirrors reports whether a source fills typed copies in its own transactions.
func (s Source) mirrors() bool {
	return s.Capture == CaptureTrigger && s.Delivery == DeliveryDirect
}

// Redacted returns a copy that can be shown: passwords in DSNs and keys are
// replaced.
func (c *Config) Redacted() *Config {
	r := c.clone()
	for name, s := range r.Sources {
		s.DSN = RedactDSN(s.DSN)
		r.Sources[name] = s
	}
	for name, s := range r.Storages {
		s.DSN = RedactDSN(s.DSN)
		r.Storages[name] = s
	}
	r.MaskKey = annals.Secret(r.MaskKey.String())
	for name, e := range r.Entities {
		e.MaskKey = annals.Secret(e.MaskKey.String())
		r.Entities[name] = e
	}
	return r
}

// clone copies what WithDefaults and Redacted change; lists stay shared.
func (c *Config) clone() *Config {
	d := *c
	d.Sources = maps.Clone(c.Sources)
	d.Storages = maps.Clone(c.Storages)
	d.Entities = maps.Clone(c.Entities)
	return &d
}

// onlySource returns the source's name where there is exactly one.
func (c *Config) onlySource() (string, bool) {
	if len(c.Sources) != 1 {
		return "", false
	}
	return sortedKeys(c.Sources)[0], true
}

func or[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

func sortedKeys[T any](m map[string]T) []string {
	return slices.Sorted(maps.Keys(m))
}
