package capture_test

import (
	"testing"

	"github.com/seed-162b1470/annals/capture"
)

func TestSwitch(t *testing.T) {
	var none *capture.Switch
	if !none.Active() || !none.Allows("a") {
		t.Error("no switch turns nothing off")
	}
	s := &capture.Switch{}
	for _, step := range []struct {
		name string
		do   func()
		// active, a and b are how things stand afterwards.
		active, a, b bool
	}{
		{"start", func() {}, true, true, true},
		{"a off", func() { s.Set(false, "a") }, true, false, true},
		{"all off", func() { s.SetActive(false) }, false, false, false},
		{"b off", func() { s.Set(false, "b") }, false, false, false},
		{"all on", func() { s.SetActive(true) }, true, false, false},
		{"both on", func() { s.Set(true, "a", "b") }, true, true, true},
	} {
		step.do()
		if s.Active() != step.active || s.Allows("a") != step.a || s.Allows("b") != step.b {
			t.Errorf("%s: active %v, a %v, b %v", step.name, s.Active(), s.Allows("a"), s.Allows("b"))
		}
	}
}
