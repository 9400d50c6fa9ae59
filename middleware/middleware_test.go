package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/middleware"
)

// serve sends r through the middleware and returns what the application sees.
func serve(t *testing.T, o middleware.Options, r *http.Request) (
	actor annals.Actor, named bool, origin annals.Origin,
) {
	t.Helper()
	reached := false
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached = true
		actor, named = annals.ActorFrom(r.Context())
		origin, _ = annals.OriginFrom(r.Context())
	})
	middleware.New(o)(next).ServeHTTP(httptest.NewRecorder(), r)
	if !reached {
		t.Fatal("the application was not reached")
	}
	return actor, named, origin
}

func request(remote string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestAddressOfTheClient(t *testing.T) {
	const xff, fwd = middleware.XForwardedFor, middleware.Forwarded
	const proxy = "10.0.0.1:1234"
	for _, c := range []struct {
		name, remote string
		// header is Options.ProxyHeader.
		header  string
		headers []string
		want    string
	}{
		{"connection", "203.0.113.7:5", "", nil, "203.0.113.7"},
		{"connection over IPv6", "[2001:db8::7]:5", "", nil, "2001:db8::7"},
		{"IPv4 within IPv6", "[::ffff:203.0.113.7]:5", "", nil, "203.0.113.7"},
		{"zone", "[fe80::1%eth0]:5", "", nil, "fe80::1"},
		{"without port", "203.0.113.7", "", nil, "203.0.113.7"},
		{"Unix socket", "@", "", nil, ""},
		{"Unix socket with header", "@", "", []string{xff, "192.0.2.9"}, ""},
		{"client lies", "203.0.113.7:5", "", []string{xff, "192.0.2.9"}, "203.0.113.7"},
		{"proxy", proxy, "", []string{xff, "192.0.2.9"}, "192.0.2.9"},
		{"proxy without header", proxy, "", nil, "10.0.0.1"},
		{"client lies to proxy", proxy, "", []string{xff, "198.51.100.1, 192.0.2.9"}, "192.0.2.9"},
		{"two proxies", proxy, "", []string{xff, "198.51.100.1, 192.0.2.9, 10.9.9.9"}, "192.0.2.9"},
		{"two headers", proxy, "", []string{xff, "192.0.2.9", xff, "10.9.9.9"}, "192.0.2.9"},
		{"all trusted", proxy, "", []string{xff, "10.1.1.1,10.2.2.2"}, "10.1.1.1"},
		{"port", proxy, "", []string{xff, "192.0.2.9:8080"}, "192.0.2.9"},
		{"IPv6", proxy, "", []string{xff, "2001:db8::9"}, "2001:db8::9"},
		{"IPv6 in brackets", proxy, "", []string{xff, "[2001:db8::9]"}, "2001:db8::9"},
		{"IPv6 and port", proxy, "", []string{xff, "[2001:db8::9]:443"}, "2001:db8::9"},
		{"IPv6 proxy", "[fd00::1]:9", "", []string{xff, "192.0.2.9"}, "192.0.2.9"},
		{"no address", proxy, "", []string{xff, "192.0.2.9, unknown"}, "10.0.0.1"},
		{"no address behind a proxy", proxy, "", []string{xff, "x, 10.9.9.9"}, "10.9.9.9"},
		{"empty", proxy, "", []string{xff, ""}, "10.0.0.1"},
		{"empty part", proxy, "", []string{xff, "192.0.2.9,"}, "10.0.0.1"},
		{"bad port", proxy, "", []string{xff, "192.0.2.9:port"}, "10.0.0.1"},
		{"open bracket", proxy, "", []string{xff, "[2001:db8::9"}, "10.0.0.1"},
		{"the other header", proxy, "", []string{fwd, "for=192.0.2.9"}, "10.0.0.1"},
		{"forwarded", proxy, fwd, []string{fwd, "for=192.0.2.9;proto=https"}, "192.0.2.9"},
		{"forwarded, not the other", proxy, fwd, []string{xff, "192.0.2.9"}, "10.0.0.1"},
		{"forwarded in any case", proxy, "forwarded", []string{fwd, "By=x ; FOR=192.0.2.9"}, "192.0.2.9"},
		{"forwarded IPv6", proxy, fwd, []string{fwd, `for="[2001:db8::9]:47011"`}, "2001:db8::9"},
		{"forwarded IPv6 without brackets", proxy, fwd, []string{fwd, `for="2001:db8::9"`}, "10.0.0.1"},
		{"forwarded hidden", proxy, fwd, []string{fwd, "for=192.0.2.9, for=_secret"}, "10.0.0.1"},
		{"forwarded hidden port", proxy, fwd, []string{fwd, `for="192.0.2.9:_p"`}, "192.0.2.9"},
		{"forwarded unknown", proxy, fwd, []string{fwd, "for=unknown"}, "10.0.0.1"},
		{"forwarded without for", proxy, fwd, []string{fwd, "for=192.0.2.9, proto=http"}, "10.0.0.1"},
		{"forwarded twice for", proxy, fwd, []string{fwd, "for=192.0.2.9;for=192.0.2.8"}, "10.0.0.1"},
		{
			"forwarded by two proxies", proxy, fwd,
			[]string{fwd, "for=198.51.100.1, for=192.0.2.9;host=\"a,b;c\", for=10.9.9.9"},
			"192.0.2.9",
		},
		{
			"forwarded behind an open quote", proxy, fwd,
			[]string{fwd, `for="x, for="[2001:db8::9]"`},
			"2001:db8::9",
		},
		{"forwarded with escapes", proxy, fwd, []string{fwd, `for="192.0.2\.9"`}, "192.0.2.9"},
		{"forwarded with an open quote", proxy, fwd, []string{fwd, `for="192.0.2.9`}, "10.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			proxies, err := middleware.ParseProxies("10.0.0.0/8", "fd00::1")
			if err != nil {
				t.Fatal(err)
			}
			o := middleware.Options{TrustedProxies: proxies, ProxyHeader: c.header}
			if _, _, origin := serve(t, o, request(c.remote, c.headers...)); origin.IP != c.want {
				t.Errorf("IP = %q, want %q", origin.IP, c.want)
			}
		})
	}
}

