package access

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"

	"umbrella/internal/bound"
)

// ErrHost is why a request is refused whose Host is no name of this node.
var ErrHost = errors.New("this node does not answer to that name")

// SetHosts replaces the DNS names that the settings give the node, beside the
// machine's own and those in its certificate. Addresses may be among them.
func (g *Gate) SetHosts(names []string) {
	hosts := map[string]bool{}
	for _, n := range names {
		hosts[hostOf(n)] = true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hosts = hosts
}

// CheckHost refuses a request that is for another host than this node. Without that,
// any site could become the origin of a page that speaks to this node as its own, by a
// name of its own that it points at the node's address (DNS rebinding). A certificate
// is no replacement: there is none with TLS off, and people click past its warning.
//
// Every IP address is accepted, also one that no interface has: a page whose origin is
// an address came from that address, so rebinding needs a name; and a node behind a
// port forwarding, or in a container, does not know the address it is reached by. A
// request without Host (HTTP/1.0) is from no browser. The name in a request that a
// trusted proxy passes on is for that proxy to decide.
//
// The error is an ErrHost that says which setting to change.
func (g *Gate) CheckHost(r *http.Request, certificates *Certificates) error {
	host := hostOf(r.Host)
	if host == "" || cannotRebind(host) || g.passedOn(r) {
		return nil
	}
	if g.isNamed(host) || certificates.covers(host) {
		return nil
	}
	// Asked for each time: it may change while the node runs.
	if name, err := os.Hostname(); err == nil && slices.Contains(machineNames(name), host) {
		return nil
	}
	return fmt.Errorf("%w: %q. If it is a name of this node, add it to the option 'public_address'. "+
		"If a proxy in front has sent it, add the proxy's address %s to 'trusted_proxy'", ErrHost, bound.Text(host, maxShownHost), peerOf(r))
}

// maxShownHost is how much of a host that came from outside is shown, in bytes.
const maxShownHost = 100

// Host is the host, with its port if it has one, by which a browser reached this node,
// or the trusted proxy in front of it.
func (g *Gate) Host(r *http.Request) string {
	if forwarded := g.forwarded(r, "X-Forwarded-Host", "host"); forwarded != "" {
		return forwarded
	}
	return r.Host
}

// passedOn reports whether a request came through a trusted proxy, which says so.
func (g *Gate) passedOn(r *http.Request) bool { return g.byProxy(r) && ViaProxy(r) }

// hostOf returns the name or the address in a Host header or a setting: in lower case,
// without a port, the brackets and the zone of an IPv6 address, and the final dot of a
// name.
func hostOf(s string) string {
	if h, _, err := net.SplitHostPort(s); err == nil {
		s = h
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	if i := strings.IndexByte(s, '%'); i >= 0 && strings.Contains(s[:i], ":") {
		s = s[:i]
	}
	return strings.TrimSuffix(strings.ToLower(s), ".")
}

// cannotRebind reports whether no other site can point a host, as hostOf has it, at
// this machine: an IP address, or localhost (RFC 6761 §6.3).
func cannotRebind(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// machineNames returns the names by which a machine is reached in its local network:
// its own, those that the network's DNS server (dnsmasq's default domain) and mDNS
// make of it, and localhost.
func machineNames(hostname string) []string {
	names := []string{"localhost"}
	if !validDNS(hostname) {
		return names
	}
	hostname = strings.ToLower(hostname)
	if !strings.Contains(hostname, ".") {
		return []string{hostname, hostname + ".lan", hostname + ".local", "localhost"}
	}
	return append([]string{hostname}, names...)
}

// LocalNames returns the names that this machine may have in its local network, and that
// a browser can look up: those of machineNames with a dot in them.
func LocalNames() []string {
	hostname, err := os.Hostname()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(machineNames(hostname), func(name string) bool { return !strings.Contains(name, ".") })
}
