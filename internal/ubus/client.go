package ubus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// connectTimeout bounds the connection and ubusd's first message.
	connectTimeout = 5 * time.Second
	// requestTimeout bounds the answers of ubusd itself.
	requestTimeout = 5 * time.Second
	// goodbyeTimeout bounds how long Close waits for ubusd.
	goodbyeTimeout = time.Second
)

// Client is a connection to the bus, made anew whenever ubusd restarts. Set the
// exported fields, Start, and Close. Without a bus it waits for one, and does no
// harm. Methods are safe for concurrent use.
type Client struct {
	// Path of ubusd's socket. Empty: where OpenWrt has it, /var/run/ubus/ubus.sock
	// or, in old releases, /var/run/ubus.sock.
	Path string
	// Object is the name that Methods are published by. Empty: none.
	Object  string
	Methods map[string]Method
	Log     *slog.Logger

	// retryFirst and retryMost bound the time between two attempts; 0: 1 s and 30 s.
	retryFirst, retryMost time.Duration

	session atomic.Pointer[session] // nil while there is no bus
	stop    context.CancelFunc
	running sync.WaitGroup
	lastErr string // what was logged
}

// Start begins to connect, and does not wait for it.
func (c *Client) Start() {
	if c.retryFirst == 0 {
		c.retryFirst, c.retryMost = time.Second, 30*time.Second
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.running.Go(func() { c.run(ctx) })
}

// Close takes the object off the bus and ends the connection. Calls that are
// under way are told to end, and answered with StatusConnectionFailed if they
// have not; events that were sent are delivered. It waits for the handlers, as
// long as ctx lasts.
func (c *Client) Close(ctx context.Context) error {
	if c.stop == nil {
		return nil
	}
	c.stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.running.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("ubus: a call is still under way: %w", ctx.Err())
	}
}

// Connected says whether the bus is there.
func (c *Client) Connected() bool { return c.session.Load() != nil }

// run keeps a session until ctx ends.
func (c *Client) run(ctx context.Context) {
	wait := retry{first: c.retryFirst, most: c.retryMost}
	for {
		connected, err := c.serve(ctx)
		if ctx.Err() != nil {
			return
		}
		if connected {
			wait.reset()
			c.Log.Warn("the connection to ubus is lost", "error", err)
		} else {
			c.logOnce(err)
		}
		if !wait.sleep(ctx) {
			return
		}
	}
}

// logOnce tells why there is no connection, if it is not the reason that was
// told last. No bus is no problem: most systems have none.
func (c *Client) logOnce(err error) {
	if err.Error() == c.lastErr {
		return
	}
	c.lastErr = err.Error()
	if errors.Is(err, fs.ErrNotExist) {
		c.Log.Debug("there is no ubus", "error", err)
		return
	}
	c.Log.Warn("cannot connect to ubus", "error", err)
}

// serve is one connection, from its beginning to its end.
func (c *Client) serve(ctx context.Context) (connected bool, err error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return false, err
	}
	c.lastErr = ""
	c.Log.Info("connected to ubus", "socket", conn.RemoteAddr().String())
	s := newSession(c, conn)
	s.start(ctx)
	c.session.Store(s)
	err = s.read()
	c.session.Store(nil)
	s.end(err)
	return true, err
}

// connect returns the connection after ubusd has greeted.
func (c *Client) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	paths := []string{c.Path}
	if c.Path == "" {
		paths = []string{"/var/run/ubus/ubus.sock", "/var/run/ubus.sock"}
	}
	var dialer net.Dialer
	var first error
	for _, path := range paths {
		conn, err := dialer.DialContext(ctx, "unix", path)
		if err != nil {
			if first == nil || errors.Is(first, fs.ErrNotExist) {
				first = err
			}
			continue
		}
		if err := hello(ctx, conn); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return conn, nil
	}
	return nil, first
}

// hello reads ubusd's first message.
func hello(ctx context.Context, conn net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	m, err := readMessage(conn)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("waiting for ubusd's greeting: %w", err)
	}
	if m.kind != messageHello {
		return fmt.Errorf("ubusd began with a message of type %d instead of a greeting", m.kind)
	}
	return nil
}

// retry is the time between two attempts: it doubles, and varies by a fifth.
type retry struct {
	first, most, next time.Duration
}

func (r *retry) reset() { r.next = 0 }

// sleep waits; it is false when ctx ended.
func (r *retry) sleep(ctx context.Context) bool {
	r.next = min(max(r.first, 2*r.next), r.most)
	timer := time.NewTimer(r.next*4/5 + rand.N(r.next*2/5))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
