package annalscmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/term"
)

// marshalLine writes a value as one line of JSON that a terminal can show.
func marshalLine(v any) (string, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("write JSON: %w", err)
	}
	line := bytes.TrimRight(buf.Bytes(), "\n")
	return term.SafeJSON(string(line)) + "\n", nil
}

// entryJSON is an entry in the output of --json: the columns of its table, then
// where it is kept, then what its revision says.
type entryJSON struct {
	ID               int64            `json:"id"`
	Type             annals.EntryType `json:"type"`
	ObjectID         string           `json:"object_id"`
	PreviousObjectID *string          `json:"previous_object_id"`
	Discriminator    *string          `json:"discriminator"`
	TransactionHash  string           `json:"transaction_hash"`
	Source           string           `json:"source"`
	Seq              int64            `json:"seq"`
	Part             int              `json:"part"`
	Diffs            json.RawMessage  `json:"diffs"`
	ExtraData        json.RawMessage  `json:"extra_data"`
	BlameID          *string          `json:"blame_id"`
	BlameUser        *string          `json:"blame_user"`
	BlameUserFQDN    *string          `json:"blame_user_fqdn"`
	BlameFirewall    *string          `json:"blame_user_firewall"`
	IP               *string          `json:"ip"`
	CreatedAt        string           `json:"created_at"`
	SchemaVersion    int              `json:"schema_version"`
	Entity           string           `json:"entity"`
	Storage          string           `json:"storage"`
	Comment          *string          `json:"comment"`
	UserName         *string          `json:"user_name"`
	UserEmail        *string          `json:"user_email"`
	UserAgent        *string          `json:"user_agent"`
	RequestID        *string          `json:"request_id"`
	Managed          *bool            `json:"managed"`
}

// instantForm is the form of instants in JSON: UTC, microseconds.
const instantForm = "2006-01-02T15:04:05.000000Z"

func instant(t time.Time) string { return t.UTC().Format(instantForm) }

func entryRecord(e *annals.Entry) entryJSON {
	r := entryJSON{
		ID: e.ID, Type: e.Type, ObjectID: e.ObjectID, PreviousObjectID: null(e.PreviousObjectID),
		Discriminator: null(e.Discriminator), TransactionHash: e.TransactionHash,
		Source: e.Source, Seq: e.Seq, Part: e.Part, Diffs: e.Diffs, ExtraData: e.ExtraData,
		BlameID: null(e.Blame.ID), BlameUser: null(e.Blame.User),
		BlameUserFQDN: null(e.Blame.FQDN), BlameFirewall: null(e.Blame.Firewall),
		IP: null(e.Blame.IP), CreatedAt: instant(e.CreatedAt), SchemaVersion: e.SchemaVersion,
		Entity: e.Entity, Storage: e.Storage,
	}
	if rev := e.Revision; rev != nil {
		r.Comment, r.UserName = null(rev.Comment), null(rev.Actor.Name)
		r.UserEmail, r.UserAgent = null(rev.Actor.Email), null(rev.Origin.UserAgent)
		r.RequestID, r.Managed = null(rev.Origin.RequestID), &rev.Managed
	}
	return r
}

// null is a text as a column has it: null where it is empty.
func null(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
