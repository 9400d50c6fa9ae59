package middleware_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/middleware"
)

// The application knows by its session who asks; a load balancer in a private
// network passes requests on.
func ExampleNew() {
	proxies, err := middleware.ParseProxies("10.0.0.0/8")
	if err != nil {
		fmt.Println(err)
		return
	}
	audit := middleware.New(middleware.Options{
		User: func(r *http.Request) (annals.Actor, bool) {
			c, err := r.Cookie("session") // looked up by the application
			return annals.Actor{ID: "42", Name: "ann", Type: "User"}, err == nil && c.Value == "s1"
		},
		Context:        "api",
		TrustedProxies: proxies,
	})
	handler := audit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// db.WithContext(r.Context()) … from here on
		actor, _ := annals.ActorFrom(r.Context())
		origin, _ := annals.OriginFrom(r.Context())
		fmt.Println(actor.Name, "by", actor.Context, "from", origin.IP, "request", origin.RequestID)
	}))

	r := httptest.NewRequest(http.MethodPost, "/posts", nil)
	r.RemoteAddr = "10.0.0.5:40112"
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	r.Header.Set("X-Request-Id", "req-1")
	r.AddCookie(&http.Cookie{Name: "session", Value: "s1"})
	handler.ServeHTTP(httptest.NewRecorder(), r)
	// Output: ann by api from 203.0.113.7 request req-1
}
