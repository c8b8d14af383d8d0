package access

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

type secureKey struct{}

// WithSecure lets the requests of a connection know whether it is TLS, which is
// asked of secure when there is one.
func WithSecure(ctx context.Context, secure func() bool) context.Context {
	return context.WithValue(ctx, secureKey{}, secure)
}

// Secure tells that a request came to this web server by TLS, which no proxy had
// ended before.
func Secure(ctx context.Context) bool {
	secure, ok := ctx.Value(secureKey{}).(func() bool)
	return ok && secure()
}

// OverTLS tells whether the browser speaks TLS, to this server or to a proxy that is
// believed.
func (g *Gate) OverTLS(r *http.Request) bool {
	return Secure(r.Context()) || g.Forwarded(r, "X-Forwarded-Proto") == "https"
}

// CheckOrigin refuses what a page of another site asked for. A request that
// names no origin is not from a page that can be told what to do by another
// site: browsers always name it on WebSockets and on requests with a body.
func (g *Gate) CheckOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return ErrOrigin
	}
	// Anybody on the network may have written a page that came without TLS.
	if g.OverTLS(r) && u.Scheme != "https" {
		return ErrOrigin
	}
	if names(u, r.Host) {
		return nil
	}
	if host := g.Forwarded(r, "X-Forwarded-Host"); host != "" && names(u, host) {
		return nil
	}
	return ErrOrigin
}

// names tells that an origin is that of host, which may have a port; the port
// that goes with the origin's scheme may be left out of both.
func names(origin *url.URL, host string) bool {
	port, ok := map[string]string{"http": ":80", "https": ":443"}[origin.Scheme]
	trim := func(h string) string { return strings.TrimSuffix(strings.ToLower(h), port) }
	return ok && trim(origin.Host) == trim(host)
}
