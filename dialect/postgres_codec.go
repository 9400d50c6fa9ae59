package dialect

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/seed-162b1470/annals"
)

// ReadExpr implements Codec. What PostgreSQL prints in a way that a session can
// change (dates, intervals, floats, bytea) is read through the type's send
// function, whose bytes follow no setting, as hexadecimal text, which every
// driver returns as it is in every protocol.
func (postgres) ReadExpr(c Column, ref string) string {
	switch c.Kind {
	case KindBool, KindInteger:
		return ref
	case kindObjectID:
		return ref + "::pg_catalog.oid::pg_catalog.int8"
	case kindMoney:
		return ref + "::pg_catalog.numeric::pg_catalog.text"
	case kindPaddedText:
		// A cast to text would cut the blanks off.
		return "pg_catalog.textin(pg_catalog.bpcharout(" + ref + "))"
	case KindBytes:
		// concat passes over nulls, so null comes first.
		return "CASE WHEN " + ref + " IS NULL THEN NULL" +
			" WHEN pg_catalog.octet_length(" + ref + ") <= " + strconv.Itoa(maxBase64) +
			" THEN pg_catalog.encode(" + ref + ", 'hex') ELSE pg_catalog.concat('#'," +
			" pg_catalog.octet_length(" + ref + "), '#'," +
			" pg_catalog.encode(pg_catalog.sha256(" + ref + "), 'hex')) END"
	case KindArray:
		return "pg_catalog.encode(pg_catalog.array_send(" + arrayExpr(c, ref) + "), 'hex')"
	case KindSent:
		// A record sends a value of whatever type, and tells null.
		return "pg_catalog.encode(pg_catalog.record_send(ROW(" + ref + ")), 'hex')"
	case KindRange, KindMultirange:
		// The cast makes the range of a domain over it.
		return "pg_catalog.encode(pg_catalog." + sendFunction(c.Kind) +
			"(" + ref + "::" + c.Base + "), 'hex')"
	}
	if send := sendFunction(c.Kind); send != "" {
		return "pg_catalog.encode(pg_catalog." + send + "(" + ref + "), 'hex')"
	}
	return ref + "::pg_catalog.text"
}

// arrayExpr is the array that is sent: its elements as they are where their kind
// is decoded from what its send function gives, else their text.
func arrayExpr(c Column, ref string) string {
	if c.Elem == nil {
		return ref
	}
	switch c.Elem.Kind {
	case KindBytes, kindPaddedText:
		return ref
	case kindObjectID:
		return ref + "::pg_catalog.oid[]::pg_catalog.text[]"
	case kindMoney:
		return ref + "::pg_catalog.numeric[]::pg_catalog.text[]"
	}
	if sendFunction(c.Elem.Kind) != "" {
		return ref
	}
	return ref + "::pg_catalog.text[]"
}

// sendFunction names the function that gives the binary form from which
// appendSent makes a value; "" for kinds that are read as text.
func sendFunction(k Kind) string {
	switch k {
	case KindFloat32:
		return "float4send"
	case KindFloat64:
		return "float8send"
	case KindDate:
		return "date_send"
	case KindTime:
		return "time_send"
	case KindTimeTZ:
		return "timetz_send"
	case KindTimestamp:
		return "timestamp_send"
	case KindInstant:
		return "timestamptz_send"
	case KindInterval:
		return "interval_send"
	case KindRange:
		return "range_send"
	case KindMultirange:
		return "multirange_send"
	}
	return geometrySend(k)
}

// Decode implements Codec.
func (postgres) Decode(c Column, v any) (json.RawMessage, error) {
	if v == nil {
		return annals.Null, nil
	}
	switch c.Kind {
	case KindBool:
		out, ok := appendBool(nil, v)
		return finished(c, v, out, ok)
	case KindInteger, kindObjectID:
		out, ok := appendInteger(nil, v)
		return finished(c, v, out, ok)
	}
	text, ok := textOf(v)
	if !ok {
		return nil, valueError(c, v)
	}
	if c.Kind == KindBytes {
		out, ok := appendHexBytes(nil, text)
		return finished(c, v, out, ok)
	}
	if c.Kind != KindArray && c.Kind != KindSent && sendFunction(c.Kind) == "" {
		return appendPostgresText(nil, c, text, maxJSONDepth), nil
	}
	sent := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(sent, text); err != nil {
		return nil, valueError(c, v)
	}
	r := binaryReader{b: sent}
	out := r.value(nil, c)
	return finished(c, v, out, r.done())
}

// appendPostgresText appends a value that was read as text. depth is how deep
// JSON may be nested there.
func appendPostgresText(dst []byte, c Column, text []byte, depth int) []byte {
	switch c.Kind {
	case KindDecimal, kindMoney:
		return appendDecimal(dst, text)
	case KindJSON:
		return appendJSON(dst, text, depth)
	case kindAddress:
		// The cast to text adds the mask of a single host; PostgreSQL prints none.
		mask := "/32"
		if bytes.IndexByte(text, ':') >= 0 {
			mask = "/128"
		}
		text = bytes.TrimSuffix(text, []byte(mask))
	}
	return appendText(dst, text)
}

// appendHexBytes appends what KindBytes reads: hexadecimal digits, or
// #length#digest where the server made the digest.
func appendHexBytes(dst, text []byte) (_ []byte, ok bool) {
	if rest, long := bytes.CutPrefix(text, []byte("#")); long {
		length, digest, _ := bytes.Cut(rest, []byte("#"))
		n, err := strconv.Atoi(string(length))
		return appendDigest(dst, n, string(digest)), err == nil
	}
	raw := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(raw, text); err != nil {
		return dst, false
	}
	return appendBytes(dst, raw), true
}
