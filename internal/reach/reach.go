// Package reach finds the addresses by which people reach the node: those that they are
// shown in the log, on the pages, in LuCI, in invitations and QR codes.
package reach

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"umbrella/internal/inet"
)

// maxURLs is how many addresses people are shown at most.
const maxURLs = 16

// Server says how the web server is reached.
type Server struct {
	TLS    bool
	Listen netip.AddrPort // where it listens
	Prefix string         // as config.Main.Prefix
	// Sites are names, with a port where it is not the usual one, that browsers trust
	// without being told to.
	Sites []string
	// Public are addresses and names from outside.
	Public []string
	// Proxied is a server without TLS, behind a proxy that Public leads to.
	Proxied bool
}

// Name is a name of this machine, with the addresses that it has on the local network.
type Name struct {
	Host      string
	Addresses []netip.Addr
}

// Machine is what is known of this machine and its networks.
type Machine struct {
	Addresses []inet.Address
	Names     []Name
	// Closed are the interfaces from which the firewall lets nobody in.
	Closed map[string]bool
}

// URLs returns the addresses of the web client that people can open, the best one first:
// names that browsers trust, then names and addresses of the local network, then those
// from outside. Addresses that nobody else reaches are left out: loopback, link-local,
// temporary and deprecated ones, and those that the firewall keeps closed. Where nothing
// is left of a server that serves this machine alone, it is that machine's address.
func URLs(s Server, m Machine) []string {
	var urls []string
	add := func(url string) {
		if !slices.Contains(urls, url) {
			urls = append(urls, url)
		}
	}
	for _, site := range s.Sites {
		add("https://" + site + s.Prefix + "/sfu")
	}
	if s.Proxied {
		for _, host := range namesFirst(s.Public) {
			add("https://" + bracketed(host) + s.Prefix + "/sfu")
		}
	}
	near, far := s.own(m)
	for _, n := range m.Names {
		if slices.ContainsFunc(n.Addresses, func(a netip.Addr) bool { return slices.Contains(near, a) }) {
			add(s.url(n.Host))
		}
	}
	for _, ip := range near {
		add(s.url(ip.String()))
	}
	if !s.Proxied {
		for _, host := range namesFirst(s.Public) {
			// By a port that another machine forwards, or a public address of this one.
			if !slices.ContainsFunc(s.Sites, func(site string) bool { return host == site || strings.HasPrefix(site, host+":") }) {
				add(s.url(host))
			}
		}
	}
	for _, ip := range far {
		add(s.url(ip.String()))
	}
	if len(urls) == 0 && (s.Listen.Addr().IsLoopback() || s.Listen.Addr().IsUnspecified()) {
		if host := s.Listen.Addr(); !host.IsUnspecified() {
			add(s.url(host.Unmap().String()))
		} else {
			add(s.url("localhost"))
		}
	}
	return urls[:min(len(urls), maxURLs)]
}

// own returns the addresses of this machine at which the server listens and others reach
// it: those in local networks, and those that everybody knows, each the best first.
func (s Server) own(m Machine) (near, far []netip.Addr) {
	type ranked struct {
		ip   netip.Addr
		rank int
	}
	var all []ranked
	local := map[string]bool{}
	for _, a := range m.Addresses {
		local[a.Interface] = local[a.Interface] || a.Addr().Unmap().IsPrivate()
	}
	bound := s.Listen.Addr().Unmap().WithZone("")
	for _, a := range m.Addresses {
		ip := a.Addr().Unmap()
		switch {
		case ip.IsLoopback() || ip.IsLinkLocalUnicast() || !a.IsLasting() || m.Closed[a.Interface] || inet.IsVirtual(a.Interface):
		case bound.IsUnspecified() && s.Listen.Addr().Is4() && !ip.Is4(): // listens by IPv4 alone
		case !bound.IsUnspecified() && bound != ip:
		default:
			rank := 0
			switch {
			case ip.Is4() && ip.IsPrivate():
			case ip.IsPrivate(): // unique local (RFC 4193): room access 'lan' lets in who comes to it
				rank = 1
			case local[a.Interface]:
				rank = 2
			default:
				rank = 20
			}
			if inet.IsRemote(a.Interface) {
				rank += 10
			}
			all = append(all, ranked{ip, rank})
		}
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	for _, a := range all {
		if a.rank < 20 {
			near = append(near, a.ip)
		} else {
			far = append(far, a.ip)
		}
	}
	return near, far
}

// url is where the server's client is at a host.
func (s Server) url(host string) string {
	return Origin(s.TLS, host, int(s.Listen.Port())) + s.Prefix + "/sfu"
}

// Origin is the origin of a web server (RFC 6454): without the port that its scheme
// implies, and with an IPv6 address in brackets.
func Origin(tls bool, host string, port int) string {
	scheme, usual := "http", 80
	if tls {
		scheme, usual = "https", 443
	}
	if port == usual {
		return scheme + "://" + bracketed(host)
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(port))
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// namesFirst puts names before addresses, and IPv4 before IPv6.
func namesFirst(hosts []string) []string {
	class := func(host string) int {
		ip, err := netip.ParseAddr(host)
		switch {
		case err != nil:
			return 0
		case ip.Is4():
			return 1
		}
		return 2
	}
	sorted := slices.Clone(hosts)
	slices.SortStableFunc(sorted, func(a, b string) int { return cmp.Compare(class(a), class(b)) })
	return sorted
}
