package rtc

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// answerer is a peer that answers a Subscriber's offers, without any network.
type answerer struct {
	t  *testing.T
	s  *Subscriber
	pc *webrtc.PeerConnection
}

func newAnswerer(t *testing.T, e *Engine) *answerer {
	s, err := e.NewSubscriber("203.0.113.1", e.Log, nil)
	if err != nil {
		t.Fatal(err)
	}
	var settings webrtc.SettingEngine
	if err := settings.SetAnsweringDTLSRole(webrtc.DTLSRoleClient); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), pc.Close()); err != nil {
			t.Error(err)
		}
	})
	return &answerer{t: t, s: s, pc: pc}
}

// negotiate brings the peer up to date, as the signalling does.
func (r *answerer) negotiate() {
	r.t.Helper()
	for r.s.NeedsOffer() {
		offer, err := r.s.Offer(false)
		if err != nil {
			r.t.Fatal(err)
		}
		if err := r.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
			r.t.Fatal(err)
		}
		// pion answers with the codecs of the first offer for ever; browsers do not.
		for _, tr := range r.pc.GetTransceivers() {
			if err := tr.SetCodecPreferences(nil); err != nil {
				r.t.Fatal(err)
			}
		}
		answer, err := r.pc.CreateAnswer(nil)
		if err != nil {
			r.t.Fatal(err)
		}
		gathered := webrtc.GatheringCompletePromise(r.pc)
		if err := r.pc.SetLocalDescription(answer); err != nil {
			r.t.Fatal(err)
		}
		<-gathered
		if err := r.s.Answered(r.pc.LocalDescription().SDP); err != nil {
			r.t.Fatal(err)
		}
	}
}

// works waits until media can flow on every m-line.
func (r *answerer) works() {
	r.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		waits := 0
		for _, g := range r.s.groups {
			for _, sl := range g.slots {
				sl.mu.Lock()
				if sl.known == nil || sl.pending != nil {
					waits++
				}
				sl.mu.Unlock()
			}
		}
		if waits == 0 {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%d m-lines do not work after 10 s", waits)
		}
	}
}

// published makes a track of somebody.
func published(t *testing.T, p *sfu.Participant, kind sfu.TrackKind, source sfu.Source, mime string) *sfu.Track {
	t.Helper()
	codec := sfu.Codec{MimeType: mime, ClockRate: 90000}
	if kind == sfu.Audio {
		codec = sfu.Codec{MimeType: mime, ClockRate: 48000, Channels: 2}
	}
	if strings.EqualFold(mime, webrtc.MimeTypeH264) {
		codec.Fmtp = h264("42e01f", 1)
	}
	media := &forward.Source{}
	media.Add(forward.NewLayer(forward.LayerConfig{MimeType: mime, ClockRate: codec.ClockRate}))
	track, err := p.Publish(sfu.Publication{Kind: kind, Source: source, Codec: codec, Media: media})
	if err != nil {
		t.Fatal(err)
	}
	return track
}

// crowd is so many people, each with a microphone and a camera.
func crowd(t *testing.T, n int, mime string) (wishes []Wish) {
	t.Helper()
	for range n {
		p := testParticipant(t)
		wishes = append(wishes,
			Wish{Track: published(t, p, sfu.Audio, sfu.Microphone, "audio/opus")},
			Wish{Track: published(t, p, sfu.Video, sfu.CameraPicture, mime), Width: 320, Height: 180})
	}
	return wishes
}

func (r *answerer) plays(track *sfu.Track) bool {
	return slices.ContainsFunc(r.s.Mapping(), func(m Mapping) bool { return m.Track == track })
}

