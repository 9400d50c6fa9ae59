package dialect

// maxDimensions is PostgreSQL's MAXDIM.
const maxDimensions = 6

// array appends an array as nested JSON arrays. Lower bounds are not kept.
func (r *binaryReader) array(dst []byte, c Column) []byte {
	dimensions := int(r.int32())
	r.take(8) // whether there are nulls; the element's type
	if dimensions < 0 || dimensions > maxDimensions || c.Elem == nil {
		r.failed = true
		return dst
	}
	if dimensions == 0 {
		return append(dst, '[', ']')
	}
	lengths := make([]int, dimensions)
	for i := range lengths {
		lengths[i] = int(r.int32())
		r.int32() // lower bound
		r.failed = r.failed || lengths[i] <= 0
	}
	return r.dimension(dst, *c.Elem, lengths, maxJSONDepth-dimensions)
}

// dimension appends the elements of one dimension.
func (r *binaryReader) dimension(dst []byte, elem Column, lengths []int, depth int) []byte {
	dst = append(dst, '[')
	for i := 0; i < lengths[0] && !r.failed; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		if len(lengths) > 1 {
			dst = r.dimension(dst, elem, lengths[1:], depth)
		} else {
			dst = r.element(dst, elem, depth)
		}
	}
	return append(dst, ']')
}

// element appends one element: in its binary form where it has one here, else
// its text.
func (r *binaryReader) element(dst []byte, elem Column, depth int) []byte {
	length := int(r.int32())
	if length == -1 {
		return append(dst, "null"...)
	}
	b := r.take(length)
	if r.sent {
		return r.sentElement(dst, elem, b, depth)
	}
	var ok bool
	switch elem.Kind {
	case KindBool:
		dst, ok = appendBool(dst, b)
		r.failed = r.failed || !ok
		return dst
	case KindInteger, kindObjectID:
		dst, ok = appendInteger(dst, b)
		r.failed = r.failed || !ok
		return dst
	case KindJSON:
		return appendPostgresText(dst, elem, b, depth)
	}
	inner := binaryReader{b: b}
	dst = inner.value(dst, elem)
	r.failed = r.failed || !inner.done()
	return dst
}

// sentElement appends an element in the binary form of its own type.
func (r *binaryReader) sentElement(dst []byte, elem Column, b []byte, depth int) []byte {
	inner := binaryReader{b: b, sent: true}
	if elem.Kind == KindJSON {
		dst = inner.sentJSON(dst, elem, depth)
	} else {
		dst = inner.sentValue(dst, elem)
	}
	r.failed = r.failed || !inner.done()
	return dst
}

// The flags of a range (src/include/utils/rangetypes.h).
const (
	rangeEmpty          = 0x01
	rangeLowerInclusive = 0x02
	rangeUpperInclusive = 0x04
	rangeLowerInfinite  = 0x08
	rangeUpperInfinite  = 0x10
)

// rangeText appends a range in mathematical notation with the bounds in the
// forms of their type: "[2026-01-01,2026-02-01)", "(,5)", "empty".
func (r *binaryReader) rangeText(dst []byte, c Column) []byte {
	flags := r.take(1)[0]
	if flags&rangeEmpty != 0 {
		return append(dst, "empty"...)
	}
	if flags&rangeLowerInclusive != 0 {
		dst = append(dst, '[')
	} else {
		dst = append(dst, '(')
	}
	if flags&rangeLowerInfinite == 0 {
		dst = r.bound(dst, c)
	}
	dst = append(dst, ',')
	if flags&rangeUpperInfinite == 0 {
		dst = r.bound(dst, c)
	}
	if flags&rangeUpperInclusive != 0 {
		return append(dst, ']')
	}
	return append(dst, ')')
}

func (r *binaryReader) bound(dst []byte, c Column) []byte {
	inner := binaryReader{b: r.take(int(r.int32())), sent: true}
	if c.Elem == nil {
		r.failed = true
		return dst
	}
	dst = appendQuoted(dst, inner.sentText(nil, *c.Elem), "()[],")
	r.failed = r.failed || !inner.done()
	return dst
}

// multirange appends ranges in braces.
func (r *binaryReader) multirange(dst []byte, c Column) []byte {
	dst = append(dst, '{')
	for i := range r.int32() {
		if r.failed {
			break
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		inner := binaryReader{b: r.take(int(r.int32()))}
		dst = inner.rangeText(dst, c)
		r.failed = r.failed || !inner.done()
	}
	return append(dst, '}')
}
