package signal

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"umbrella/internal/bound"
	"umbrella/internal/rtc"
	"umbrella/internal/wire"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

const (
	// maxMessage bounds one message of a browser, in bytes: an SDP of 256 KiB
	// and what stands around it.
	maxMessage = 288 << 10
	// maxFirst bounds one of a browser that is in no room: a token of 4 KiB, a
	// password, names.
	maxFirst = 16 << 10
	// A browser may send messagesPerSecond on average and messageBurst at once,
	// and of those that cost the most to answer, offers and answers, fewer.
	messagesPerSecond     = 20
	messageBurst          = 100
	descriptionsPerSecond = 4
	descriptionBurst      = 30
	// maxBad messages that cannot be understood end the socket. One counts for each
	// maxFirst bytes that it has: nobody sends a large one by mistake.
	maxBad = 10
	// badPause is how long such a socket is kept before it is closed.
	badPause = time.Second
	// writeTimeout is how long a message may take to leave.
	writeTimeout = 5 * time.Second
	// closeTimeout is how long a closing handshake may take.
	closeTimeout = 300 * time.Millisecond
)

var (
	errTooFast   = errors.New("too many messages")
	errTooBad    = errors.New("too much that cannot be understood")
	errMalformed = errors.New("not a message of umbrella.signal.v1")
)

// messages are what a browser may send.
var messages = wire.Must(&umbrellav1.ClientMessage{}, wire.Limits{
	Elements: map[protoreflect.FullName]int{
		"umbrella.v1.Join.receive_codecs":       maxCodecs,
		"umbrella.v1.PublishOffer.tracks":       maxTracks,
		"umbrella.v1.SetSubscriptions.settings": maxSettings,
		"umbrella.v1.Mute.sources":              maxSources,
	},
	Text: maxText,
	TextOf: map[protoreflect.FullName]int{
		"umbrella.v1.PublishOffer.sdp":    maxMessage, // rtc has the limit, and words for it
		"umbrella.v1.SubscribeAnswer.sdp": maxMessage,
		"umbrella.v1.Join.receive_codecs": maxCodec,
		"umbrella.v1.Join.seat":           maxSeat,
	},
	Total: 2 * maxSettings,
})

const (
	// maxCodecs that a browser receives, of maxCodec bytes each. Browsers name about
	// ten.
	maxCodecs = 64
	maxCodec  = 64
	// maxTracks of a browser, as many as an SDP may have m-lines.
	maxTracks = 64
	// maxSources of tracks are muted at once: each that there is.
	maxSources = 4
	// maxSeat bounds a seat, in bytes.
	maxSeat = 64
	// maxSettings of tracks in one message.
	maxSettings = 1024
	// maxText bounds every other text, in bytes. The longest ones are 2000 characters
	// of chat and a token of 4 KiB.
	maxText = 8 << 10
)

// socket is one WebSocket: protobuf messages, bounded in size and rate. One
// goroutine reads; any may write.
type socket struct {
	conn     *websocket.Conn
	messages *rate.Limiter
	heavy    *rate.Limiter
	bad      int
	cut      context.CancelFunc // ends the read that is under way
	flooded  bool               // by pings
	large    *bound.Large
	client   netip.Prefix // of the session that it is in
	caller   rtc.Caller
	// mayAsk: whoever is at the other end may become a moderator by the admin's password.
	mayAsk bool
	// iceServers makes credentials for whoever is at the other end; nil: for none.
	iceServers func() []*umbrellav1.IceServer

	mu sync.Mutex // a message leaves whole
}

func newSocket(large *bound.Large) *socket {
	return &socket{
		large:    large,
		messages: rate.NewLimiter(messagesPerSecond, messageBurst),
		heavy:    rate.NewLimiter(descriptionsPerSecond, descriptionBurst),
	}
}

// take makes it the socket of a connection.
func (s *socket) take(c *websocket.Conn) {
	s.conn = c
	s.admitted(nil)
}

