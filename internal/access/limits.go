package access

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What one client, as origin has it, may take of the node: enough for a school
// behind one address, and little enough for the others to notice nothing.
const (
	maxConns       = 512 // TCP connections to the web server at once
	maxSockets     = 256 // WebSockets at once
	joinsPerSecond = 20
	joinBurst      = 300
)

// ErrTooManySockets is why another WebSocket is not taken.
var ErrTooManySockets = errors.New("too many WebSockets are open from this address")

// OpenSocket counts a WebSocket of whoever sent the request, until release is
// called. The error is ErrTooManySockets.
func (g *Gate) OpenSocket(r *http.Request) (release func(), err error) {
	key := origin(g.Client(r).Addr)
	if !g.open.add(key, maxSockets) {
		return nil, ErrTooManySockets
	}
	return func() { g.open.remove(key) }, nil
}

// Connect counts a TCP connection from an address, until release is called; false
// for one that is too many. Those of a trusted proxy are many people's.
func (g *Gate) Connect(from net.Addr) (release func(), ok bool) {
	a, _ := netip.ParseAddrPort(from.String())
	addr := plain(a.Addr())
	g.mu.RLock()
	trusted := g.trusts(addr)
	g.mu.RUnlock()
	if trusted {
		return func() {}, true
	}
	key := origin(addr)
	if !g.conns.add(key, maxConns) {
		return nil, false
	}
	return sync.OnceFunc(func() { g.conns.remove(key) }), true
}

// counter counts what is open. The zero value is ready for use; it is safe for
// concurrent use.
type counter struct {
	mu sync.Mutex
	n  map[netip.Prefix]int
}

func (c *counter) add(key netip.Prefix, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[netip.Prefix]int{}
	}
	if c.n[key] >= most {
		return false
	}
	c.n[key]++
	return true
}

func (c *counter) remove(key netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[key]--; c.n[key] <= 0 {
		delete(c.n, key)
	}
}

// joins bounds how often one client may try to enter. The zero value is ready for
// use; it is safe for concurrent use.
type joins struct {
	mu sync.Mutex
	by map[netip.Prefix]*rate.Limiter
}

func (j *joins) allow(addr netip.Addr, now time.Time) error {
	key := origin(addr)
	j.mu.Lock()
	defer j.mu.Unlock()
	l := j.by[key]
	if l == nil {
		if j.by == nil || len(j.by) >= maxAddresses {
			// Who has waited long enough is as good as new; others are few.
			for k, l := range j.by {
				if l.TokensAt(now) >= joinBurst {
					delete(j.by, k)
				}
			}
			if j.by == nil || len(j.by) >= maxAddresses {
				j.by = map[netip.Prefix]*rate.Limiter{}
			}
		}
		l = rate.NewLimiter(joinsPerSecond, joinBurst)
		j.by[key] = l
	}
	if !l.AllowN(now, 1) {
		return &TryLaterError{"too many joins from this address", time.Second}
	}
	return nil
}
