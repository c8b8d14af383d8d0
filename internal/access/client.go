package access

import (
	"net/http"
	"net/netip"
	"strings"
)

// Client is where a request came from.
type Client struct {
	// Addr is not valid where nobody could tell.
	Addr netip.Addr
	// Unproven is set when the request came through a proxy that is not
	// trusted: somebody else may stand behind Addr.
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

// forwardedHeaders are those that a proxy adds.
var forwardedHeaders = []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip"}

// Client finds out where a request came from: the peer of the connection, or,
// where that is a trusted proxy, who X-Forwarded-For says it was. That header
// is read from the right, past trusted proxies, up to the first address that
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
		return Client{Addr: addr, Unproven: anyHeader(r, forwardedHeaders)}
	}
	list := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	for list != "" {
		i := strings.LastIndexByte(list, ',')
		hop, ok := parseHop(list[i+1:])
		if !ok {
			return Client{Unproven: true}
		}
		addr = hop
		if !g.trusts(addr) {
			return Client{Addr: addr}
		}
		list = list[:max(i, 0)]
	}
	// Nothing, or nothing but proxies. A proxy that says nothing of its client
	// must not make everybody seem to be where it is.
	return Client{Addr: addr, Unproven: anyHeader(r, forwardedHeaders[:1]) || r.Header.Get("X-Forwarded-For") == ""}
}

// fromProxy tells that the peer is a trusted proxy.
func (g *Gate) fromProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.trusts(plain(peer.Addr()))
}

func (g *Gate) trusts(addr netip.Addr) bool {
	for _, p := range g.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// parseHop reads one entry of X-Forwarded-For: an address, some proxies add
// its port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return plain(a), true
	}
	if a, err := netip.ParseAddrPort(s); err == nil {
		return plain(a.Addr()), true
	}
	return netip.Addr{}, false
}

// plain is an address without its zone and without the IPv6 around an IPv4.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func anyHeader(r *http.Request, names []string) bool {
	for _, n := range names {
		if r.Header.Get(n) != "" {
			return true
		}
	}
	return false
}
