package ubus

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	// maxRequests is how many may wait for their answer at once.
	maxRequests = 64
	// maxAnswer is how many bytes the answer to one may have, all messages
	// together: every object of a large system, described, has some 100 kB.
	maxAnswer = 4 << 20
)

// request is one that waits for its answer: any number of messages with data,
// and then one with the status.
type request struct {
	peer    uint32
	answers []*message
	size    int
	err     error
	done    chan struct{}
}

// request sends one with the attributes that fill appends, and waits for the
// answer. The error is ErrNotConnected, ErrTooMany, ErrTooLarge, ctx's, or the
// Status.
func (s *session) request(ctx context.Context, kind byte, peer uint32, fill func([]byte) []byte) ([]*message, error) {
	r := &request{peer: peer, done: make(chan struct{})}
	seq, err := s.addRequest(r)
	if err != nil {
		return nil, err
	}
	defer s.dropRequest(seq)
	if err := s.write(fill(newMessage(kind, seq, peer))); err != nil {
		return nil, err
	}
	select {
	case <-r.done:
		return r.answers, r.err
	case <-ctx.Done():
	}
	select {
	case <-r.done: // just now
		return r.answers, r.err
	default:
		return nil, ctx.Err()
	}
}

func (s *session) addRequest(r *request) (uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return 0, s.ended
	}
	if len(s.requests) >= maxRequests {
		return 0, ErrTooMany
	}
	for s.seq++; s.requests[s.seq] != nil; s.seq++ {
	}
	s.requests[s.seq] = r
	return s.seq, nil
}

func (s *session) dropRequest(seq uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, seq)
}

// failRequests ends all requests, those to come too.
func (s *session) failRequests(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = err
	for seq, r := range s.requests {
		delete(s.requests, seq)
		r.finish(err)
	}
}

func (r *request) finish(err error) {
	r.err = err
	close(r.done)
}

// answered takes a message of status or data. Its sequence number alone does not
// make it an answer: any object's owner can send any number to any client, but
// not from another object.
func (s *session) answered(m *message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[m.seq]
	if r == nil || r.peer != m.peer {
		return
	}
	var err error
	if m.kind == messageData {
		r.answers = append(r.answers, m)
		for _, a := range m.attrs {
			r.size += len(a)
		}
		if r.size += 256; r.size <= maxAnswer { // 256: about what m takes itself
			return
		}
		r.answers, err = nil, ErrTooLarge
	} else if status, ok := m.uint32(attrStatus); !ok {
		err = StatusUnknownError
	} else if status != 0 {
		err = Status(status)
	}
	delete(s.requests, m.seq)
	r.finish(err)
}

// Object is one on the bus.
type Object struct {
	// Path is its name, as "hostapd.phy0-ap0".
	Path string
	// Methods that this client may call, and the types of their arguments.
	Methods map[string]map[string]Type

	id uint32
}

// Lookup lists the objects of that path that this client may call; a '*' at the
// end stands for anything. There being none is no error.
func (c *Client) Lookup(ctx context.Context, path string) ([]Object, error) {
	s := c.session.Load()
	if s == nil {
		return nil, fmt.Errorf("looking up %s: %w", path, ErrNotConnected)
	}
	objects, err := s.lookup(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("looking up %s: %w", path, err)
	}
	return objects, nil
}

func (s *session) lookup(ctx context.Context, path string) ([]Object, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answers, err := s.request(ctx, messageLookup, 0, func(b []byte) []byte {
		return appendString(b, attrObjectPath, path)
	})
	if errors.Is(err, StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var objects []Object
	for _, m := range answers {
		id, ok := m.uint32(attrObjectID)
		if !ok {
			continue
		}
		o := Object{Path: m.string(attrObjectPath), id: id}
		if err := Unmarshal(m.attrs[attrSignature], &o.Methods); err != nil {
			return nil, fmt.Errorf("%s: its methods: %w", o.Path, err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// Invoke calls a method of the object at the path. args is what Marshal takes;
// the answer goes into reply, which is what Unmarshal takes, or nil to have none.
// The error is ErrNotConnected, ErrTooMany, ErrTooLarge, ctx's, or the Status
// that the object or ubusd answered. ctx ought to be bounded: nothing else is.
func (c *Client) Invoke(ctx context.Context, path, method string, args, reply any) error {
	err := c.invokePath(ctx, path, method, args, reply)
	if err != nil {
		return fmt.Errorf("calling %s of %s: %w", method, path, err)
	}
	return nil
}

func (c *Client) invokePath(ctx context.Context, path, method string, args, reply any) error {
	s := c.session.Load()
	if s == nil {
		return ErrNotConnected
	}
	objects, err := s.lookup(ctx, path)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(objects, func(o Object) bool { return o.Path == path })
	if i < 0 {
		return StatusNotFound
	}
	return s.invoke(ctx, objects[i].id, method, args, reply)
}

func (s *session) invoke(ctx context.Context, object uint32, method string, args, reply any) error {
	data, err := Marshal(args)
	if err != nil {
		return err
	}
	answers, err := s.request(ctx, messageInvoke, object, func(b []byte) []byte {
		b = appendUint32(b, attrObjectID, object)
		b = appendString(b, attrMethod, method)
		return appendBlob(b, attrData, data)
	})
	if err != nil {
		return describe(err, answers)
	}
	if reply == nil {
		return nil
	}
	for _, m := range answers {
		if m.attrs[attrData] != nil {
			return Unmarshal(m.attrs[attrData], reply)
		}
	}
	return StatusNoData
}

// describe adds the words that came with a status, if there are any.
func describe(err error, answers []*message) error {
	for _, m := range answers {
		var reason struct {
			Error string `json:"error"`
		}
		if m.attrs[attrData] != nil && Unmarshal(m.attrs[attrData], &reason) == nil && reason.Error != "" {
			return fmt.Errorf("%w: %s", err, reason.Error)
		}
	}
	return err
}
