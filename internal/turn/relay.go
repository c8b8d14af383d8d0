// Package turn is a relay (TURN, RFC 8656) over TCP and TLS for people whose
// firewalls let nothing else through. It leads to the media port of this node and
// to nothing else, whoever asks.
package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"umbrella/internal/bound"
)

// Relay takes connections that turned out to speak TURN. Set the fields, Start,
// and Close.
type Relay struct {
	// Media is where the node's media is reached just now: a port, and addresses of
	// this machine or such as are told to peers, the best first.
	Media func() (port int, addresses []netip.Addr)
	// Shared tells of an address that stands for many people, such as that of a
	// trusted proxy; nil: none does.
	Shared func(netip.Addr) bool
	Log    *slog.Logger
	// Logs is for pion.
	Logs logging.LoggerFactory

	// For tests: how long somebody may take to prove who they are.
	patience time.Duration

	keys      keys
	server    *turn.Server
	queue     chan net.Conn // taken, and not yet the server's
	closed    chan struct{}
	strangers bound.Strangers

	mu    sync.Mutex
	conns map[string]*conn // by the address of the peer, which tells TCP connections apart
	held  map[string]int   // allocations, by the keys of quotas
	open  sync.WaitGroup
}

const (
	// realm is shown to nobody: browsers have their credentials from the node.
	realm = "umbrella"
	// maxConns bounds the connections at once, maxStrangers those of whom nothing is
	// known yet, and maxStrangersOfOne those of one origin. There are fewer where
	// descriptors are.
	maxConns          = 512
	maxStrangers      = 64
	maxStrangersOfOne = 32
	// maxOfUser bounds the allocations of one join: browsers make one for each of
	// their networks and connections, and as many again when they restart ICE.
	maxOfUser = 24
	// oneIn is the share of all connections that the allocations of one client may
	// have, and those from one address: with 512, some 30 people of one office, whose
	// browsers need four each.
	oneIn = 4
	// strangerPatience is how long a connection may be without an allocation.
	strangerPatience = 10 * time.Second
	// idleTimeout without anything from a peer ends a connection. Browsers check
	// consent every 5 s (RFC 7675 §5.1).
	idleTimeout = 2 * time.Minute
	// writeTimeout is how long a peer may not read before it is cut off.
	writeTimeout = 15 * time.Second
)

// most is how many connections there may be.
func most() int { return min(maxConns, bound.Descriptors()/8) }

// mostOfOne is how many allocations one client, or one address, may have.
func mostOfOne() int { return most() / oneIn }

// Limits are those of the relay.
func (r *Relay) Limits() []bound.Limit {
	count := func(of func() int) func() int64 {
		return func() int64 {
			r.mu.Lock()
			defer r.mu.Unlock()
			return int64(of())
		}
	}
	return []bound.Limit{{
		Name: "relay_connections", Description: "TCP connections to the relay, a quarter of them for one client",
		Used: count(func() int { return len(r.conns) }), Most: func() int64 { return int64(most()) },
	}}
}

// Start makes the relay ready.
func (r *Relay) Start() error {
	if r.patience == 0 {
		r.patience = strangerPatience
	}
	r.keys = newKeys()
	r.strangers.Most, r.strangers.MostOfOne = min(maxStrangers, most()/2), min(maxStrangersOfOne, most()/4)
	r.queue, r.closed = make(chan net.Conn), make(chan struct{})
	r.conns, r.held = map[string]*conn{}, map[string]int{}
	var err error
	r.server, err = turn.NewServer(turn.ServerConfig{
		Realm: realm, LoggerFactory: r.Logs, InboundMTU: maxFrame + 1,
		// A browser takes no peer of the other family than its relay, and the node
		// has an IPv4 address at least.
		StrictAddressFamily: true,
		AuthHandler:         r.authenticate,
		QuotaHandler:        r.mayAllocate,
		EventHandler: turn.EventHandler{
			OnAllocationCreated: func(from, _ net.Addr, _, _, _ string, _ net.Addr, _ int) { r.created(from) },
			OnAllocationDeleted: func(from, _ net.Addr, _, _, _ string) { r.deleted(from) },
		},
		ListenerConfigs: []turn.ListenerConfig{{
			Listener: listener{r}, RelayAddressGenerator: generator{r},
			PermissionHandler: func(_ net.Addr, peer net.IP) bool { return r.ours(peer) },
		}},
	})
	if err != nil {
		return fmt.Errorf("turn: %w", err)
	}
	return nil
}

