package mirrorstore

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// engine is what SQL does differently from one database to the next. There is one
// implementation per file: postgres.go, mysql.go, sqlite.go.
type engine interface {
	// numbered tells that a receipt has one row, whose number is the receipt's.
	numbered() bool
	// same appends the condition that the column ref, which leads an index, has the
	// value; sorted tells that ORDER BY has to begin with it.
	same(b *builder, ref, value string) (sorted bool)
	// past appends the condition that the columns lie behind the values: below them
	// where op is "<" or "<=", above where it is ">" or ">=".
	past(b *builder, refs []string, op string, values []any)
	// ids appends the condition that the number ref is one of ids.
	ids(b *builder, ref string, ids []int64)
	// each stands between two tables of which the first is read first.
	each() string
	// half is an expression for half of the number ref, rounded down.
	half(ref string) string
	// sameValue is an expression that holds only where two columns of that type have
	// the same value; ok is false where there is none that is cheap.
	sameValue(a, b string, c dialect.Column) (expr string, ok bool)
	// operands are what has to be bound for a comparison of a column with a value;
	// several where either may equal it. Without fault the comparison may hold for
	// other values too, but holds for all that are the same.
	operands(c dialect.Column, v json.RawMessage) (list []operand, verdict verdict)
	// ahead begins to follow the storage behind what can be seen now.
	ahead(ctx context.Context, s *Store) (ahead, error)
	// deleteByID appends a statement that deletes rows by the number in their key
	// column and locks nothing but these rows.
	deleteByID(b *builder, table annals.Table, key string, ids []int64)
}

// operand is a bound value and what stands around its placeholder.
type operand struct {
	before string
	value  any
	after  string
}

// verdict is whether SQL can compare.
type verdict int

const (
	// bindable: the operands do.
	bindable verdict = iota
	// never: no value of the column is that one.
	never
	// unknown: Go has to.
	unknown
)

// newEngine chooses by the dialect's name; an unknown one is a MySQL, which asks
// for the least.
func newEngine(d dialect.Dialect) engine {
	switch d.Name() {
	case dialect.PostgresName:
		return postgres{d}
	case dialect.SQLiteName:
		return sqlite{d}
	default:
		return mysql{d}
	}
}

// decimalText is a decimal as the codec writes it.
var decimalText = regexp.MustCompile(`^-?[0-9]{1,130}(\.[0-9]{1,130})?$`)

// uuidText is a UUID as the codec writes it.
var uuidText = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// asText is a JSON string's text.
func asText(v json.RawMessage) (text string, ok bool) {
	if len(v) == 0 || v[0] != '"' || json.Unmarshal(v, &text) != nil {
		return "", false
	}
	return text, true
}

// asInt is an integer of 64 bits.
func asInt(v json.RawMessage) (n int64, ok bool) {
	n, err := strconv.ParseInt(string(v), 10, 64)
	return n, err == nil
}

// asFloat is a JSON number as a float.
func asFloat(v json.RawMessage) (f float64, ok bool) {
	if len(v) == 0 || !strings.ContainsAny(string(v[:1]), "-0123456789") {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v), 64)
	return f, err == nil
}

// asBytes are the bytes of a binary value that is kept whole.
func asBytes(v json.RawMessage) (b []byte, ok bool) {
	var whole struct {
		Base64 *[]byte `json:"base64"`
	}
	if len(v) == 0 || v[0] != '{' || json.Unmarshal(v, &whole) != nil || whole.Base64 == nil {
		return nil, false
	}
	return *whole.Base64, true
}

// Layouts of times as the codec writes them.
const (
	dateLayout      = "2006-01-02"
	timestampLayout = "2006-01-02T15:04:05.000000"
)

// asTime is a time of that layout, with a year of four digits.
func asTime(v json.RawMessage, layout string) (t time.Time, ok bool) {
	text, ok := asText(v)
	if !ok {
		return t, false
	}
	t, err := time.Parse(layout, text)
	return t, err == nil && t.Year() > 0
}

// asInstant likewise.
func asInstant(v json.RawMessage) (t time.Time, ok bool) { return asTime(v, layout.InstantFormat) }

// typeIs reports whether a type, as the database prints it, is one of the names, with
// or without a length and what else stands behind.
func typeIs(c dialect.Column, names ...string) bool {
	for _, name := range names {
		if c.Type == name || strings.HasPrefix(c.Type, name+"(") || strings.HasPrefix(c.Type, name+" ") {
			return true
		}
	}
	return false
}
