package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/webrtc/v4"
)

// galene is one member of a group of Galene, which has no WHEP. Of its protocol
// (galene-protocol.md, version 2) it knows what it takes to send one stream, or
// to receive all of them: each is a connection that its sender offers.
type galene struct {
	ws *websocket.Conn
	// offered is called for each stream that comes, and its answer is sent;
	// gone when it ends.
	offered func(id, sdp string) (answer string, err error)
	gone    func(id string)
	results chan galeneResult
}

type galeneResult struct {
	sdp string
	err error
}

type galeneMessage struct {
	Type     string              `json:"type"`
	Kind     string              `json:"kind,omitempty"`
	Version  []string            `json:"version,omitempty"`
	ID       string              `json:"id,omitempty"`
	Replace  string              `json:"replace,omitempty"`
	Label    string              `json:"label,omitempty"`
	Source   string              `json:"source,omitempty"`
	Username string              `json:"username,omitempty"`
	Group    string              `json:"group,omitempty"`
	SDP      string              `json:"sdp,omitempty"`
	Request  map[string][]string `json:"request,omitempty"`
	Value    any                 `json:"value,omitempty"`
}

const galeneStream = "stream"

// joinGalene enters a group that lets anybody present.
func joinGalene(ctx context.Context, endpoint, group, name string, g *galene) error {
	ws, _, err := websocket.Dial(ctx, endpoint, nil)
	if err != nil {
		return fmt.Errorf("galene: %w", err)
	}
	ws.SetReadLimit(1 << 20)
	g.ws, g.results = ws, make(chan galeneResult, 4)
	go g.read()
	for _, m := range []galeneMessage{
		{Type: "handshake", Version: []string{"2"}, ID: name},
		{Type: "join", Kind: "join", Group: group, Username: name},
	} {
		if err := g.send(m); err != nil {
			return err
		}
	}
	_, err = g.result(ctx)
	return err
}

func (g *galene) send(m galeneMessage) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return g.ws.Write(context.Background(), websocket.MessageText, b)
}

// result waits for what the server says to a join or an offer.
func (g *galene) result(ctx context.Context) (string, error) {
	select {
	case r := <-g.results:
		return r.sdp, r.err
	case <-ctx.Done():
		return "", fmt.Errorf("galene: no answer: %w", ctx.Err())
	}
}

func (g *galene) read() {
	for {
		_, b, err := g.ws.Read(context.Background())
		if err != nil {
			return
		}
		var m galeneMessage
		if err := json.Unmarshal(b, &m); err != nil {
			continue
		}
		switch m.Type {
		case "ping":
			_ = g.send(galeneMessage{Type: "pong"})
		case "joined":
			switch m.Kind {
			case "join":
				g.results <- galeneResult{}
			case "fail":
				g.results <- galeneResult{err: fmt.Errorf("galene: %v", m.Value)}
			}
		case "answer":
			g.results <- galeneResult{sdp: m.SDP}
		case "abort":
			g.results <- galeneResult{err: errors.New("galene: the stream was refused")}
		case "offer":
			if g.offered == nil {
				continue
			}
			if m.Replace != "" {
				g.gone(m.Replace)
			}
			if answer, err := g.offered(m.ID, m.SDP); err == nil {
				_ = g.send(galeneMessage{Type: "answer", ID: m.ID, SDP: answer})
			}
		case "close":
			if g.gone != nil {
				g.gone(m.ID)
			}
		}
	}
}

func (g *galene) close() { _ = g.ws.CloseNow() }

// publishGalene is the exchange of a publisher.
func publishGalene(ctx context.Context, pc *webrtc.PeerConnection, endpoint, group, name string) (leave func(), err error) {
	g := &galene{}
	if err := joinGalene(ctx, endpoint, group, name, g); err != nil {
		return nil, err
	}
	offer, err := localOffer(pc)
	if err == nil {
		err = g.send(galeneMessage{Type: "offer", ID: galeneStream + name, Label: "camera", Source: name, Username: name, SDP: offer})
	}
	if err != nil {
		g.close()
		return nil, err
	}
	answer, err := g.result(ctx)
	if err == nil {
		err = pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g.close, nil
}

// watchGalene makes a subscriber of all streams of a group.
func (s *subscriber) watchGalene(ctx context.Context, endpoint, group, name string) error {
	down := map[string]*webrtc.PeerConnection{}
	g := &galene{
		offered: func(id, sdp string) (string, error) {
			pc := down[id]
			if pc == nil {
				var err error
				if pc, err = s.connection(); err != nil {
					return "", err
				}
				down[id] = pc
			}
			if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}); err != nil {
				return "", err
			}
			answer, err := pc.CreateAnswer(nil)
			if err != nil {
				return "", err
			}
			gathered := webrtc.GatheringCompletePromise(pc)
			if err := pc.SetLocalDescription(answer); err != nil {
				return "", err
			}
			select {
			case <-gathered:
			case <-time.After(firstPatience):
			}
			return pc.LocalDescription().SDP, nil
		},
		gone: func(id string) {
			if pc := down[id]; pc != nil {
				_ = pc.Close()
				delete(down, id)
			}
		},
	}
	if err := joinGalene(ctx, endpoint, group, name, g); err != nil {
		return err
	}
	s.leave = g.close
	return g.send(galeneMessage{Type: "request", Request: map[string][]string{"": {"audio", "video"}}})
}