// Close ends every connection.
func (r *Relay) Close(ctx context.Context) error {
	r.mu.Lock()
	select {
	case <-r.closed:
		r.mu.Unlock()
		return nil
	default:
	}
	close(r.closed)
	for _, c := range r.conns {
		// TLS says goodbye first, for which the peer may keep it waiting.
		r.open.Go(func() { _ = c.Conn.Close() })
	}
	r.mu.Unlock()
	done := make(chan struct{})
	go func() {
		r.open.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("closing the relay: %w", ctx.Err())
	}
	if err := r.server.Close(); err != nil {
		return fmt.Errorf("closing the relay: %w", err)
	}
	return nil
}

// Serve takes a connection, which is the relay's from then on. It does not wait
// for what is said on it.
func (r *Relay) Serve(c net.Conn) {
	taken, err := r.take(c)
	if err != nil {
		r.Log.Debug("relay: not taken", "address", c.RemoteAddr().String(), "reason", err)
		_ = c.Close()
		return
	}
	select {
	case r.queue <- taken:
	case <-r.closed:
		_ = taken.Close()
	}
}

var (
	errClosed  = errors.New("the node is going down")
	errTooMany = errors.New("too many connections")
)

func (r *Relay) take(c net.Conn) (*conn, error) {
	name, from := c.RemoteAddr().String(), bound.Peer(c.RemoteAddr())
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.closed:
		return nil, errClosed
	default:
	}
	if len(r.conns) >= most() || r.conns[name] != nil {
		return nil, errTooMany
	}
	taken := newConn(c, r)
	taken.makeKnown = r.strangers.Add(bound.Origin(from), r.Shared != nil && r.Shared(from), func() {
		r.open.Go(func() { _ = c.Close() }) // TLS says goodbye first
	})
	r.conns[name] = taken
	r.open.Add(1)
	return taken, nil
}

func (r *Relay) forget(c *conn) {
	c.makeKnown()
	r.mu.Lock()
	delete(r.conns, c.RemoteAddr().String())
	for _, q := range c.counted {
		if r.held[q.key]--; r.held[q.key] <= 0 {
			delete(r.held, q.key)
		}
	}
	r.mu.Unlock()
	r.open.Done()
}

// authenticate knows who was given credentials. Those that have run out are good
// for what was made with them.
func (r *Relay) authenticate(a *turn.RequestAttributes) (user string, key []byte, ok bool) {
	password, current, ok := r.keys.password(a.Username, time.Now())
	if !ok {
		return "", nil, false
	}
	if !current {
		r.mu.Lock()
		c := r.conns[a.SrcAddr.String()]
		r.mu.Unlock()
		if c == nil || !c.known.Load() {
			return "", nil, false
		}
	}
	return a.Username, turn.GenerateAuthKey(a.Username, a.Realm, password), true
}

// quota bounds the allocations that have a key.
type quota struct {
	key  string
	most int
}

// quotas are those of an allocation of a user: its own, that of the client which its
// credentials were given to, whoever uses them, and that of the address it comes from,
// unless many people share that.
func (r *Relay) quotas(user string, from netip.Addr) []quota {
	list := []quota{{"user " + user, maxOfUser}, {"client " + clientOf(user), mostOfOne()}}
	if r.Shared == nil || !r.Shared(from) {
		list = append(list, quota{"from " + bound.Origin(from).String(), mostOfOne()})
	}
	return list
}

// mayAllocate counts the allocation of a connection, which has one at most, until the
// connection ends. It is false where a quota is used up.
func (r *Relay) mayAllocate(user, _ string, from net.Addr) bool {
	list := r.quotas(user, bound.Peer(from))
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.conns[from.String()]
	if c == nil {
		return false
	}
	if c.counted != nil { // the allocation before came to nothing
		return c.counted[0] == list[0]
	}
	for _, q := range list {
		if r.held[q.key] >= q.most {
			return false
		}
	}
	for _, q := range list {
		r.held[q.key]++
	}
	c.counted = list
	return true
}

func (r *Relay) created(from net.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.conns[from.String()]; c != nil {
		c.known.Store(true)
		c.makeKnown()
	}
	r.Log.Debug("relay: allocated", "address", from.String())
}

// deleted ends the connection, which is of no further use.
func (r *Relay) deleted(from net.Addr) {
	r.mu.Lock()
	c := r.conns[from.String()]
	r.mu.Unlock()
	if c != nil {
		_ = c.Conn.Close()
	}
}

// ours tells that an address is one by which the node's media is reached.
func (r *Relay) ours(ip net.IP) bool {
	addr, ok := netip.AddrFromSlice(ip)
	if !ok {
		return false
	}
	_, addresses := r.Media()
	for _, a := range addresses {
		if a.Unmap().WithZone("") == addr.Unmap() {
			return true
		}
	}
	return false
}

// listener gives the server what was taken.
type listener struct{ r *Relay }

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.r.queue:
		return c, nil
	case <-l.r.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener; the relay's own Close ends Accept.
func (listener) Close() error { return nil }

// Addr implements net.Listener.
func (listener) Addr() net.Addr { return &net.TCPAddr{} }
