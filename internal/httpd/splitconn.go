package httpd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"umbrella/internal/access"
)

// splitConn is a connection that turns out to be TLS or plain, and HTTP or TURN,
// when it is first read.
type splitConn struct {
	net.Conn
	tls   *tls.Config    // nil where there is no TLS
	relay func(net.Conn) // takes what speaks TURN; nil where nobody does
	// declined is told when a node ends the TLS handshake, and why; may be nil.
	declined func(from net.Addr, why error)
	hello    *replayConn // below TLS

	once sync.Once
	in   atomic.Pointer[inner] // what is read and written; set by decide
	err  error
	// gone: the relay has it, and the web server is to leave it alone.
	gone atomic.Bool
}

type inner struct {
	net.Conn
	secure bool
}

// Secure tells that the connection is TLS. It is known once something was read.
func (c *splitConn) Secure() bool {
	in := c.in.Load()
	return in != nil && in.secure
}

func (c *splitConn) decide() {
	in := inner{Conn: c.Conn}
	first, err := in.peek()
	const handshakeRecord = 22 // RFC 8446 §5.1
	if err == nil && first == handshakeRecord && c.tls != nil {
		c.hello, _ = in.Conn.(*replayConn)
		in = inner{Conn: tls.Server(in.Conn, c.tls), secure: true}
		if c.relay != nil {
			first, err = in.peek()
			c.failed(err)
		}
	}
	if err != nil {
		c.err = err
		return
	}
	if c.relay != nil && speaksTURN(first) {
		c.gone.Store(true)
		c.err = io.EOF // to the web server, the client has thought better of it
		_ = in.SetDeadline(time.Time{})
		c.relay(in.Conn)
		return
	}
	c.in.Store(&in)
}

// speaksTURN tells by the first byte: that of every STUN message, with which TURN
// begins (RFC 8489 §5). Nothing of HTTP begins with it.
func speaksTURN(first byte) bool { return first>>6 == 0 && first < 4 }

// peek looks at the first byte, and leaves it there.
func (in *inner) peek() (byte, error) {
	var first [1]byte
	n, err := in.Conn.Read(first[:])
	if err != nil || n == 0 {
		return 0, cmp.Or(err, io.ErrUnexpectedEOF)
	}
	in.Conn = &replayConn{Conn: in.Conn, first: first[0], pending: true}
	return first[0], nil
}

func (c *splitConn) Read(b []byte) (int, error) {
	c.once.Do(c.decide)
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.in.Load().Read(b)
	c.failed(err)
	return n, err
}

// failed tells of a node that ended the TLS handshake: it does not take the
// certificate.
func (c *splitConn) failed(err error) {
	var alert *net.OpError
	if c.declined != nil && c.hello != nil && c.hello.node && errors.As(err, &alert) && alert.Op == "remote error" {
		c.hello.node = false // once
		c.declined(c.RemoteAddr(), alert.Err)
	}
}

func (c *splitConn) Write(b []byte) (int, error) {
	c.once.Do(c.decide)
	if c.err != nil {
		return 0, c.err
	}
	return c.in.Load().Write(b)
}

// Close does not wait for a first read.
func (c *splitConn) Close() error {
	if c.gone.Load() {
		return nil
	}
	if in := c.in.Load(); in != nil {
		return in.Close()
	}
	return c.Conn.Close()
}

// SetDeadline implements net.Conn.
func (c *splitConn) SetDeadline(t time.Time) error { return c.limit(c.Conn.SetDeadline, t) }

// SetReadDeadline implements net.Conn.
func (c *splitConn) SetReadDeadline(t time.Time) error { return c.limit(c.Conn.SetReadDeadline, t) }

// SetWriteDeadline implements net.Conn.
func (c *splitConn) SetWriteDeadline(t time.Time) error { return c.limit(c.Conn.SetWriteDeadline, t) }

func (c *splitConn) limit(set func(time.Time) error, t time.Time) error {
	if c.gone.Load() {
		return nil
	}
	return set(t)
}

// replayConn gives the byte back that was looked at.
type replayConn struct {
	net.Conn
	first   byte
	pending bool
	node    bool // the TLS handshake that is under way is one of a node
}

// tellingNodes makes a configuration note the handshakes of nodes: they offer the
// protocol of trunks (ALPN, RFC 7301), which is never chosen, besides HTTP.
func tellingNodes(c *tls.Config, trunkProtocol string) {
	next := c.GetConfigForClient
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if conn, ok := hello.Conn.(*replayConn); ok {
			conn.node = trunkProtocol != "" && slices.Contains(hello.SupportedProtos, trunkProtocol)
		}
		if next == nil {
			return nil, nil
		}
		return next(hello)
	}
}

func (c *replayConn) Read(b []byte) (int, error) {
	if !c.pending || len(b) == 0 {
		return c.Conn.Read(b)
	}
	c.pending = false
	b[0] = c.first
	return 1, nil
}

// connKey finds the connection of a request.
type connKey struct{}

// withConn lets a request know its connection, and the gate whether that is TLS.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if split, ok := c.(*splitConn); ok {
		ctx = access.WithSecure(ctx, split.Secure)
	}
	return context.WithValue(ctx, connKey{}, c)
}

// plainOnTLSPort tells that a request came unprotected to a port that has TLS.
func plainOnTLSPort(ctx context.Context) bool {
	c, ok := ctx.Value(connKey{}).(*splitConn)
	return ok && c.tls != nil && !c.Secure()
}
