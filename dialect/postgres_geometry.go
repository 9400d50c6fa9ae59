package dialect

import (
	"math"
	"strconv"
)

// geometrySend names the send function of a geometric type.
func geometrySend(k Kind) string {
	switch k {
	case kindPoint:
		return "point_send"
	case kindLine:
		return "line_send"
	case kindSegment:
		return "lseg_send"
	case kindBox:
		return "box_send"
	case kindPath:
		return "path_send"
	case kindPolygon:
		return "poly_send"
	case kindCircle:
		return "circle_send"
	}
	return ""
}

// geometry appends a geometric value as PostgreSQL prints it with all digits.
func (r *binaryReader) geometry(dst []byte, k Kind) []byte {
	switch k {
	case kindPoint:
		return r.points(dst, 1)
	case kindSegment:
		dst = append(dst, '[')
		dst = r.points(dst, 2)
		return append(dst, ']')
	case kindBox:
		return r.points(dst, 2)
	case kindLine:
		dst = append(dst, '{')
		dst = r.numbers(dst, 3)
		return append(dst, '}')
	case kindPath:
		open, closed := byte('['), byte(']')
		if r.take(1)[0] != 0 {
			open, closed = '(', ')'
		}
		dst = append(dst, open)
		dst = r.points(dst, int(r.int32()))
		return append(dst, closed)
	case kindPolygon:
		dst = append(dst, '(')
		dst = r.points(dst, int(r.int32()))
		return append(dst, ')')
	case kindCircle:
		dst = append(dst, '<')
		dst = r.points(dst, 1)
		dst = append(dst, ',')
		dst = r.numbers(dst, 1)
		return append(dst, '>')
	}
	r.failed = true
	return dst
}

func (r *binaryReader) points(dst []byte, n int) []byte {
	for i := 0; i < n && !r.failed; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '(')
		dst = r.numbers(dst, 2)
		dst = append(dst, ')')
	}
	return dst
}

func (r *binaryReader) numbers(dst []byte, n int) []byte {
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendPostgresFloat(dst, r.float64())
	}
	return dst
}

// appendPostgresFloat appends f as PostgreSQL's float8 output does with
// extra_float_digits at its default: shortest, with an exponent from 1e+15 on
// and below 1e-04.
func appendPostgresFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e15) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}
