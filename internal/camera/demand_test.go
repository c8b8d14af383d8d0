package camera

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
)

// tile is a picture on somebody's screen: a PeerConnection to a real
// Subscriber, which shares the bandwidth out.
type tile struct {
	sub     *rtc.Subscriber
	packets atomic.Uint64
}

func watchTile(t *testing.T, track *sfu.Track, width, height int) *tile {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	engine := &rtc.Engine{Log: log}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close(context.Background()) })
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	setting := webrtc.SettingEngine{}
	setting.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(setting)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	w := &tile{}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		buf := make([]byte, 1500)
		for {
			if _, _, err := track.Read(buf); err != nil {
				return
			}
			w.packets.Add(1)
		}
	})
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	sub, answer, err := engine.AnswerSubscriber(rtc.WatchOffer{SDP: pc.LocalDescription().SDP}, "127.0.0.1:1", log, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Close() })
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	until(t, "a connection", func() bool { return pc.ConnectionState() == webrtc.PeerConnectionStateConnected })
	w.sub = sub
	sub.Set([]rtc.Wish{{Track: track, Width: width, Height: height}})
	return w
}

func (w *tile) more(t *testing.T) {
	t.Helper()
	was := w.packets.Load()
	until(t, "pictures", func() bool { return w.packets.Load() > was+20 })
}

// A camera on demand may take longer to come than a browser's layer would be
// waited for, and is told to be down for as long as it is and somebody watches.
func TestSlowCameraOnDemand(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "main.h264", false), nil)
	cfg := settings(cam.url("stream"))
	cfg.OnDemand = true
	n := startNode(t, cfg)
	track := n.track(t, sfu.Video)
	n.phase(t, Idle)
	cam.slow.Store(int64(3 * time.Second))
	w := watchTile(t, track, 320, 180)
	w.more(t)
	if cam.describe.Load() != 2 || cam.plays.Load() != 1 {
		t.Errorf("%d DESCRIBE, %d PLAY", cam.describe.Load(), cam.plays.Load())
	}
	cam.kill()
	n.phase(t, Down)
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if s := n.state(); s.Phase == Idle || s.notice() == "" {
			t.Fatalf("while somebody watches: %s, %q", s.Phase, s.notice())
		}
	}
	cam.slow.Store(0)
	cam.start(sceneOf(t, "main.h264", false))
	w.more(t)
	w.sub.Set(nil)
	n.phase(t, Idle)
}

// Where the large stream is slow the small one is shown meanwhile, and the
// large one all the same once it is there.
func TestSlowMainStreamOnDemand(t *testing.T) {
	main := startCamera(t, sceneOf(t, "main.h264", false), nil)
	sub := startCamera(t, sceneOf(t, "sub.h264", false), nil)
	cfg := settings(main.url("main"))
	cfg.Substream, cfg.OnDemand, cfg.Audio = sub.url("sub"), true, false
	times := quick
	times.Linger = 3 * time.Second
	n := startNodeAt(t, times, cfg)
	until(t, "two layers", func() bool { v := n.now(sfu.Video); return v != nil && len(v.Media.Layers()) == 2 })
	n.phase(t, Idle)
	main.slow.Store(int64(4 * time.Second))
	w := watchTile(t, n.now(sfu.Video), 0, 0)
	playing := func() string {
		for _, o := range w.sub.Outputs(time.Now()) {
			return o.RID
		}
		return ""
	}
	w.more(t)
	if rid := playing(); rid != "substream" {
		t.Errorf("%q is shown at first", rid)
	}
	until(t, "the large picture", func() bool { return playing() == "url" && main.playing.Load() == 1 })
	w.more(t)
	if main.plays.Load() != 1 {
		t.Errorf("the large stream was played %d times", main.plays.Load())
	}
}
