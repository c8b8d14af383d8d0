package rtc

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"umbrella/internal/inet"
)

// addresses knows where the media port is reached: at every interface address,
// LAN and WAN at once, and at the public addresses that were named. Names are
// resolved here, since a name in a candidate stops some browsers.
type addresses struct {
	port int
	log  *slog.Logger

	mu       sync.Mutex
	public   []string
	resolved []netip.Addr

	stop context.CancelFunc
	done chan struct{}
	poke chan struct{}
}

// resolveInterval is how often names are looked up again: they are often those
// of a line whose address changes.
const resolveInterval = time.Minute

func newAddresses(port int, public []string, log *slog.Logger) *addresses {
	return &addresses{port: port, log: log, public: public,
		done: make(chan struct{}), poke: make(chan struct{}, 1)}
}

func (a *addresses) start() {
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	go a.run(ctx)
}

func (a *addresses) close() {
	a.stop()
	<-a.done
}

func (a *addresses) setPublic(list []string) {
	a.mu.Lock()
	a.public = slices.Clone(list)
	a.mu.Unlock()
	a.again()
}

// again has the names looked up at once.
func (a *addresses) again() {
	select {
	case a.poke <- struct{}{}:
	default:
	}
}

func (a *addresses) run(ctx context.Context) {
	defer close(a.done)
	tick := time.NewTicker(resolveInterval)
	defer tick.Stop()
	for {
		a.resolve(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-a.poke:
		}
	}
}

// resolve looks the names up. One that has no answer now keeps its old ones
// out: a wrong address is worse than none.
func (a *addresses) resolve(ctx context.Context) {
	a.mu.Lock()
	public := a.public
	a.mu.Unlock()
	var found []netip.Addr
	for _, p := range public {
		if ip, err := netip.ParseAddr(p); err == nil {
			found = append(found, ip.Unmap())
			continue
		}
		lookup, cancel := context.WithTimeout(ctx, 10*time.Second)
		ips, err := net.DefaultResolver.LookupNetIP(lookup, "ip", p)
		cancel()
		if err != nil {
			if ctx.Err() == nil {
				a.log.Warn("a public address has no DNS answer; it is not offered for now", "name", p, "error", err)
			}
			continue
		}
		for _, ip := range ips {
			found = append(found, ip.Unmap())
		}
	}
	a.mu.Lock()
	a.resolved = found
	a.mu.Unlock()
}

// Caller is where a peer's signalling came from, and to which address of the node. Both
// may be zero: not known.
type Caller struct{ From, At netip.Addr }

