package inet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// retryInterval is how often a Listener looks whether it listens where its address is.
const retryInterval = 2 * time.Second

// Listen opens a TCP port whose connections send and ask for no packets larger than
// LeastMTU. The address is as net.Listen takes it, but need not be there yet: an IP
// address that no interface has is listened at as soon as one has it (IP_FREEBIND of
// ip(7)), and a name or an interface that is not known is looked for every 2 s, as is one
// that leads elsewhere by then. Connections that were accepted stay. Problem says what is
// not there.
func Listen(ctx context.Context, address string) (*Listener, error) {
	l := &Listener{address: address, conns: make(chan net.Conn), failures: make(chan error), ended: make(chan struct{})}
	if err := l.bind(ctx); err != nil {
		return nil, err
	}
	go l.keep()
	return l, nil
}

// Listener listens at an address that may come and go.
type Listener struct {
	address  string
	conns    chan net.Conn
	failures chan error
	ended    chan struct{}
	once     sync.Once

	mu      sync.Mutex
	present net.Listener // nil while the name or the interface is not known
	at      netip.AddrPort
	index   int   // of the interface that the zone of at names
	unknown error // why present is nil, or does not listen where the name leads to
}

// bind listens where the address is now. What may pass is noted, and is no error.
func (l *Listener) bind(ctx context.Context) error {
	at, index, err := resolve(ctx, l.address)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unknown = nil
	switch {
	case errors.As(err, new(notYet)):
		if l.present == nil {
			l.unknown = err
		}
		return nil
	case err != nil:
		return err
	}
	// One of several stays, unless it has gone and another is there.
	if l.present != nil && index == l.index && (l.at == at[0] || slices.Contains(at, l.at) && HasAddress(l.at.Addr())) {
		return nil
	}
	config := net.ListenConfig{Control: func(network, address string, raw syscall.RawConn) error {
		return errors.Join(freebind(raw), SmallSegments(network, address, raw))
	}}
	place := at[0].String()
	switch {
	case at[0].Addr().IsUnspecified():
		place = l.address // of both families, or of the one that there is
	case index != 0:
		// Go remembers for a minute which index a name had.
		place = netip.AddrPortFrom(at[0].Addr().WithZone(strconv.Itoa(index)), at[0].Port()).String()
	}
	next, err := config.Listen(ctx, "tcp", place)
	if err != nil {
		l.unknown = err
		return err
	}
	if l.present != nil {
		_ = l.present.Close()
	}
	l.present, l.at, l.index = next, at[0], index
	go l.accept(next)
	return nil
}

// freebind lets a socket be bound to an address that no interface has.
func freebind(raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		// Without it, only addresses that are there can be listened at. It holds for IPv6 too.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_FREEBIND, 1)
	})
}

// lookup is another one in tests.
var lookup = Lookup

// notYet is why an address is not known now, and may be later.
type notYet struct{ error }

// resolve returns the addresses that are meant, the preferred one first, and the index of
// the interface that a zone names.
func resolve(ctx context.Context, address string) (at []netip.AddrPort, index int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, 0, err
	}
	if host == "" {
		host = "::"
	}
	ip, err := netip.ParseAddr(host)
	if err == nil && ip.Zone() != "" {
		i, err := net.InterfaceByName(ip.Zone())
		if err != nil {
			return nil, 0, notYet{fmt.Errorf("there is no interface %s", ip.Zone())}
		}
		index = i.Index
	}
	list := []netip.Addr{ip}
	if err != nil {
		ctx, cancel := context.WithTimeout(ctx, retryInterval)
		defer cancel()
		if list, err = lookup(ctx, host); err != nil || len(list) == 0 {
			return nil, 0, notYet{fmt.Errorf("the name %s has no address now: %w", host, err)}
		}
		// One of this machine, where there are several.
		slices.SortStableFunc(list, func(a, b netip.Addr) int {
			switch {
			case HasAddress(a) == HasAddress(b):
				return 0
			case HasAddress(a):
				return -1
			}
			return 1
		})
	}
	for _, ip := range list {
		at = append(at, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
	}
	return at, index, nil
}

// keep looks where the address is, until the listener is closed.
func (l *Listener) keep() {
	host, _, _ := net.SplitHostPort(l.address)
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.Zone() == "" {
		return // the kernel does all of it
	}
	tick := time.NewTicker(retryInterval)
	defer tick.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
			_ = l.bind(context.Background()) // it is in Problem
		}
		select {
		case <-l.ended:
			l.closePresent()
			return
		default:
		}
	}
}

func (l *Listener) accept(from net.Listener) {
	for {
		c, err := from.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case l.failures <- err:
				continue
			case <-l.ended:
				return
			}
		}
		select {
		case l.conns <- c:
		case <-l.ended:
			_ = c.Close()
			return
		}
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.ended:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.conns:
		return c, nil
	case err := <-l.failures:
		return nil, err
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.ended) })
	return l.closePresent()
}

func (l *Listener) closePresent() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.present == nil {
		return nil
	}
	return l.present.Close()
}

// Addr implements net.Listener: a *net.TCPAddr, without an IP address where there is none
// to listen at now.
func (l *Listener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.present == nil {
		return &net.TCPAddr{}
	}
	return l.present.Addr()
}

// Problem says in words why nobody reaches the listener now, or is empty.
func (l *Listener) Problem() string {
	l.mu.Lock()
	at, unknown := l.at, l.unknown
	l.mu.Unlock()
	switch {
	case unknown != nil:
		return unknown.Error()
	case !HasAddress(at.Addr()):
		return fmt.Sprintf("no interface has the address %s now", at.Addr())
	}
	return ""
}
