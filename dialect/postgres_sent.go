package dialect

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
)

// SentKind is the kind by which a value of a type of PostgreSQL is decoded from
// what its send function gives: typname is pg_type.typname, empty for a type that
// is not built in, send the name of that function. follows tells that the type's
// text follows settings of the session, or is not the form that the codec gives.
func SentKind(typname, send string) (k Kind, follows bool) {
	if typname != "" {
		k = postgres{}.kindOf(typname)
	}
	switch k {
	case KindBool, KindInteger, KindBits, KindJSON, kindPaddedText, kindAddress:
		return k, false
	case KindText:
		k = sentTextKind(send)
		return k, k == kindCube
	}
	return k, true
}

// sentTextKind is the binary form of a type that is a text to the codec.
func sentTextKind(send string) Kind {
	switch send {
	case "textsend", "varcharsend", "bpcharsend", "namesend", "enum_send", "citextsend",
		"xml_send", "unknownsend":
		return KindText
	case "jsonpath_send", "ltree_send", "lquery_send", "ltxtq_send":
		return kindVersioned
	case "uuid_send":
		return kindUUID
	case "cidr_send":
		return kindNetwork
	case "macaddr_send", "macaddr8_send":
		return kindHardwareAddress
	case "charsend":
		return kindChar
	case "pg_lsn_send":
		return kindLogPosition
	case "cube_send":
		return kindCube
	}
	return kindOpaque
}

// sentRow appends the JSON of the only field of a record, as ReadExpr sends it.
func (r *binaryReader) sentRow(dst []byte, c Column) []byte {
	if r.int32() != 1 || c.Elem == nil {
		r.failed = true
		return dst
	}
	r.int32() // its type
	length := int(r.int32())
	if length == -1 {
		return append(dst, "null"...)
	}
	inner := binaryReader{b: r.take(length), sent: true}
	dst = inner.sentValue(dst, *c.Elem)
	r.failed = r.failed || !inner.done()
	return dst
}

// sentValue appends the JSON of all that is left to read.
func (r *binaryReader) sentValue(dst []byte, c Column) []byte {
	switch c.Kind {
	case KindArray:
		return r.array(dst, c)
	case KindBool:
		return strconv.AppendBool(dst, r.take(1)[0] != 0)
	case KindInteger, kindObjectID, kindMoney:
		return r.integer(dst, c)
	case KindFloat32, KindFloat64, KindBytes:
		return r.value(dst, c)
	case KindJSON:
		return r.sentJSON(dst, c, maxJSONDepth)
	case kindOpaque:
		return appendBytes(dst, r.rest())
	}
	return appendText(dst, r.sentText(nil, c))
}

// sentText appends the value as it stands in a composite or as a bound of a
// range: what is a string in JSON without its quotes, anything else as its JSON.
func (r *binaryReader) sentText(dst []byte, c Column) []byte {
	switch c.Kind {
	case KindText, kindPaddedText:
		return append(dst, r.rest()...)
	case KindBool: // as PostgreSQL has it in a row
		if r.take(1)[0] != 0 {
			return append(dst, 't')
		}
		return append(dst, 'f')
	case KindFloat32, KindFloat64:
		return append(dst, bytes.Trim(r.value(nil, c), `"`)...)
	case KindInteger, kindObjectID, kindMoney, KindArray, KindJSON, KindBytes, kindOpaque:
		return r.sentValue(dst, c)
	case KindBits:
		return r.bits(dst)
	case KindComposite:
		return r.composite(dst, c)
	case kindCube:
		return r.cube(dst)
	}
	if out, ok := r.identifier(dst, c.Kind); ok {
		return out
	}
	return r.plain(dst, c)
}

// identifier appends addresses and the like, as PostgreSQL prints them.
func (r *binaryReader) identifier(dst []byte, k Kind) (_ []byte, ok bool) {
	switch k {
	case kindAddress, kindNetwork:
		return r.address(dst), true
	case kindUUID:
		digits := hex.EncodeToString(r.take(16))
		parts := []string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}
		return append(dst, strings.Join(parts, "-")...), true
	case kindHardwareAddress:
		for i, b := range r.rest() {
			if i > 0 {
				dst = append(dst, ':')
			}
			dst = append(dst, hex.EncodeToString([]byte{b})...)
		}
		return dst, true
	case kindChar:
		return append(dst, bytes.TrimRight(r.take(1), "\x00")...), true
	case kindVersioned:
		r.take(1)
		return append(dst, r.rest()...), true
	case kindLogPosition:
		high, low := uint32(r.int32()), uint32(r.int32())
		text := strconv.FormatUint(uint64(high), 16) + "/" + strconv.FormatUint(uint64(low), 16)
		return append(dst, strings.ToUpper(text)...), true
	}
	return dst, false
}

