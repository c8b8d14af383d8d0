package rtc

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
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

	way  atomic.Pointer[way]
	open atomic.Bool // the peer is who it should be

	waysMu sync.Mutex // from what a way is to what it leaves behind
	closed bool

	in      sync.Mutex
	inbound *srtp.Context
	header  rtp.Header
	early   [][]byte // came before open

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

// settle takes the way that ICE has chosen: on the media port, to a peer's
// address.
func (t *transport) settle(address string, port uint16, tcp bool) {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return
	}
	to := key(netip.AddrPortFrom(addr, port))
	t.waysMu.Lock()
	defer t.waysMu.Unlock()
	if t.closed {
		return
	}
	var w way
	if tcp {
		w.tcp = t.engine.accepted.conn(to)
		if w.tcp == nil {
			return
		}
		w.tcp.settle(t)
	} else {
		w.udp = t.engine.conn.settle(to, t)
	}
	if was := t.way.Swap(&w); was != nil && was.udp != nil && (w.udp == nil || key(was.udp.addr.AddrPort()) != to) {
		// What is still on its way from there is taken until it is forgotten.
		t.engine.conn.release(was.udp, t)
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

// begin lets packets through: the handshake has ended well.
func (t *transport) begin() {
	t.in.Lock()
	defer t.in.Unlock()
	if t.open.Swap(true) {
		return
	}
	now := time.Now()
	for _, b := range t.early {
		t.take(b, now)
	}
	t.early = nil
}

// packet takes a protected packet off the wire. b is the caller's again when it
// returns, and has changed.
func (t *transport) packet(b []byte, now time.Time) {
	if len(b) > maxRTCP || len(b) > maxRTP && isRTP(b) {
		return
	}
	t.in.Lock()
	defer t.in.Unlock()
	if !t.open.Load() {
		if len(t.early) < maxEarly && t.inbound != nil {
			t.early = append(t.early, append([]byte(nil), b...))
		}
		return
	}
	t.take(b, now)
}

func (t *transport) take(b []byte, now time.Time) {
	if t.inbound == nil {
		return
	}
	if isRTP(b) {
		if plain, err := t.inbound.DecryptRTP(b, b, &t.header); err == nil {
			t.rtp(plain, now)
		}
		return
	}
	plain, err := t.inbound.DecryptRTCP(b, b, nil)
	if err != nil || !modest(plain) {
		return
	}
	if packets, err := rtcp.Unmarshal(plain); err == nil {
		t.rtcp(packets, now)
	}
}

// maxStatuses is for how many packets the reports of one compound packet may
// speak: more than leave within several reports. A few bytes can claim 65,535,
// for each of which the library takes memory.
const maxStatuses = 4096

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
	w := t.way.Load()
	if w == nil || !t.open.Load() {
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
	if w := t.way.Load(); w != nil && w.udp != nil {
		t.engine.conn.release(w.udp, t)
		w.udp.transport.CompareAndSwap(t, nil)
	}
	t.waysMu.Unlock()
	// Whoever handles a packet just now is waited for.
	t.in.Lock()
	t.inbound, t.early = nil, nil
	t.in.Unlock()
	t.out.Lock()
	t.outbound = nil
	t.out.Unlock()
}

// flush sends what waits.
func (t *transport) flush() { t.engine.conn.flush() }

// sendRTCP protects and sends at once.
func (t *transport) sendRTCP(packets ...rtcp.Packet) error {
	w := t.way.Load()
	if w == nil || !t.open.Load() {
		return errNoWay
	}
	plain, err := rtcp.Marshal(packets)
	if err != nil {
		return err
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
	return t.engine.conn.sendNow(w.udp, b)
}

var errNoWay = ice.ErrNoCandidatePairs
