package access

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Client is where a request came from.
type Client struct {
	// Addr is not valid where nobody could tell.
	Addr netip.Addr
	// Unproven is set when somebody else may stand behind Addr: the request came
	// through a proxy that is not trusted, or that does not say who sent it.
	Unproven bool
}

// Loopback tells that the client is a program on this machine.
func (c Client) Loopback() bool { return !c.Unproven && c.Addr.IsLoopback() }

// Local tells that the client is on a local network: private (RFC 1918, RFC
// 4193), link-local, or this machine. The shared space of RFC 6598 does not
// count: behind it are a provider's other customers.
func (c Client) Local() bool {
	return !c.Unproven && (c.Addr.IsLoopback() || c.Addr.IsPrivate() || c.Addr.IsLinkLocalUnicast())
}

// String says in words where the client is, as in "this came …".
func (c Client) String() string {
	switch {
	case !c.Addr.IsValid():
		return "from an address that is not known"
	case c.Unproven:
		return "by way of " + c.Addr.String() + ", which may be a proxy: see the option 'trusted_proxy'"
	}
	return "from " + c.Addr.String()
}

// Client finds out where a request came from: the peer of the connection, or,
// where that is a trusted proxy, who X-Forwarded-For or Forwarded (RFC 7239) says it
// was. The list is read from the right, past trusted proxies, up to the first address that
// is not one: what stands left of it anyone may have written.
func (g *Gate) Client(r *http.Request) Client {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return Client{Unproven: true}
	}
	addr := plain(peer.Addr())
	g.mu.RLock()
	defer g.mu.RUnlock()
	if !g.trusts(addr) {
		return Client{Addr: addr, Unproven: ViaProxy(r)}
	}
	for _, entry := range slices.Backward(forwardedFor(r)) {
		hop, ok := parseHop(entry)
		if !ok {
			return Client{Unproven: true}
		}
		addr = hop
		if !g.trusts(addr) {
			// Loopback is the machine of the proxy that wrote it, which may be
			// another one than ours.
			return Client{Addr: addr, Unproven: addr.IsLoopback()}
		}
	}
	// Nothing, or nothing but proxies. A proxy that says nothing of its client
	// must not make everybody seem to be where it is.
	return Client{Addr: addr, Unproven: true}
}

// Address is where a request came from, for people to read: with the port of who
// is connected, without one of who stands behind a trusted proxy.
func (g *Gate) Address(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if c := g.Client(r); err == nil && c.Addr.IsValid() && c.Addr != plain(peer.Addr()) {
		return c.Addr.String()
	}
	return r.RemoteAddr
}

func (g *Gate) trusts(addr netip.Addr) bool {
	for _, p := range g.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// parseHop reads one entry of X-Forwarded-For or Forwarded: an address, in quotes or
// without. Some proxies add its port.
func parseHop(s string) (netip.Addr, bool) {
	s = bare(s)
	if in, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(in, "]") {
		a, err := netip.ParseAddr(in[:len(in)-1])
		return plain(a), err == nil && a.Is6()
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return plain(a), true
	}
	if a, err := netip.ParseAddrPort(s); err == nil {
		return plain(a.Addr()), true
	}
	return netip.Addr{}, false
}

// plain is an address without its zone and without the IPv6 around an IPv4.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
