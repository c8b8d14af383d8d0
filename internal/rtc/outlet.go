package rtc

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// outlet is one peer of the media port, and the RTP that waits to leave for it.
type outlet struct {
	local  netip.Addr // to which the peer sends
	addr   *net.UDPAddr
	name   []byte // the same, as the kernel takes it
	source []byte // control message: leave from local
	// remote is what is known of the address. All outlets of one address have the
	// same: a peer that looks for a way sends to several of our addresses, and in
	// the end media to one of them.
	remote *remoteAddress

	mu sync.Mutex
	// control messages of RTP: source, mark and, at the end, segment size. They
	// are made for the first packet: a peer that only knocks takes little.
	voice, video []byte
	queued       bool // stands in mediaConn.dirty
	whole        bool // the way there takes no segments
	buf          []byte
	runs         []run
}

// run is packets that leave in one datagram, to be cut by the kernel: all but
// the last of them are of one size.
type run struct {
	begin, end int // in outlet.buf
	segment    int
	packets    int
	voice      bool
	closed     bool // the last one was shorter
}

const (
	// Marks (RFC 8837 §5), for the air (RFC 8325) and for queues on the way:
	// sound is expedited, pictures are assured. In the form of the TOS octet.
	markVoice = 46 << 2 // EF
	markVideo = 34 << 2 // AF41

	// What the kernel takes in one datagram (UDP_MAX_SEGMENTS, and an IP packet
	// less its headers).
	maxSegments = 64
	maxRun      = 65000 // bytes

	// maxKept bounds what waits for one peer; a whole burst is well below.
	maxKept = 128 << 10 // bytes
	// batchMessages is how many datagrams one system call sends at most.
	batchMessages = 64
)

func (c *mediaConn) newOutlet(to netip.AddrPort, local netip.Addr, remote *remoteAddress) *outlet {
	o := &outlet{
		local: local, whole: !c.segments, addr: net.UDPAddrFromAddrPort(to), name: sockaddr(to),
		remote: remote,
	}
	if c.v4only {
		o.source = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: local.Unmap().As4()})
	} else {
		o.source = unix.PktInfo6(&unix.Inet6Pktinfo{Addr: local.As16()})
	}
	return o
}

// makeControl makes the control messages. The caller holds mu.
func (o *outlet) makeControl() {
	level, typ := unix.IPPROTO_IP, unix.IP_TOS
	if o.addr.IP.To4() == nil {
		level, typ = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	control := func(mark uint32) []byte {
		b := append([]byte(nil), o.source...)
		b = appendControl(b, level, typ, binary.NativeEndian.AppendUint32(nil, mark))
		return appendControl(b, unix.SOL_UDP, unix.UDP_SEGMENT, make([]byte, 2))
	}
	o.voice, o.video = control(markVoice), control(markVideo)
}

// segmentSpace is how long the control message at the end of the two is.
var segmentSpace = unix.CmsgSpace(2)

// spares is memory for what waits, shared by all peers: something waits for few
// of them at a time.
type spares struct {
	mu   sync.Mutex
	list [][]byte
}

const (
	maxSpares    = 64
	maxSpareSize = 64 << 10 // bytes; more is for the garbage collector
)

func (s *spares) take() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.list)
	if n == 0 {
		return nil
	}
	b := s.list[n-1]
	s.list[n-1] = nil
	s.list = s.list[:n-1]
	return b
}

func (s *spares) give(b []byte) {
	if cap(b) == 0 || cap(b) > maxSpareSize {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) < maxSpares {
		s.list = append(s.list, b[:0])
	}
}

// room returns memory for a packet of that size, behind those that wait. The
// caller holds mu.
func (o *outlet) room(size int, s *spares) []byte {
	if o.buf == nil {
		o.buf = s.take()
	}
	if o.voice == nil {
		o.makeControl()
	}
	if len(o.buf)+size > maxKept {
		// Nobody flushes. The oldest are late by now.
		o.buf, o.runs = o.buf[:0], o.runs[:0]
	}
	o.buf = slices.Grow(o.buf, size)
	return o.buf[len(o.buf) : len(o.buf)+size]
}

// commit keeps the packet that was written to room until flush; voice tells
// that it carries sound. The caller holds mu.
func (o *outlet) commit(size int, voice bool) {
	begin := len(o.buf)
	end := begin + size
	o.buf = o.buf[:end]
	if n := len(o.runs); n > 0 && o.runs[n-1].takes(size, voice) {
		r := &o.runs[n-1]
		r.end, r.closed = end, size < r.segment
		r.packets++
		return
	}
	o.runs = append(o.runs, run{begin: begin, end: end, segment: size, packets: 1, voice: voice})
}

// queue says that something waits for o.
func (c *mediaConn) queue(o *outlet) {
	c.dirtyMu.Lock()
	c.dirty = append(c.dirty, o)
	c.waiting.Store(true)
	c.dirtyMu.Unlock()
}

func (r *run) takes(size int, voice bool) bool {
	return !r.closed && size <= r.segment && r.voice == voice && r.packets < maxSegments && r.end-r.begin+size <= maxRun
}