// sentJSON appends JSON; jsonb has a byte for its version in front.
func (r *binaryReader) sentJSON(dst []byte, c Column, depth int) []byte {
	if c.Type == "jsonb" {
		r.take(1)
	}
	return appendJSON(dst, r.rest(), depth)
}

// integer appends an integer of any width.
func (r *binaryReader) integer(dst []byte, c Column) []byte {
	switch {
	case len(r.b) == 2:
		return strconv.AppendInt(dst, int64(r.int16()), 10)
	case len(r.b) == 4 && (c.Kind == kindObjectID || c.Type == "oid" || c.Type == "xid" ||
		c.Type == "cid"):
		return strconv.AppendUint(dst, uint64(uint32(r.int32())), 10)
	case len(r.b) == 4:
		return strconv.AppendInt(dst, int64(r.int32()), 10)
	case c.Type == "xid8":
		return strconv.AppendUint(dst, uint64(r.int64()), 10)
	}
	return strconv.AppendInt(dst, r.int64(), 10)
}

// bits appends a bit string: their number, then the bits from the left.
func (r *binaryReader) bits(dst []byte) []byte {
	n := int(r.int32())
	b := r.rest()
	if n < 0 || (n+7)/8 != len(b) {
		r.failed = true
		return dst
	}
	for i := range n {
		dst = append(dst, '0'+b[i/8]>>(7-i%8)&1)
	}
	return dst
}

// address appends inet or cidr: family, bits of the mask, whether it is a cidr,
// and the bytes (src/backend/utils/adt/network.c).
func (r *binaryReader) address(dst []byte) []byte {
	head := r.take(4)
	raw := r.take(int(head[3]))
	address, ok := netip.AddrFromSlice(raw)
	if !ok {
		r.failed = true
		return dst
	}
	// Six groups of zero, and no more: an address of version 4 in one of version 6,
	// which PostgreSQL prints as such.
	tail := len(bytes.TrimLeft(raw, "\x00"))
	if len(raw) == 16 && (tail == 3 || tail == 4) {
		dst = append(dst, "::"...)
		address = netip.AddrFrom4([4]byte(raw[12:]))
	}
	dst = address.AppendTo(dst)
	if cidr := head[2] != 0; cidr || int(head[1]) != 8*len(raw) {
		dst = strconv.AppendUint(append(dst, '/'), uint64(head[1]), 10)
	}
	return dst
}

// cube appends a value of extension cube: its dimensions, in the first bit
// whether it is a point, then the one or two corners.
func (r *binaryReader) cube(dst []byte) []byte {
	head := uint32(r.int32())
	n := int(head &^ (1 << 31))
	corners := 2
	if head>>31 == 1 || n == 0 {
		corners = 1
	}
	if n*corners*8 != len(r.b) {
		r.failed = true
		return dst
	}
	for i := range corners {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '(')
		for j := range n {
			if j > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendPostgresFloat(dst, r.float64())
		}
		dst = append(dst, ')')
	}
	return dst
}

// composite appends a row in PostgreSQL's notation, the fields in the forms of
// their types: nothing for null, quotes where the text needs them.
func (r *binaryReader) composite(dst []byte, c Column) []byte {
	if int(r.int32()) != len(c.Fields) {
		r.failed = true
		return dst
	}
	dst = append(dst, '(')
	for i, field := range c.Fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		r.int32() // its type
		length := int(r.int32())
		if length == -1 {
			continue
		}
		inner := binaryReader{b: r.take(length), sent: true}
		dst = appendQuoted(dst, inner.sentText(nil, field), "(),")
		r.failed = r.failed || !inner.done()
	}
	return append(dst, ')')
}

// appendQuoted appends a part of a row or range as PostgreSQL does: in quotes
// where it is empty or has a space, a quote, a backslash or one of special.
func appendQuoted(dst, text []byte, special string) []byte {
	if len(text) > 0 && !bytes.ContainsAny(text, special+"\"\\ \t\n\v\f\r") {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, b := range text {
		if b == '"' || b == '\\' {
			dst = append(dst, b)
		}
		dst = append(dst, b)
	}
	return append(dst, '"')
}

// CopiedExpr reads what the copy of a column of KindSent holds, for Decode with the
// original's Column; ref is the copy's column.
func CopiedExpr(ref string) string { return "pg_catalog.encode(" + ref + ", 'hex')" }
