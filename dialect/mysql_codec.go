package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/seed-162b1470/annals"
)

// ReadExpr implements Codec. Texts and times are read as the bytes of their
// UTF-8 text, so that neither the connection's character set nor the driver's
// parsing of times touches them, through CONVERT, for a CAST to BINARY gives null
// with a mere warning where the result is over max_allowed_packet; floats as the sum with a double, because a
// FLOAT is printed with six digits; a TIMESTAMP as its distance from 1970,
// because it is printed in the session's time zone.
func (mysql) ReadExpr(c Column, ref string) string {
	switch c.Kind {
	case KindInteger, KindBits, KindDecimal, KindBytes:
		return ref
	case KindFloat32, KindFloat64:
		return "(" + ref + " + 0e0)"
	case KindInstant:
		return "UNIX_TIMESTAMP(" + ref + ")"
	}
	expr := "CONVERT(CONVERT(" + ref + " USING utf8mb4) USING binary)"
	switch c.Kind {
	case KindText, KindJSON, kindPaddedText:
		return "IFNULL(" + expr + ", IF(" + ref + " IS NULL, NULL, x'" + unreadable + "'))"
	}
	return expr
}

// unreadable is what a text that is not null is read as where the server could not
// convert it, in hexadecimal: no UTF-8 has this byte.
const unreadable = "FF"

// Decode implements Codec.
func (mysql) Decode(c Column, v any) (json.RawMessage, error) {
	if v == nil {
		return annals.Null, nil
	}
	var out []byte
	var ok bool
	switch c.Kind {
	case KindInteger:
		out, ok = appendInteger(nil, v)
		return finished(c, v, out, ok)
	case KindFloat32, KindFloat64:
		out, ok = appendMySQLFloat(nil, v, c.Kind)
		return finished(c, v, out, ok)
	case KindInstant:
		out, ok = appendUnixTime(nil, v)
		return finished(c, v, out, ok)
	}
	text, ok := textOf(v)
	if !ok {
		return nil, valueError(c, v)
	}
	if len(text) == 1 && text[0] == 0xFF && c.Kind != KindBytes && c.Kind != KindBits {
		return nil, &annals.Error{
			Op: "read", Subject: fmt.Sprintf("column %q of type %s", c.Name, c.Type),
			Err:    annals.ErrEntryTooLarge,
			Remedy: "the server gave null for a text that is not null: raise its max_allowed_packet",
		}
	}
	return appendMySQLText(nil, c, text), nil
}

// appendMySQLText appends a value that was read as bytes.
func appendMySQLText(dst []byte, c Column, text []byte) []byte {
	switch c.Kind {
	case KindDecimal:
		return appendDecimal(dst, text)
	case KindBytes:
		return appendBytes(dst, text)
	case KindBits:
		return appendBits(dst, text, c.Bits)
	case KindJSON:
		return appendJSON(dst, text, maxJSONDepth)
	case KindTime:
		return append(appendMicros(append(dst, '"'), text), '"')
	case KindTimestamp:
		date, clock, _ := bytes.Cut(text, []byte(" "))
		dst = append(append(dst, '"'), date...)
		return append(appendMicros(append(dst, 'T'), clock), '"')
	case kindPaddedText:
		// With PAD_CHAR_TO_FULL_LENGTH in the session's sql_mode they are there,
		// else not.
		text = bytes.TrimRight(text, " ")
	}
	return appendText(dst, text)
}

// appendMicros appends a clock time with six digits behind the seconds.
func appendMicros(dst, clock []byte) []byte {
	const micros = "000000"
	whole, fraction, _ := bytes.Cut(clock, []byte("."))
	dst = append(dst, whole...)
	dst = append(dst, '.')
	dst = append(dst, fraction...)
	return append(dst, micros[min(len(fraction), len(micros)):]...)
}

// appendMySQLFloat appends a double as a driver gives it, rounded back to what
// the column holds.
func appendMySQLFloat(dst []byte, v any, k Kind) (_ []byte, ok bool) {
	bits := 64
	if k == KindFloat32 {
		bits = 32
	}
	f, ok := v.(float64)
	if !ok {
		text, isText := textOf(v)
		parsed, err := strconv.ParseFloat(string(text), 64)
		if !isText || err != nil {
			return dst, false
		}
		f = parsed
	}
	return appendFloat(dst, f, bits), true
}

// zeroTimestamp is what a TIMESTAMP of zero stands for; it is no instant.
const zeroTimestamp = `"0000-00-00T00:00:00.000000"`

// appendUnixTime appends what UNIX_TIMESTAMP gives: seconds since 1970, with a
// fraction where the column has one.
func appendUnixTime(dst []byte, v any) (_ []byte, ok bool) {
	var text []byte
	if n, isInt := v.(int64); isInt {
		text = strconv.AppendInt(nil, n, 10)
	} else if text, ok = textOf(v); !ok {
		return dst, false
	}
	whole, fraction, _ := bytes.Cut(text, []byte("."))
	seconds, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil {
		return dst, false
	}
	clock := appendMicros(nil, append([]byte("0."), fraction...))
	micros, err := strconv.ParseInt(string(clock[2:]), 10, 64)
	if err != nil {
		return dst, false
	}
	if seconds == 0 && micros == 0 {
		return append(dst, zeroTimestamp...), true
	}
	dst = append(dst, '"')
	dst = appendTimestamp(dst, 0, seconds*microsPerSec+micros)
	return append(dst, 'Z', '"'), true
}

// appendBits appends the last width bits of b, most significant first.
func appendBits(dst, b []byte, width int) []byte {
	if width <= 0 {
		width = 8 * len(b)
	}
	dst = append(dst, '"')
	for i := width - 1; i >= 0; i-- {
		bit := byte('0')
		if at := len(b) - 1 - i/8; at >= 0 && b[at]>>(i%8)&1 == 1 {
			bit = '1'
		}
		dst = append(dst, bit)
	}
	return append(dst, '"')
}
