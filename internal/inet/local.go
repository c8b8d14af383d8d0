package inet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/pion/mdns/v2"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// LocalNameError is returned for a name under .local to which nobody answers.
type LocalNameError struct{ Name string }

// Error implements error.
func (e *LocalNameError) Error() string {
	return e.Name + " is not found on the local network by multicast DNS"
}

var errNoAnswer = errors.New("no answer by multicast DNS")

// localWithin is how long the local network has to answer: well below the time
// that dialling has, so that the error can still say what was not found.
const localWithin = 2500 * time.Millisecond

// isLocal reports whether a name is one of multicast DNS (RFC 6762 §3).
func isLocal(name string) bool {
	return strings.HasSuffix(strings.ToLower(strings.TrimSuffix(name, ".")), ".local")
}

// Dial connects as d does, also to a name under .local: few systems on access points
// resolve those.
func Dial(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isLocal(host) {
		return d.DialContext(ctx, network, address)
	}
	list, err := Lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, a := range list {
		conn, err := d.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// Lookup returns the addresses of a name. One under .local is looked for by multicast
// DNS (RFC 6762), and beside that in the hosts file and in DNS, where some networks
// have such names: the first answer counts. The error is a
// *LocalNameError then.
func Lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	if !isLocal(name) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	}
	ctx, cancel := context.WithTimeout(ctx, localWithin)
	defer cancel()
	type result struct {
		list []netip.Addr
		err  error
	}
	results := make(chan result, 2)
	go func() {
		list, err := (&net.Resolver{}).LookupNetIP(ctx, "ip", name)
		results <- result{list, err}
	}()
	go func() {
		a, err := askLocal(ctx, strings.TrimSuffix(name, "."))
		results <- result{[]netip.Addr{a}, err}
	}()
	for range cap(results) {
		if r := <-results; r.err == nil && len(r.list) > 0 {
			return r.list, nil
		}
	}
	return nil, &LocalNameError{name}
}

// askLocal asks by multicast DNS.
func askLocal(ctx context.Context, name string) (netip.Addr, error) {
	interfaces := localInterfaces()
	if len(interfaces) == 0 {
		return netip.Addr{}, errNoAnswer
	}
	var v4 *ipv4.PacketConn
	var v6 *ipv6.PacketConn
	if c, err := listenMulticast("udp4", mdns.DefaultAddressIPv4); err == nil {
		v4 = ipv4.NewPacketConn(c)
	}
	if c, err := listenMulticast("udp6", mdns.DefaultAddressIPv6); err == nil {
		v6 = ipv6.NewPacketConn(c)
	}
	if v4 == nil && v6 == nil {
		return netip.Addr{}, errNoAnswer
	}
	conn, err := mdns.NewServer(v4, v6, mdns.WithQueryInterval(500*time.Millisecond), mdns.WithInterfaces(interfaces...))
	if err != nil {
		if v4 != nil {
			_ = v4.Close()
		}
		if v6 != nil {
			_ = v6.Close()
		}
		return netip.Addr{}, err
	}
	defer func() { _ = conn.Close() }()
	_, addr, err := conn.QueryAddr(ctx, name)
	if err != nil {
		return netip.Addr{}, err
	}
	if addr = addr.Unmap(); !onLink(addr, interfaces) {
		return netip.Addr{}, errNoAnswer
	}
	return addr, nil
}

// localInterfaces are those of local networks: a question by multicast tells the name
// to everybody on the link, and anybody there may answer it.
func localInterfaces() (list []net.Interface) {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	const usable = net.FlagUp | net.FlagMulticast
	for _, i := range all {
		if i.Flags&usable != usable || i.Flags&(net.FlagLoopback|net.FlagPointToPoint) != 0 {
			continue
		}
		private := false
		for _, p := range prefixes(i) {
			a := p.Addr()
			if a.Is4() && !a.IsPrivate() && !a.IsLinkLocalUnicast() {
				private = false
				break
			}
			private = private || a.IsPrivate() || a.IsLinkLocalUnicast()
		}
		if private {
			list = append(list, i)
		}
	}
	return list
}

// onLink reports whether an address is of a network that one of the interfaces is in.
func onLink(addr netip.Addr, interfaces []net.Interface) bool {
	if addr.IsLinkLocalUnicast() {
		return true
	}
	for _, i := range interfaces {
		for _, p := range prefixes(i) {
			if p.Contains(addr) {
				return true
			}
		}
	}
	return false
}

// prefixes are the addresses of an interface, with the networks that they are in.
func prefixes(i net.Interface) (list []netip.Prefix) {
	addrs, err := i.Addrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		if ip, ok := netip.AddrFromSlice(n.IP); ok {
			bits, _ := n.Mask.Size()
			list = append(list, netip.PrefixFrom(ip.Unmap(), bits))
		}
	}
	return list
}

func listenMulticast(network, address string) (*net.UDPConn, error) {
	a, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		return nil, err
	}
	return net.ListenUDP(network, a)
}
