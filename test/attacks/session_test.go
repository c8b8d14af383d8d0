package attacks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

const (
	web       = "https://" + apAddress + ":8081"
	mediaPort = 8082
	sdpType   = "application/sdp"
	fragType  = "application/trickle-ice-sdpfrag"
)

// answered is what the node answers to a request.
type answered struct {
	status         int
	body           string
	location, etag string
}

// request sends one request, in the name of whom the client is.
func request(ctx context.Context, c *http.Client, method, path, kind, match, body string) (answered, error) {
	r, err := http.NewRequestWithContext(ctx, method, web+path, strings.NewReader(body))
	if err != nil {
		return answered{}, err
	}
	r.Header.Set("Content-Type", kind)
	if match != "" {
		r.Header.Set("If-Match", match)
	}
	answer, err := c.Do(r)
	if err != nil {
		return answered{}, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answered{answer.StatusCode, string(b), answer.Header.Get("Location"), answer.Header.Get("ETag")}, err
}

// session is one of WHIP or WHEP that a client of WebRTC has.
type session struct {
	answered
	client *http.Client
	pc     *webrtc.PeerConnection
	offer  string // as it was sent
	ready  chan struct{}
}

// connection makes a connection that asks for nothing again and reports nothing.
func connection() (*webrtc.PeerConnection, error) {
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	s := webrtc.SettingEngine{}
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{})).NewPeerConnection(webrtc.Configuration{})
}

// open posts an offer for whatever prepare adds to the connection, as alter has it,
// and applies the answer. path is such as "/whep/den".
func open(ctx context.Context, c *http.Client, path string, prepare func(*webrtc.PeerConnection) error, alter func(string) string) (*session, error) {
	pc, err := connection()
	if err != nil {
		return nil, err
	}
	s := &session{client: c, pc: pc, ready: make(chan struct{})}
	if err := s.begin(ctx, path, prepare, alter); err != nil {
		_ = pc.GracefulClose()
		return nil, err
	}
	return s, nil
}

func (s *session) begin(ctx context.Context, path string, prepare func(*webrtc.PeerConnection) error, alter func(string) string) error {
	ready := sync.OnceFunc(func() { close(s.ready) })
	s.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			ready()
		}
	})
	if err := prepare(s.pc); err != nil {
		return err
	}
	offer, err := s.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := s.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	s.offer = offer.SDP
	if alter != nil {
		s.offer = alter(s.offer)
	}
	if s.answered, err = request(ctx, s.client, "POST", path, sdpType, "", s.offer); err != nil {
		return err
	}
	if s.status != http.StatusCreated {
		return refused(s.answered)
	}
	return s.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: s.body})
}

// errRefused is that the node did not take an offer, which is no failure of an attack.
var errRefused = errors.New("refused")

func refused(a answered) error {
	return fmt.Errorf("%w: %d %.80s", errRefused, a.status, strings.TrimSpace(a.body))
}

// connected waits until media can flow.
func (s *session) connected(ctx context.Context) error {
	select {
	case <-s.ready:
		return nil
	case <-ctx.Done():
		return errors.New("no media connection comes about")
	}
}

// close leaves, so that the next attack finds nothing of this one.
func (s *session) close() {
	ctx, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	_, _ = request(ctx, s.client, "DELETE", s.location, sdpType, "", "")
	_ = s.pc.GracefulClose()
	s.client.CloseIdleConnections()
}

// receives asks for one picture.
func receives(pc *webrtc.PeerConnection) error {
	_, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	return err
}

// attribute is the value of the first a=NAME:VALUE line.
func attribute(sdp, name string) string {
	_, rest, _ := strings.Cut(sdp, "\r\na="+name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

// lite says that the client is ICE-lite, too.
func lite(sdp string) string { return strings.Replace(sdp, "\r\nm=", "\r\na=ice-lite\r\nm=", 1) }

// added puts lines into each m-section of an SDP.
func added(sdp, lines string) string {
	return strings.ReplaceAll(sdp, "\r\na=ice-ufrag:", "\r\n"+lines+"a=ice-ufrag:")
}

// tickets make handshakes cheap, so that more of them can be done.
var tickets = tls.NewLRUClientSessionCache(0)

// socket opens a WebSocket for signalling, from an address.
func socket(ctx context.Context, from net.IP) (*websocket.Conn, error) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
	base := "wss://" + apAddress
	if from.To4() == nil {
		base = "wss://[fd89::1]"
	}
	c, _, err := websocket.Dial(ctx, base+":8081/wsb", &websocket.DialOptions{
		Subprotocols: []string{"umbrella.signal.v1"},
		HTTPClient: &http.Client{Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tickets}, DisableKeepAlives: true,
		}},
	})
	if err != nil {
		return nil, err
	}
	c.SetReadLimit(4 << 20)
	return c, nil
}

// enter opens a socket and joins a room. The error is what the node says against it.
func enter(ctx context.Context, from net.IP, room, name string) (*websocket.Conn, error) {
	ws, err := socket(ctx, from)
	if err != nil {
		return nil, err
	}
	err = say(ctx, ws, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Join{Join: &umbrellav1.Join{
		Room: room, Name: name, ReceiveCodecs: []string{"audio/opus", "video/VP8"},
	}}})
	for err == nil {
		var m *umbrellav1.ServerMessage
		if m, err = hear(ctx, ws); err != nil {
			break
		}
		if m.GetJoined() != nil {
			return ws, nil
		}
		if e := m.GetError(); e != nil {
			err = fmt.Errorf("%w: %s", errRefused, e.Message)
		}
	}
	_ = ws.CloseNow()
	return nil, err
}

func say(ctx context.Context, ws *websocket.Conn, m *umbrellav1.ClientMessage) error {
	b, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	return ws.Write(ctx, websocket.MessageBinary, b)
}

func hear(ctx context.Context, ws *websocket.Conn) (*umbrellav1.ServerMessage, error) {
	_, b, err := ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	m := &umbrellav1.ServerMessage{}
	return m, proto.Unmarshal(b, m)
}

// discard reads what comes until the socket is closed, and ends the context then.
func discard(ctx context.Context, ws *websocket.Conn) context.Context {
	reading, done := context.WithCancel(ctx)
	go func() {
		defer done()
		for {
			if _, _, err := ws.Read(reading); err != nil {
				return
			}
		}
	}()
	return reading
}

// leave ends the session of a socket at once.
func leave(ws *websocket.Conn) {
	ctx, done := context.WithTimeout(context.Background(), time.Second)
	defer done()
	_ = say(ctx, ws, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Leave{Leave: &umbrellav1.Leave{}}})
	_ = ws.CloseNow()
}
