package middleware

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
)

// Claims name the claims of a token that make the actor. Empty names stand for
// those of OpenID Connect: "sub", "preferred_username" (else "name"), "email".
type Claims struct {
	ID, Name, Email string
	// Type and Context have no claim by default.
	Type, Context string
}

func (c Claims) withDefaults() Claims {
	for _, d := range []struct {
		name     *string
		standard string
	}{
		{&c.ID, "sub"}, {&c.Email, "email"},
	} {
		if *d.name == "" {
			*d.name = d.standard
		}
	}
	return c
}

// actor makes an actor of a token's claims.
func (c Claims) actor(claims map[string]any) annals.Actor {
	a := annals.Actor{
		ID: text(claims, c.ID), Name: text(claims, c.Name), Email: text(claims, c.Email),
		Type: text(claims, c.Type), Context: text(claims, c.Context),
	}
	if c.Name == "" {
		if a.Name = text(claims, "preferred_username"); a.Name == "" {
			a.Name = text(claims, "name")
		}
	}
	return a
}

// text is the value of a claim: a text, or a whole number.
func text(claims map[string]any, name string) string {
	switch v := claims[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.FormatInt(int64(v), 10)
		}
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}

// actor tells who sends a request; ok is false where nobody vouches for it.
func (o *Options) actor(r *http.Request) (a annals.Actor, ok bool, err error) {
	if o.User != nil {
		a, ok = o.User(r)
	}
	if !ok {
		a, ok, err = o.credentials(r)
	}
	if err != nil || !ok || a.IsZero() {
		return annals.Actor{}, false, err
	}
	if a.Type == "" {
		a.Type = o.Type
	}
	if a.Context == "" {
		a.Context = o.Context
	}
	return annals.Actor{
		ID: clean(a.ID, maxText), Name: clean(a.Name, maxText), Email: clean(a.Email, maxText),
		Type: clean(a.Type, maxText), Context: clean(a.Context, maxContext),
	}, true, nil
}

// credentials has those of a request verified, if it has some and there is who
// verifies them.
func (o *Options) credentials(r *http.Request) (a annals.Actor, ok bool, err error) {
	// Two of them could mean one to this program and the other to the next.
	if len(r.Header.Values("Authorization")) != 1 {
		return a, false, nil
	}
	if user, password, basic := r.BasicAuth(); basic && o.Basic != nil {
		a, err = o.Basic(r.Context(), user, password)
		return a, err == nil, err
	}
	if token, bearer := bearerToken(r.Header.Get("Authorization")); bearer && o.Bearer != nil {
		claims, err := o.Bearer(r.Context(), token)
		if err != nil {
			return a, false, err
		}
		return o.Claims.actor(claims), true, nil
	}
	return a, false, nil
}

// bearerToken returns the token of an Authorization header.
func bearerToken(header string) (token string, ok bool) {
	scheme, token, found := strings.Cut(header, " ")
	token = strings.Trim(token, " ")
	if !found || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", false
	}
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c >= 0x7f || c == '"' || c == ',' {
			return "", false
		}
	}
	return token, true
}
