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

// list returns every address, the likeliest to be the best first.
func (a *addresses) list() []netip.Addr {
	a.mu.Lock()
	public := a.resolved
	a.mu.Unlock()
	return rank(interfaceAddresses(), public)
}

// interfaceAddresses are those of the interfaces that are up.
func interfaceAddresses() []netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var list []netip.Addr
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				list = append(list, ip.Unmap())
			}
		}
	}
	return list
}

// rank puts addresses in order: private ones, which are the fastest where they
// work, then public ones, then loopback. Link-local ones are left out: without
// its zone nobody can use one.
func rank(local, public []netip.Addr) []netip.Addr {
	class := func(ip netip.Addr) int {
		switch {
		case ip.IsLoopback():
			return 4
		case ip.IsPrivate() && ip.Is4():
			return 0
		case ip.IsPrivate():
			return 1
		case ip.Is4():
			return 2
		}
		return 3
	}
	all := slices.DeleteFunc(slices.Concat(local, public), func(ip netip.Addr) bool {
		return !ip.IsValid() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified()
	})
	slices.SortStableFunc(all, func(a, b netip.Addr) int { return class(a) - class(b) })
	seen := map[netip.Addr]bool{}
	return slices.DeleteFunc(all, func(ip netip.Addr) bool {
		had := seen[ip]
		seen[ip] = true
		return had
	})
}

// offer replaces the candidates in an SDP by ours: host candidates, all of
// them, UDP before TCP (RFC 8839 §5.1, RFC 6544 §4.5).
func (a *addresses) offer(sdp string) string {
	var lines []string
	ips := a.list()
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
