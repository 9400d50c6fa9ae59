package dialect

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
)

// ReadExpr implements Codec. An expression has no declared type by which a
// driver could make a time or a truth value of what is stored, and the letter
// before a text keeps it from looking like one.
func (sqlite) ReadExpr(_ Column, ref string) string {
	return "CASE typeof(" + ref + ") WHEN 'text' THEN 't' || " + ref + " ELSE " + ref + " END"
}

// Decode implements Codec.
func (sqlite) Decode(c Column, v any) (json.RawMessage, error) {
	switch v := v.(type) {
	case nil:
		return annals.Null, nil
	case int64:
		return strconv.AppendInt(nil, v, 10), nil
	case float64:
		return appendFloat(nil, v, 64), nil
	case []byte:
		return appendBytes(nil, v), nil
	case string:
		text, ok := strings.CutPrefix(v, "t")
		if !ok {
			break
		}
		if c.Kind == KindJSON {
			return appendJSON(nil, []byte(text), maxJSONDepth), nil
		}
		return appendText(nil, []byte(text)), nil
	}
	return nil, valueError(c, v)
}
