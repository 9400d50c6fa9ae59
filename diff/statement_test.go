package diff_test

import (
	"reflect"
	"testing"

	"github.com/seed-162b1470/annals/diff"
)

func TestStatement(t *testing.T) {
	t.Parallel()
	three := int64(3)
	for name, c := range map[string]struct {
		d    diff.Diff
		want string
	}{
		"counted": {
			diff.Diff{Statement: &diff.Statement{SQL: `UPDATE "a" SET b = ?`, Operation: "update", Affected: &three}},
			`{"changes":{},"statement":{"affected":3,"operation":"update","sql":"UPDATE \"a\" SET b = ?"}}`,
		},
		"unclear": {
			diff.Diff{
				Flags:     diff.Flags{Cascade: true},
				Statement: &diff.Statement{SQL: "DO ?", Operation: "delete", Unclear: true},
			},
			`{"cascade":true,"changes":{},"statement":{"affected":null,"operation":"delete","sql":"DO ?","unclear":true}}`,
		},
	} {
		got := string(c.d.Append(nil))
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		canonical, err := diff.Canonical([]byte(got))
		if err != nil || string(canonical) != got {
			t.Errorf("%s: canonical form %s, error %v", name, canonical, err)
		}
		back, err := diff.Parse([]byte(got))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, c.d) {
			t.Errorf("%s is read back as %+v", name, back)
		}
	}
}
