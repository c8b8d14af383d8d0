package signal_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// raw is a WebSocket to the node.
func (n *node) raw(t *testing.T) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.Dial(soon(t), n.url, &websocket.DialOptions{Subprotocols: []string{"umbrella.signal.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

func say(t *testing.T, ws *websocket.Conn, m *umbrellav1.ClientMessage) {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	_ = ws.Write(soon(t), websocket.MessageBinary, b)
}

// hear reads until something is answered that is wanted, or the socket ends.
func hear(t *testing.T, ws *websocket.Conn, want func(*umbrellav1.ServerMessage) bool) (*umbrellav1.ServerMessage, error) {
	t.Helper()
	for {
		_, b, err := ws.Read(soon(t))
		if err != nil {
			return nil, err
		}
		m := &umbrellav1.ServerMessage{}
		if err := proto.Unmarshal(b, m); err != nil {
			t.Fatal(err)
		}
		if want(m) {
			return m, nil
		}
	}
}

func isError(m *umbrellav1.ServerMessage) bool  { return m.GetError() != nil }
func isJoined(m *umbrellav1.ServerMessage) bool { return m.GetJoined() != nil }

func joining(password string, codecs ...string) *umbrellav1.ClientMessage {
	return &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Join{Join: &umbrellav1.Join{
		Room: "room", Name: "Eve", Password: password, ReceiveCodecs: codecs,
	}}}
}

func offering(sdp string, tracks ...*umbrellav1.PublishedTrack) *umbrellav1.ClientMessage {
	return &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_PublishOffer{PublishOffer: &umbrellav1.PublishOffer{Sdp: sdp, Tracks: tracks}}}
}

// A large message is for those who are in a room.
func TestLargeMessages(t *testing.T) {
	n := startNode(t)
	large := strings.Repeat("x", 100<<10)
	for name, m := range map[string]*umbrellav1.ClientMessage{"a join": joining("", large), "an offer": offering(large)} {
		ws := n.raw(t)
		say(t, ws, m)
		if _, err := hear(t, ws, isJoined); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
			t.Errorf("%s of 100 KiB before joining: %v", name, err)
		}
	}
	ws := n.raw(t)
	say(t, ws, joining(""))
	if _, err := hear(t, ws, isJoined); err != nil {
		t.Fatal(err)
	}
	say(t, ws, offering(large))
	if m, err := hear(t, ws, isError); err != nil || m.GetError().Code != umbrellav1.Error_CODE_NEGOTIATION_FAILED {
		t.Errorf("an offer of 100 KiB: %v, %v", m, err)
	}
	say(t, ws, offering("v=0", make([]*umbrellav1.PublishedTrack, 65)...))
	if m, err := hear(t, ws, isError); err != nil || m.GetError().Code != umbrellav1.Error_CODE_BAD_REQUEST {
		t.Errorf("an offer of 65 tracks: %v, %v", m, err)
	}
}

// Pings of the WebSocket protocol count as messages do.
func TestManyPings(t *testing.T) {
	n := startNode(t)
	ws := n.raw(t)
	say(t, ws, joining(""))
	if _, err := hear(t, ws, isJoined); err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 1)
	go func() {
		m, err := hear(t, ws, isError)
		if err == nil && m.GetError().Code != umbrellav1.Error_CODE_TOO_FAST {
			err = errors.New(m.String())
		}
		if _, open := hear(t, ws, isError); err == nil && errors.Is(open, context.DeadlineExceeded) {
			err = errors.New("the socket stays open")
		}
		_ = ws.CloseNow() // which ends the ping that waits
		told <- err
	}()
	pings := 0
	for ; pings < 10_000 && ws.Ping(soon(t)) == nil; pings++ {
	}
	if err := <-told; err != nil || pings < 90 || pings == 10_000 {
		t.Errorf("after %d pings: %v", pings, err)
	}
}
