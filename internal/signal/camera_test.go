package signal_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

// A camera's sound comes in codecs that people do not send, several of them to
// one receiver beside a call.
func TestCameraSound(t *testing.T) {
	n := startNode(t)
	mimes := map[string]string{"a": "audio/PCMU", "b": "audio/PCMA", "c": "audio/G722"}
	for id, mime := range mimes {
		p, err := n.Join(sfu.Entry{Room: "den", ID: id, Name: id, Kind: sfu.Camera})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Leave()
		l := forward.NewLayer(forward.LayerConfig{MimeType: mime, ClockRate: 8000})
		media := &forward.Source{}
		media.Add(l)
		if _, err := p.Publish(sfu.Publication{
			Kind: sfu.Audio, Source: sfu.Microphone, Media: media, Codec: sfu.Codec{MimeType: mime, ClockRate: 8000, Channels: 1},
		}); err != nil {
			t.Fatal(err)
		}
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for i := uint16(0); ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				b, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: i, Timestamp: uint32(i) * 160}, Payload: make([]byte, 160)}).Marshal()
				l.Push(b, time.Now())
			}
		}()
		defer func() { close(stop); <-done }()
	}
	ada, bob := n.join(t, &peer.Peer{Room: "den", Name: "Ada"}), n.join(t, &peer.Peer{Room: "den", Name: "Bob"})
	playing(t, ada, bob)
	for _, p := range []*peer.Peer{ada, bob} {
		if err := p.Wait(soon(t), func() bool {
			for id, mime := range mimes {
				heard := false
				for mid, s := range p.Streams() {
					in := p.Received()[mid]
					heard = heard || s.ParticipantId == id && in != nil && in.Codec.Load() == mime && in.Packets.Load() > 10
				}
				if !heard {
					return false
				}
			}
			return true
		}); err != nil {
			t.Errorf("%s does not hear all cameras: %v", p.Name, err)
		}
	}
	gets(t, ada, bob)
}

// Codecs that come later than the first ones are offered as well.
func TestCodecsOfLateComers(t *testing.T) {
	n := startNode(t)
	ada := n.join(t, &peer.Peer{Name: "Ada"})
	playing(t, ada)
	for i, codec := range []string{"video/VP8", "video/H264", "video/VP9", "video/AV1"} {
		late := n.join(t, &peer.Peer{Name: codec, Codec: codec})
		playing(t, late)
		if err := ada.Wait(soon(t), func() bool {
			for _, tr := range ada.Participants()[late.ID0()].GetTracks() {
				for _, s := range ada.Streams() {
					if tr.Codec == codec && s.TrackId == tr.Id {
						return true
					}
				}
			}
			return false
		}); err != nil {
			t.Fatalf("%d: no m-line for %s: %v", i, codec, err)
		}
	}
}

// radio is a loudspeaker that counts what it plays.
type radio struct{ packets, ended atomic.Int32 }

func (r *radio) SendRTP(h *rtp.Header, payload []byte) error {
	if h.PayloadType == 0 && len(payload) == 160 {
		r.packets.Add(1)
	}
	return nil
}
func (r *radio) Flush() {}

func (r *radio) Play(media *forward.Source, tell func(sfu.Talk)) (stop func()) {
	s := &forward.Stream{}
	s.Bind(forward.StreamConfig{Sender: r, SSRC: 1})
	s.Play(media, forward.PayloadTypes{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if l := media.Layers(); len(l) > 0 {
				s.Aim(l[0], 0, 0)
			}
			time.Sleep(5 * time.Millisecond)
		}
		s.Unbind()
	}()
	tell(sfu.Talk{Live: true})
	return func() { cancel(); <-done; r.ended.Add(1) }
}

// What is said to a camera is played there while it is not muted, and not heard
// in the room.
func TestTalkToCamera(t *testing.T) {
	n := startNode(t)
	door, err := n.Join(sfu.Entry{Room: "den", ID: "door", Name: "Door", Kind: sfu.Camera})
	if err != nil {
		t.Fatal(err)
	}
	defer door.Leave()
	r := &radio{}
	door.SetLoudspeaker(r)
	ada, bob := n.join(t, &peer.Peer{Room: "den", Name: "Ada"}), n.join(t, &peer.Peer{Room: "den", Name: "Bob"})
	playing(t, ada, bob)
	gets(t, bob, ada)
	if err := ada.Wait(soon(t), func() bool { return ada.Participants()["door"].GetTakesSound() }); err != nil {
		t.Fatal(err)
	}
	if err := ada.TalkTo("door"); err != nil {
		t.Fatal(err)
	}
	stop := talking(ada)
	defer stop()
	heard := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	if err := ada.Wait(soon(t), func() bool { return ada.Talk().GetLive() }); err != nil {
		t.Fatal("she is not told that it plays")
	}
	heard("nothing is played", func() bool { return r.packets.Load() > 10 })
	for _, tr := range n.Room("den").Participant(ada.ID()).State().Tracks {
		if tr.Codec.MimeType == sfu.LoudspeakerCodec {
			t.Error("what is said to the camera is published to the room")
		}
	}
	gets(t, bob, ada)
	ada.MuteTalk(true)
	heard("it plays on", func() bool { return r.ended.Load() == 1 })
	ada.MuteTalk(false)
	before := r.packets.Load()
	heard("nothing is played again", func() bool { return r.packets.Load() > before+10 })
	ada.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Leave{Leave: &umbrellav1.Leave{}}})
	heard("it plays although she has left", func() bool { return r.ended.Load() == 2 })
}

func TestTalkToNobody(t *testing.T) {
	n := startNode(t)
	ada := n.join(t, &peer.Peer{Name: "Ada"})
	playing(t, ada)
	track(t, ada, ada.ID(), umbrellav1.TrackSource_TRACK_SOURCE_MICROPHONE)
	if err := ada.TalkTo("door"); err != nil {
		t.Fatal(err)
	}
	defer talking(ada)()
	if err := ada.Wait(soon(t), func() bool { return strings.Contains(ada.Talk().GetProblem(), "nobody of that id") }); err != nil {
		t.Error(err)
	}
}

// talking says something until stop is called.
func talking(p *peer.Peer) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			p.Say(make([]byte, 160))
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func() { cancel(); <-done }
}