// pinged counts a ping of the protocol (RFC 6455 §5.5.2), which is answered, as a
// message. It is called by read.
func (s *socket) pinged(context.Context, []byte) bool {
	if s.messages.Allow() {
		return true
	}
	s.flooded = true
	// The end of a read is that of the connection.
	s.fail(umbrellav1.Error_CODE_TOO_FAST, errTooFast.Error())
	s.cut()
	return false
}

// admitted sets what the next message may have, by the session that it is for or nil.
func (s *socket) admitted(in *session) {
	if in == nil {
		s.conn.SetReadLimit(maxFirst)
		return
	}
	s.client = in.grant.Client
	s.conn.SetReadLimit(maxMessage)
}

// tooFast says that too much has come, and closes the socket.
func (s *socket) tooFast() {
	s.fail(umbrellav1.Error_CODE_TOO_FAST, errTooFast.Error())
	s.close(websocket.StatusPolicyViolation, errTooFast.Error())
}

// servers that whoever is at the other end may use.
func (s *socket) servers() []*umbrellav1.IceServer {
	if s.iceServers == nil {
		return nil
	}
	return s.iceServers()
}

// read returns the next message; done is to be called once it is handled.
// errMalformed leaves the socket usable, every other error ends it.
func (s *socket) read(ctx context.Context) (m *umbrellav1.ClientMessage, done func(), err error) {
	ctx, s.cut = context.WithCancel(ctx)
	defer s.cut()
	kind, data, done, err := s.next(ctx)
	if err == nil {
		m, err = s.understand(kind, data)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return m, done, nil
}

// next reads the bytes of a message.
func (s *socket) next(ctx context.Context) (kind websocket.MessageType, data []byte, done func(), err error) {
	done = func() {}
	kind, r, err := s.conn.Reader(ctx)
	if err == nil {
		data, done, err = s.large.Read(ctx, s.client, r, s.cut)
	}
	if s.flooded {
		err = errTooFast
	}
	return kind, data, done, err
}

// understand decodes a message, and counts it.
func (s *socket) understand(kind websocket.MessageType, data []byte) (*umbrellav1.ClientMessage, error) {
	if !s.messages.Allow() {
		return nil, errTooFast
	}
	m, err := decode(kind, data)
	if err != nil {
		if s.bad += 1 + len(data)/maxFirst; s.bad >= maxBad {
			return nil, errTooBad
		}
		return nil, err
	}
	switch m.Message.(type) {
	case *umbrellav1.ClientMessage_PublishOffer, *umbrellav1.ClientMessage_SubscribeAnswer,
		*umbrellav1.ClientMessage_RestartIce, *umbrellav1.ClientMessage_Join:
		if !s.heavy.Allow() {
			return nil, errTooFast
		}
	}
	return m, nil
}

// decode reads one message.
func decode(kind websocket.MessageType, data []byte) (*umbrellav1.ClientMessage, error) {
	if kind != websocket.MessageBinary {
		return nil, errMalformed
	}
	m := &umbrellav1.ClientMessage{}
	if err := messages.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	if m.Message == nil {
		return nil, errMalformed
	}
	return m, nil
}

// send writes one message. A socket on which that fails is closed.
func (s *socket) send(m *umbrellav1.ServerMessage) {
	data, err := proto.Marshal(m)
	if err != nil {
		// A text that is not UTF-8 is refused where it comes in.
		s.close(websocket.StatusInternalError, "message cannot be written")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageBinary, data); err != nil {
		_ = s.conn.CloseNow()
	}
}

// close says why and waits a moment for the browser to agree.
func (s *socket) close(code websocket.StatusCode, reason string) {
	cut := time.AfterFunc(closeTimeout, func() { _ = s.conn.CloseNow() })
	defer cut.Stop()
	_ = s.conn.Close(code, reason)
}

func (s *socket) fail(code umbrellav1.Error_Code, message string) {
	s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_Error{
		Error: &umbrellav1.Error{Code: code, Message: message},
	}})
}
