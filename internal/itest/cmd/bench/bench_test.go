package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{nil, spread{}},
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{4, 1, 3, 2}, spread{1.75, 2.5, 3.25}},
		{[]float64{5, 1, 4, 2, 3}, spread{2, 3, 4}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("spreadOf(%v) = %v, want %v", c.values, got, c.want)
		}
	}
}

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1,000", count(-1234567): "-1,234,567",
		three(0.456): "0.46", three(45.64): "45.6", three(45678.9): "45,679",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestClassify(t *testing.T) {
	for query, want := range map[string]class{
		`INSERT INTO "items" ("name") VALUES ($1)`:                  business,
		`UPDATE "items" SET "quantity"=$1 WHERE id = $2`:            business,
		`SELECT "id" FROM "items" WHERE "id" IN ($1)`:               reads,
		"UPDATE `items` SET `id` = `id` WHERE 0":                    reads,
		`WITH r AS (INSERT INTO "annals_revision" …`:                revisions,
		"SELECT NEXTVAL(`annals_seq`) FROM":                         revisions,
		`INSERT INTO "items_audit" ("type") SELECT x."type" FROM …`: entries,
		"COMMIT": control,
	} {
		if got := classify(query); got != want {
			t.Errorf("classify(%q) = %s, want %s", query, got, want)
		}
	}
}

// A count over its limit is a fault, for statements and for round trips.
func TestCheck(t *testing.T) {
	m := func(statements, trips int) writing {
		c := counts{statements: statements, trips: trips}
		return writing{
			work:    work{op: opCreate, rows: 1, ops: 1},
			without: trail{counts: map[string]counts{"": {}, interpolated: {}}},
			through: trail{counts: map[string]counts{"": c, interpolated: c}},
		}
	}
	for _, c := range []struct {
		e       engine
		variant string
		m       writing
		ok      bool
	}{
		{postgresEngine{}, "", m(3, 3), true},
		{postgresEngine{}, "", m(4, 3), false},
		{postgresEngine{}, "", m(3, 4), false},
		{mariadbEngine{}, "", m(4, 8), true},
		{mariadbEngine{}, "", m(4, 9), false},
		{mariadbEngine{}, interpolated, m(4, 5), false},
		{sqliteEngine{}, "", m(8, 0), true},
		{sqliteEngine{}, "", m(9, 0), false},
	} {
		err := check(c.e, c.m, c.variant, limitOf(c.e, c.m.work).asserted)
		if (err == nil) != c.ok {
			t.Errorf("%s %s %+v: %v", c.e.kind(), c.variant, c.m.added(c.variant), err)
		}
	}
}

// What the design wants none of is a fault: waits, round trips, updates lost.
func TestTriggersExceeded(t *testing.T) {
	for _, c := range []struct {
		name string
		t    triggering
		want string
	}{
		{"none", triggering{waits: waiting{statements: 9}, trips: []trips{{plain: 3, through: 3, free: true}}}, ""},
		{"may", triggering{trips: []trips{{plain: 1, through: 3}}}, ""},
		{"refused", triggering{waits: waiting{statements: 9, refused: 1}}, "1 statements waited"},
		{"seen", triggering{waits: waiting{statements: 9, seen: 2}}, "2 statements waited"},
		{"trips", triggering{trips: []trips{{form: "f", plain: 3, through: 4, free: true}}}, "f: an actor adds 1"},
		{"lost", triggering{storm: storm{unrecorded: 1}}, "1 were not recorded"},
	} {
		err := c.t.exceeded(postgresEngine{})
		if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Added time is compared within a round, and of single rows the better slices count.
func TestAgainst(t *testing.T) {
	at := cell{bulk, inserted}
	figures := triggering{
		variants: []variant{{title: noTrigger}, {title: indexedCopy}, {title: theMirror}},
		costs:    map[cell][][]cost{at: {{{cpu: 10}, {cpu: 30}}, {{cpu: 20}, {cpu: 40}}, {{cpu: 25}, {cpu: 55}}}},
	}
	if got := figures.against(at, theMirror, indexedCopy); got != (spread{1.75, 2, 2.25}) {
		t.Errorf("against = %v", got)
	}
	got := typical([]cost{{took: 1, cpu: 5, log: 10}, {took: 3, cpu: 5, log: 20}, {took: 9, cpu: 8, log: 60}})
	if got != (cost{took: 3, cpu: 5, log: 30}) {
		t.Errorf("typical = %v", got)
	}
}

// The whole on SQLite: it runs, counts within the limits, and leaves no file.
func TestQuickRun(t *testing.T) {
	o, err := parseFlags([]string{
		"-quick", "-databases", "sqlite", "-rounds", "1", "-rows", "1000", "-entries", "1000", "-clean", "1000",
		"-dir", t.TempDir(), "-out", t.TempDir() + "/benchmarks.md",
	})
	if err != nil {
		t.Fatal(err)
	}
	o.ops, o.asks = [2]int{3, 1}, 3
	if err := run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(o.dir)
	if err != nil || len(left) > 0 {
		t.Errorf("files left: %v %v", left, err)
	}
	text, err := os.ReadFile(o.out)
	if err != nil || !strings.HasPrefix(string(text), "# Benchmarks\n") ||
		!strings.Contains(string(text), "\n### SQLite: triggers\n") {
		t.Errorf("document: %.40q %v", text, err)
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-rows", "1500"},
		{"-rows", "0"},
		{"-rounds", "0"},
		{"-clean", "-1"},
		{"-operations", "select"},
		{"-only", "select"},
		{"-storm", "-1"},
		{"-quick", "-entries", "-1"},
	} {
		if _, err := parseFlags(args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
