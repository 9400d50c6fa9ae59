package annalscmd

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd/internal/term"
)

func sample(t annals.EntryType, diffs string) *annals.Entry {
	return &annals.Entry{
		Entity: "post", ObjectID: "1", Type: t, TransactionHash: "aa", Source: "app", Seq: 1,
		Diffs: json.RawMessage(diffs), CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
	}
}

func TestRenderEntry(t *testing.T) {
	r := renderer{zone: time.UTC, longest: 20}
	update := sample(annals.Update,
		`{"changes":{"a":{"old":"x","new":null},"b":{"old":{"masked":true},"new":{"masked":true}}},`+
			`"label":"l\u001b","cascade":true}`)
	update.PreviousObjectID, update.Discriminator = "0", "news"
	update.Blame = annals.Blame{ID: "7", User: "ann", Firewall: "api", IP: "::1"}
	update.Revision = &annals.Revision{Comment: "why\nnot"}
	nobody := sample(annals.Remove,
		`{"changes":{"a":{"old":"`+strings.Repeat("x", 30)+`","new":null}}}`)
	nobody.Revision = &annals.Revision{DBUser: "root", Application: "psql", ClientAddr: "::1"}
	for _, c := range []struct {
		entry *annals.Entry
		want  string
	}{
		{update, `2026-01-02 03:04:05.000006 Z  update      post 1 "l\x1b" [news] (was 0) (cascade)
    by ann (7)  via api  from ::1  tx aa
    # why\nnot
    ~ a: "x" → null
    ~ b: (masked) → (masked)
`},
		{nobody, `2026-01-02 03:04:05.000006 Z  remove      post 1
    by nobody known (database user root, psql, ::1)  tx aa
    - a: "xxxxxxxxxxxxxxxxxxx… (12 more)
`},
		{
			sample(annals.Remove, `{"changes":{"gone":{"old":null,"new":1}},"soft":true}`),
			`2026-01-02 03:04:05.000006 Z  remove      post 1 (soft)
    by nobody known  tx aa
    ~ gone: null → 1
`,
		},
		{sample(annals.Truncate, `not JSON`), `2026-01-02 03:04:05.000006 Z  truncate    post 1
    by nobody known  tx aa
    not JSON
`},
	} {
		if got := r.entry(c.entry); got != c.want {
			t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
		}
	}
}

func TestColours(t *testing.T) {
	terminal := func(io.Writer) bool { return true }
	none := func(string) (string, bool) { return "", false }
	noColor := func(name string) (string, bool) { return "1", name == "NO_COLOR" }
	for name, c := range map[string]struct {
		app  app
		want bool
	}{
		"terminal":   {app{opts: Options{Terminal: terminal, Env: none}}, true},
		"--no-color": {app{noColor: true, opts: Options{Terminal: terminal, Env: none}}, false},
		"NO_COLOR":   {app{opts: Options{Terminal: terminal, Env: noColor}}, false},
		"pipe": {
			app{opts: Options{Terminal: isTerminal, Stdout: &bytes.Buffer{}, Env: none}}, false,
		},
	} {
		if got := c.app.style().Color; got != c.want {
			t.Errorf("%s: colour %v, want %v", name, got, c.want)
		}
	}
}

// Wide characters count for the cells they take.
func TestTableAlignsWideCharacters(t *testing.T) {
	var out bytes.Buffer
	a := &app{opts: Options{Stdout: &out}.withDefaults()}
	g := a.table("name", "n")
	g.row("日本語", "1")
	g.row("ascii\x1b", "2")
	if err := g.print(); err != nil {
		t.Fatal(err)
	}
	want := `┌───────────┬───┐
│ name      │ n │
├───────────┼───┤
│ 日本語    │ 1 │
│ ascii\x1b │ 2 │
└───────────┴───┘
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

// Nothing that an entry can hold reaches the terminal as a control character.
func FuzzRenderIsSafe(f *testing.F) {
	f.Add("\x1b[2J", "a\nb", `{"changes":{"a":{"old":"\u001b","new":null}},"label":"\u0007"}`)
	f.Add("\u202e", "\xff", "\x1b")
	f.Fuzz(func(t *testing.T, text, id, diffs string) {
		e := sample(annals.Update, diffs)
		e.Entity, e.ObjectID, e.PreviousObjectID = text, id, id
		e.Blame = annals.Blame{ID: id, User: text, Firewall: text, IP: text}
		e.Revision = &annals.Revision{Comment: text, DBUser: id}
		r := renderer{zone: time.UTC, longest: 50}
		for _, got := range []string{r.entry(e), r.revision(&annals.Revision{
			Hash: text, Comment: text, Actor: annals.Actor{ID: id, Name: text, Email: id},
			Origin: annals.Origin{UserAgent: text}, Extra: json.RawMessage(diffs),
		})} {
			if !utf8.ValidString(got) ||
				strings.IndexFunc(strings.ReplaceAll(got, "\n", ""), term.Hostile) >= 0 {
				t.Fatalf("%q", got)
			}
		}
	})
}
