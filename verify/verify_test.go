package verify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/verify"
)

// check is one that finds what it is told.
type check struct {
	name  string
	found []verify.Finding
	err   error
	ran   *int
}

func (c check) Name() string { return c.name }

func (c check) Run(context.Context) ([]verify.Finding, error) {
	if c.ran != nil {
		*c.ran++
	}
	return c.found, c.err
}

func TestRunSorts(t *testing.T) {
	a := verify.Finding{Severity: verify.Note, Source: "a", Kind: verify.KindNotAudited, Detail: "x"}
	b := verify.Finding{Severity: verify.Error, Source: "b", Entity: "z", Kind: verify.KindNoKey}
	c := verify.Finding{Severity: verify.Error, Source: "b", Entity: "y", Kind: verify.KindNoKey}
	found, err := verify.Run(t.Context(),
		check{name: "one", found: []verify.Finding{a, b}}, check{name: "two", found: []verify.Finding{c, b}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []verify.Finding{c, b, a}; !slices.Equal(found, want) {
		t.Errorf("got %+v, want %+v", found, want)
	}
}

// A check that could not look does not keep the others from it.
func TestRunGoesOn(t *testing.T) {
	cause := errors.New("no answer")
	f := verify.Finding{Severity: verify.Note, Kind: verify.KindUnseen}
	found, err := verify.Run(t.Context(), check{name: "one", err: cause},
		check{name: "two", found: []verify.Finding{f}})
	if !errors.Is(err, cause) || err.Error() != "check one: no answer" {
		t.Errorf("error: %v", err)
	}
	if len(found) != 1 || verify.Failed(found) {
		t.Errorf("found: %v", found)
	}
}

func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ran := 0
	if _, err := verify.Run(ctx, check{ran: &ran}); !errors.Is(err, context.Canceled) || ran != 0 {
		t.Errorf("ran %d times: %v", ran, err)
	}
}

func TestFailed(t *testing.T) {
	for _, c := range []struct {
		found []verify.Finding
		want  bool
	}{
		{nil, false},
		{[]verify.Finding{{Severity: verify.Note}}, false},
		{[]verify.Finding{{Severity: verify.Note}, {Severity: verify.Error}}, true},
	} {
		if got := verify.Failed(c.found); got != c.want {
			t.Errorf("Failed(%v) = %t", c.found, got)
		}
	}
}

func TestWriters(t *testing.T) {
	for _, c := range []struct {
		orm  bool
		raw  string
		want int
	}{
		{false, "", 0},
		{true, config.RawRefuse, 1},
		{true, config.RawObserve, 2},
		{true, config.RawAllow, 2},
	} {
		found, err := verify.Writers{Source: "app", ORM: c.orm, Raw: c.raw}.Run(t.Context())
		if err != nil || len(found) != c.want || verify.Failed(found) {
			t.Errorf("%t, %q: %v, %v", c.orm, c.raw, found, err)
		}
		for _, f := range found {
			if f.Remedy == "" || f.Source != "app" {
				t.Errorf("%+v", f)
			}
		}
	}
}

func ExampleRun() {
	found, err := verify.Run(context.Background(), verify.Writers{Source: "app", ORM: true})
	for _, f := range found {
		fmt.Println(f.Severity, f.Source, f.Kind)
	}
	fmt.Println(verify.Failed(found), err)
	// Output:
	// note app raw_sql
	// note app unseen_writers
	// false <nil>
}
