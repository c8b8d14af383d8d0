package access

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"umbrella/internal/bound"
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
	return Secure(r.Context()) || g.forwardedProto(r) == "https"
}

// CheckOrigin refuses what a page of another site asked for. A request that names no
// origin is not from a page that another site can control: browsers always name it on
// WebSockets and on requests with a body. The error is an ErrOrigin.
func (g *Gate) CheckOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" || g.isOwnPage(r, origin) {
		return nil
	}
	return fmt.Errorf("%w: the page is from %q, and the request is for %q. %s", ErrOrigin,
		bound.Text(origin, maxShownHost), bound.Text(g.Host(r), maxShownHost), g.originAdvice(r, origin))
}

// originAdvice says what to set where a page of the node's own was refused because of a
// proxy in front.
func (g *Gate) originAdvice(r *http.Request, origin string) string {
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Hostname() == "":
		return "Open the page by its address"
	case ViaProxy(r) && !g.byProxy(r):
		return fmt.Sprintf("If the proxy at %s is yours, add that address to the option 'trusted_proxy'", peerOf(r))
	case hostOf(u.Host) == hostOf(r.Host):
		return "If a proxy in front has left the port out, have it pass on Host as it came; nginx: proxy_set_header Host $http_host"
	}
	return fmt.Sprintf("If a proxy in front has changed that, have it pass on Host as it came (nginx: proxy_set_header Host $http_host), "+
		"or add %q to the option 'public_address' and %s to 'trusted_proxy'", bound.Text(u.Hostname(), maxShownHost), peerOf(r))
}

// peerOf is the address that a request came from, to be shown.
func peerOf(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "its address"
	}
	return plain(peer.Addr()).String()
}

// SetCORS replaces the origins of pages elsewhere that may use WHIP and WHEP.
func (g *Gate) SetCORS(origins []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cors = slices.Clone(origins)
}

// AllowsOrigin reports whether the settings let pages of an origin, as it stands in a
// request, use WHIP and WHEP.
func (g *Gate) AllowsOrigin(origin string) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.Contains(g.cors, "*") || slices.Contains(g.cors, strings.ToLower(origin))
}

// CheckEmbed refuses a picture to a page of another site, and a link there, by what
// browsers tell of where a GET is from: Sec-Fetch-Site (W3C Fetch Metadata) over HTTPS
// and to localhost, and else the Origin or the Referer, which a page can leave out.
// The error is an ErrOrigin.
func (g *Gate) CheckEmbed(r *http.Request) error {
	if err := g.CheckOrigin(r); err != nil {
		return err
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return nil
	case "":
		if referer := r.Header.Get("Referer"); referer == "" || g.isOwnPage(r, referer) {
			return nil
		}
	}
	return fmt.Errorf("%w: open the address by itself", ErrOrigin)
}

// isOwnPage reports whether a URL, such as an Origin, is of the site that the request
// is for.
func (g *Gate) isOwnPage(r *http.Request, page string) bool {
	u, err := url.Parse(page)
	if err != nil || u.Hostname() == "" {
		return false
	}
	// Anybody on the network may have written a page that came without TLS.
	if g.OverTLS(r) && u.Scheme != "https" {
		return false
	}
	if slices.ContainsFunc(g.hostsAsked(r), func(host string) bool { return isOriginOf(u, host) }) {
		return true
	}
	return g.hasHiddenHost(r) && u.Scheme == "https" && isOriginOf(u, u.Hostname()) && g.isNamed(hostOf(u.Host))
}

// hasHiddenHost reports whether a request may have had another Host before a proxy
// changed it to where it connects to (nginx without proxy_set_header Host,
// jech/galene#175; Caddy from 2.11 on with an HTTPS upstream): it came from a proxy that
// is trusted or on this machine, and its Host is no name.
//
// A page that the settings name as the node's is its own then. No page of another site
// can bring that about: its browser is not where the proxy is.
func (g *Gate) hasHiddenHost(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && (plain(peer.Addr()).IsLoopback() || g.Shared(peer.Addr())) && cannotRebind(hostOf(r.Host))
}

// isNamed reports whether the settings name a host as the node's.
func (g *Gate) isNamed(host string) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.hosts[host]
}

// isOriginOf reports whether an origin is that of host, which may have a port; the port
// that goes with the origin's scheme may be left out of both.
func isOriginOf(origin *url.URL, host string) bool {
	port, ok := map[string]string{"http": ":80", "https": ":443"}[origin.Scheme]
	trim := func(h string) string { return strings.TrimSuffix(strings.ToLower(h), port) }
	return ok && trim(origin.Host) == trim(host)
}