// A room that is as full as the connection of one who watches can be, and fuller: it
// is negotiated, what is most important comes first, and what was left out comes when
// there is a place.
func TestViewerOfAFullRoom(t *testing.T) {
	e := testEngine(t)
	r := newAnswerer(t, e)
	wishes := crowd(t, maxLines, "video/VP8")
	r.s.Set(wishes)
	r.negotiate()
	if n := len(r.s.Mapping()); n != 2*maxLines {
		t.Fatalf("%d of %d tracks play", n, 2*maxLines)
	}
	if left, why := r.s.LeftOut(); left != nil || why != nil {
		t.Fatalf("%d are left out: %v", len(left), why)
	}
	more := crowd(t, 10, "video/VP8")
	wishes = append(wishes, more...)
	if !r.s.Set(wishes) {
		t.Error("it is no news that something is left out")
	}
	if r.s.Set(wishes) {
		t.Error("the same is news again")
	}
	left, why := r.s.LeftOut()
	if len(left) != 20 || !errors.Is(why, ErrLinesOfOne) || r.s.NeedsOffer() {
		t.Fatalf("%d are left out, %v", len(left), why)
	}
	for _, w := range more {
		if !slices.Contains(left, w.Track) {
			t.Error("somebody who played gave way to one who is no more important")
		}
	}
	pinned := &wishes[len(wishes)-1]
	pinned.Pinned = true
	screen := Wish{Track: published(t, testParticipant(t), sfu.Video, sfu.Screen, "video/VP8")}
	wishes[0].Track.SetMuted(true) // a sound
	wishes[1].Track.SetMuted(true)
	wishes[3].Paused = true
	wishes = append(wishes, screen)
	pinned = &wishes[len(wishes)-2]
	r.s.Set(wishes)
	for _, w := range []Wish{*pinned, screen, more[0]} {
		if !r.plays(w.Track) {
			t.Errorf("%v is left out", w.Track.Source)
		}
	}
	for _, i := range []int{0, 1, 3} {
		if r.plays(wishes[i].Track) {
			t.Errorf("wish %d plays, and others that are more important do not", i)
		}
	}
	if r.s.NeedsOffer() {
		t.Error("m-lines that there are were not used again")
	}
	// Some leave.
	rest := slices.Clone(wishes[:40])
	rest = append(rest, wishes[80:]...)
	r.s.Set(rest)
	if left, why := r.s.LeftOut(); left != nil || why != nil {
		t.Errorf("%d are left out where there is room: %v", len(left), why)
	}
	for _, w := range rest {
		if !r.plays(w.Track) {
			t.Error("a track does not play where there is room")
		}
	}
}

// M-lines that were made for what is gone serve another codec: those who made them
// cannot keep others from being seen.
func TestLinesAreUsedForOtherCodecs(t *testing.T) {
	e := testEngine(t)
	r := newAnswerer(t, e)
	r.s.Set(crowd(t, maxLines, "video/VP9"))
	r.negotiate()
	wishes := crowd(t, 20, "video/H264")
	r.s.Set(wishes)
	r.works()
	if !r.s.NeedsOffer() {
		t.Fatal("the peer is not told of the other codec")
	}
	r.negotiate()
	for _, g := range r.s.groups {
		for _, sl := range g.slots {
			if sl.track == nil || sl.track.Kind != sfu.Video {
				continue
			}
			sl.mu.Lock()
			types, ok := sl.payloadTypes(sl.track.Codec)
			sl.mu.Unlock()
			if !ok || types.RTX == 0 || sl.transceiver.Mid() == "" {
				t.Errorf("m-line %q cannot play H.264: %+v", sl.transceiver.Mid(), types)
			}
		}
	}
	offer := r.s.pc.LocalDescription().SDP
	if n := strings.Count(offer, "\nm="); n > 2*maxLines+1 {
		t.Errorf("%d m-lines", n)
	}
	if n := strings.Count(offer, "H264/90000"); n < 20 {
		t.Errorf("%d m-lines are offered for H.264", n)
	}
	for _, w := range wishes {
		if !r.plays(w.Track) {
			t.Error("a track does not play")
		}
	}
}

// Where the node's m-lines are short, those of one address leave some for others.
func TestLinesOfTheNode(t *testing.T) {
	e := testEngine(t)
	e.Lines.Pool.SetMost(30)
	wishes := crowd(t, 20, "video/VP8")
	greedy := []*answerer{newAnswerer(t, e), newAnswerer(t, e)}
	for _, r := range greedy {
		r.s.Set(wishes)
	}
	if n := e.Lines.Pool.Used(); n != 15 {
		t.Errorf("one address has %d of 30 m-lines", n)
	}
	if left, why := greedy[1].s.LeftOut(); len(left) == 0 || !errors.Is(why, ErrLines) {
		t.Errorf("%d are left out: %v", len(left), why)
	}
	other, err := e.NewSubscriber("203.0.113.2", e.Log, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.Set(wishes[:6])
	if left, why := other.LeftOut(); left != nil {
		t.Errorf("of another address %d are left out: %v", len(left), why)
	}
	if err := greedy[0].s.Close(); err != nil {
		t.Fatal(err)
	}
	greedy[1].s.Set(wishes)
	n := 0
	for _, g := range greedy[1].s.groups {
		n += len(g.slots)
	}
	if n < 10 {
		t.Errorf("%d m-lines when others have ended", n)
	}
	for i, r := range greedy {
		if err := r.s.Close(); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if n := e.Lines.Pool.Used(); n != 6 {
		t.Errorf("%d m-lines are counted of 6", n)
	}
}
