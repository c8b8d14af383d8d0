package httpd

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// splitConn is a connection that turns out to be TLS or plain when it is first
// read.
type splitConn struct {
	net.Conn
	tls *tls.Config

	once sync.Once
	in   atomic.Pointer[net.Conn] // what is read and written; set by decide
	err  error
}

// Secure tells that the connection is TLS. It is known once something was read.
func (c *splitConn) Secure() bool {
	in := c.in.Load()
	if in == nil {
		return false
	}
	_, ok := (*in).(*tls.Conn)
	return ok
}

func (c *splitConn) decide() {
	var first [1]byte
	n, err := c.Conn.Read(first[:])
	if err != nil || n == 0 {
		c.err = cmp.Or(err, io.ErrUnexpectedEOF)
		return
	}
	var in net.Conn
	replayed := &replayConn{Conn: c.Conn, first: first[0], pending: true}
	const handshakeRecord = 22 // RFC 8446 §5.1
	if first[0] == handshakeRecord {
		in = tls.Server(replayed, c.tls)
	} else {
		in = replayed
	}
	c.in.Store(&in)
}

func (c *splitConn) Read(b []byte) (int, error) {
	c.once.Do(c.decide)
	if c.err != nil {
		return 0, c.err
	}
	return (*c.in.Load()).Read(b)
}

func (c *splitConn) Write(b []byte) (int, error) {
	c.once.Do(c.decide)
	if c.err != nil {
		return 0, c.err
	}
	return (*c.in.Load()).Write(b)
}

// Close does not wait for a first read.
func (c *splitConn) Close() error {
	if in := c.in.Load(); in != nil {
		return (*in).Close()
	}
	return c.Conn.Close()
}

// replayConn gives the byte back that was looked at.
type replayConn struct {
	net.Conn
	first   byte
	pending bool
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

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// plainOnTLSPort tells that a request came unprotected to a port that has TLS.
func plainOnTLSPort(ctx context.Context) bool {
	c, ok := ctx.Value(connKey{}).(*splitConn)
	return ok && !c.Secure()
}
