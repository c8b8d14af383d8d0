package rtc

import (
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"umbrella/internal/bound"
	"umbrella/internal/clock"
)

// localListener is the media port's TCP: to pion, every connection came to one
// of the two addresses that it knows. Whoever opens one without being in a call is a
// stranger, of whom there are only so many.
type localListener struct {
	*bound.Listener
	counter   bound.Counter
	strangers bound.Strangers
	shared    func(netip.Addr) bool
	session   func(ufrag string) *iceSession
	owned     sync.WaitGroup
	mu        sync.Mutex
	open      map[netip.AddrPort]*localConn // by the peer's address; nil when closed
}

const (
	// maxStrangers bounds the connections on which ICE has not succeeded, and
	// maxStrangersOfOne those of one origin: browsers open one for each address of
	// the node, of which most are given up within seconds. Where descriptors are
	// few, strangers get no more than a half of what the port may have.
	maxStrangers      = 256
	maxStrangersOfOne = 64
	// strangerPatience is how long they may say nothing, or name a connection that
	// there is not.
	strangerPatience = 10 * time.Second
)

// newLocalListener takes what l accepts. shared tells of an address that stands for
// many people, such as a proxy's; nil: none does. session finds the ICE session of
// a local username fragment.
func newLocalListener(l net.Listener, shared func(netip.Addr) bool, session func(string) *iceSession, log *slog.Logger) *localListener {
	if shared == nil {
		shared = func(netip.Addr) bool { return false }
	}
	most := maxTCP()
	ll := &localListener{
		strangers: bound.Strangers{Most: min(maxStrangers, most/2), MostOfOne: min(maxStrangersOfOne, most/4)},
		shared:    shared, session: session, open: map[netip.AddrPort]*localConn{},
	}
	ll.Listener = bound.NewListener(l, ll.admit, log)
	return ll
}

// Limits are those that the engine keeps of all its connections.
func (e *Engine) Limits() []bound.Limit {
	return []bound.Limit{
		e.Lines.Pool.Limit("subscribed_lines", "Streams to receivers (m-lines), 64 of sound and 64 of pictures to each", ""),
		e.accepted.counter.Limit("media_connections", "TCP connections to the media port"),
		e.conn.limit(),
	}
}

// maxTCP bounds the port's connections.
func maxTCP() int { return bound.Descriptors() / 4 }

// admit counts a connection, of which one origin may have a half of all.
func (l *localListener) admit(from net.Addr) (release func(), ok bool) {
	most := maxTCP()
	mostOfOne, addr := most/2, bound.Peer(from)
	if l.shared(addr) {
		mostOfOne = 0
	}
	return l.counter.Add(bound.Origin(addr), mostOfOne, most)
}

func (l *localListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	from := key(c.RemoteAddr().(*net.TCPAddr).AddrPort())
	lc := &localConn{Conn: c, listener: l, from: from, queue: make(chan []byte, tcpQueue), closed: make(chan struct{})}
	// Before the lock: who is turned out needs it.
	lc.known = l.strangers.Add(bound.Origin(from.Addr()), l.shared(from.Addr()), func() { _ = lc.Close() })
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		lc.known()
		_ = c.Close()
		return nil, net.ErrClosed
	}
	l.open[from] = lc
	l.owned.Go(lc.write)
	return lc, nil
}

// conn returns the connection from an address, or nil.
func (l *localListener) conn(from netip.AddrPort) *localConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[from]
}

// closeConns closes what was accepted: pion's mux waits for connections that
// belong to no agent any more, and does not close them.
func (l *localListener) closeConns() {
	l.mu.Lock()
	open := l.open
	l.open = nil
	l.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
	l.owned.Wait()
}

