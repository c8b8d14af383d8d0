package rtc

import (
	"net"
	"sync"

	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5"
)

// pion is shown one machine with one address of each family, whatever this
// machine has and however that changes: the media port is on all of them, and
// what peers are told is for addresses to say. These two never leave the
// process.
var (
	local4 = net.IPv4(192, 0, 2, 1).To4() // RFC 5737
	local6 = net.ParseIP("2001:db8::1")   // RFC 3849
)

// localNet is that machine's network. pion asks it for nothing but its
// interfaces: all it sends goes through the muxes.
type localNet struct{ transport.Net }

func (localNet) Interfaces() ([]*transport.Interface, error) {
	i := transport.NewInterface(net.Interface{Index: 1, MTU: 1500, Name: "media", Flags: net.FlagUp})
	i.AddAddress(&net.IPNet{IP: local4, Mask: net.CIDRMask(24, 32)})
	i.AddAddress(&net.IPNet{IP: local6, Mask: net.CIDRMask(64, 128)})
	return []*transport.Interface{i}, nil
}

// localMux is the media port's UDP on that machine.
type localMux struct{ *ice.UDPMuxDefault }

func (m localMux) GetListenAddresses() []net.Addr {
	port := m.LocalAddr().(*net.UDPAddr).Port
	return []net.Addr{&net.UDPAddr{IP: local4, Port: port}, &net.UDPAddr{IP: local6, Port: port}}
}

// localListener is its TCP: every connection came to one of the two.
type localListener struct {
	net.Listener
	mu   sync.Mutex
	open map[*localConn]struct{} // nil when closed
}

func newLocalListener(l net.Listener) *localListener {
	return &localListener{Listener: l, open: map[*localConn]struct{}{}}
}

func (l *localListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	lc := &localConn{Conn: c, from: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	l.open[lc] = struct{}{}
	return lc, nil
}

// closeConns closes what was accepted: pion's mux waits for connections that
// belong to no agent any more, and does not close them.
func (l *localListener) closeConns() {
	l.mu.Lock()
	open := l.open
	l.open = nil
	l.mu.Unlock()
	for c := range open {
		_ = c.Conn.Close()
	}
}

type localConn struct {
	net.Conn
	from *localListener
}

func (c *localConn) Close() error {
	c.from.mu.Lock()
	delete(c.from.open, c)
	c.from.mu.Unlock()
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
