package signal_test

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
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
