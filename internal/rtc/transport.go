package rtc

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"

	"umbrella/internal/clock"
	"umbrella/internal/crash"
	"umbrella/internal/inet"
)

// transport is the media of one PeerConnection. ICE and DTLS are pion's; RTP
// and RTCP go between it and the socket, protected here.
type transport struct {
	engine *Engine
	keys   keys
	// rtp and rtcp take what comes in, one packet at a time; they may keep
	// nothing of it.
	rtp  func(raw []byte, now time.Time)
	rtcp func(packets []rtcp.Packet, now time.Time)

	way    atomic.Pointer[way]
	open   atomic.Bool // the peer is who it should be
	paused atomic.Bool // the connection is disconnected: nothing is sent
	// heard is when the peer's last packet came, checks included, in ns since 1970.
	heard atomic.Int64

	waysMu sync.Mutex // guards what follows, and changes of way
	closed bool
	// sessions are the ICE session of today and the one before a restart, on whose
	// addresses the peer sends until the new one works. Either may be nil.
	sessions [2]*iceSession
	// selected is the pair of ICE, and checked is when the peer's last check came
	// on it.
	selected way
	checked  time.Time
	// handshakes went there: to one address, or to several.
	greeted   *outlet
	scattered bool

	in      sync.Mutex
	inbound *srtp.Context
	header  rtp.Header
	early   []early

	out      sync.Mutex
	outbound *srtp.Context
	sending  rtp.Header
	control  []byte
}

// way is where a transport's packets go: one of the three.
type way struct {
	udp *outlet
	tcp *localConn
	// other is a connection of its own, which keeps packets apart.
	other net.Conn
}

// proven tells that something authenticated came from there. Until then only so much
// is sent there (remoteAddress.maySend).
func (w way) proven() bool { return w.udp == nil || w.udp.remote.proven.Load() }

// is tells that both are the way to one address of the peer.
func (w way) is(other way) bool {
	if w.udp != nil && other.udp != nil {
		return w.udp.remote == other.udp.remote
	}
	return w == other
}

const (
	// maxEarly is how many packets are kept until the handshake has ended: the
	// first picture, more or less.
	maxEarly = 128
	// overhead is the most that protection adds to a packet, in bytes.
	overhead = 32
	// maxRTP is how long a packet of media may be that comes in, in bytes: what is
	// longer would not get through the next network in one piece, and histories
	// keep as much memory as their longest packets took.
	maxRTP = 1500
	// maxRTCP bounds a compound packet, which is in pieces when it is longer than
	// a network carries.
	maxRTCP = 8 << 10
)

// listen makes t the transport of an ICE session with these local credentials.
// The session before it stays until there is a third.
func (t *transport) listen(ufrag, pwd string, lite bool) *iceSession {
	t.waysMu.Lock()
	defer t.waysMu.Unlock()
	if s := t.sessions[0]; s != nil && s.ufrag == ufrag {
		return s
	}
	s := newICESession(ufrag, pwd, lite, t)
	if t.closed {
		return s
	}
	if old := t.sessions[1]; old != nil {
		t.engine.conn.forget(old)
	}
	t.sessions = [2]*iceSession{s, t.sessions[0]}
	t.engine.conn.listen(s)
	return s
}

// selectPair follows ICE to the pair that it has selected, at once where the
// peer's address is proven. checked: this node has sent a check there that was
// answered. Otherwise media goes where it went until something authenticated
// comes from the new address: a check alone does not prove an address, since its
// source can be forged. Where it went nowhere yet, so much may go there as brings an
// answer.
func (t *transport) selectPair(address string, port uint16, tcp, checked bool) {
	to := t.reach(address, port, tcp)
	t.waysMu.Lock()
	defer t.waysMu.Unlock()
	if t.closed || to == (way{}) {
		return
	}
	t.selected, t.checked = to, time.Now()
	if to.tcp != nil {
		to.tcp.known()
	} else if checked {
		to.udp.remote.proven.Store(true)
	}
	if w := t.way.Load(); to.proven() || w == nil || !w.proven() {
		t.way.Store(&to)
	}
}

// reach finds the way to an address of the peer; it is zero where there is none.
func (t *transport) reach(address string, port uint16, tcp bool) way {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return way{}
	}
	to := key(netip.AddrPortFrom(addr, port))
	if tcp {
		return way{tcp: t.engine.accepted.conn(to)}
	}
	return way{udp: t.engine.conn.peer(to)}
}

// silent is how long nothing has come on a pair that its peer has left: browsers
// renew their consent every 4 to 6 s (RFC 7675 §5.1).
const silent = 7 * time.Second

