package notice_test

import (
	"database/sql/driver"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/itest/wire"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestNobodyNotices runs the program in both worlds, act by act, with each way
// that GORM has of handling connections.
func TestNobodyNotices(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]gorm.Config{
		"plain":      {},
		"translated": {TranslateError: true, PrepareStmt: true},
		"bare":       {SkipDefaultTransaction: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range testdb.Kinds() {
				t.Run(kind, func(t *testing.T) {
					t.Parallel()
					worlds := []*world{newWorld(t, kind, false, cfg), newWorld(t, kind, true, cfg)}
					for _, a := range script() {
						t.Run(a.name, func(t *testing.T) { a.play(t, worlds) })
					}
				})
			}
		})
	}
}

func script() []act {
	return slices.Concat(creates(), updates(), reads(), transactions(), failures(), sessions(), crowds())
}

// play runs an act in both worlds and compares.
func (a *act) play(t *testing.T, worlds []*world) {
	var saw [2][]string
	var forced [2]map[string]string
	var left [2]map[string][]string
	var sent [2][]wire.Statement
	for i, w := range worlds {
		w.tb = t
		ctx := annals.WithActor(t.Context(), annals.Actor{ID: "42"})
		p := &program{world: w, db: w.db.WithContext(ctx), forced: map[string]string{}}
		w.wire.Take()
		a.do(p)
		sent[i] = w.wire.Take()
		saw[i], forced[i], left[i] = p.log, p.forced, w.dump()
	}
	if diff := cmp.Diff(saw[0], saw[1]); diff != "" {
		t.Errorf("the program sees something else (-without +with annals):\n%s", diff)
	}
	if diff := cmp.Diff(left[0], left[1]); diff != "" {
		t.Errorf("the tables hold something else (-without +with annals):\n%s", diff)
	}
	checkForced(t, worlds[0].sql.Dialect, forced)
	a.checkWire(t, sent)
}

// checkWire: the program's own statements are all sent, in their order, with what
// was bound to them; an INSERT may have got a RETURNING at its end, and refused and
// narrowed acts have the exceptions that their fields tell of. What else is sent is
// annals' own and changes no row of the program.
func (a *act) checkWire(t *testing.T, sent [2][]wire.Statement) {
	t.Helper()
	rest := sent[1]
	var own []wire.Statement
	for _, want := range sent[0] {
		at := slices.IndexFunc(rest, func(s wire.Statement) bool { return sameStatement(want, s) })
		if at < 0 && (a.refused || a.narrowed) && readBefore(want.SQL) {
			continue
		}
		if at < 0 {
			t.Errorf("not sent with annals, or not in this order:\n%s", shown(want))
			continue
		}
		if a.loose {
			rest = slices.Delete(slices.Clone(rest), at, at+1)
			continue
		}
		own, rest = append(own, rest[:at]...), rest[at+1:]
	}
	for _, s := range append(own, rest...) {
		narrowed := a.narrowed && readBefore(s.SQL)
		if !ofAnnals(s.SQL) && !narrowed {
			t.Errorf("sent with annals only:\n%s", shown(s))
		}
	}
}

func shown(s wire.Statement) string { return s.SQL + " " + bound(s) }

func bound(s wire.Statement) string {
	var values []driver.Value
	for _, a := range s.Args {
		values = append(values, a.Value)
	}
	return deep(reflect.ValueOf(values))
}

// savepoint is the name that GORM makes up for one.
var savepoint = regexp.MustCompile(`SAVEPOINT sp\d+`)

func sameStatement(want, got wire.Statement) bool {
	a := savepoint.ReplaceAllString(want.SQL, "SAVEPOINT sp")
	b := savepoint.ReplaceAllString(got.SQL, "SAVEPOINT sp")
	if a != b {
		more, longer := strings.CutPrefix(b, a)
		if !longer || !strings.HasPrefix(a, "INSERT") ||
			!strings.HasPrefix(more, " RETURNING ") && !strings.HasPrefix(more, ", ") {
			return false
		}
	}
	return bound(want) == bound(got)
}

// readBefore tells a statement whose rows annals reads and locks beforehand.
func readBefore(query string) bool {
	return strings.HasPrefix(query, "UPDATE ") || strings.HasPrefix(query, "DELETE ") ||
		strings.Contains(query, " ON CONFLICT ") || strings.Contains(query, " ON DUPLICATE KEY ")
}

// ofAnnals tells a statement that annals may add: it reads, or writes to tables of
// its own, or takes SQLite's write lock without touching a row, or is transaction
// control around a statement that has no transaction.
func ofAnnals(query string) bool {
	query = strings.TrimSpace(query)
	switch {
	case slices.Contains([]string{"BEGIN", "COMMIT", "ROLLBACK"}, query),
		strings.HasPrefix(query, "SELECT "), strings.HasPrefix(query, "WITH r AS ("),
		strings.HasPrefix(query, "WITH RECURSIVE "), strings.HasPrefix(query, "SHOW CREATE TABLE "),
		strings.HasPrefix(query, "DO LAST_INSERT_ID("),
		strings.HasSuffix(query, "SAVEPOINT annals_statement"):
		return true
	case strings.HasPrefix(query, "UPDATE "), strings.HasPrefix(query, "DELETE "):
		if strings.HasSuffix(query, " WHERE 0") {
			return true
		}
	}
	for _, verb := range []string{"INSERT INTO ", "INSERT OR REPLACE INTO ", "DELETE FROM ", "UPDATE "} {
		if table, ok := strings.CutPrefix(query, verb); ok {
			table, _, _ = strings.Cut(table, " ")
			table = strings.Trim(table, "`\"")
			return strings.HasPrefix(table, "annals_") || strings.HasSuffix(table, "_audit") ||
				table == "main.sqlite_sequence"
		}
	}
	return false
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
