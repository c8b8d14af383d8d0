package rtc

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
	"golang.org/x/time/rate"

	"umbrella/internal/bound"
	"umbrella/internal/clock"
)

// iceSession is one ICE session (RFC 8445 §4) of one connection: the credentials
// that this node chose for it, and the addresses from which its peer has proven
// that it knows them. STUN and DTLS reach pion only through it, because pion
// bounds neither the candidates nor the packets of a session.
type iceSession struct {
	ufrag, pwd string
	// lite: the peer sends the checks and the node answers them. Otherwise the
	// node sends checks to the candidates that it was told, too.
	lite      bool
	transport *transport // receives the media

	packets *rate.Limiter
	udp     places
	tcp     places
	// dtls is from where DTLS last came.
	dtls atomic.Pointer[way]

	mu        sync.Mutex
	addresses []netip.AddrPort // of UDP
	peer      checkedPeer
}

// answersTo is where the node's half of a handshake goes: back to where the peer's
// came from. pion would send it to the pair that ICE has selected, and browsers may
// begin on another one. It is nil once the handshake has ended.
func (s *iceSession) answersTo() *way {
	if s.transport.open.Load() {
		return nil
	}
	return s.dtls.Load()
}

// heard notes from where a packet of DTLS came.
func (s *iceSession) heard(from way, packet []byte) {
	s.transport.keys.heard(packet)
	if was := s.dtls.Load(); was == nil || *was != from {
		s.dtls.Store(&from)
	}
}

const (
	// maxCandidates is how many addresses a peer may use within a short time, UDP
	// and TCP each: one for each of its networks, behind a symmetric NAT one for
	// each of ours as well.
	maxCandidates = 16
	// candidateInterval is how long it takes until it may use one more: NATs change
	// the address of a long call now and then.
	candidateInterval = time.Minute
	// maxCandidatesEver is how many addresses one ICE session may use in all. pion
	// keeps each of them, about 4 kB, until the session ends or ICE restarts.
	maxCandidatesEver = 64
	// A peer may send checksPerSecond packets of STUN and DTLS on average, and
	// checkBurst at once. Browsers send up to 50 checks a second, libnice as well.
	checksPerSecond = 100
	checkBurst      = 200
	// unproven bounds what is sent to an address from which nothing authenticated
	// has come yet: this many times the bytes that came from there, as RFC 9000 §8.1
	// has it for QUIC.
	unproven = 3
	// checkCredit is how many bytes the node may send to a candidate of another
	// node before anything comes from there: pion's seven checks.
	checkCredit = 1 << 10
)

// places is how many more addresses may be used. iceSession.mu guards it.
type places struct {
	used    int
	limiter *rate.Limiter
}

func (p *places) take(now time.Time) bool {
	if p.limiter == nil {
		p.limiter = rate.NewLimiter(rate.Every(candidateInterval), maxCandidates)
	}
	if p.used >= maxCandidatesEver || !p.limiter.AllowN(now, 1) {
		return false
	}
	p.used++
	return true
}

// remoteAddress is an address of a peer, with what has passed there.
type remoteAddress struct {
	session *iceSession
	// proven: authenticated DTLS, SRTP or SRTCP came from there.
	proven         atomic.Bool
	received, sent atomic.Int64 // bytes, until it is proven
	credit         int64        // bytes that may be sent before any come
	proof          proof
}

// maySend reports whether size more bytes may be sent, and counts them.
func (a *remoteAddress) maySend(size int) bool {
	if a.proven.Load() {
		return true
	}
	if a.sent.Load()+int64(size) > a.credit+unproven*a.received.Load() {
		return false
	}
	a.sent.Add(int64(size))
	return true
}

// newICESession makes a session for t. The local credentials are those that the
// peer is told. Its packets are taken once listen has been called with it.
func newICESession(ufrag, pwd string, lite bool, t *transport) *iceSession {
	return &iceSession{
		ufrag: ufrag, pwd: pwd, lite: lite, transport: t,
		packets: rate.NewLimiter(checksPerSecond, checkBurst),
	}
}

// limit tells how many addresses peers use, and how many packets of STUN and DTLS were
// dropped: of strangers, or too many.
func (c *mediaConn) limit() bound.Limit {
	return bound.Limit{
		Name: "media_addresses", Description: "Addresses of peers at the media port, 16 of one connection; refused are packets of strangers",
		Used: func() int64 {
			c.mu.RLock()
			defer c.mu.RUnlock()
			return int64(len(c.outlets))
		},
		Refused: c.dropped.Load,
	}
}

// listen takes the packets of a session from now on.
func (c *mediaConn) listen(s *iceSession) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions[s.ufrag] = s
}

// forget ends a session: nothing comes from its addresses any more, and nothing
// is sent there.
func (c *mediaConn) forget(s *iceSession) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions[s.ufrag] == s {
		delete(c.sessions, s.ufrag)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.addresses {
		if o := c.outlets[k]; o != nil && o.remote.session == s {
			delete(c.outlets, k)
		}
	}
	s.addresses = nil
}

