package rtc

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// TestProfilesThatABrowserDoesNotList: what each m-line is answered with counts,
// on the first one as well.
func TestProfilesThatABrowserDoesNotList(t *testing.T) {
	for name, c := range map[string]struct {
		knows  []codec
		number uint32 // 0: nothing comes
	}{
		"High":     {[]codec{videoCodecs[0], videoCodecs[4], videoCodecs[3], videoCodecs[1]}, 104},
		"Main":     {[]codec{videoCodecs[0], videoCodecs[3], videoCodecs[1]}, 102},
		"Baseline": {[]codec{videoCodecs[0], videoCodecs[1]}, 98},
		"no H.264": {[]codec{videoCodecs[0]}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := trunkEngine(t)
			p := testParticipant(t)
			layer := forward.NewLayer(forward.LayerConfig{MimeType: "video/H264", ClockRate: 90000})
			media := &forward.Source{}
			media.Add(layer)
			track, err := p.Publish(sfu.Publication{
				Kind: sfu.Video, Media: media,
				Codec: sfu.Codec{MimeType: "video/H264", ClockRate: 90000, Fmtp: h264("640028", 1)},
			})
			if err != nil {
				t.Fatal(err)
			}
			sub, err := e.NewSubscriber("127.0.0.1:1", e.Log, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer sub.Close()
			sub.Set([]Wish{{Track: track}})
			m := &webrtc.MediaEngine{}
			for _, k := range c.knows {
				if err := m.RegisterCodec(k.parameters(), webrtc.RTPCodecTypeVideo); err != nil {
					t.Fatal(err)
				}
			}
			s := webrtc.SettingEngine{}
			s.SetIncludeLoopbackCandidate(true)
			if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleClient); err != nil {
				t.Fatal(err)
			}
			pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
			if err != nil {
				t.Fatal(err)
			}
			defer pc.GracefulClose()
			var number atomic.Uint32
			pc.OnTrack(func(r *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
				if packet, _, err := r.ReadRTP(); err == nil {
					number.Store(uint32(packet.PayloadType))
				}
			})
			offer, err := sub.Offer(false)
			if err != nil {
				t.Fatal(err)
			}
			if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
				t.Fatal(err)
			}
			answer, err := pc.CreateAnswer(nil)
			if err != nil {
				t.Fatal(err)
			}
			gathered := webrtc.GatheringCompletePromise(pc)
			if err := pc.SetLocalDescription(answer); err != nil {
				t.Fatal(err)
			}
			<-gathered
			err = sub.Answered(pc.LocalDescription().SDP)
			if c.number == 0 {
				// The connection has nothing else on it.
				sub.mu.Lock()
				defer sub.mu.Unlock()
				if _, ok := sub.groups[0].slots[0].payloadTypes(track.Codec); ok {
					t.Error("it is sent what was turned down")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for n, end := uint16(1), time.Now().Add(15*time.Second); number.Load() == 0; n++ {
				if time.Now().After(end) {
					t.Fatal("nothing came")
				}
				h := rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: n, Timestamp: uint32(n) * 3000, SSRC: 1, Marker: true}
				b, err := (&rtp.Packet{Header: h, Payload: []byte{0x65, 0x88, 0x80, 0x10}}).Marshal()
				if err != nil {
					t.Fatal(err)
				}
				layer.Push(b, time.Now())
				time.Sleep(10 * time.Millisecond)
			}
			if got := number.Load(); got != c.number {
				t.Errorf("it came as %d, want %d", got, c.number)
			}
		})
	}
}
