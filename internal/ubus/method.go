package ubus

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"umbrella/internal/crash"
)

const (
	// callTimeout is how long a call may take, where its Method does not say.
	callTimeout = 10 * time.Second
	// maxCalls are under way at once, and of one process maxPeerCalls: others get
	// StatusSystemError. rpcd, for one, calls for everybody who looks at LuCI.
	maxCalls     = 32
	maxPeerCalls = 8
	// maxArguments bounds what a call brings, in bytes.
	maxArguments = 64 << 10
	// sessionArgument is what uhttpd and rpcd add to everybody's arguments.
	sessionArgument = "ubus_rpc_session"
)

// Method is one of the object's.
type Method struct {
	// Policy names the arguments and their types, as `ubus -v list` shows them.
	// Others, and other types, are refused; whether one has to be there is up to
	// Handler. Integer types are all the same here, and a Double may be whole.
	Policy map[string]Type
	// Handler answers a call; calls run side by side. The reply is what Marshal
	// takes. The caller gets the Status that the error wraps (StatusTimeout for
	// context.DeadlineExceeded, else StatusUnknownError), and its text if that is
	// more than the Status: see Errorf. It has to return when ctx ends.
	Handler func(ctx context.Context, call *Call) (reply any, err error)
	// Timeout ends ctx, and answers StatusTimeout if Handler has not returned. 0: 10 s.
	Timeout time.Duration
}

// Call is one call of a method.
type Call struct {
	// Method is the name it was called by.
	Method string
	// User and Group that the calling process runs as; ubusd vouches for them.
	User, Group string

	arguments []byte // JSON
}

// Decode puts the arguments into v as json.Unmarshal does. The error is one for
// the caller.
func (c *Call) Decode(v any) error {
	if err := json.Unmarshal(c.arguments, v); err != nil {
		return Errorf(StatusInvalidArgument, "arguments: %v", err)
	}
	return nil
}

// signature describes the methods for ubusd.
func (c *Client) signature() ([]byte, error) {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(c.Methods)) {
		method, out := beginField(b, name)
		policy := c.Methods[name].Policy
		for _, argument := range slices.Sorted(maps.Keys(policy)) {
			var start int
			start, out = beginField(out, argument)
			out = endField(binary.BigEndian.AppendUint32(out, uint32(policy[argument])), start, Int32)
		}
		b = endField(out, method, Table)
	}
	if len(b) > maxMessage {
		return nil, ErrTooLarge
	}
	return b, nil
}

// arguments checks a call's data against the policy, and turns them into JSON.
func (m *Method) arguments(table []byte) ([]byte, error) {
	if len(table) > maxArguments {
		return nil, Errorf(StatusInvalidArgument, "the arguments have more than %d bytes", maxArguments)
	}
	var known []byte
	had := map[string]bool{}
	for rest := table; len(rest) > 0; {
		before := rest
		f, after, err := nextField(before)
		if err != nil {
			return nil, Errorf(StatusInvalidArgument, "arguments: %v", err)
		}
		rest = after
		if f.name == sessionArgument {
			continue
		}
		want, ok := m.Policy[f.name]
		if !ok {
			return nil, Errorf(StatusInvalidArgument, "there is no argument %q, but these: %q", f.name, slices.Sorted(maps.Keys(m.Policy)))
		}
		if !want.takes(f.kind) {
			return nil, Errorf(StatusInvalidArgument, "argument %q has to be %v, and is %v", f.name, want, f.kind)
		}
		if had[f.name] {
			return nil, Errorf(StatusInvalidArgument, "argument %q is there more than once", f.name)
		}
		had[f.name] = true
		known = append(known, before[:len(before)-len(after)]...)
	}
	text, err := tableJSON(known)
	if err != nil {
		return nil, Errorf(StatusInvalidArgument, "arguments: %v", err)
	}
	return text, nil
}

// takes says whether an argument of type t may come as one of type is. Null is
// as good as none.
func (t Type) takes(is Type) bool {
	integer := is == Int64 || is == Int32 || is == Int16
	switch t {
	case Int64, Int32, Int16:
		return integer || is == Null
	case Double:
		return integer || is == Double || is == Null
	default:
		return is == t || is == Null
	}
}

// calls are those under way on one session; session.mu guards the fields.
type calls struct {
	closed   bool // none are taken any more
	full     bool // the last one was refused
	count    int
	byPeer   map[uint32]int
	answers  sync.WaitGroup // those not yet answered
	handlers sync.WaitGroup // those whose handler has not returned
}

