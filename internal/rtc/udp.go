package rtc

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// mediaConn is the UDP socket of the media port, on every address of the
// machine at once. What it sends leaves from the address to which the peer
// sent, whatever route the kernel would take: on an access point with several
// networks a reply from another address is one that ICE throws away.
//
// Media does not pass through ReadFrom and WriteTo: what comes in is handed to
// the transport of its peer, what goes out waits in outlets for flush, so that
// what belongs together leaves together.
type mediaConn struct {
	*net.UDPConn
	kernel *kernel
	v4only bool
	// segments tells that the kernel can cut a datagram into many (UDP_SEGMENT).
	segments bool

	mu sync.RWMutex
	// outlets by the address of the peer, and sessions by the local username
	// fragment: each outlet belongs to one session.
	outlets  map[netip.AddrPort]*outlet
	sessions map[string]*iceSession
	dropped  atomic.Uint64 // packets that admit has refused

	dirtyMu sync.Mutex
	dirty   []*outlet // those in which something waits
	waiting atomic.Bool
	batches sync.Pool
	spares  spares
	full    atomic.Bool // the socket is; drain will flush
	stalled chan struct{}

	drainer sync.WaitGroup
	once    sync.Once
	closed  chan struct{}

	intake intake
}

// listenMedia opens the port, both families where the machine has both.
func listenMedia(port int) (*mediaConn, error) {
	segments := false
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			// One of the two fails on a socket of the other family, and one that
			// has neither still works on a machine with one address.
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
			// Publishers other than browsers send packets of any size. Routers on a
			// narrow path may cut those of IPv4, instead of dropping them.
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
			// Kernels before 4.18 know neither, those before 5.0 not the second.
			_, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
			segments = err == nil
			_ = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 1)
		})
	}}
	conn, err := lc.ListenPacket(context.Background(), "udp", ":"+strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	udp := conn.(*net.UDPConn)
	raw, err := udp.SyscallConn()
	if err == nil {
		err = raw.Control(enlarge)
	}
	if err != nil {
		return nil, errors.Join(err, udp.Close())
	}
	c := &mediaConn{
		UDPConn: udp, v4only: udp.LocalAddr().(*net.UDPAddr).IP.To4() != nil, segments: segments,
		outlets: map[netip.AddrPort]*outlet{}, sessions: map[string]*iceSession{},
	}
	c.batches.New = newBatch
	c.kernel = newKernel(raw)
	c.stalled, c.closed = make(chan struct{}, 1), make(chan struct{})
	c.intake.start()
	c.drainer.Go(c.drain)
	return c, nil
}

// Close closes the socket, and waits for who sends on it by itself.
func (c *mediaConn) Close() error {
	err := c.UDPConn.Close()
	c.once.Do(func() { close(c.closed) })
	c.drainer.Wait()
	return err
}

const socketBuffer = 2 << 20 // bytes

// enlarge gives a socket room for bursts. The kernel may give less to who is not
// its administrator; then bursts take longer, or lose packets on the way in.
func enlarge(fd uintptr) {
	for _, o := range [...]struct{ force, ask int }{
		{unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}, {unix.SO_RCVBUFFORCE, unix.SO_RCVBUF},
	} {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o.force, socketBuffer) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o.ask, socketBuffer)
		}
	}
}

// ReadFrom implements net.PacketConn.
func (c *mediaConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (c *mediaConn) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, errStranger
	}
	return c.WriteToAddrPort(b, a.AddrPort())
}

// errStranger is returned for packets to an address that may get none, or no more
// before it has proven itself.
var errStranger = errors.New("media port: nothing is sent to an address that has not proven itself")

// WriteToAddrPort sends one packet of STUN or DTLS. It leaves only to an address
// of a session, and before that is proven only so much of it: the address of a
// packet can be forged.
func (c *mediaConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	o := c.peer(to)
	if o == nil {
		return 0, errStranger
	}
	if !isSTUN(b) {
		return c.writeDTLS(b, o)
	}
	return c.write(b, o)
}

// writeDTLS sends a packet of DTLS to where the peer's came from, or to o.
func (c *mediaConn) writeDTLS(b []byte, o *outlet) (int, error) {
	t := o.remote.session.transport
	switch d := o.remote.session.answersTo(); {
	case d == nil:
	case d.tcp != nil:
		t.handshake(nil)
		return len(b), d.tcp.frame(b)
	default:
		o = d.udp
	}
	t.handshake(o)
	n, err := c.write(b, o)
	if errors.Is(err, errStranger) {
		o.remote.hold(b)
	}
	return n, err
}

func (c *mediaConn) write(b []byte, o *outlet) (int, error) {
	if !o.remote.maySend(len(b)) {
		return 0, errStranger
	}
	n, _, err := c.WriteMsgUDPAddrPort(b, o.source, o.addr.AddrPort())
	return n, err
}

// isMedia tells RTP and RTCP from DTLS and STUN (RFC 7983 §7).
func isMedia(b []byte) bool { return len(b) > 0 && b[0]>>6 == 2 }

// isRTP tells RTP from RTCP (RFC 5761 §4).
func isRTP(b []byte) bool { return len(b) >= 12 && (b[1] < 192 || b[1] > 223) }

// key is one peer whichever way its IPv4 address is written.
func key(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// peer returns the outlet for an address of a session, or nil.
func (c *mediaConn) peer(to netip.AddrPort) *outlet {
	k := key(to)
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.outlets[k]
}

// destination reads to which of our addresses a packet was sent.
func destination(oob []byte) (netip.Addr, bool) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return netip.Addr{}, false
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= 16:
			return netip.AddrFrom16([16]byte(m.Data[:16])), true
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= 12:
			// struct in_pktinfo: interface, local address, address in the header
			return netip.AddrFrom4([4]byte(m.Data[8:12])), true
		}
	}
	return netip.Addr{}, false
}
