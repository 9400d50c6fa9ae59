package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

// Version is that of the triggers' text: it grows when what they write changes.
const Version = 1

// generator is the SQL of one database. It only reads; what it wants done it
// returns.
type generator interface {
	// home is the schema that names without one belong to; "" where there is none.
	home(ctx context.Context, q dialect.Queryer) (string, error)
	// copyType is the type that the copy of a column has, as the database prints it;
	// of a masked one that of a boolean.
	copyType(c *Column) string
	// fold makes names of columns comparable, fit cuts one so that room is left.
	fold(name string) string
	fit(name string, room int) string
	// create returns what installs, or installs again, the triggers of targets and
	// records their columns and rules. all tells that they are all there are.
	create(ctx context.Context, q queryers, targets []Target, all bool) ([]step, error)
	// drop returns what removes triggers. all tells that they are all there are.
	drop(ctx context.Context, q queryers, triggers []Installed, all bool) ([]step, error)
	// installed lists the live triggers of annals.
	installed(ctx context.Context, q queryers) ([]Installed, error)
	// copyExpr is the expression that a column is copied by where its row begins to be
	// told; ref is its quoted reference.
	copyExpr(c *Column, ref string) string
	// wanted lists what create would install, Definer left empty.
	wanted(ctx context.Context, q queryers, targets []Target) ([]Installed, error)
}

// generatorFor is the only place that asks for the database.
func generatorFor(j *Journal) generator {
	switch j.cfg.Dialect.Name() {
	case dialect.MySQLName:
		return newMySQL(j)
	case dialect.SQLiteName:
		return newSQLite(j)
	}
	return newPostgres(j)
}

// step is what belongs together: where the database can, all of it or nothing.
type step struct {
	// subject is what an error names: "entity post".
	subject string
	// begin and end frame body: a transaction, a lock. undo takes back what began.
	begin, body, end []Statement
	undo             string
	// restore gives the session back what begin took, however the step ended.
	restore []Statement
}

func (s *step) script() Script {
	return append(append(append(append(Script{}, s.begin...), s.body...), s.end...), s.restore...)
}

// marker is the comment that triggers and functions begin with.
func marker(hash, target string) string {
	name, err := json.Marshal(target) // keeps line breaks out of a line comment
	if err != nil {
		panic(fmt.Sprintf("journal: name is no text: %v", err))
	}
	return "-- annals trigger " + strconv.Itoa(Version) + " " + hash + " " + string(name)
}

var markerForm = regexp.MustCompile(`-- annals trigger ([0-9]+) ([0-9a-f]+) ("(?:[^"\\\n]|\\.)*")`)

// parseMarker finds the marker in the text of a trigger or function; ok is false
// for one that is not annals'.
func parseMarker(text string) (version int, hash, target string, ok bool) {
	m := markerForm.FindStringSubmatch(text)
	if m == nil {
		return 0, "", "", false
	}
	version, err := strconv.Atoi(m[1])
	if err != nil || json.Unmarshal([]byte(m[3]), &target) != nil {
		return 0, "", "", false
	}
	return version, m[2], target, true
}

// hashOf is the marker's hash of what a trigger is made from.
func hashOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// nameHash shortens names that are over a limit.
func nameHash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:6])
}

// sourceHash are the eight digits of a transaction's hash that tell its source.
func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return hex.EncodeToString(sum[:4])
}

// cutName leaves as many whole characters of name as fit into the limit besides room.
func cutName(name string, room int, lim dialect.Limits) string {
	size := func(r rune) int {
		if lim.Bytes {
			return len(string(r))
		}
		return 1
	}
	used := 0
	for i, r := range name {
		if used += size(r); lim.Identifier > 0 && used > lim.Identifier-room {
			return name[:i]
		}
	}
	return name
}
