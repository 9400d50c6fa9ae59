package values

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/canonical"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestValues writes every sample and reads it in every session: always the same
// bytes, which are canonical JSON, and those of the documentation.
func TestValues(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		samples, all := samplesFor(t, db)
		tables := create(t, db, samples)
		d := detect(t, db)
		var want [][]json.RawMessage
		for i, s := range sessionsOf[db.Dialect] {
			c := connect(t, db, s)
			for n, tab := range tables {
				got := read(t, d, c, tab, s.args)
				if i == 0 {
					want = append(want, got)
					checkCanonical(t, tab, got)
				}
				compare(t, s, tab, want[n], got)
			}
		}
		checkDoc(t, db, tables, want, all)
	})
}

var sessionsOf = map[string][]session{
	dialect.PostgresName: postgresSessions,
	dialect.MySQLName:    mysqlSessions,
	dialect.SQLiteName:   sqliteSessions,
}

// samplesFor returns the samples that the server knows, and whether those are
// all there are.
func samplesFor(t *testing.T, db *testdb.DB) (known []sample, all bool) {
	t.Helper()
	samples := map[string][]sample{
		dialect.PostgresName: postgresSamples,
		dialect.MySQLName:    mysqlSamples,
		dialect.SQLiteName:   sqliteSamples,
	}[db.Dialect]
	digits := db.Version
	if end := bytes.IndexFunc([]byte(digits), func(r rune) bool { return r < '0' || r > '9' }); end > 0 {
		digits = digits[:end]
	}
	major, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatalf("version %q: %v", db.Version, err)
	}
	for _, s := range samples {
		if major >= s.Since && (s.Kinds == nil || slices.Contains(s.Kinds, db.Kind)) {
			known = append(known, s)
		}
	}
	return known, len(known) == len(samples)
}

func checkCanonical(t *testing.T, tab table, values []json.RawMessage) {
	t.Helper()
	if len(values) != len(tab.Values) {
		t.Fatalf("%s: %d values of %d", tab.Type, len(values), len(tab.Values))
	}
	for _, v := range values {
		canon, err := canonical.Canonical(v)
		if err != nil || !bytes.Equal(canon, v) {
			t.Errorf("%s: %s is not canonical, %s, %v", tab.Type, v, canon, err)
		}
	}
}

func compare(t *testing.T, s session, tab table, want, got []json.RawMessage) {
	t.Helper()
	for i := range want {
		if !bytes.Equal(want[i], got[i]) {
			t.Errorf("%s, %s, %s: got %s, want %s", s.name, tab.Type, tab.Values[i], got[i], want[i])
		}
	}
}
