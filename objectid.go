package annals

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// MaxObjectID is the length of an object id in characters, as its column has it.
const MaxObjectID = 255

// ObjectID returns the canonical key made of the key columns' values in key
// order (canonical JSON each). One column gives its text: a string without its
// quotes, anything else as its JSON. Several give a canonical JSON array. A key
// longer than MaxObjectID characters becomes "sha256:" and the hex digest of the
// whole text; the whole key then stands in the entry's diffs. So does a key that
// reads like such a digest itself, lest it be taken for the key it is the digest of.
func ObjectID(key ...json.RawMessage) string {
	id := objectText(key)
	if utf8.RuneCountInString(id) > MaxObjectID || isDigest(id) {
		sum := sha256.Sum256([]byte(id))
		return digestPrefix + hex.EncodeToString(sum[:])
	}
	return id
}

const digestPrefix = "sha256:"

// isDigest reports whether an id has the form of a hashed key's.
func isDigest(id string) bool {
	digest, ok := strings.CutPrefix(id, digestPrefix)
	if !ok || len(digest) != 2*sha256.Size {
		return false
	}
	return strings.Trim(digest, "0123456789abcdef") == ""
}

func objectText(key []json.RawMessage) string {
	if len(key) == 1 {
		if len(key[0]) == 0 || key[0][0] != '"' {
			return string(key[0])
		}
		var text string
		if err := json.Unmarshal(key[0], &text); err == nil {
			return text
		}
		return string(key[0])
	}
	var b strings.Builder
	b.WriteByte('[')
	for i, v := range key {
		if i > 0 {
			b.WriteByte(',')
		}
		if len(v) == 0 {
			v = Null
		}
		b.Write(v)
	}
	b.WriteByte(']')
	return b.String()
}
