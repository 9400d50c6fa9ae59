package dialect

import "testing"

// The names are stored: none may change, and each kind has one of its own.
func TestKindNames(t *testing.T) {
	t.Parallel()
	for k, want := range map[Kind]string{
		KindText: "text", KindInstant: "instant", KindComposite: "composite", KindSent: "sent",
		KindDynamic: "dynamic", kindObjectID: "object_id", kindCube: "cube", kindUUID: "uuid",
		kindVersioned: "versioned", kindOpaque: "opaque",
	} {
		if got, err := k.MarshalText(); err != nil || string(got) != want {
			t.Errorf("kind %d: %s, %v, want %s", int(k), got, err, want)
		}
	}
	for k := KindText; k <= kindOpaque; k++ {
		var back Kind
		name, err := k.MarshalText()
		if err != nil || back.UnmarshalText(name) != nil || back != k {
			t.Errorf("kind %d is %q (%v) and comes back as %d", int(k), name, err, int(back))
		}
	}
	if _, err := (kindOpaque + 1).MarshalText(); err == nil {
		t.Error("a kind that is none has a name")
	}
	if err := new(Kind).UnmarshalText([]byte("thing")); err == nil {
		t.Error("a name that is none has a kind")
	}
}