// caller is who waits for an answer, and by what it knows the answer.
type caller struct {
	seq    uint16
	peer   uint32 // its id on the bus
	object uint32 // what it called
	quiet  bool   // it does not wait
}

// invoked takes a call. ubusd sends only those of this client's object, of which
// there is one.
func (s *session) invoked(m *message) {
	id, ok := m.uint32(attrObjectID)
	if !ok {
		return
	}
	who := caller{seq: m.seq, peer: m.peer, object: id, quiet: m.flag(attrNoReply)}
	if err := s.handle(who, m); err != nil {
		s.answer(who, nil, err)
	}
}

// handle begins a call, or tells why it is refused.
func (s *session) handle(who caller, m *message) error {
	call := &Call{Method: m.string(attrMethod), User: m.string(attrUser), Group: m.string(attrGroup)}
	method, ok := s.client.Methods[call.Method]
	if !ok {
		return StatusMethodNotFound
	}
	var err error
	if call.arguments, err = method.arguments(m.attrs[attrData]); err != nil {
		return err
	}
	if err := s.beginCall(who.peer); err != nil {
		return err
	}
	timeout := method.Timeout
	if timeout == 0 {
		timeout = callTimeout
	}
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	done := make(chan outcome, 1)
	go func() {
		defer s.calls.handlers.Done()
		o := method.do(ctx, call)
		s.endCall(who.peer) // first, for the caller to have room for the next one
		done <- o
	}()
	go func() {
		defer s.calls.answers.Done()
		defer cancel()
		select {
		case o := <-done:
			s.answer(who, o.reply, o.err)
		case <-ctx.Done():
			err := error(StatusTimeout)
			if errors.Is(ctx.Err(), context.Canceled) {
				err = Errorf(StatusConnectionFailed, "this end is closing")
			}
			s.answer(who, nil, err)
		}
	}()
	return nil
}

// outcome is what a handler returned.
type outcome struct {
	reply any
	err   error
}

// do runs the handler.
func (m *Method) do(ctx context.Context, call *Call) (o outcome) {
	defer crash.Contain(crash.Ubus, call.Method, &o.err)
	o.reply, o.err = m.Handler(ctx, call)
	return o
}

// beginCall counts one in, or refuses it.
func (s *session) beginCall(peer uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.calls
	if c.closed {
		return StatusNotFound
	}
	if c.count >= maxCalls || c.byPeer[peer] >= maxPeerCalls {
		if !c.full {
			c.full = true
			s.client.Log.Warn("calls on ubus are refused: too many are under way", "all", c.count, "of the caller", c.byPeer[peer])
		}
		return Errorf(StatusSystemError, "too many calls are under way")
	}
	c.full = false
	c.count++
	c.byPeer[peer]++
	c.answers.Add(1)
	c.handlers.Add(1)
	return nil
}

func (s *session) endCall(peer uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.calls
	c.count--
	if c.byPeer[peer]--; c.byPeer[peer] == 0 {
		delete(c.byPeer, peer)
	}
}

// answer sends the reply, or why there is none, and the status.
func (s *session) answer(who caller, reply any, err error) {
	if who.quiet {
		return
	}
	data, err := replyData(reply, err)
	if data != nil {
		b := appendUint32(newMessage(messageData, who.seq, who.peer), attrObjectID, who.object)
		if err := s.write(appendBlob(b, attrData, data)); err != nil {
			return // the connection is closed, which tells all
		}
	}
	b := appendUint32(newMessage(messageStatus, who.seq, who.peer), attrStatus, uint32(statusOf(err)))
	_ = s.write(appendUint32(b, attrObjectID, who.object))
}

// replyData is what to send before the status of the error that it returns: the
// reply, or the error in words. nil: nothing.
func replyData(reply any, err error) ([]byte, error) {
	var data []byte
	if err == nil && reply != nil {
		if data, err = Marshal(reply); err == nil && len(data) > maxMessage-64 {
			err = fmt.Errorf("the answer has %d bytes: %w", len(data), ErrTooLarge)
		}
	}
	if err == nil {
		return data, nil
	}
	if _, bare := err.(Status); bare {
		return nil, err
	}
	words, _ := Marshal(map[string]string{"error": err.Error()})
	return words, err
}

// NewCall makes the call of a method by hand, with JSON as its arguments.
func NewCall(method string, arguments []byte) *Call {
	return &Call{Method: method, arguments: arguments}
}
