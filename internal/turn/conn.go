package turn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// conn is one connection of a peer. Each Read returns one whole frame: what comes
// in crumbs or claims to be huge is not the server's to deal with.
type conn struct {
	net.Conn
	relay *Relay
	began time.Time
	known atomic.Bool // it has an allocation
	once  sync.Once
	// makeKnown ends that it is a stranger.
	makeKnown func()
	// counted are the quotas that its allocation counts for; with mu of the relay.
	counted []quota
}

func newConn(c net.Conn, r *Relay) *conn { return &conn{Conn: c, relay: r, began: time.Now()} }

// maxFrame is the most that a peer may send as one frame, in bytes: what a network
// carries, and what stands around it.
const maxFrame = 2000

var errFrame = errors.New("not a frame of TURN")

// Read returns one frame; b has room for maxFrame bytes.
func (c *conn) Read(b []byte) (int, error) {
	deadline := c.began.Add(c.relay.patience)
	if c.known.Load() {
		deadline = time.Now().Add(idleTimeout)
	}
	if err := c.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	return readFrame(c.Conn, b)
}

// readFrame reads a STUN message (RFC 8489 §5) or ChannelData (RFC 8656 §12.5,
// padded as it is on TCP) into b.
func readFrame(from io.Reader, b []byte) (int, error) {
	const header = 4
	if len(b) < maxFrame {
		return 0, io.ErrShortBuffer
	}
	if _, err := io.ReadFull(from, b[:header]); err != nil {
		return 0, err
	}
	size := int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[0]>>6 == 0 && size%4 == 0:
		size += 20
	case b[0]>>4 == 4:
		size = header + (size+3)&^3
	default:
		return 0, errFrame
	}
	if size > maxFrame {
		return 0, fmt.Errorf("%w: %d bytes", errFrame, size)
	}
	_, err := io.ReadFull(from, b[header:size])
	return size, err
}

// Write does not wait for ever for a peer that does not read.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if err != nil {
		// The rest of a frame is lost, and with it where the next one begins.
		_ = c.Conn.Close()
	}
	return n, err
}

// Close is the last that the server does with a connection.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.relay.forget(c) })
	return err
}