// selects reports whether ICE is to select the pair on which a check has come, where
// pion would stay: it takes the nominated pair of the highest priority (RFC 5245
// §8.1.1.2), as Firefox does, which nominates many at once. Chrome nominates the one
// that it uses now, be its priority lower. So the pair on which the media comes is
// right, and without media the one that is nominated while nothing comes on the old
// one. It is a BindingRequestHandler of pion's.
func (t *transport) selects(check *stun.Message, local, remote ice.Candidate, _ *ice.CandidatePair) bool {
	from := t.reach(remote.Address(), uint16(remote.Port()), local.NetworkType().IsTCP())
	t.waysMu.Lock()
	defer t.waysMu.Unlock()
	if from == (way{}) {
		return false
	}
	if t.selected.is(from) {
		t.checked = time.Now()
		return false
	}
	if w := t.way.Load(); w != nil && w.is(from) {
		return true
	}
	return check.Contains(stun.AttrUseCandidate) && time.Since(t.checked) > silent
}

// move sends from now on to where something authenticated came from: the peer sends
// its media by the pair that it has selected, whatever it has nominated before.
func (t *transport) move(from way) {
	t.waysMu.Lock()
	defer t.waysMu.Unlock()
	if t.closed {
		return
	}
	if from.udp != nil {
		from.udp.remote.proven.Store(true)
	}
	if from.tcp != nil {
		from.tcp.known()
	}
	t.way.Store(&from)
}

// handshake notes that a packet of DTLS leaves to an address; o is nil for TCP.
func (t *transport) handshake(o *outlet) {
	if t.open.Load() {
		return
	}
	t.waysMu.Lock()
	defer t.waysMu.Unlock()
	switch {
	case o == nil:
		t.scattered = true
	case t.greeted == nil:
		t.greeted = o
	case t.greeted.remote != o.remote:
		t.scattered = true
	}
}

// agreed takes the keys of the handshake.
func (t *transport) agreed(k srtp.SessionKeys, profile srtp.ProtectionProfile) {
	in, err := srtp.CreateContext(k.RemoteMasterKey, k.RemoteMasterSalt, profile,
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return // pion will find the same, and the connection fails
	}
	out, err := srtp.CreateContext(k.LocalMasterKey, k.LocalMasterSalt, profile)
	if err != nil {
		return
	}
	t.in.Lock()
	t.inbound = in
	t.in.Unlock()
	t.out.Lock()
	t.outbound = out
	t.out.Unlock()
}

// replayWindow is in packets: late ones are asked for for a second and more.
const replayWindow = 1024

// early is a packet that came before the handshake had ended.
type early struct {
	from   way
	packet []byte
}

// begin lets packets through: the handshake has ended well. A connection that
// works again after it was disconnected begins anew.
func (t *transport) begin() {
	t.in.Lock()
	if !t.open.Swap(true) {
		now := time.Now()
		for _, e := range t.early {
			t.take(e.packet, e.from, now)
		}
		t.early = nil
		t.handshaken()
	}
	t.in.Unlock()
	t.paused.Store(false)
}

// handshaken takes the handshake as proof of the address that our half of it was
// sent to, if that was one: without it the peer could not have gone on.
func (t *transport) handshaken() {
	t.waysMu.Lock()
	defer t.waysMu.Unlock()
	o := t.greeted
	t.greeted = nil
	if o == nil || t.scattered || t.closed {
		return
	}
	o.remote.proven.Store(true)
	if w := t.way.Load(); w == nil || !w.proven() {
		t.way.Store(&way{udp: o})
	}
}

// pause stops sending until begin is called again: nobody may be there any more.
func (t *transport) pause() { t.paused.Store(true) }

// ready is where packets may be sent now, or nil.
func (t *transport) ready() *way {
	if !t.open.Load() || t.paused.Load() {
		return nil
	}
	return t.way.Load()
}

// packet takes a protected packet off the wire. b is the caller's again when it
// returns, and has changed.
func (t *transport) packet(b []byte, from way, now time.Time) {
	if len(b) > maxRTCP || len(b) > maxRTP && isRTP(b) {
		return
	}
	t.in.Lock()
	defer t.in.Unlock()
	if !t.open.Load() {
		if len(t.early) < maxEarly && t.inbound != nil {
			t.early = append(t.early, early{from, append([]byte(nil), b...)})
		}
		return
	}
	t.take(b, from, now)
}

// take decrypts a packet and passes it on. The caller holds in.
func (t *transport) take(b []byte, from way, now time.Time) {
	if t.inbound == nil {
		return
	}
	media := isRTP(b)
	var plain []byte
	var packets []rtcp.Packet
	var err error
	if media {
		plain, err = t.openRTP(b)
	} else {
		packets, err = t.openRTCP(b)
	}
	if err != nil {
		return
	}
	t.heard.Store(clock.Nano(now))
	if w := t.way.Load(); w == nil || !w.is(from) || !w.proven() {
		t.move(from)
	}
	if media {
		t.rtp(plain, now)
	} else {
		t.rtcp(packets, now)
	}
}

// openRTP decrypts a packet in place.
func (t *transport) openRTP(b []byte) (plain []byte, err error) {
	defer crash.Catch(crash.Media, "", &err)
	return t.inbound.DecryptRTP(b, b, &t.header)
}

// openRTCP decrypts a compound packet in place and parses it.
func (t *transport) openRTCP(b []byte) (packets []rtcp.Packet, err error) {
	defer crash.Catch(crash.Media, "", &err)
	plain, err := t.inbound.DecryptRTCP(b, b, nil)
	if err != nil {
		return nil, err
	}
	if !modest(plain) {
		return nil, errImmodest
	}
	return rtcp.Unmarshal(plain)
}

