package turn

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
)

// generator makes the legs of the relay that lead to the media port.
type generator struct{ r *Relay }

// Validate implements turn.RelayAddressGenerator.
func (generator) Validate() error { return nil }

var errNotHere = errors.New("this relay does only what calls need: UDP, to the node itself")

// AllocatePacketConn implements turn.RelayAddressGenerator. No port can be asked
// for: nobody but the node sends to it.
func (g generator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.UserID == "" || c.RequestedPort != 0 {
		return nil, nil, errNotHere
	}
	port, addresses := g.r.Media()
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	// By loopback, whatever address the peer knows: the node may not reach its own
	// public one.
	conn, err := net.DialUDP("udp4", nil, to)
	if err != nil {
		return nil, nil, err
	}
	_ = conn.SetReadBuffer(readBuffer)                                                           // the kernel may give less
	told := &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: conn.LocalAddr().(*net.UDPAddr).Port} // RFC 5737
	if c.Network == "udp6" {
		told.IP = net.ParseIP("2001:db8::1") // RFC 3849
	}
	for _, a := range addresses {
		if a = a.Unmap(); a.Is6() == (c.Network == "udp6") && !a.IsLoopback() {
			told.IP = a.AsSlice()
			break
		}
	}
	return &leg{UDPConn: conn, relay: g.r, port: port}, told, nil
}

// readBuffer is in bytes: a keyframe waits in it while TCP is slow.
const readBuffer = 512 << 10

// AllocateListener implements turn.RelayAddressGenerator.
func (generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNotHere
}

// AllocateConn implements turn.RelayAddressGenerator.
func (generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errNotHere }

// leg is what an allocation sends and receives by: a socket that is connected to
// the media port. Its peer is the first address of the node that is sent to; the
// others are the same port, and two at once would only be mixed up there.
type leg struct {
	*net.UDPConn
	relay *Relay
	port  int

	mu   sync.Mutex
	peer *net.UDPAddr // nil before the first packet
}

// ReadFrom implements net.PacketConn.
func (l *leg) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := l.UDPConn.Read(b)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.peer == nil {
		err = net.ErrClosed // nothing was sent that could be answered
	}
	return n, l.peer, err
}

// WriteTo implements net.PacketConn. What is for anybody but the node is lost, as
// on a network that does not lead there.
func (l *leg) WriteTo(b []byte, to net.Addr) (int, error) {
	if !l.leadsTo(to) {
		return len(b), nil
	}
	if _, err := l.UDPConn.Write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (l *leg) leadsTo(to net.Addr) bool {
	a, ok := to.(*net.UDPAddr)
	if !ok || a.Port != l.port {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peer == nil {
		if !l.relay.ours(a.IP) {
			return false
		}
		l.peer = &net.UDPAddr{IP: append(net.IP(nil), a.IP...), Port: a.Port}
	}
	return sameAddr(l.peer.IP, a.IP)
}

func sameAddr(a, b net.IP) bool {
	x, ok := netip.AddrFromSlice(a)
	y, ok2 := netip.AddrFromSlice(b)
	return ok && ok2 && x.Unmap() == y.Unmap()
}