func TestUnixSocketOfAProxy(t *testing.T) {
	for _, c := range []struct {
		name    string
		request *http.Request
		want    annals.Origin
	}{
		{
			"addressed", request("@", middleware.XForwardedFor, "192.0.2.9", middleware.XRequestID, "r1"),
			annals.Origin{IP: "192.0.2.9", RequestID: "r1"},
		},
		{"silent", request("@", middleware.XRequestID, "r1"), annals.Origin{RequestID: "r1"}},
		{
			"not over a socket", request("203.0.113.7:5", middleware.XForwardedFor, "192.0.2.9"),
			annals.Origin{IP: "203.0.113.7"},
		},
	} {
		_, _, got := serve(t, middleware.Options{TrustSocket: true}, c.request)
		if c.want.RequestID == "" {
			got.RequestID = ""
		}
		if got != c.want {
			t.Errorf("%s: origin = %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestParseProxies(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"10.1.2.3/8", "10.0.0.0/8"},
		{"192.0.2.1", "192.0.2.1/32"},
		{"fd00::/8", "fd00::/8"},
		{"2001:db8::1", "2001:db8::1/128"},
		{"::ffff:10.0.0.0/104", "10.0.0.0/8"},
		{"::ffff:10.0.0.0/64", ""},
		{"10.0.0.0/33", ""},
		{"localhost", ""},
		{"", ""},
	} {
		got, err := middleware.ParseProxies(c.text)
		switch {
		case c.want == "" && err == nil:
			t.Errorf("%q is %v, want an error", c.text, got)
		case c.want != "" && (err != nil || got[0].String() != c.want):
			t.Errorf("%q is %v, %v, want %s", c.text, got, err, c.want)
		}
	}
}

func TestRequestID(t *testing.T) {
	proxies, err := middleware.ParseProxies("10.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	trusting := middleware.Options{TrustedProxies: proxies}
	const id = middleware.XRequestID
	_, _, generated := serve(t, middleware.Options{}, request("203.0.113.7:5", id, "mine"))
	if len(generated.RequestID) != 32 {
		t.Errorf("a client's own id is believed: %q", generated.RequestID)
	}
	for _, c := range []struct {
		name    string
		options middleware.Options
		request *http.Request
		want    string // "" means generated
	}{
		{"trusted", trusting, request("10.0.0.1:1", id, "abc-1"), "abc-1"},
		{"trusted, none", trusting, request("10.0.0.1:1"), ""},
		{"trusted, two", trusting, request("10.0.0.1:1", id, "a", id, "b"), ""},
		{"trusted, only controls", trusting, request("10.0.0.1:1", id, "\x01\x02"), ""},
		{
			"another header",
			middleware.Options{TrustedProxies: proxies, RequestIDHeader: "X-Trace"},
			request("10.0.0.1:1", "X-Trace", "t1", id, "no"), "t1",
		},
		{
			"the application's", middleware.Options{
				RequestID: func(*http.Request) string { return "own" },
			}, request("203.0.113.7:5"), "own",
		},
		{"long", trusting, request("10.0.0.1:1", id, strings.Repeat("é", 300)), strings.Repeat("é", 255)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, origin := serve(t, c.options, c.request)
			if c.want == "" {
				if len(origin.RequestID) != 32 {
					t.Errorf("id = %q, want one that was made", origin.RequestID)
				}
			} else if origin.RequestID != c.want {
				t.Errorf("id = %q, want %q", origin.RequestID, c.want)
			}
		})
	}
}

var errRefused = errors.New("refused")

func TestActor(t *testing.T) {
	user := func(r *http.Request) (annals.Actor, bool) {
		name := r.Header.Get("X-Session")
		return annals.Actor{ID: name}, name != ""
	}
	basic := func(_ context.Context, user, password string) (annals.Actor, error) {
		if password != "right" {
			return annals.Actor{}, errRefused
		}
		return annals.Actor{ID: user, Name: "Ann", Context: "admin"}, nil
	}
	bearer := func(_ context.Context, token string) (map[string]any, error) {
		if token != "good" {
			return nil, errRefused
		}
		return map[string]any{
			"sub": "7", "name": "Ann B", "preferred_username": "ann", "email": "ann@example.org",
			"uid": json.Number("99"), "kind": "Service", "n": 12.0, "half": 1.5, "odd": []string{"x"},
		}, nil
	}
	withBasic := func(user, password string) *http.Request {
		r := request("203.0.113.7:5")
		r.SetBasicAuth(user, password)
		return r
	}
	token := func(value string) *http.Request {
		return request("203.0.113.7:5", "Authorization", value)
	}
	all := middleware.Options{User: user, Basic: basic, Bearer: bearer, Context: "api", Type: "User"}
	ann := annals.Actor{
		ID: "7", Name: "ann", Email: "ann@example.org", Type: "User", Context: "api",
	}
	for _, c := range []struct {
		name    string
		options middleware.Options
		request *http.Request
		want    annals.Actor
	}{
		{"nobody", all, request("203.0.113.7:5"), annals.Actor{}},
		{"session", all, request("1.1.1.1:1", "X-Session", "s"), annals.Actor{ID: "s", Type: "User", Context: "api"}},
		{"basic unasked", middleware.Options{User: user, Bearer: bearer}, withBasic("ann", "right"), annals.Actor{}},
		{"basic", all, withBasic("ann", "right"), annals.Actor{ID: "ann", Name: "Ann", Type: "User", Context: "admin"}},
		{"basic refused", all, withBasic("ann", "wrong"), annals.Actor{}},
		{"bearer unasked", middleware.Options{User: user, Basic: basic}, token("Bearer good"), annals.Actor{}},
		{"bearer", all, token("Bearer good"), ann},
		{"bearer in any case", all, token("bEARER   good "), ann},
		{"bearer refused", all, token("Bearer bad"), annals.Actor{}},
		{"bearer empty", all, token("Bearer "), annals.Actor{}},
		{"bearer malformed", all, token("Bearer good, Bearer bad"), annals.Actor{}},
		{"two credentials", all, request("1.1.1.1:1", "Authorization", "Bearer good", "Authorization", "Bearer bad"), annals.Actor{}},
		{"session before token", all, request("1.1.1.1:1", "X-Session", "s", "Authorization", "Bearer good"), annals.Actor{ID: "s", Type: "User", Context: "api"}},
		{
			"claims by name",
			middleware.Options{Bearer: bearer, Claims: middleware.Claims{
				ID: "uid", Name: "name", Email: "none", Type: "kind", Context: "n",
			}},
			token("Bearer good"),
			annals.Actor{ID: "99", Name: "Ann B", Type: "Service", Context: "12"},
		},
		{
			"claims that are no text", middleware.Options{Bearer: bearer, Claims: middleware.Claims{
				ID: "half", Name: "odd", Email: "none",
			}}, token("Bearer good"), annals.Actor{},
		},
		{
			"long and odd",
			middleware.Options{User: func(*http.Request) (annals.Actor, bool) {
				return annals.Actor{
					ID: strings.Repeat("日", 300), Name: " a\x00b\xffc\r\nd ", Context: strings.Repeat("x", 200),
				}, true
			}},
			request("1.1.1.1:1"),
			annals.Actor{ID: strings.Repeat("日", 255), Name: "abcd", Context: strings.Repeat("x", 100)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, named, _ := serve(t, c.options, c.request)
			if got != c.want || named == c.want.IsZero() {
				t.Errorf("actor = %+v, %v, want %+v", got, named, c.want)
			}
		})
	}
}

// Credentials that are refused do not reach the application where it says so,
// and an actor that an outer handler named is not lost.
func TestRefusedAndOuterActor(t *testing.T) {
	o := middleware.Options{
		Bearer: func(context.Context, string) (map[string]any, error) { return nil, errRefused },
		Refused: func(w http.ResponseWriter, r *http.Request, err error) {
			if !errors.Is(err, errRefused) {
				t.Errorf("err = %v", err)
			}
			if _, ok := annals.OriginFrom(r.Context()); !ok {
				t.Error("the refused request has no origin")
			}
			w.WriteHeader(http.StatusUnauthorized)
		},
	}
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the application was reached") })
	w := httptest.NewRecorder()
	middleware.New(o)(next).ServeHTTP(w, request("1.1.1.1:1", "Authorization", "Bearer x"))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("status %d", w.Code)
	}
	r := request("1.1.1.1:1")
	r = r.WithContext(annals.WithActor(r.Context(), annals.Actor{ID: "outer"}))
	if got, _, _ := serve(t, middleware.Options{}, r); got.ID != "outer" {
		t.Errorf("actor = %+v", got)
	}
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{
		"", "192.0.2.9", "a, [2001:db8::1]:80", `for="[::1]:1";by=x, for=_y`, `for="x, for="[::1]"`,
		`for="\\\"";for=1.1.1.1`, "\x00, \xff", ",,,", `"""`,
	} {
		f.Add(s, s, s)
	}
	proxies, err := middleware.ParseProxies("10.0.0.0/8", "::/1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for _, header := range []string{middleware.XForwardedFor, middleware.Forwarded} {
			r := request("10.0.0.1:1", header, a, header, b, middleware.XRequestID, c,
				"User-Agent", a, "Authorization", c)
			var seen string
			o := middleware.Options{
				TrustedProxies: proxies, ProxyHeader: header, Context: b,
				Bearer: func(_ context.Context, token string) (map[string]any, error) {
					seen = token
					return map[string]any{"sub": token, "email": a}, nil
				},
			}
			actor, _, origin := serve(t, o, r)
			if strings.ContainsAny(seen, " \t\r\n\x00,") {
				t.Errorf("token %q", seen)
			}
			for text, most := range map[string]int{
				actor.ID: 255, actor.Email: 255, actor.Context: 100, origin.IP: 45,
				origin.UserAgent: 255, origin.RequestID: 255,
			} {
				if !utf8.ValidString(text) || utf8.RuneCountInString(text) > most ||
					strings.IndexFunc(text, unicode.IsControl) >= 0 {
					t.Errorf("%q is not fit to be kept in %d characters", text, most)
				}
			}
			// What a client puts to the left of the proxy's own words changes nothing.
			told := serveIP(t, o, header, "for=192.0.2.77", "192.0.2.77")
			if got := serveIP(t, o, header, a+", for=192.0.2.77", a+", 192.0.2.77"); got != told {
				t.Errorf("%s: %q hides the address: %q", header, a, got)
			}
		}
	})
}

// serveIP is the address that a proxy's header tells, in the form of that header.
func serveIP(t *testing.T, o middleware.Options, header, forwarded, plain string) string {
	t.Helper()
	value := plain
	if header == middleware.Forwarded {
		value = forwarded
	}
	_, _, origin := serve(t, o, request("10.0.0.1:1", header, value))
	return origin.IP
}
