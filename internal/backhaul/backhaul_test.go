package backhaul

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"umbrella/internal/access"
	"umbrella/internal/config"
	"umbrella/internal/forward"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
)

// testNode is a node without its web server's other parts.
type testNode struct {
	*Backhaul
	sfu    *sfu.SFU
	server *httptest.Server
	tokens *access.Tokens
	trunks []config.Backhaul
	// takes a picture of one of its cameras.
	takes atomic.Pointer[func(ctx context.Context, camera string) ([]byte, error)]
}

func newNode(t *testing.T, name string) *testNode {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	e := &rtc.Engine{Log: log}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	n := &testNode{sfu: &sfu.SFU{}}
	tokens := &access.Tokens{StateDir: t.TempDir()}
	if err := tokens.Start(); err != nil {
		t.Fatal(err)
	}
	n.tokens = tokens
	gate := &access.Gate{Tokens: tokens}
	gate.SetTrustedProxies([]netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")})
	n.Backhaul = &Backhaul{
		Name: name, SFU: n.sfu, Engine: func() *rtc.Engine { return e }, Address: gate.Address, Origin: gate.Origin,
		Invited: gate.AdmitTrunk, Log: log,
		Snapshot: func(ctx context.Context, camera string) ([]byte, error) { return (*n.takes.Load())(ctx, camera) },
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	n.server = httptest.NewServer(n.Backhaul)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := n.Close(ctx); err != nil {
			t.Error(err)
		}
		n.server.Close()
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return n
}

func (n *testNode) url() string { return "ws" + strings.TrimPrefix(n.server.URL, "http") + "/wsb" }

const secret = "a secret of some length"

// accept makes the node take trunks that know a secret.
func (n *testNode) accept(secret string) *testNode {
	n.trunks = append(n.trunks, config.Backhaul{Section: "in", Enabled: true, Secret: secret})
	n.Apply(n.trunks)
	return n
}

// dialTo makes the node dial another.
func (n *testNode) dialTo(other *testNode, name string) {
	n.trunks = append(n.trunks, config.Backhaul{Section: name, Enabled: true, URL: other.url(), Secret: secret})
	n.Apply(n.trunks)
}

// somebody joins a room and sends a picture until the test ends.
type somebody struct {
	*sfu.Participant
	layer *forward.Layer
	asked atomic.Int32
}

func (n *testNode) join(t *testing.T, room, id string) *somebody {
	t.Helper()
	return n.publish(t, sfu.Entry{Room: room, ID: id, Name: id, Kind: sfu.Person}, 0)
}

// publish joins and sends a picture. One that keeps its group of pictures sends a
// single keyframe, its first picture.
func (n *testNode) publish(t *testing.T, e sfu.Entry, keep int) *somebody {
	t.Helper()
	p, err := n.sfu.Join(e)
	if err != nil {
		t.Fatal(err)
	}
	s := &somebody{Participant: p}
	s.layer = forward.NewLayer(forward.LayerConfig{
		MimeType: "video/VP8", ClockRate: 90000, KeepGroup: keep, RequestKeyframe: func() { s.asked.Add(1) },
	})
	media := &forward.Source{}
	media.Add(s.layer)
	if _, err := p.Publish(sfu.Publication{Kind: sfu.Video, Source: sfu.CameraPicture, Media: media,
		Codec: sfu.Codec{MimeType: "video/VP8", ClockRate: 90000}}); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := uint16(0); ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(30 * time.Millisecond):
			}
			h := rtp.Header{Version: 2, SequenceNumber: i, Timestamp: uint32(i) * 2700, Marker: true}
			payload := []byte{0x10, 0, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1}
			if keep > 0 && i > 0 {
				payload[1] = 1
			}
			b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
			if err == nil {
				s.layer.Push(b, time.Now())
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done; p.Leave() })
	return s
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 15 s", what)
		}
	}
}

// see returns the participant of another node with that id, or nil.
func (n *testNode) see(room, id string, from *testNode) *sfu.Participant {
	if r := n.sfu.Room(room); r != nil {
		return r.Participant(sfu.RemoteID(id, from.ID()))
	}
	return nil
}

// sink takes what a stream sends.
type sink struct{ packets, keyframes atomic.Int64 }

func (s *sink) SendRTP(_ *rtp.Header, payload []byte) error {
	s.packets.Add(1)
	if payload[1]&1 == 0 {
		s.keyframes.Add(1)
	}
	return nil
}

func (s *sink) Flush() {}