// session returns the one with that local username fragment, or nil.
func (c *mediaConn) session(ufrag string) *iceSession {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.sessions[ufrag]
}

// expect lets the node send checks to a candidate that another node told.
func (c *mediaConn) expect(s *iceSession, to netip.AddrPort) {
	k := key(to)
	local := netip.IPv6Unspecified() // the kernel chooses
	if k.Addr().Is4() {
		local = netip.IPv4Unspecified()
	}
	c.place(k, local, s, &remoteAddress{session: s, credit: checkCredit})
}

// place makes the outlet for an address of a session.
func (c *mediaConn) place(k netip.AddrPort, local netip.Addr, s *iceSession, remote *remoteAddress) *outlet {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions[s.ufrag] != s {
		return nil // it has ended meanwhile
	}
	o := c.newOutlet(k, local, remote)
	if was := c.outlets[k]; was == nil || was.remote.session != s {
		// An ICE restart is the same peer, which need not prove its address again.
		if was != nil && was.remote.session.transport == s.transport && was.remote.proven.Load() {
			remote.proven.Store(true)
		}
		s.mu.Lock()
		s.addresses = append(s.addresses, k)
		s.mu.Unlock()
	}
	c.outlets[k] = o
	return o
}

// admit reports whether a packet that is not media may go to pion: STUN of a peer
// that knows the credentials of a session, DTLS from an address of such a peer.
// oob tells to which address of this node it came.
func (c *mediaConn) admit(packet []byte, from netip.AddrPort, oob []byte, now time.Time) bool {
	k := key(from)
	o := c.peer(k)
	if !isSTUN(packet) {
		if o == nil || !o.remote.session.packets.AllowN(now, 1) {
			return false
		}
		o.remote.received.Add(int64(len(packet)))
		o.remote.session.heard(way{udp: o}, packet)
		return true
	}
	if !isRequest(packet) {
		// An answer to a check of ours.
		if o == nil || !o.remote.session.packets.AllowN(now, 1) {
			return false
		}
		if o.remote.session.lite {
			c.proves(packet, o)
			return false // pion has sent none
		}
		o.remote.received.Add(int64(len(packet)))
		return true
	}
	s := c.session(localUfrag(packet))
	if s == nil || !s.packets.AllowN(now, 1) {
		return false
	}
	if o == nil || o.remote.session != s {
		if !s.knows(packet) || !s.admits(&s.udp, now) {
			return false
		}
		local, ok := destination(oob)
		if !ok {
			local = netip.IPv6Unspecified()
		}
		if o = c.place(k, local, s, &remoteAddress{session: s}); o == nil {
			return false
		}
	} else if local, ok := destination(oob); ok && local != o.local {
		// It looks at another of our addresses. Answers leave from the one that was
		// asked, whatever route the kernel would take.
		if o = c.place(k, local, s, o.remote); o == nil {
			return false
		}
	}
	o.remote.received.Add(int64(len(packet)))
	s.transport.heard.Store(clock.Nano(now))
	c.prove(o)
	return true
}

// admits reports whether the peer may use one more address.
func (s *iceSession) admits(p *places, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.take(now)
}

// knows reports whether a check was made by who knows the credentials (RFC 8445
// §7.3). To a lite agent its peer is always the controlling one (§6.1.1).
func (s *iceSession) knows(packet []byte) bool {
	m := &stun.Message{Raw: append([]byte(nil), packet...)}
	if m.Decode() != nil || s.lite && m.Contains(stun.AttrICEControlled) {
		return false
	}
	return stun.NewShortTermIntegrity(s.pwd).Check(m) == nil
}

const (
	stunHeader  = 20 // bytes
	stunCookie  = 0x2112a442
	stunBinding = 1 // a request
	stunUser    = 6 // USERNAME
)

// isSTUN tells STUN from DTLS (RFC 7983 §7).
func isSTUN(b []byte) bool { return len(b) > 0 && b[0] < 4 }

// isRequest reports whether STUN is a binding request (RFC 8489 §5).
func isRequest(b []byte) bool {
	return len(b) >= stunHeader && binary.BigEndian.Uint16(b) == stunBinding && binary.BigEndian.Uint32(b[4:]) == stunCookie
}

// localUfrag is what a binding request names of this node's credentials: what
// stands before the colon of USERNAME (RFC 8445 §7.2.2). It is empty where there
// is none.
func localUfrag(b []byte) string {
	for rest := b[stunHeader:]; len(rest) >= 4; {
		size := int(binary.BigEndian.Uint16(rest[2:]))
		if 4+size > len(rest) {
			return ""
		}
		if binary.BigEndian.Uint16(rest) == stunUser {
			ufrag, _, ok := strings.Cut(string(rest[4:4+size]), ":")
			if !ok {
				return ""
			}
			return ufrag
		}
		padded := 4 + (size+3)&^3
		if padded > len(rest) {
			return ""
		}
		rest = rest[padded:]
	}
	return ""
}
