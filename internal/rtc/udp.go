package rtc

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// mediaConn is the UDP socket of the media port, on every address of the
// machine at once. What it sends leaves from the address to which the peer
// sent, whatever route the kernel would take: on an access point with several
// networks a reply from another address is one that ICE throws away.
type mediaConn struct {
	*net.UDPConn
	v4only bool

	mu sync.RWMutex
	// sources are the control messages (struct in6_pktinfo or in_pktinfo) for
	// each peer, by when they were last confirmed: the young ones, and those of
	// the generation before.
	young, old map[netip.AddrPort][]byte
	turned     time.Time
}

const (
	// maxSources bounds each generation: packets from forged addresses must not
	// fill the memory. A peer that fell out is answered as the kernel likes.
	maxSources = 4096
	// sourceAge is how long a generation lasts. Peers confirm theirs with each
	// consent check, every 5 s or so (RFC 7675 §5.1).
	sourceAge = time.Minute
)

// listenMedia opens the port, both families where the machine has both.
func listenMedia(port int) (*mediaConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			// One of the two fails on a socket of the other family, and one that
			// has neither still works on a machine with one address.
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		})
	}}
	conn, err := lc.ListenPacket(context.Background(), "udp", ":"+strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	udp := conn.(*net.UDPConn)
	// The kernel may give less; a burst then costs packets, no more.
	_ = udp.SetReadBuffer(socketBuffer)
	_ = udp.SetWriteBuffer(socketBuffer)
	return &mediaConn{
		UDPConn: udp, v4only: udp.LocalAddr().(*net.UDPAddr).IP.To4() != nil,
		young: map[netip.AddrPort][]byte{}, old: map[netip.AddrPort][]byte{},
	}, nil
}

const socketBuffer = 2 << 20 // bytes

// ReadFromAddrPort reads one packet, and learns from a STUN message to
// which address its sender sends.
func (c *mediaConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	var oob [128]byte
	n, oobn, _, from, err := c.ReadMsgUDPAddrPort(b, oob[:])
	if err == nil && n >= 20 && b[0] < 4 && oobn > 0 {
		c.learn(from, oob[:oobn])
	}
	return n, from, err
}

// WriteToAddrPort sends one packet.
func (c *mediaConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	source := c.source(to)
	if source == nil {
		return c.UDPConn.WriteToUDPAddrPort(b, to)
	}
	n, _, err := c.WriteMsgUDPAddrPort(b, source, to)
	return n, err
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
		return c.UDPConn.WriteTo(b, to)
	}
	return c.WriteToAddrPort(b, a.AddrPort())
}

// key is one peer whichever way its IPv4 address is written.
func key(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func (c *mediaConn) source(to netip.AddrPort) []byte {
	k := key(to)
	c.mu.RLock()
	defer c.mu.RUnlock()
	if s := c.young[k]; s != nil {
		return s
	}
	return c.old[k]
}

func (c *mediaConn) learn(from netip.AddrPort, oob []byte) {
	local, ok := c.destination(oob)
	if !ok {
		return
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= maxSources || now.Sub(c.turned) > sourceAge {
		c.old, c.young, c.turned = c.young, map[netip.AddrPort][]byte{}, now
	}
	c.young[key(from)] = c.control(local)
}

// destination reads to which of our addresses a packet was sent.
func (c *mediaConn) destination(oob []byte) (netip.Addr, bool) {
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

// control is the message that makes a packet leave from local.
func (c *mediaConn) control(local netip.Addr) []byte {
	if c.v4only {
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: local.Unmap().As4()})
	}
	return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: local.As16()})
}
