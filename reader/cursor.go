package reader

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/seed-162b1470/annals"
)

// cursorVersion is the version of the form of cursors.
const cursorVersion = 1

// sumLength is how many bytes of a cursor guard the others.
const sumLength = 4

// cursor is the place behind which a page begins. Its text is base64url of its
// JSON and the beginning of that JSON's SHA-256.
type cursor struct {
	Version int `json:"v"`
	// Micros is the instant, in microseconds since 1970.
	Micros int64  `json:"t"`
	Source string `json:"s"`
	Seq    int64  `json:"n"`
	Part   int    `json:"p"`
	// Query is the fingerprint of the query it belongs to.
	Query string `json:"q"`
}

func writeCursor(at annals.Position, fingerprint string) string {
	// A struct of numbers and texts always has its JSON.
	text, _ := json.Marshal(cursor{
		Version: cursorVersion, Micros: at.CreatedAt.UnixMicro(), Source: at.Source,
		Seq: at.Seq, Part: at.Part, Query: fingerprint,
	})
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(append(text, sum[:sumLength]...))
}

// readCursor returns the cursor's place if it is whole and of this query.
func readCursor(text, fingerprint string) (annals.Position, error) {
	c, err := decodeCursor(text)
	if err == nil && c.Query != fingerprint {
		err = errors.New("it belongs to another query")
	}
	if err != nil {
		return annals.Position{}, &annals.Error{
			Op: "read", Subject: "cursor", Err: fmt.Errorf("%w: %w", annals.ErrCursor, err),
			Remedy: "ask for the first page, without a cursor, or repeat the query as it was",
		}
	}
	return annals.Position{
		CreatedAt: time.UnixMicro(c.Micros).UTC(), Source: c.Source, Seq: c.Seq, Part: c.Part,
	}, nil
}

func decodeCursor(text string) (cursor, error) {
	damaged := errors.New("it is damaged")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) <= sumLength {
		return cursor{}, damaged
	}
	body, sum := raw[:len(raw)-sumLength], raw[len(raw)-sumLength:]
	if want := sha256.Sum256(body); !bytes.Equal(want[:sumLength], sum) {
		return cursor{}, damaged
	}
	var c cursor
	if json.Unmarshal(body, &c) != nil {
		return cursor{}, damaged
	}
	if c.Version != cursorVersion {
		return cursor{}, fmt.Errorf("it has version %d, not %d", c.Version, cursorVersion)
	}
	if !c.possible() {
		return cursor{}, damaged
	}
	return c, nil
}

// possible reports whether an entry can lie there: what a cursor says is bound to
// columns that take no more.
func (c *cursor) possible() bool {
	year := time.UnixMicro(c.Micros).UTC().Year()
	return year >= 1 && year <= 9999 && c.Seq >= 0 && c.Part >= 0 && c.Part < math.MaxInt32
}

// fingerprint tells queries apart whose pages do not continue each other. Sizes
// of pages and bounds of time may change: "the last two hours" do so by
// themselves.
func (q *Query) fingerprint() string {
	sq, _ := q.storage() // a faulty query is refused before
	text, _ := json.Marshal([]any{
		sq.Entities, sq.ObjectIDs, sq.Types, sq.Actors, sq.Hashes, sq.Fields, sq.Sources, sq.Where,
		both("", q.Storages), both("", q.Not.Entities), both("", q.Not.Storages), q.Related,
		sq.Ascending,
	})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}