// maxStatuses is for how many packets the reports of one compound packet may
// speak: more than leave within several reports. A few bytes can claim 65,535,
// for each of which the library takes memory.
const maxStatuses = 4096

var errImmodest = errors.New("rtcp: reports of too many packets")

// modest tells that the transport-wide reports of a compound packet speak of no
// more packets than any real ones do.
func modest(b []byte) bool {
	statuses := 0
	for len(b) >= 4 {
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		const feedback, congestion = 205, 15 // RTPFB, and its format
		if b[1] == feedback && b[0]&0x1f == congestion && len(b) >= 16 {
			if statuses += int(binary.BigEndian.Uint16(b[14:])); statuses > maxStatuses {
				return false
			}
		}
		if size > len(b) {
			break
		}
		b = b[size:]
	}
	return true
}

// sendRTP protects a packet; it leaves with the next flush, marked as sound or
// as a picture.
func (t *transport) sendRTP(h *rtp.Header, payload []byte, voice bool) error {
	w := t.ready()
	if w == nil {
		return errNoWay
	}
	t.out.Lock()
	defer t.out.Unlock()
	if t.outbound == nil {
		return errNoWay
	}
	size := h.MarshalSize() + len(payload) + int(h.PaddingSize)
	if w.udp == nil {
		b := make([]byte, size, size+overhead)
		if err := t.protect(b, h, payload); err != nil {
			return err
		}
		b, err := t.outbound.EncryptRTP(b[:0], b, &t.sending)
		if err != nil {
			return err
		}
		return w.send(b)
	}
	o := w.udp
	if !o.remote.maySend(size + overhead) {
		return errNoWay
	}
	o.mu.Lock()
	b := o.room(size+overhead, &t.engine.conn.spares)[:size]
	err := t.protect(b, h, payload)
	if err == nil {
		if b, err = t.outbound.EncryptRTP(b[:0], b, &t.sending); err == nil {
			o.commit(len(b), voice)
		}
	}
	dirty := err == nil && !o.queued
	o.queued = o.queued || dirty
	o.mu.Unlock()
	if dirty {
		t.engine.conn.queue(o)
	}
	return err
}

// send sends one packet where there is no outlet.
func (w *way) send(b []byte) error {
	if w.tcp != nil {
		return w.tcp.frame(b)
	}
	_, err := w.other.Write(b)
	return err
}

// protect writes a packet, still in clear, to b.
func (t *transport) protect(b []byte, h *rtp.Header, payload []byte) error {
	n, err := h.MarshalTo(b)
	if err == nil {
		n += copy(b[n:], payload)
		clear(b[n:])
		if h.PaddingSize > 0 { // RFC 3550 §5.1
			b[len(b)-1] = h.PaddingSize
		}
	}
	return err
}

// close stops taking packets.
func (t *transport) close() {
	t.open.Store(false)
	t.waysMu.Lock()
	t.closed = true
	t.waysMu.Unlock()
	// Whoever handles a packet just now is waited for.
	t.in.Lock()
	t.inbound, t.early = nil, nil
	t.in.Unlock()
	t.out.Lock()
	t.outbound = nil
	t.out.Unlock()
}

// forget ends the ICE sessions, once pion has said goodbye to the peer.
func (t *transport) forget() {
	t.waysMu.Lock()
	defer t.waysMu.Unlock()
	for i, s := range t.sessions {
		if s != nil {
			t.engine.conn.forget(s)
			t.sessions[i] = nil
		}
	}
}

// flush sends what waits.
func (t *transport) flush() { t.engine.conn.flush() }

// maxCompound is how large a compound packet of RTCP is made, in bytes: with its index,
// tag and the header of a TURN channel it passes every path.
const maxCompound = inet.MaxUDPPayload - 4 - 16 - 4

// sendRTCP protects and sends at once, in as many compound packets as it takes.
func (t *transport) sendRTCP(packets ...rtcp.Packet) error {
	var compound []byte
	var failed error
	for _, p := range packets {
		one, err := p.Marshal()
		if err != nil {
			return err
		}
		if len(compound) > 0 && len(compound)+len(one) > maxCompound {
			failed = errors.Join(failed, t.sendCompound(compound))
			compound = nil
		}
		compound = append(compound, one...)
	}
	return errors.Join(failed, t.sendCompound(compound))
}

func (t *transport) sendCompound(plain []byte) error {
	w := t.ready()
	if w == nil {
		return errNoWay
	}
	t.out.Lock()
	defer t.out.Unlock()
	if t.outbound == nil {
		return errNoWay
	}
	b, err := t.outbound.EncryptRTCP(t.control[:0], plain, nil)
	if err != nil {
		return err
	}
	t.control = b
	if w.udp == nil {
		return w.send(b)
	}
	if !w.udp.remote.maySend(len(b)) {
		return errNoWay
	}
	return t.engine.conn.sendNow(w.udp, b)
}

var errNoWay = ice.ErrNoCandidatePairs