// watch plays the picture of a participant.
func watch(t *testing.T, p *sfu.Participant) (*sink, *forward.Stream) {
	t.Helper()
	var track *sfu.Track
	eventually(t, "a track with a layer", func() bool {
		for _, x := range p.State().Tracks {
			if len(x.Media.Layers()) > 0 {
				track = x
			}
		}
		return track != nil
	})
	out, s := &sink{}, &forward.Stream{}
	s.Bind(forward.StreamConfig{Sender: out, SSRC: 1})
	s.Play(track.Media, forward.PayloadTypes{Media: 96})
	// Whoever shares out bandwidth looks again and again which layers there are.
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			if layers := track.Media.Layers(); len(layers) > 0 {
				s.Aim(layers[0], 255, 255)
			}
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done; s.Unbind() })
	return out, s
}

func TestTwoNodes(t *testing.T) {
	a, b := newNode(t, "attic"), newNode(t, "cellar").accept(secret)
	ada := a.join(t, "den", "ada")
	a.dialTo(b, "up")
	eventually(t, "ada is seen", func() bool { return b.see("den", "ada", a) != nil })
	p := b.see("den", "ada", a)
	if p.Name != "ada" || p.Node != "attic" {
		t.Errorf("%+v", p)
	}
	if n := ada.layer.Subscribers(); n != 0 {
		t.Errorf("%d take what nobody watches", n)
	}
	out, s := watch(t, p)
	second, _ := watch(t, p)
	eventually(t, "the picture comes", func() bool { return out.packets.Load() > 20 && second.packets.Load() > 20 })
	if n := ada.layer.Subscribers(); n != 1 {
		t.Errorf("it crosses %d times", n)
	}
	bob := b.join(t, "den", "bob")
	eventually(t, "bob is seen", func() bool { return a.see("den", "bob", b) != nil })
	bob.Leave()
	eventually(t, "bob is gone", func() bool { return a.see("den", "bob", b) == nil })
	s.Unbind()
	_ = second
	ada.Leave()
	eventually(t, "ada is gone", func() bool { return b.see("den", "ada", a) == nil })
}

// A camera sends no keyframe when somebody comes: what it has sent since the last
// one crosses, and is kept on the other side for those who come later.
func TestCameraAcross(t *testing.T) {
	a, b := newNode(t, "attic"), newNode(t, "cellar").accept(secret)
	door := a.publish(t, sfu.Entry{Room: "den", ID: "door", Name: "door", Kind: sfu.Camera}, 1<<20)
	a.dialTo(b, "up")
	eventually(t, "the camera is seen", func() bool { return b.see("den", "door", a) != nil })
	eventually(t, "pictures were sent", func() bool { return door.layer.Stats(time.Now()).Packets > 20 })
	p := b.see("den", "door", a)
	first, _ := watch(t, p)
	eventually(t, "the picture comes", func() bool { return first.packets.Load() > 20 })
	second, _ := watch(t, p)
	eventually(t, "the second picture comes", func() bool { return second.packets.Load() > 20 })
	if f, s := first.keyframes.Load(), second.keyframes.Load(); f != 1 || s != 1 {
		t.Errorf("%d and %d keyframes came", f, s)
	}
	if n := door.layer.Subscribers(); n != 1 {
		t.Errorf("it crosses %d times", n)
	}
}

func TestNobodyWatchesAnyMore(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b").accept(secret)
	ada := a.join(t, "den", "ada")
	a.dialTo(b, "up")
	eventually(t, "ada is seen", func() bool { return b.see("den", "ada", a) != nil })
	out, s := watch(t, b.see("den", "ada", a))
	eventually(t, "the picture comes", func() bool { return out.packets.Load() > 5 })
	s.Unbind()
	eventually(t, "it is given back", func() bool { return ada.layer.Subscribers() == 0 })
}

func TestRefusals(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b").accept("another secret, quite")
	a.dialTo(b, "up")
	eventually(t, "the dialling end says why", func() bool {
		trunks, _ := a.Status(time.Now())
		return len(trunks) == 1 && strings.Contains(trunks[0].Problem, "same secret on both nodes")
	})
	_, refused := b.Status(time.Now())
	if len(refused) == 0 || !strings.Contains(refused[0].Problem, "same secret") {
		t.Errorf("%v", refused)
	}
	c := newNode(t, "c").accept(secret)
	c.dialTo(c, "round")
	eventually(t, "a trunk to oneself is refused", func() bool {
		trunks, _ := c.Status(time.Now())
		return strings.Contains(trunks[len(trunks)-1].Problem, "itself")
	})
}
