// Package bound keeps what one client may take of the node within bounds, so that
// one costs the others nothing.
package bound

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

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

// Counter counts what is open, by origin and in all. The zero value is ready for
// use; it is safe for concurrent use.
type Counter struct {
	mu  sync.Mutex
	of  map[netip.Prefix]int
	all int
}

// Add counts one more of an origin, until release is called, once or more often.
// It is false where the origin has mostOfOne already or all have most; 0 is any
// number.
func (c *Counter) Add(origin netip.Prefix, mostOfOne, most int) (release func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if mostOfOne > 0 && c.of[origin] >= mostOfOne || most > 0 && c.all >= most {
		return nil, false
	}
	if c.of == nil {
		c.of = map[netip.Prefix]int{}
	}
	c.of[origin]++
	c.all++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all--
		if c.of[origin]--; c.of[origin] <= 0 {
			delete(c.of, origin)
		}
	}), true
}

// Rates bounds how often something may be done, by origin. The zero value is ready
// for use; it is safe for concurrent use.
type Rates struct {
	mu sync.Mutex
	by map[netip.Prefix]*rate.Limiter
}

// MaxOrigins is how many are remembered at once, of whom something is counted.
const MaxOrigins = 4096

// Allow tells whether an origin may do it once more: perSecond on average, and
// burst at once, which are the same with each call.
func (r *Rates) Allow(origin netip.Prefix, perSecond rate.Limit, burst int, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.by[origin]
	if l == nil {
		if r.by == nil || len(r.by) >= MaxOrigins {
			// Who has waited long enough is as good as new; others are few.
			for k, l := range r.by {
				if l.TokensAt(now) >= float64(burst) {
					delete(r.by, k)
				}
			}
			if r.by == nil || len(r.by) >= MaxOrigins {
				r.by = map[netip.Prefix]*rate.Limiter{}
			}
		}
		l = rate.NewLimiter(perSecond, burst)
		r.by[origin] = l
	}
	return l.AllowN(now, 1)
}

// Sample bounds how often something is logged that anybody can cause: now and then,
// and how often it was kept quiet in between. The zero value is ready for use; it is
// safe for concurrent use.
type Sample struct {
	mu      sync.Mutex
	limiter *rate.Limiter
	quiet   int
}

const (
	sampleInterval = 5 * time.Second
	sampleBurst    = 20
)

// Allow tells whether to log it, and how many times it was not logged before.
func (s *Sample) Allow(now time.Time) (quiet int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limiter == nil {
		s.limiter = rate.NewLimiter(rate.Every(sampleInterval), sampleBurst)
	}
	if !s.limiter.AllowN(now, 1) {
		s.quiet++
		return 0, false
	}
	quiet, s.quiet = s.quiet, 0
	return quiet, true
}

// Text is the beginning of what somebody has sent, for a log: most bytes of it.
func Text(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
