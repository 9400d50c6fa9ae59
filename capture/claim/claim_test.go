package claim_test

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/capture/conn"
)

func full() claim.Claim {
	return claim.Claim{
		Actor:   annals.Actor{ID: "1", Name: "n'a", Email: "e", Type: "t", Context: "c"},
		Origin:  annals.Origin{IP: "i", UserAgent: "u", RequestID: "r"},
		Comment: `w\y`, Extra: []byte(`{"a":"b"}`),
	}
}

func TestStatements(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{claim.PostgresSet(full()), `SELECT pg_catalog.set_config('annals.context', ` +
			`extract(epoch from pg_catalog.now())::text || ` +
			`E'\x1f1\x1fn''a\x1fe\x1ft\x1fc\x1fi\x1fu\x1fr\x1fw\\y\x1f{"a":"b"}', true)`},
		{claim.PostgresBind("au", full()), `SELECT "au"."annals_bind"(E'1', E'n''a', E'w\\y', E'e', E't', ` +
			`E'c', E'i', E'u', E'r', E'{"a":"b"}')`},
		{claim.PostgresBind("", claim.Claim{Comment: "c"}), `SELECT "annals_bind"(NULL, NULL, E'c', NULL, NULL, ` +
			`NULL, NULL, NULL, NULL, NULL)`},
		{claim.MySQLUnbind("au"), "CALL `au`.`annals_unbind`()"},
		{claim.MySQLContext("", claim.Claim{Actor: annals.Actor{ID: "é"}}), "CALL `annals_context`(_utf8mb4 X'c3a9'" +
			strings.Repeat(", NULL", 9) + ")"},
	} {
		if c.got != c.want {
			t.Errorf("%s\nwant %s", c.got, c.want)
		}
	}
}

// The number of a transaction of MySQL is none that a connection could have, and
// never the same.
func TestNumbers(t *testing.T) {
	seen := map[int64]bool{}
	for range 1000 {
		text, own, _ := strings.Cut(strings.TrimPrefix(claim.MySQLSet(full()), "SET @annals_tx = "), " | ")
		own, _, _ = strings.Cut(own, ",")
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 1<<53 || n&(1<<24-1) != 0 || own != "CONNECTION_ID() & 16777215" || seen[n] {
			t.Fatalf("%s: %v", text, err)
		}
		seen[n] = true
	}
}

// What a first write was told stands; a comment is one transaction's.
func TestTransaction(t *testing.T) {
	ctx := annals.WithComment(annals.WithActor(t.Context(), annals.Actor{ID: "1"}), "once")
	asked := 0
	one := &claim.Transaction{Ask: func(context.Context) (annals.Actor, error) {
		asked++
		return annals.Actor{ID: "9"}, nil
	}}
	if more, err := one.Take(t.Context(), ctx); !more || err != nil || asked != 0 {
		t.Fatalf("%t, %v, asked %d", more, err, asked)
	}
	other := &claim.Transaction{}
	if _, err := other.Take(ctx); err != nil || other.Claim().Comment != "" {
		t.Errorf("%v, %q", err, other.Claim().Comment)
	}
	if more, _ := one.Take(annals.WithActor(ctx, annals.Actor{ID: "2"})); more || one.Claim().Actor.ID != "1" {
		t.Errorf("another actor: %+v", one.Claim())
	}
	one.Wrote()
	if more, _ := one.Take(annals.WithOrigin(ctx, annals.Origin{IP: "1.1.1.1"})); more {
		t.Error("said more after the write")
	}
	one.Committed()
	if _, err := other.Take(ctx); err != nil || other.Claim().Comment != "" {
		t.Errorf("%v, %q is used up", err, other.Claim().Comment)
	}
	if _, err := one.Take(t.Context()); err != nil || one.Claim().Actor.ID != "9" || asked != 1 {
		t.Errorf("%v, %+v, asked %d", err, one.Claim(), asked)
	}
	if _, err := other.Take(annals.WithExtra(ctx, []byte(`{`))); !errors.Is(err, annals.ErrCapture) {
		t.Errorf("extra that is no JSON: %v", err)
	}
}

// A literal says what it was made of, and is one token whatever that is.
func FuzzLiterals(f *testing.F) {
	for _, s := range []string{"", "a", "'", `\`, `\'`, "''", "\x00\x1f", "日", "\xff", "$1 ? -- /* ;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := claim.Claim{Comment: s}
		text := conn.Postgres().Read(claim.PostgresSet(c))
		if len(text.Statements) != 1 || text.Unclear {
			t.Errorf("%q makes %d statements of %s", s, len(text.Statements), claim.PostgresSet(c))
		}
		if s == "" {
			return
		}
		_, literal, _ := strings.Cut(claim.MySQLBind("", c), "X'")
		literal, _, _ = strings.Cut(literal, "'")
		if _, err := hex.DecodeString(literal); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}
