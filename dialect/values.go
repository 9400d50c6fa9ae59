package dialect

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/seed-162b1470/annals/internal/canonical"
)

// ErrValue means that a value is not of the form that its column's type gives:
// it was not read through ReadExpr, or the type changed since it was loaded.
var ErrValue = errors.New("value does not fit the column's type")

// valueError says which column and what the driver gave; never the value.
func valueError(c Column, v any) error {
	return fmt.Errorf("decode column %q of type %s from %T: %w", c.Name, c.Type, v, ErrValue)
}

const (
	// maxBase64 is the most bytes that are kept as base64; of more the length and
	// digest are kept.
	maxBase64 = 64 << 10
	// maxJSONDepth is how deep a value may be nested: MariaDB's JSON_VALID refuses
	// more than 31 levels, of which a diff uses three.
	maxJSONDepth = 28
	// maxJSONDigits is the longest number that every storage's JSON takes:
	// PostgreSQL's numeric has at most this many digits after the point.
	maxJSONDigits = 16383
)

// appendText appends text as a JSON string, or as base64 what JSON storages
// cannot hold: bytes that are not UTF-8, and U+0000.
func appendText(dst, text []byte) []byte {
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return appendBytes(dst, text)
	}
	return canonical.AppendString(dst, string(text))
}

// appendBytes appends bytes as {"base64":…}, long ones as {"length":…,"sha256":…}.
func appendBytes(dst, b []byte) []byte {
	if len(b) > maxBase64 {
		sum := sha256.Sum256(b)
		return appendDigest(dst, len(b), hex.EncodeToString(sum[:]))
	}
	dst = append(dst, `{"base64":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, `"}`...)
}

func appendDigest(dst []byte, length int, digest string) []byte {
	dst = append(dst, `{"length":`...)
	dst = strconv.AppendInt(dst, int64(length), 10)
	dst = append(dst, `,"sha256":"`...)
	dst = append(dst, digest...)
	return append(dst, `"}`...)
}

// appendJSON appends a JSON text in canonical form. JSON that some storage
// cannot hold is kept as the bytes of its text; a text that is no JSON at all
// (in a column that does not check it) is a text.
func appendJSON(dst, text []byte, depth int) []byte {
	out, err := canonical.AppendDepth(dst, text, depth)
	switch {
	case errors.Is(err, canonical.ErrSyntax):
		return appendText(dst, text)
	case err != nil:
		return appendBytes(dst, text)
	}
	if value := out[len(dst):]; canonical.HasNUL(value) || longNumber(value) {
		return appendBytes(dst, text)
	}
	return out
}

// ErrJSON means that some storage cannot hold the JSON.
var ErrJSON = errors.New("JSON that not every storage can hold")

// StorableJSON returns the canonical form of a JSON text. What some storage's JSON
// type refuses is refused for all, with an error that matches ErrJSON and says why:
// a string with U+0000, a number of too many digits, too many levels.
func StorableJSON(text []byte) ([]byte, error) {
	out, err := canonical.AppendDepth(nil, text, maxJSONDepth)
	switch {
	case errors.Is(err, canonical.ErrDepth):
		return nil, fmt.Errorf("%w: it has more than %d levels", ErrJSON, maxJSONDepth)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrJSON, err)
	case canonical.HasNUL(out):
		return nil, fmt.Errorf("%w: a string holds the character U+0000", ErrJSON)
	case longNumber(out):
		return nil, fmt.Errorf("%w: a number has more than %d digits", ErrJSON, maxJSONDigits)
	}
	return out, nil
}

// longNumber reports whether canonical JSON holds a number of more than
// maxJSONDigits characters.
func longNumber(value []byte) bool {
	if len(value) <= maxJSONDigits {
		return false
	}
	run, quoted := 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted, run = !quoted, 0
		case !quoted && (c == '.' || '0' <= c && c <= '9'):
			if run++; run > maxJSONDigits {
				return true
			}
		default:
			run = 0
		}
	}
	return false
}

// appendFloat appends the shortest number that is exactly f in that many bits,
// in plain digits; what is no number is a string.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	case f == 0:
		return append(dst, '0') // negative zero too
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bits)
}

// appendDecimal appends a decimal number's text as a string, without the zeros
// that say nothing. NaN and infinities pass as they are.
func appendDecimal(dst, text []byte) []byte {
	dst = append(dst, '"')
	dst = appendPlainDecimal(dst, text)
	return append(dst, '"')
}

func appendPlainDecimal(dst, text []byte) []byte {
	digits, negative := bytes.CutPrefix(text, []byte("-"))
	whole, fraction, _ := bytes.Cut(digits, []byte("."))
	if len(whole) > 0 && (whole[0] < '0' || whole[0] > '9') {
		return append(dst, text...)
	}
	whole = bytes.TrimLeft(whole, "0")
	fraction = bytes.TrimRight(fraction, "0")
	if len(whole) == 0 {
		whole = []byte("0")
		negative = negative && len(fraction) > 0
	}
	if negative {
		dst = append(dst, '-')
	}
	dst = append(dst, whole...)
	if len(fraction) > 0 {
		dst = append(dst, '.')
		dst = append(dst, fraction...)
	}
	return dst
}

// appendInteger appends an integer as a driver gives it; ok is false for
// anything else.
func appendInteger(dst []byte, v any) (_ []byte, ok bool) {
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(dst, v, 10), true
	case uint64:
		return strconv.AppendUint(dst, v, 10), true
	}
	text, ok := textOf(v)
	if !ok {
		return dst, false
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return strconv.AppendInt(dst, n, 10), true
	}
	n, err := strconv.ParseUint(string(text), 10, 64)
	return strconv.AppendUint(dst, n, 10), err == nil
}

// appendBool appends a truth value as a driver gives it.
func appendBool(dst []byte, v any) (_ []byte, ok bool) {
	b, ok := v.(bool)
	if !ok {
		text, isText := textOf(v)
		switch string(text) {
		case "t", "true":
			b = true
		case "f", "false":
		default:
			return dst, false
		}
		ok = isText
	}
	return strconv.AppendBool(dst, b), ok
}

// textOf returns the bytes of a string or byte slice.
func textOf(v any) (text []byte, ok bool) {
	switch v := v.(type) {
	case []byte:
		return v, true
	case string:
		return []byte(v), true
	}
	return nil, false
}

// finished returns a value that was appended, or the error for one that could
// not be.
func finished(c Column, v any, out []byte, ok bool) (json.RawMessage, error) {
	if !ok {
		return nil, valueError(c, v)
	}
	return out, nil
}
