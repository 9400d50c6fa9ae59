package verify

import (
	"errors"
	"fmt"
	"testing"
)

func TestParts(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	both := fmt.Errorf("%w: %w", a, b)
	for _, test := range []struct {
		err  error
		want []error
	}{
		{nil, nil},
		{a, []error{a}},
		{both, []error{both}},
		{errors.Join(a, b), []error{a, b}},
		{fmt.Errorf("read: %w", errors.Join(a, errors.Join(b, c))), []error{a, b, c}},
	} {
		got := parts(test.err)
		if len(got) != len(test.want) {
			t.Errorf("parts(%v) = %v", test.err, got)
			continue
		}
		for i := range got {
			if got[i].Error() != test.want[i].Error() {
				t.Errorf("parts(%v)[%d] = %v", test.err, i, got[i])
			}
		}
	}
}
