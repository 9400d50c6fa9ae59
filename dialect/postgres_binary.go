package dialect

import (
	"encoding/binary"
	"math"
)

// postgresEpochDays is where PostgreSQL counts from: 2000-01-01, in days since
// 1970-01-01. The ends of its integers are the infinities
// (src/include/datatype/timestamp.h).
const postgresEpochDays = 10957

// binaryReader reads what send functions give. It keeps no error but failed:
// the bytes are a value, which no error may show.
type binaryReader struct {
	b      []byte
	failed bool
	// sent: elements of arrays are in the binary form of their own type, too.
	sent bool
}

// rest takes all that is left.
func (r *binaryReader) rest() []byte { return r.take(len(r.b)) }

// done reports whether everything was read, and made sense.
func (r *binaryReader) done() bool { return !r.failed && len(r.b) == 0 }

// take returns the next n bytes, zeros past the end.
func (r *binaryReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.failed = true
		r.b = nil
		return make([]byte, min(max(n, 0), 16))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *binaryReader) int16() int16 { return int16(binary.BigEndian.Uint16(r.take(2))) }
func (r *binaryReader) int32() int32 { return int32(binary.BigEndian.Uint32(r.take(4))) }
func (r *binaryReader) int64() int64 { return int64(binary.BigEndian.Uint64(r.take(8))) }

func (r *binaryReader) float32() float64 {
	return float64(math.Float32frombits(binary.BigEndian.Uint32(r.take(4))))
}

func (r *binaryReader) float64() float64 {
	return math.Float64frombits(binary.BigEndian.Uint64(r.take(8)))
}

// value appends the JSON of all that is left to read.
func (r *binaryReader) value(dst []byte, c Column) []byte {
	switch c.Kind {
	case KindArray:
		return r.array(dst, c)
	case KindSent:
		return r.sentRow(dst, c)
	case KindFloat32:
		return appendFloat(dst, r.float32(), 32)
	case KindFloat64:
		return appendFloat(dst, r.float64(), 64)
	case KindBytes:
		return appendBytes(dst, r.take(len(r.b)))
	}
	if sendFunction(c.Kind) == "" {
		return appendPostgresText(dst, c, r.take(len(r.b)), maxJSONDepth)
	}
	// All others are texts of plain characters.
	dst = append(dst, '"')
	dst = r.plain(dst, c)
	return append(dst, '"')
}

// plain appends the text of a value that needs no escapes.
func (r *binaryReader) plain(dst []byte, c Column) []byte {
	switch c.Kind {
	case KindInteger:
		return r.integer(dst, c)
	case KindDecimal:
		return r.numeric(dst)
	case KindDate:
		return r.date(dst)
	case KindTime:
		return appendClock(dst, r.int64())
	case KindTimeTZ:
		dst = appendClock(dst, r.int64())
		return appendZone(dst, -int64(r.int32()))
	case KindTimestamp:
		return r.timestamp(dst, "")
	case KindInstant:
		return r.timestamp(dst, "Z")
	case KindInterval:
		return r.interval(dst)
	case KindRange:
		return r.rangeText(dst, c)
	case KindMultirange:
		return r.multirange(dst, c)
	}
	return r.geometry(dst, c.Kind)
}

func (r *binaryReader) date(dst []byte) []byte {
	switch days := r.int32(); days {
	case math.MaxInt32:
		return append(dst, "infinity"...)
	case math.MinInt32:
		return append(dst, "-infinity"...)
	default:
		return appendDate(dst, int64(days)+postgresEpochDays)
	}
}

func (r *binaryReader) timestamp(dst []byte, zone string) []byte {
	switch micros := r.int64(); micros {
	case math.MaxInt64:
		return append(dst, "infinity"...)
	case math.MinInt64:
		return append(dst, "-infinity"...)
	default:
		return append(appendTimestamp(dst, postgresEpochDays, micros), zone...)
	}
}

func (r *binaryReader) interval(dst []byte) []byte {
	micros, days, months := r.int64(), r.int32(), r.int32()
	switch {
	case micros == math.MaxInt64 && days == math.MaxInt32 && months == math.MaxInt32:
		return append(dst, "infinity"...)
	case micros == math.MinInt64 && days == math.MinInt32 && months == math.MinInt32:
		return append(dst, "-infinity"...)
	}
	return appendDuration(dst, months, days, micros)
}

// The signs of a numeric (src/backend/utils/adt/numeric.c).
const (
	numericNegative    = 0x4000
	numericNaN         = 0xC000
	numericInfinity    = 0xD000
	numericNegInfinity = 0xF000
)

// numeric appends a numeric: groups of four digits, the first of which stands
// at ten thousand to the weight.
func (r *binaryReader) numeric(dst []byte) []byte {
	groups, weight := int(r.int16()), int(r.int16())
	sign := uint16(r.int16())
	r.int16() // how many digits it is shown with
	switch sign {
	case numericNaN:
		return append(dst, "NaN"...)
	case numericInfinity:
		return append(dst, "Infinity"...)
	case numericNegInfinity:
		return append(dst, "-Infinity"...)
	}
	text := make([]byte, 0, 8+4*max(groups, 0))
	if sign == numericNegative {
		text = append(text, '-')
	}
	digits := make([]int16, 0, max(groups, 0))
	for range groups {
		digits = append(digits, r.int16())
	}
	for i := 0; i <= weight; i++ {
		text = appendGroup(text, digits, i)
	}
	return appendPlainDecimal(dst, appendFraction(text, digits, weight))
}

// appendGroup appends the i-th group of digits, zeros where there is none.
func appendGroup(dst []byte, groups []int16, i int) []byte {
	if i < 0 || i >= len(groups) {
		return append(dst, "0000"...)
	}
	return appendPadded(dst, int64(groups[i]), 4)
}

// appendFraction appends the groups behind the point.
func appendFraction(dst []byte, groups []int16, weight int) []byte {
	dst = append(dst, '.')
	for i := weight + 1; i < len(groups); i++ {
		dst = appendGroup(dst, groups, i)
	}
	return dst
}