// CallerOf makes a Caller of a request: from is where it came from, with or without a
// port, remote the other end of its connection and local this end. Behind a proxy the
// two differ, and nobody knows what the peer itself has reached.
func CallerOf(from, remote string, local net.Addr) Caller {
	var c Caller
	if ap, err := netip.ParseAddrPort(from); err == nil {
		c.From = ap.Addr().Unmap().WithZone("")
	} else if a, err := netip.ParseAddr(from); err == nil {
		c.From = a.Unmap().WithZone("")
	}
	if tcp, ok := local.(*net.TCPAddr); ok && from == remote {
		c.At = tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return c
}

// list returns every address, the likeliest to be the best for a caller first.
func (a *addresses) list(c Caller) []netip.Addr {
	a.mu.Lock()
	public := a.resolved
	a.mu.Unlock()
	return rank(localAddresses(), public, c)
}

// localAddresses are those of the interfaces that are up.
func localAddresses() []inet.Address {
	list, err := inet.Addresses()
	if err != nil {
		return nil
	}
	for i, a := range list {
		list[i].Prefix = netip.PrefixFrom(a.Addr().Unmap(), a.Bits())
	}
	return list
}

// isInner reports whether few callers are behind an interface: a bridge of containers or
// virtual machines, a VPN, or a network of guests.
func isInner(name string) bool {
	return inet.IsVirtual(name) || inet.IsRemote(name) || strings.Contains(name, "guest")
}

// rank puts addresses in order, since some peers use the first one alone (FFmpeg). The
// address that the caller has reached comes first, then those of its own subnet, then
// private ones, which are the fastest where they work, then public ones, then those
// behind which few callers are, then loopback. A caller with a public address that has
// reached a private one is behind a NAT of the node's: public ones come first for it.
// Link-local ones are left out: without its zone nobody can use one. So are temporary and
// deprecated ones that the caller has not reached: they may be gone before the call is.
func rank(local []inet.Address, public []netip.Addr, c Caller) []netip.Addr {
	const reached, near, last, loopback = -2, -1, 4, 5
	class := func(ip netip.Addr) int {
		switch {
		case ip.IsPrivate() && ip.Is4():
			return 0
		case ip.IsPrivate():
			return 1
		case ip.Is4():
			return 2
		}
		return 3
	}
	outside := c.From.IsGlobalUnicast() && !c.From.IsPrivate()
	classes := map[netip.Addr]int{}
	var all []netip.Addr
	add := func(ip netip.Addr, class int) {
		if !ip.IsValid() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
			return
		}
		if _, had := classes[ip]; !had {
			classes[ip] = class
			all = append(all, ip)
		}
	}
	for _, a := range local {
		ip := a.Addr()
		switch {
		case !a.IsLasting() && ip != c.At:
		case ip.IsLoopback():
			add(ip, loopback)
		case ip == c.At && !(outside && ip.IsPrivate() && len(public) > 0):
			add(ip, reached)
		case c.From.IsValid() && a.Masked().Contains(c.From):
			add(ip, near)
		case isInner(a.Interface):
			add(ip, last)
		default:
			add(ip, class(ip))
		}
	}
	for _, ip := range public {
		if outside {
			add(ip, near)
		} else {
			add(ip, class(ip))
		}
	}
	slices.SortStableFunc(all, func(a, b netip.Addr) int { return classes[a] - classes[b] })
	return all
}

// offer replaces the candidates in an SDP by ours: host candidates, all of
// them, UDP before TCP (RFC 8839 §5.1, RFC 6544 §4.5).
func (a *addresses) offer(sdp string, c Caller) string {
	var lines []string
	ips := a.list(c)
	for i, ip := range ips {
		lines = append(lines, candidate(i, "udp", ip, a.port, len(ips)-i))
	}
	for i, ip := range ips {
		lines = append(lines, candidate(len(ips)+i, "tcp", ip, a.port, len(ips)-i))
	}
	lines = append(lines, "a=end-of-candidates")
	return withCandidates(sdp, lines)
}

// candidate writes a host candidate. preference is the local preference of RFC
// 8445 §5.1.2.1, larger for better ones.
func candidate(foundation int, protocol string, ip netip.Addr, port, preference int) string {
	const hostType = 126
	local, tcpType := 32768+preference, ""
	if protocol == "tcp" {
		// RFC 6544 §4.2: below every UDP candidate.
		local, tcpType = preference, " tcptype passive"
	}
	priority := hostType<<24 | local<<8 | 255
	return fmt.Sprintf("a=candidate:%d 1 %s %d %s %d typ host%s",
		foundation+1, protocol, priority, ip.WithZone(""), port, tcpType)
}

// withCandidates puts the lines in place of every candidate of the SDP, in
// each m-section that is in use; those that are bundled behind the first may
// lack them, and it does no harm that they have them.
func withCandidates(sdp string, lines []string) string {
	var out strings.Builder
	media, placed := false, false
	place := func() {
		if media && !placed {
			placed = true
			for _, l := range lines {
				out.WriteString(l + "\r\n")
			}
		}
	}
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "a=candidate:"), line == "a=end-of-candidates":
			continue
		case strings.HasPrefix(line, "m="):
			place()
			media = true
		}
		out.WriteString(line + "\r\n")
	}
	place()
	return out.String()
}
