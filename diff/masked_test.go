package diff_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

func TestMaskedBy(t *testing.T) {
	key := []byte("0123456789abcdef")
	one := diff.MaskedBy(key, json.RawMessage(`"a"`))
	// Worked out by: printf '"a"' | openssl dgst -sha256 -hmac 0123456789abcdef
	const want = `{"digest":"hmac-sha256:2c0e1c7d6d47d51bd9ede419a5373a94c8587de94b136664da984681aa32d70a","masked":true}`
	if string(one) != want {
		t.Errorf("MaskedBy = %s, want %s", one, want)
	}
	if canonical, err := diff.Canonical(one); err != nil || string(canonical) != string(one) {
		t.Errorf("canonical form is %s, %v", canonical, err)
	}
	if string(diff.MaskedBy([]byte("fedcba9876543210"), json.RawMessage(`"a"`))) == want {
		t.Error("two keys make one digest")
	}
	for v, masked := range map[string]bool{
		string(one): true, `{"masked":true}`: true,
		`{"masked":false}`:                false,
		`"masked"`:                        false,
		strings.Repeat("x", len(want)):    false,
		want[:len(want)-1] + `,"a":1}`:    false,
		`{"digest":"x","masked":true}`:    false,
		strings.Replace(want, "a", "", 1): false,
	} {
		if diff.IsMasked(json.RawMessage(v)) != masked {
			t.Errorf("IsMasked(%s) = %v", v, !masked)
		}
	}
}

// Values with digests are compared by them, whether the rule was there from the
// start or not.
func TestComputeMaskedBy(t *testing.T) {
	key := []byte("0123456789abcdef")
	a, b := diff.MaskedBy(key, json.RawMessage("1")), diff.MaskedBy(key, json.RawMessage("2"))
	image := func(v json.RawMessage) *annals.Image {
		return &annals.Image{Columns: []string{"c"}, Values: []json.RawMessage{v}}
	}
	for _, c := range []struct {
		name     string
		old, now json.RawMessage
		changed  bool
	}{
		{"same", a, a, false},
		{"other", a, b, true},
		{"null", a, annals.Null, true},
		{"plain mask", diff.Masked, a, true},
	} {
		if got := diff.Compute(image(c.old), image(c.now)); (len(got) > 0) != c.changed {
			t.Errorf("%s: changes = %v", c.name, got)
		}
	}
}
