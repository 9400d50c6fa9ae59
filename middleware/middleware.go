// Package middleware tells annals who sends an HTTP request and where it comes
// from: it puts an annals.Actor and an annals.Origin into the request's context.
// It needs net/http alone and goes round any router.
//
//	handler := middleware.New(middleware.Options{
//		User:           userOfSession,
//		TrustedProxies: proxies,
//		Context:        "api",
//	})(mux)
//
// It believes nothing that a client says of itself. Who the actor is comes from
// a function of the application's, or from credentials that such a function has
// verified; addresses and request ids in headers count only where a trusted proxy
// sent them.
package middleware

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/seed-162b1470/annals"
)

// The names of headers that proxies set.
const (
	XForwardedFor = "X-Forwarded-For"
	Forwarded     = "Forwarded" // RFC 7239
	XRequestID    = "X-Request-Id"
)

// Options say whom and what to believe. The zero value believes nobody: requests
// have the address of their connection, a generated id and no actor.
type Options struct {
	// User tells who sends a request, as the application has found out before: by
	// its session, or an outer middleware. It is asked first.
	User func(*http.Request) (annals.Actor, bool)
	// Basic verifies the user name and password of a request and tells who that
	// is. Without it such credentials are not looked at.
	Basic func(ctx context.Context, user, password string) (annals.Actor, error)
	// Bearer verifies a bearer token and returns its claims, of which Claims makes
	// the actor. Without it tokens are not looked at.
	Bearer func(ctx context.Context, token string) (map[string]any, error)
	Claims Claims
	// Refused answers requests whose credentials Basic or Bearer refused. Nil
	// passes them on without an actor: to let them in or not is the
	// application's business.
	Refused func(w http.ResponseWriter, r *http.Request, err error)
	// Type and Context fill Actor.Type and Actor.Context where they are empty.
	Type, Context string

	// TrustedProxies are the networks of the proxies in front of the program; see
	// ParseProxies. Their headers are believed, nobody else's.
	TrustedProxies []netip.Prefix
	// TrustSocket counts connections without an address, those over a Unix socket,
	// as a trusted proxy's.
	TrustSocket bool
	// ProxyHeader is the one header in which these proxies tell addresses:
	// XForwardedFor (default) or Forwarded. Only this one is read, since proxies
	// pass other headers on as clients sent them.
	ProxyHeader string
	// RequestIDHeader is the header in which these proxies tell the request's id;
	// default XRequestID. Without such an id one is made.
	RequestIDHeader string
	// RequestID tells the id of a request where the application has one; "" falls
	// back to the header.
	RequestID func(*http.Request) string
}

// New returns the middleware.
func New(o Options) func(http.Handler) http.Handler {
	if o.ProxyHeader == "" {
		o.ProxyHeader = XForwardedFor
	}
	if o.RequestIDHeader == "" {
		o.RequestIDHeader = XRequestID
	}
	o.Claims = o.Claims.withDefaults()
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := annals.WithOrigin(r.Context(), o.origin(r))
			actor, ok, err := o.actor(r)
			if err != nil && o.Refused != nil {
				o.Refused(w, r.WithContext(ctx), err)
				return
			}
			if ok && err == nil {
				ctx = annals.WithActor(ctx, actor)
			}
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// origin tells where a request comes from.
func (o *Options) origin(r *http.Request) annals.Origin {
	ip, trusted := o.client(r)
	origin := annals.Origin{UserAgent: clean(r.UserAgent(), maxText)}
	if ip.IsValid() {
		origin.IP = clean(ip.String(), maxIP)
	}
	if o.RequestID != nil {
		origin.RequestID = clean(o.RequestID(r), maxText)
	}
	if ids := r.Header.Values(o.RequestIDHeader); origin.RequestID == "" && trusted && len(ids) == 1 {
		origin.RequestID = clean(ids[0], maxText)
	}
	if origin.RequestID == "" {
		origin.RequestID = annals.NewHash(time.Now())
	}
	return origin
}

// client returns the address of a request's sender, and whether a trusted proxy
// passed the request on.
func (o *Options) client(r *http.Request) (ip netip.Addr, trusted bool) {
	peer := peerOf(r.RemoteAddr)
	if trusted = o.trusts(peer) || (o.TrustSocket && !peer.IsValid()); !trusted {
		return peer, false
	}
	hop := peer
	each := forwardedFor
	if http.CanonicalHeaderKey(o.ProxyHeader) == Forwarded {
		each = forwarded
	}
	// The last address was written by the proxy that is connected, the one before
	// by that proxy's own peer, and so on. The first that is no trusted proxy is
	// the client; what stands left of it, the client may have made up.
	each(r.Header.Values(o.ProxyHeader), func(addr netip.Addr, ok bool) bool {
		if !ok {
			return false
		}
		hop = addr
		return o.trusts(addr)
	})
	return hop, true
}

func (o *Options) trusts(addr netip.Addr) bool {
	for _, p := range o.TrustedProxies {
		if addr.IsValid() && p.Contains(addr) {
			return true
		}
	}
	return false
}
