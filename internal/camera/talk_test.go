package camera

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// hear makes a camera take sound.
func (s *scene) hear(f *format.G711) *scene {
	s.desc.Medias = append(s.desc.Medias, &description.Media{
		Type: description.MediaTypeAudio, IsBackChannel: true, Formats: []format.Format{f},
	})
	return s
}

// voiceOf is somebody who says one byte again and again until the test ends.
func voiceOf(t *testing.T, said byte) *forward.Source {
	l := forward.NewLayer(forward.LayerConfig{MimeType: sfu.LoudspeakerCodec, ClockRate: 8000})
	media := &forward.Source{}
	media.Add(l)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		payload := make([]byte, 160)
		for i := range payload {
			payload[i] = said
		}
		for i := uint16(0); ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			b, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: i, Timestamp: uint32(i) * 160}, Payload: payload}).Marshal()
			l.Push(b, time.Now())
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
	return media
}

// loudspeaker of the camera, or nil.
func (n *node) loudspeaker() sfu.Loudspeaker {
	if r := n.SFU.Room("lobby"); r != nil {
		if p := r.Participant("door"); p != nil {
			return p.State().Loudspeaker
		}
	}
	return nil
}

func TestTalk(t *testing.T) {
	for _, c := range []struct {
		name       string
		law        *format.G711
		said, want byte
	}{
		{"mu-law", &format.G711{PayloadTyp: 0, MULaw: true, SampleRate: 8000, ChannelCount: 1}, 0x90, 0x90},
		{"A-law", &format.G711{PayloadTyp: 8, SampleRate: 8000, ChannelCount: 1}, 0x90, 0xba},
	} {
		t.Run(c.name, func(t *testing.T) {
			cam := startCamera(t, sceneOf(t, "sub.h264", false, pcmu).hear(c.law), nil)
			n := startNode(t, settings(cam.url("live")))
			until(t, "it can be talked to", func() bool { return n.loudspeaker() != nil })
			until(t, "it was looked at", func() bool { return cam.describe.Load() > 0 })
			if cam.asked.Load() {
				t.Error("the camera was asked for its back channel although nobody talks")
			}
			l := n.loudspeaker()
			var live atomic.Bool
			stop := l.Play(voiceOf(t, c.said), func(s sfu.Talk) {
				if s.Problem != "" {
					t.Error(s.Problem)
				}
				live.Store(s.Live)
			})
			until(t, "it plays", func() bool { return live.Load() && cam.heard.Load() > 10 })
			if got := byte(cam.byte.Load()); got != c.want {
				t.Errorf("the camera hears %#x, not %#x", got, c.want)
			}
			var second atomic.Value
			l.Play(voiceOf(t, 1), func(s sfu.Talk) { second.Store(s.Problem) })()
			if p, _ := second.Load().(string); !strings.Contains(p, "somebody else talks") {
				t.Errorf("a second one is told %q", p)
			}
			before := cam.connections()
			stop()
			until(t, "the connection has ended", func() bool { return cam.connections() < before })
			// And again.
			stop = l.Play(voiceOf(t, c.said), func(s sfu.Talk) { live.Store(s.Live) })
			heard := cam.heard.Load()
			until(t, "it plays again", func() bool { return cam.heard.Load() > heard+5 })
			stop()
		})
	}
}

func TestTalkToOneThatTakesNoSound(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "sub.h264", false), nil)
	n := startNode(t, settings(cam.url("live")))
	until(t, "it can be talked to", func() bool { return n.loudspeaker() != nil })
	var problem atomic.Value
	stop := n.loudspeaker().Play(voiceOf(t, 1), func(s sfu.Talk) { problem.Store(s.Problem) })
	defer stop()
	until(t, "it says why", func() bool { p, _ := problem.Load().(string); return strings.Contains(p, "takes no sound") })
	until(t, "nobody tries again", func() bool { return n.loudspeaker() == nil })
}

func TestTalkEndsWithTheCamera(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "sub.h264", false).hear(&format.G711{MULaw: true, SampleRate: 8000, ChannelCount: 1}), nil)
	n := startNode(t, settings(cam.url("live")))
	until(t, "it can be talked to", func() bool { return n.loudspeaker() != nil })
	l := n.loudspeaker()
	var live atomic.Bool
	stop := l.Play(voiceOf(t, 1), func(s sfu.Talk) { live.Store(s.Live) })
	defer stop()
	until(t, "it plays", live.Load)
	n.Apply(nil)
	var problem atomic.Value
	l.Play(voiceOf(t, 1), func(s sfu.Talk) { problem.Store(s.Problem) })
	if p, _ := problem.Load().(string); !strings.Contains(p, "left the room") {
		t.Errorf("told %q", p)
	}
}
