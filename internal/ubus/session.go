package ubus

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"umbrella/internal/crash"
)

// session is one connection to ubusd. One goroutine reads from it and never
// waits for anything but the socket, since ubusd drops what a slow reader does
// not take.
type session struct {
	client *Client
	conn   net.Conn
	events chan event

	// ctx ends with the client, and with the connection.
	ctx    context.Context
	cancel context.CancelFunc
	// late ends goodbyeTimeout after it.
	late       context.Context
	cancelLate context.CancelFunc
	parts      sync.WaitGroup // goroutines of the session, without calls

	eventsFail bool // known to the one that sends them

	writing sync.Mutex

	mu       sync.Mutex
	ended    error // why no request is taken
	seq      uint16
	requests map[uint16]*request
	object   uint32 // id of the published object; 0 while ubusd has not told it
	calls    calls
}

func newSession(c *Client, conn net.Conn) *session {
	return &session{
		client: c, conn: conn,
		events:   make(chan event, maxEvents),
		requests: map[uint16]*request{},
		calls:    calls{byPeer: map[uint32]int{}},
	}
}

// start begins all that a session does by itself but reading.
func (s *session) start(ctx context.Context) {
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.late, s.cancelLate = context.WithCancel(context.WithoutCancel(ctx))
	published := make(chan struct{})
	s.parts.Go(func() {
		defer close(published)
		s.publish()
	})
	delivered := make(chan struct{})
	s.parts.Go(func() {
		defer close(delivered)
		s.deliver()
	})
	s.parts.Go(func() {
		<-s.ctx.Done()
		defer s.cancelLate()
		defer time.AfterFunc(goodbyeTimeout, s.cancelLate).Stop()
		<-published
		<-delivered
		s.goodbye()
		_ = s.conn.Close() // which ends read
	})
}

// read takes messages until the connection ends, and tells why it did.
func (s *session) read() (err error) {
	defer crash.Contain(crash.Ubus, "", &err)
	r := bufio.NewReader(s.conn)
	for {
		m, err := readMessage(r)
		if err != nil {
			return err
		}
		switch m.kind {
		case messageData, messageStatus:
			s.answered(m)
		case messageInvoke:
			s.invoked(m)
		}
	}
}

// end is called after read, and waits for all that belongs to the session.
func (s *session) end(reason error) {
	s.failRequests(fmt.Errorf("%w: %w", ErrNotConnected, reason))
	s.cancel()
	s.parts.Wait()
	s.calls.handlers.Wait()
}

// goodbye has the calls answered and takes the object off the bus. ubusd passes
// over what it has not read when a connection ends, so its answer is awaited.
func (s *session) goodbye() {
	s.mu.Lock()
	s.calls.closed = true
	object := s.object
	s.mu.Unlock()
	s.calls.answers.Wait()
	if object == 0 {
		return
	}
	_, err := s.request(s.late, messageRemoveObject, 0, func(b []byte) []byte {
		return appendUint32(b, attrObjectID, object)
	})
	if err != nil && !errors.Is(err, ErrNotConnected) {
		s.client.Log.Debug("saying goodbye to ubus", "error", err)
	}
}

// publish puts the object on the bus, and tries again for as long as it is
// refused.
func (s *session) publish() {
	name := s.client.Object
	if name == "" {
		return
	}
	wait := retry{first: s.client.retryFirst, most: s.client.retryMost}
	for refused := false; ; refused = true {
		err := s.addObject(name)
		if err == nil {
			s.client.Log.Info("published on ubus", "object", name)
			return
		}
		if s.ctx.Err() != nil {
			return
		}
		if !refused {
			s.client.Log.Warn("cannot publish the object on ubus: another process has the name, or no ACL in /usr/share/acl.d lets this user publish it",
				"object", name, "error", err)
		}
		if !wait.sleep(s.ctx) {
			return
		}
	}
}

func (s *session) addObject(name string) error {
	signature, err := s.client.signature()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, requestTimeout)
	defer cancel()
	answers, err := s.request(ctx, messageAddObject, 0, func(b []byte) []byte {
		b = appendString(b, attrObjectPath, name)
		return appendBlob(b, attrSignature, signature)
	})
	if err != nil {
		return err
	}
	for _, m := range answers {
		if id, ok := m.uint32(attrObjectID); ok {
			s.mu.Lock()
			s.object = id
			s.mu.Unlock()
			return nil
		}
	}
	return StatusNoData
}

// write sends a message that was begun by newMessage.
func (s *session) write(b []byte) error {
	b, err := endMessage(b)
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	// ubusd takes what is sent at once; if not, it hangs.
	if err := s.conn.SetWriteDeadline(time.Now().Add(requestTimeout)); err != nil {
		return err
	}
	if _, err := s.conn.Write(b); err != nil {
		_ = s.conn.Close() // half a message may be out
		return err
	}
	return nil
}
