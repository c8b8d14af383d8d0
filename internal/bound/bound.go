// Package bound keeps what one client may take of the node within bounds, so that
// one costs the others nothing.
package bound

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/time/rate"
)

// Origin is what stands for one client: an IPv4 address, or the /64 that an IPv6
// client has to itself. One that is not known is everybody's.
func Origin(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits)
	return p
}

// networkTimes is how many times as much the /48 around an origin of IPv6 may have.
const networkTimes = 4

// Network is the /48 around the /64 of an IPv6 client; ok is false for every other
// origin. A provider gives a /48 to one customer (RFC 6177 §2), who has 65,536 origins
// in it. IPv4 has nothing like it: the addresses of a /24 cost money, and belong to
// many customers, or are those that a provider puts thousands of them behind.
func Network(origin netip.Prefix) (network netip.Prefix, ok bool) {
	if !origin.Addr().Is6() || origin.Bits() != 64 {
		return netip.Prefix{}, false
	}
	network, err := origin.Addr().Prefix(48)
	return network, err == nil
}

// ofNetwork is how many a /48 may have where an origin may have mostOfOne: four times
// as many, but no more than half of those that all may have.
func ofNetwork(mostOfOne, most int) int {
	n := networkTimes * mostOfOne
	if most > 0 {
		n = min(n, most/2)
	}
	return max(n, mostOfOne)
}

// Peer is the address at the other end of a connection, plain: without a zone and
// without the IPv6 around an IPv4. It is not valid where that is none of IP.
func Peer(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	p, _ := netip.ParseAddrPort(a.String())
	return p.Addr().Unmap().WithZone("")
}

// Descriptors is how many files and sockets the process may have open. Of these,
// the web server takes a half, the media port's TCP a quarter, and the relay an
// eighth for its own; the rest is for cameras, trunks and files.
func Descriptors() int {
	const usual, most = 1024, 1 << 15
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return usual
	}
	return int(min(l.Cur, most))
}

// Counter counts what is open, by origin, by network and in all. The zero value is
// ready for use; it is safe for concurrent use.
type Counter struct {
	mu      sync.Mutex
	of      map[netip.Prefix]int // origins and networks
	all     int
	most    int // of the last Add
	refused uint64
}

// Limit tells how many are open, of how many there may be.
func (c *Counter) Limit(name, description string) Limit {
	locked := func() *Counter { c.mu.Lock(); return c }
	return Limit{
		Name: name, Description: description,
		Used:    func() int64 { defer locked().mu.Unlock(); return int64(c.all) },
		Most:    func() int64 { defer locked().mu.Unlock(); return int64(c.most) },
		Refused: func() uint64 { defer locked().mu.Unlock(); return c.refused },
	}
}

// Add counts one more of an origin, until release is called, once or more often. It
// is false where the origin has mostOfOne already, the /48 around it four times as many
// (or half of most), or all have most. 0 is any number.
func (c *Counter) Add(origin netip.Prefix, mostOfOne, most int) (release func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = most
	network, inside := Network(origin)
	inside = inside && mostOfOne > 0
	if most > 0 && c.all >= most || mostOfOne > 0 && (c.of[origin] >= mostOfOne ||
		inside && c.of[network] >= ofNetwork(mostOfOne, most)) {
		c.refused++
		return nil, false
	}
	if c.of == nil {
		c.of = map[netip.Prefix]int{}
	}
	c.add(origin, 1)
	if inside {
		c.add(network, 1)
	}
	c.all++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all--
		c.add(origin, -1)
		if inside {
			c.add(network, -1)
		}
	}), true
}

func (c *Counter) add(p netip.Prefix, n int) {
	if c.of[p] += n; c.of[p] <= 0 {
		delete(c.of, p)
	}
}

// Rates bounds how often something may be done, by origin and by network. The zero
// value is ready for use; it is safe for concurrent use.
type Rates struct {
	mu      sync.Mutex
	by      map[netip.Prefix]*rate.Limiter
	refused atomic.Uint64
}

// Limit tells how often Allow was false.
func (r *Rates) Limit(name, description string) Limit {
	return Limit{Name: name, Description: description, Refused: r.refused.Load}
}

// MaxOrigins is how many are remembered at once, of whom something is counted.
const MaxOrigins = 4096

// Allow reports whether an origin may do it once more: perSecond on average, and
// burst at once, which are the same with each call. The /48 around it may four times
// as often. What an origin may not do does not count for its network.
func (r *Rates) Allow(origin netip.Prefix, perSecond rate.Limit, burst int, now time.Time) bool {
	if r.allow(origin, perSecond, burst, now) {
		return true
	}
	r.refused.Add(1)
	return false
}

func (r *Rates) allow(origin netip.Prefix, perSecond rate.Limit, burst int, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.by[origin]; l != nil && l.TokensAt(now) < 1 {
		return false
	}
	if network, ok := Network(origin); ok &&
		!r.limiter(network, networkTimes*perSecond, networkTimes*burst, now).AllowN(now, 1) {
		return false
	}
	return r.limiter(origin, perSecond, burst, now).AllowN(now, 1)
}

// limiter is that of an origin or a network.
func (r *Rates) limiter(of netip.Prefix, perSecond rate.Limit, burst int, now time.Time) *rate.Limiter {
	l := r.by[of]
	if l != nil {
		return l
	}
	if r.by == nil || len(r.by) >= MaxOrigins {
		// Who has waited long enough is as good as new; others are few.
		for k, l := range r.by {
			if l.TokensAt(now) >= float64(l.Burst()) {
				delete(r.by, k)
			}
		}
		if r.by == nil || len(r.by) >= MaxOrigins {
			r.by = map[netip.Prefix]*rate.Limiter{}
		}
	}
	l = rate.NewLimiter(perSecond, burst)
	r.by[of] = l
	return l
}

// Text is what somebody else has sent, fit for a terminal, a log and a page, in one
// line: blanks for white space, and nothing that cannot be seen (control characters,
// escape sequences' beginnings, marks that turn the direction of text). What is longer
// than most bytes is cut, and ends with an ellipsis.
func Text(s string, most int) string {
	cut := len(s) > most
	if cut {
		s = s[:most]
	}
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s))
	if cut {
		s += "…"
	}
	return s
}