// localConn is one connection of ICE-TCP: packets behind their length (RFC 4571
// §2). Media is taken out of what pion reads, and put between what it writes.
// Nobody who writes waits for the peer to read.
type localConn struct {
	net.Conn
	listener *localListener
	from     netip.AddrPort
	known    func()                     // it is no stranger any more
	session  atomic.Pointer[iceSession] // that its first check named

	queue  chan []byte // whole frames
	closed chan struct{}
	once   sync.Once

	// What Read has of a frame for pion; only its one reader touches it.
	frameBuf [2 + maxFrame]byte
	rest     []byte
}

// tcpQueue is how many packets wait for a peer that does not read; more are
// lost.
const tcpQueue = 512

// maxFrame bounds what a peer may send as one packet, in bytes: more than any
// network carries.
const maxFrame = 8 << 10

var errFrame = errors.New("ice-tcp: a frame of more than 8 KiB")

func (c *localConn) Read(b []byte) (int, error) {
	for len(c.rest) == 0 {
		f := c.frameBuf[:]
		if _, err := io.ReadFull(c.Conn, f[:2]); err != nil {
			return 0, err
		}
		size := int(binary.BigEndian.Uint16(f))
		if size > maxFrame {
			return 0, errFrame
		}
		f = f[:2+size]
		if _, err := io.ReadFull(c.Conn, f[2:]); err != nil {
			return 0, err
		}
		switch {
		case isMedia(f[2:]):
			if s := c.session.Load(); s != nil {
				s.transport.packet(f[2:], way{tcp: c}, time.Now())
			}
		case c.session.Load() == nil:
			if !c.admit(f[2:]) {
				return 0, errStranger
			}
			c.rest = f
		case c.session.Load().packets.Allow():
			c.session.Load().transport.heard.Store(clock.Nano(time.Now()))
			if !isSTUN(f[2:]) {
				c.session.Load().heard(way{tcp: c}, f[2:])
			}
			c.rest = f
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// admit reports whether the first packet is a check of a peer that knows the
// credentials of an ICE session and may use one more connection.
func (c *localConn) admit(packet []byte) bool {
	if !isRequest(packet) {
		return false
	}
	s := c.listener.session(localUfrag(packet))
	now := time.Now()
	if s == nil || !s.packets.AllowN(now, 1) || !s.knows(packet) || !s.admits(&s.tcp, now) {
		return false
	}
	c.session.Store(s)
	return true
}

// Write takes one frame of pion's.
func (c *localConn) Write(b []byte) (int, error) {
	if s := c.session.Load(); s != nil && len(b) > 2 && !isSTUN(b[2:]) {
		if d := s.answersTo(); d != nil && d.udp != nil {
			_, err := s.transport.engine.conn.writeDTLS(b[2:], d.udp)
			return len(b), err
		}
		s.transport.handshake(nil)
	}
	if err := c.enqueue(append([]byte(nil), b...)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// frame sends a packet of media.
func (c *localConn) frame(packet []byte) error {
	return c.enqueue(append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(packet)), uint16(len(packet))), packet...))
}

func (c *localConn) enqueue(frame []byte) error {
	select {
	case <-c.closed:
		return net.ErrClosed
	default:
	}
	select {
	case c.queue <- frame:
	default: // it does not read: lost, like any packet on the way
	}
	return nil
}

// write sends frames until the connection is closed.
func (c *localConn) write() {
	for {
		select {
		case f := <-c.queue:
			if _, err := c.Conn.Write(f); err != nil {
				_ = c.Close()
				return
			}
		case <-c.closed:
			return
		}
	}
}

func (c *localConn) Close() error {
	c.known()
	c.once.Do(func() { close(c.closed) })
	c.listener.mu.Lock()
	if c.listener.open[c.from] == c {
		delete(c.listener.open, c.from)
	}
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

func (c *localConn) LocalAddr() net.Addr {
	a, ok := c.Conn.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return c.Conn.LocalAddr()
	case a.IP.To4() != nil:
		return &net.TCPAddr{IP: local4, Port: a.Port}
	}
	return &net.TCPAddr{IP: local6, Port: a.Port}
}
