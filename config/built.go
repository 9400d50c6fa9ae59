package config

import (
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals"
)

// This version has built of DESIGN section 2 what these lists name. The rest is a
// valid configuration, which Unbuilt refuses; who builds more adds it here.
func builtCaptures() []string   { return []string{CaptureORM, CaptureTrigger} }
func builtDeliveries() []string { return []string{DeliveryDirect} }
func builtLayouts() []string    { return []string{LayoutEntries, LayoutMirror} }
func builtStorages() []string   { return []string{SchemePostgres, SchemeMySQL, SchemeSQLite} }

// Unbuilt returns a fault for each part of c that is designed and not part of this
// version: with it nothing would be recorded.
func (c *Config) Unbuilt() []annals.Fault {
	f := &faults{}
	d := c.WithDefaults()
	refuse := func(path, what, value string, built []string, remedy string) {
		if !slices.Contains(built, value) {
			f.add(path, fmt.Sprintf("%s %s is not part of this version", what, value), remedy)
		}
	}
	for _, name := range sortedKeys(d.Sources) {
		s, path := d.Sources[name], child("sources", name)
		refuse(child(path, "capture"), "capture", s.Capture, builtCaptures(),
			"write "+CaptureORM+" or "+CaptureTrigger)
		refuse(child(path, "delivery"), "delivery", s.Delivery, builtDeliveries(),
			"write "+DeliveryDirect+", and keep the entries in the same database")
	}
	for _, name := range sortedKeys(d.Storages) {
		s, path := d.Storages[name], child("storages", name)
		refuse(child(path, "layout"), "layout", s.Layout, builtLayouts(), "write "+LayoutEntries)
		if dsn, err := ParseDSN(s.DSN); err == nil {
			refuse(child(path, "dsn"), "a storage of scheme", dsn.Scheme, builtStorages(),
				"name a database: the source's own, or leave storages out")
		}
	}
	return f.list
}
