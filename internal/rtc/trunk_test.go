package rtc

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

func trunkEngine(t *testing.T) *Engine {
	t.Helper()
	e := &Engine{Log: slog.New(slog.DiscardHandler)}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	return e
}

// trunks connects two nodes; only candidates that keep says are told.
func trunks(t *testing.T, keep func(candidate string) bool) (dialled, accepted *Trunk) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	dialled, accepted = trunkEngine(t).NewTrunk(true, log), trunkEngine(t).NewTrunk(false, log)
	t.Cleanup(func() { _, _ = dialled.Close(), accepted.Close() })
	remote := accepted.Parameters()
	var told []string
	for _, c := range remote.Candidates {
		if keep(c) {
			told = append(told, c)
		}
	}
	remote.Candidates = told
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- accepted.Connect(ctx, dialled.Parameters()) }()
	if err := dialled.Connect(ctx, remote); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return dialled, accepted
}

// carry sends a picture from one end to the other until it is there.
func carry(t *testing.T, from, to *Trunk) {
	t.Helper()
	var asked atomic.Int32
	layer := forward.NewLayer(forward.LayerConfig{MimeType: "video/VP8", ClockRate: 90000, RequestKeyframe: func() { asked.Add(1) }})
	media := &forward.Source{}
	media.Add(layer)
	p, err := (&sfu.SFU{}).Join(sfu.Entry{Room: "r", Name: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Leave()
	track, err := p.Publish(sfu.Publication{Kind: sfu.Video, Media: media})
	if err != nil {
		t.Fatal(err)
	}
	const ssrc = 4710
	arrived := forward.NewLayer(forward.LayerConfig{MimeType: "video/VP8", ClockRate: 90000, Extensions: TrunkExtensions()})
	to.Receive(ssrc, arrived, 90000)
	from.Send(ssrc, track, layer)
	deadline := time.Now().Add(10 * time.Second)
	for n := uint16(1); arrived.Stats(time.Now()).Keyframes < 3; n++ {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", arrived.Stats(time.Now()))
		}
		h := rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: n, Timestamp: uint32(n) * 3000, SSRC: 1, Marker: true}
		b, err := (&rtp.Packet{Header: h, Payload: []byte{0x10, 0, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1}}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		layer.Push(b, time.Now())
		time.Sleep(5 * time.Millisecond)
	}
	if asked.Load() == 0 {
		t.Error("no keyframe was asked for")
	}
	if f := to.Incoming(time.Now()); f.Streams != 1 {
		t.Errorf("%+v come in", f)
	}
	if s := arrived.Scale(); s.Width != 640 || s.Height != 360 {
		t.Errorf("%+v", s)
	}
	was := asked.Load()
	to.RequestKeyframe(ssrc)
	for asked.Load() == was {
		if time.Now().After(deadline) {
			t.Fatal("the request for a keyframe was not passed on")
		}
		time.Sleep(5 * time.Millisecond)
	}
	from.Stop(ssrc)
	to.Forget(ssrc)
	if n := layer.Subscribers(); n != 0 {
		t.Errorf("%d still take the layer", n)
	}
}

func TestTrunkCarriesBothWays(t *testing.T) {
	a, b := trunks(t, func(string) bool { return true })
	carry(t, a, b)
	carry(t, b, a)
	if !strings.HasPrefix(a.Via(), "udp ") {
		t.Errorf("via %q", a.Via())
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-b.Ended():
	case <-time.After(5 * time.Second):
		t.Error("the other end was not told")
	}
}

func TestTrunkOverTCP(t *testing.T) {
	a, b := trunks(t, func(c string) bool { return strings.Contains(c, " tcp ") })
	carry(t, a, b)
	carry(t, b, a)
	if !strings.HasPrefix(a.Via(), "tcp ") {
		t.Errorf("via %q", a.Via())
	}
}

func TestTrunkRefusesAnotherCertificate(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	a, b := trunkEngine(t).NewTrunk(true, log), trunkEngine(t).NewTrunk(false, log)
	defer func() { _, _ = a.Close(), b.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	wrong := b.Parameters()
	wrong.Fingerprint = make([]byte, 32)
	go func() { _ = b.Connect(ctx, a.Parameters()) }()
	if err := a.Connect(ctx, wrong); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
}

// TestTrunkFallsSilent turns the clock of both ends by hand.
func TestTrunkFallsSilent(t *testing.T) {
	for _, c := range []struct {
		name          string
		asks, answers bool
		ends          bool
	}{
		{"nothing is asked for", false, false, false},
		{"the other end does not live", true, false, true},
		{"the other end lives, and has nothing to send", true, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := trunks(t, func(string) bool { return true })
			for _, x := range []*Trunk{a, b} {
				x.engine.clock.remove(&x.ticker)
			}
			if c.asks {
				a.Receive(2, forward.NewLayer(forward.LayerConfig{MimeType: "video/VP8", ClockRate: 90000}), 90000)
			}
			b.Await(c.answers)
			began := time.Now()
			beats := 0
			for now := began; now.Sub(began) < 2*trunkSilent; now = now.Add(clockInterval) {
				if c.answers {
					was := b.life.spoke
					b.turn(now)
					if b.life.spoke != was {
						beats++
						for deadline := time.Now().Add(10 * time.Second); !a.arrived.Load(); time.Sleep(time.Millisecond) {
							if time.Now().After(deadline) {
								t.Fatal("nothing comes")
							}
						}
					}
				}
				a.turn(now)
			}
			select {
			case <-a.Ended():
				if !c.ends {
					t.Error("it has ended")
				}
			default:
				if c.ends {
					t.Error("it goes on")
				}
			}
			if c.answers && beats < int(2*trunkSilent/trunkBeat)-1 {
				t.Errorf("it showed %d times that it lives", beats)
			}
			// One whose machine stood still is given time.
			if c.asks && c.answers {
				a.turn(began.Add(time.Minute))
				select {
				case <-a.Ended():
					t.Error("it has ended for standing still")
				default:
				}
			}
		})
	}
}

// A large encoding that was asked for early takes nothing from the small ones of
// those who came later.
func TestTrunkThinsOut(t *testing.T) {
	trunk := trunkEngine(t).NewTrunk(true, slog.New(slog.DiscardHandler))
	defer func() { _ = trunk.Close() }()
	trunk.path.estimator.Initial = 2_150_000 // 6 % more than the large one is thought to take
	send := func(ssrc uint32, track *sfu.Track, width, height uint16) {
		l := forward.NewLayer(forward.LayerConfig{
			MimeType: "video/VP8", ClockRate: 90000, Hint: forward.Scale{Width: width, Height: height, Spatial: 1, Temporal: 1},
		})
		track.Media.Add(l)
		trunk.Send(ssrc, track, l)
	}
	var tracks []*sfu.Track
	node := &sfu.SFU{}
	for _, name := range []string{"Ada", "Bob"} {
		p, err := node.Join(sfu.Entry{Room: "r", Name: name})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Leave()
		track, err := p.Publish(sfu.Publication{Kind: sfu.Video, Media: &forward.Source{}})
		if err != nil {
			t.Fatal(err)
		}
		tracks = append(tracks, track)
	}
	send(2, tracks[0], 1280, 720)
	if trunk.list()[2].choice.Layer < 0 {
		t.Error("the only encoding does not cross")
	}
	send(4, tracks[0], 320, 180)
	send(6, tracks[1], 320, 180)
	for ssrc, want := range map[uint32]bool{2: false, 4: true, 6: true} {
		if got := trunk.list()[ssrc].choice.Layer >= 0; got != want {
			t.Errorf("%d crosses: %v", ssrc, got)
		}
	}
}
