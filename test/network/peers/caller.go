package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/interceptor"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Caller is one person in the room.
type Caller struct {
	// URL of the node's WebSocket.
	URL   string
	Room  string
	Name  string
	Roots *x509.CertPool
	Media *media
	// Failed is told once what ended the call before Close.
	Failed func(error)

	socket    *websocket.Conn
	cancel    context.CancelFunc
	done      sync.WaitGroup
	publisher *publisher
	receiver  *receiver
}

// Start joins and publishes. The call goes on until Close.
func (c *Caller) Start(ctx context.Context) error {
	run, cancel := context.WithCancel(ctx)
	c.cancel = cancel
	var err error
	c.socket, _, err = websocket.Dial(run, c.URL, &websocket.DialOptions{
		Subprotocols: []string{"umbrella.signal.v1"},
		HTTPClient:   &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.Roots}}},
	})
	if err != nil {
		return fmt.Errorf("opening the WebSocket: %w", err)
	}
	c.socket.SetReadLimit(1 << 20)
	join := &umbrellav1.Join{Room: c.Room, Name: c.Name, ReceiveCodecs: []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8}}
	if err := c.send(run, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Join{Join: join}}); err != nil {
		return err
	}
	answer, err := c.read(run)
	if err != nil {
		return err
	}
	if answer.GetJoined() == nil {
		return fmt.Errorf("joining: %v", answer)
	}
	if c.receiver, err = newReceiver(); err != nil {
		return err
	}
	if c.publisher, err = newPublisher(c.Media); err != nil {
		return err
	}
	offer, err := c.publisher.offer()
	if err != nil {
		return err
	}
	if err := c.send(run, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_PublishOffer{PublishOffer: offer}}); err != nil {
		return err
	}
	c.done.Go(func() {
		if err := c.listen(run); err != nil && run.Err() == nil {
			c.Failed(fmt.Errorf("%s: %w", c.Name, err))
		}
	})
	c.done.Go(func() { c.ping(run) })
	c.done.Go(func() { c.publisher.play(run) })
	return nil
}

// Close leaves the room.
func (c *Caller) Close() {
	if c.cancel != nil {
		c.cancel()
	}
	if c.socket != nil {
		_ = c.socket.CloseNow()
	}
	if c.publisher != nil {
		c.publisher.close()
	}
	if c.receiver != nil {
		c.receiver.close()
	}
	c.done.Wait()
}

// Report tells what came and went so far.
func (c *Caller) Report() peerReport {
	return peerReport{Name: c.Name, Sent: c.publisher.sent.Load(), Largest: c.publisher.largest.Load(), Streams: c.receiver.report()}
}

func (c *Caller) listen(ctx context.Context) error {
	for {
		m, err := c.read(ctx)
		if err != nil {
			return err
		}
		switch m := m.Message.(type) {
		case *umbrellav1.ServerMessage_PublishAnswer:
			err = c.publisher.answered(m.PublishAnswer.Sdp)
		case *umbrellav1.ServerMessage_PublishDemand:
			c.publisher.demanded(m.PublishDemand)
		case *umbrellav1.ServerMessage_SubscribeOffer:
			var answer string
			if answer, err = c.receiver.answer(m.SubscribeOffer.Sdp); err == nil {
				err = c.send(ctx, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SubscribeAnswer{
					SubscribeAnswer: &umbrellav1.SubscribeAnswer{Id: m.SubscribeOffer.Id, Sdp: answer}}})
			}
		case *umbrellav1.ServerMessage_Error:
			err = fmt.Errorf("the node refuses: %s: %s", m.Error.Code, m.Error.Message)
		case *umbrellav1.ServerMessage_Goodbye:
			err = errors.New("the node says goodbye: " + m.Goodbye.Message)
		}
		if err != nil {
			return err
		}
	}
}

// ping keeps the socket alive, as a browser does.
func (c *Caller) ping(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// Whoever listens is told when the socket is gone.
			_ = c.send(ctx, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Ping{Ping: &umbrellav1.Ping{}}})
		}
	}
}

func (c *Caller) send(ctx context.Context, m *umbrellav1.ClientMessage) error {
	data, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("signalling: %w", err)
	}
	if err := c.socket.Write(ctx, websocket.MessageBinary, data); err != nil {
		return fmt.Errorf("signalling: %w", err)
	}
	return nil
}

func (c *Caller) read(ctx context.Context) (*umbrellav1.ServerMessage, error) {
	_, data, err := c.socket.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("signalling: %w", err)
	}
	m := &umbrellav1.ServerMessage{}
	if err := proto.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("signalling: %w", err)
	}
	return m, nil
}

// newConnection makes a connection that reports and answers as a browser's
// does: NACK, RTX, sender and receiver reports, transport-wide feedback.
func newConnection() (*webrtc.PeerConnection, error) {
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	for _, uri := range []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI} {
		extension := webrtc.RTPHeaderExtensionCapability{URI: uri}
		if err := m.RegisterHeaderExtension(extension, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	r := &interceptor.Registry{}
	for _, configure := range []func(*webrtc.MediaEngine, *interceptor.Registry) error{
		webrtc.ConfigureNack,
		webrtc.ConfigureTWCCHeaderExtensionSender,
		webrtc.ConfigureTWCCSender,
	} {
		if err := configure(m, r); err != nil {
			return nil, err
		}
	}
	if err := webrtc.ConfigureRTCPReports(r); err != nil {
		return nil, err
	}
	s := webrtc.SettingEngine{}
	// As browsers answer. pion would be the server to a node that is ICE-lite.
	if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleClient); err != nil {
		return nil, err
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(r), webrtc.WithSettingEngine(s))
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		// Browsers do not offer Cryptex (RFC 9335); pion does by itself.
		RTPHeaderEncryptionPolicy: webrtc.RTPHeaderEncryptionPolicyDisable,
	})
	if err != nil {
		return nil, fmt.Errorf("making a connection: %w", err)
	}
	return pc, nil
}
