package bound

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Listener closes connections of a client that has too many, and goes on after
// errors: it ends when it is closed, and not before.
type Listener struct {
	net.Listener
	// admit counts a connection until release is called; false for one that is too
	// many.
	admit func(from net.Addr) (release func(), ok bool)
	log   *slog.Logger

	once   sync.Once
	closed chan struct{}
}

const (
	firstPause   = 5 * time.Millisecond
	longestPause = time.Second
)

// NewListener makes a Listener of what l accepts. admit says whether a connection is
// one too many, and counts it until release is called.
func NewListener(l net.Listener, admit func(from net.Addr) (release func(), ok bool), log *slog.Logger) *Listener {
	return &Listener{Listener: l, admit: admit, log: log, closed: make(chan struct{})}
}

// Accept implements net.Listener. What goes wrong, such as that the process has no
// descriptor left, passes: it waits, and tries again.
func (l *Listener) Accept() (net.Conn, error) {
	pause := firstPause
	for {
		c, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil {
			l.log.Warn("a connection cannot be taken", "error", err)
			select {
			case <-l.closed:
				return nil, net.ErrClosed
			case <-time.After(pause):
			}
			pause = min(2*pause, longestPause)
			continue
		}
		pause = firstPause
		if release, ok := l.admit(c.RemoteAddr()); ok {
			return &countedConn{Conn: c, release: release}, nil
		}
		_ = c.Close()
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// countedConn counts while it is open.
type countedConn struct {
	net.Conn
	release func()
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	err := c.Conn.Close()
	c.release()
	return err
}
