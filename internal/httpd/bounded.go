package httpd

import (
	"net"

	"umbrella/internal/access"
)

// boundedListener closes connections of a client that has too many.
type boundedListener struct {
	net.Listener
	gate *access.Gate
}

// Accept implements net.Listener.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if release, ok := l.gate.Connect(c.RemoteAddr()); ok {
			return &countedConn{Conn: c, release: release}, nil
		}
		_ = c.Close()
	}
}

// countedConn counts while it is open.
type countedConn struct {
	net.Conn
	release func()
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	c.release()
	return c.Conn.Close()
}
