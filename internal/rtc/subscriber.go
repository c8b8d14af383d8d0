package rtc

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"umbrella/internal/bound"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// Subscriber is a connection on which we send tracks to a participant.
//
// Its m-lines stay and are used again: a track that ends frees its m-line for
// the next one in the same codec, with no renegotiation. Which track plays
// where is told by Mapping.
type Subscriber struct {
	peer
	log *slog.Logger
	// fixed: the peer made the m-lines, there will be no more.
	fixed bool
	rules mayReject // for its offers

	path    path
	bound   atomic.Pointer[map[uint32]*slot] // by SSRC: copy on write
	boundMu sync.Mutex

	mu         sync.Mutex
	groups     []*group
	made       int          // slots so far, for their names
	lines      *bound.Share // of the node's m-lines
	counted    int64        // of lines
	unshare    func()
	leftOut    []*sfu.Track // for which there is no m-line, and why
	why        error
	unsaid     bool // there are m-lines that no offer has told of
	allocation allocation
	// When the bandwidth was shared out and reports were sent.
	allocated, reported time.Time
}

// group is m-lines that play in step: the sound and the picture of one source.
// It belongs to one bundle of tracks at a time.
type group struct {
	stream string
	bundle string // empty when every slot is free
	slots  []*slot
}

// Mapping says which track plays on which m-line.
type Mapping struct {
	Mid   string
	Track *sfu.Track
}

// Wish is a track that the receiver is to get.
type Wish struct {
	Track  *sfu.Track
	Paused bool
	// Size of the tile in device pixels; 0 where it does not matter.
	Width, Height int
	// Pinned: the receiver holds on to it, whoever speaks.
	Pinned bool
}

// NewSubscriber makes a connection on which we offer. address is the host and
// port that the receiver's signalling comes from.
func (e *Engine) NewSubscriber(address string, log *slog.Logger, onState func(webrtc.PeerConnectionState)) (*Subscriber, error) {
	return e.newSubscriber(address, log, onState, e.codecs)
}

func (e *Engine) newSubscriber(address string, log *slog.Logger, onState func(webrtc.PeerConnectionState), codecs *webrtc.MediaEngine) (*Subscriber, error) {
	s := &Subscriber{log: log}
	s.codecs = codecs
	s.path.init()
	a, err := netip.ParseAddr(address)
	if ap, e := netip.ParseAddrPort(address); e == nil {
		a, err = ap.Addr(), nil
	}
	if err == nil && near(a.Unmap()) {
		s.path.estimator.Initial = nearRate
	}
	s.lines, s.unshare = e.Lines.Of(bound.Origin(a))
	s.media.rtp, s.media.rtcp = func([]byte, time.Time) {}, s.feedback
	s.tick = s.turn
	err = s.connect(e, func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			s.begin()
		}
		if onState != nil {
			onState(state)
		}
	})
	if err != nil {
		s.unshare()
		return nil, err
	}
	return s, nil
}

// Offer makes an offer that covers everything so far.
func (s *Subscriber) Offer(restartICE bool) (string, error) {
	s.mu.Lock()
	s.unsaid = false
	s.mu.Unlock()
	offer, err := s.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restartICE})
	if err != nil {
		return "", fmt.Errorf("offering: %w", err)
	}
	local, err := s.setLocal(offer)
	if err != nil {
		return "", fmt.Errorf("offering: %w", err)
	}
	// The DTLS server chooses the SRTP profile, and knows the keys first: be it.
	return strings.ReplaceAll(local, "a=setup:actpass\r\n", "a=setup:passive\r\n"), nil
}

// NeedsOffer tells that there are m-lines that the peer does not know of.
func (s *Subscriber) NeedsOffer() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsaid
}

// Answered applies the answer to the last offer.
func (s *Subscriber) Answered(answer string) error {
	defer s.engine.negotiate()()
	remote, err := readRemote(answer, maxAnswered)
	if err == nil && remote.passive {
		err = ErrPassive
	}
	var agreed map[string][]string
	if err == nil {
		remote.text, agreed, err = withAllCodecs(remote.text)
	}
	if err == nil {
		s.agree(agreed)
		err = s.setRemote(webrtc.SDPTypeAnswer, remote)
	}
	if err != nil {
		return fmt.Errorf("applying the answer: %w", err)
	}
	return nil
}

// agree tells each m-line which numbers the peer took on it.
func (s *Subscriber) agree(numbers map[string][]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.groups {
		for _, sl := range g.slots {
			if list, ok := numbers[sl.transceiver.Mid()]; ok {
				sl.agree(list)
			}
		}
	}
}

// Set makes the wishes come true: tracks that are new start, those no longer
// wished for stop. It returns whether Mapping or LeftOut is another than before. A
// track that no m-line can carry is left out.
func (s *Subscriber) Set(wishes []Wish) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.leftOut
	wishes = s.choose(wishes)
	wanted := make(map[*sfu.Track]bool, len(wishes))
	for _, w := range wishes {
		wanted[w.Track] = true
	}
	for _, g := range s.groups {
		used := false
		for _, sl := range g.slots {
			if sl.track == nil {
				continue
			}
			if !wanted[sl.track] {
				sl.set(nil)
				changed = true
				continue
			}
			used = true
		}
		if !used {
			g.bundle = ""
		}
	}
	playing := map[*sfu.Track]*slot{}
	for _, g := range s.groups {
		for _, sl := range g.slots {
			if sl.track != nil {
				playing[sl.track] = sl
			}
		}
	}
	for _, w := range wishes {
		sl := playing[w.Track]
		if sl == nil {
			if sl = s.place(w.Track); sl == nil {
				if !s.fixed && len(codecsFor(w.Track)) > 0 {
					s.leaveOut(w.Track, ErrLines)
				}
				continue
			}
			sl.set(w.Track)
			playing[w.Track] = sl
			changed = true
		}
		sl.width, sl.height, sl.pinned = w.Width, w.Height, w.Pinned
		if sl.paused != w.Paused {
			sl.paused = w.Paused
			sl.out.SetPaused(w.Paused)
		}
	}
	s.allocate(time.Now())
	return changed || !slices.Equal(was, s.leftOut)
}

// bundleOf names what plays in step with a track: the screen and its sound,
// or the camera and the microphone.
func bundleOf(t *sfu.Track) string {
	name := t.Participant().ID
	if t.Source == sfu.Screen || t.Source == sfu.ScreenAudio {
		name += " screen"
	}
	return name
}

// place finds an m-line for a track, or makes one.
func (s *Subscriber) place(t *sfu.Track) *slot {
	bundle := bundleOf(t)
	var own, free *group
	for _, g := range s.groups {
		switch {
		case g.bundle == bundle:
			own = g
		case g.bundle == "" && (free == nil || g.idle(t) != nil && free.idle(t) == nil):
			free = g
		}
	}
	g := own
	if g == nil {
		g = free
	}
	if g != nil {
		if sl := g.idle(t); sl != nil {
			g.bundle = bundle
			return sl
		}
	}
	codecs := codecsFor(t)
	if len(codecs) == 0 && !s.fixed {
		return nil
	}
	if s.fixed || !s.mayAdd(rtpKind(t.Kind)) {
		// Better out of step than not at all.
		return s.reuse(t, bundle)
	}
	if g == nil {
		g = s.newGroup()
		s.groups = append(s.groups, g)
	}
	sl, err := s.addSlot(g, rtpKind(t.Kind), codecs)
	if err != nil {
		s.log.Warn("adding an m-line", "error", err)
		return nil
	}
	g.bundle = bundle
	return sl
}

// idle returns a slot of the group on which a track can play.
func (g *group) idle(t *sfu.Track) *slot {
	for _, sl := range g.slots {
		if sl.track == nil && sl.takes(t.Codec) {
			return sl
		}
	}
	return nil
}

func (s *Subscriber) newGroup() *group {
	return &group{stream: "stream" + strconv.Itoa(len(s.groups))}
}

func (s *Subscriber) addSlot(g *group, kind webrtc.RTPCodecType, codecs []codec) (*slot, error) {
	sl := &slot{kind: kind, id: kind.String() + strconv.Itoa(s.made), stream: g.stream, owner: s}
	sl.choice.Layer = -1
	s.made++
	t, err := s.pc.AddTransceiverFromTrack(sl, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, err
	}
	sl.transceiver = t
	s.lines.Add(1)
	s.counted++
	g.slots = append(g.slots, sl)
	if codecs != nil {
		if err := sl.prefer(codecs); err != nil {
			return nil, err
		}
	}
	s.unsaid = true
	return sl, nil
}

// begin lets packets leave on every m-line.
func (s *Subscriber) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.groups {
		for _, sl := range g.slots {
			sl.begin()
		}
	}
}

// Mapping says what plays where, for m-lines that an offer has told of.
func (s *Subscriber) Mapping() []Mapping {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Mapping
	for _, g := range s.groups {
		for _, sl := range g.slots {
			if mid := sl.transceiver.Mid(); sl.track != nil && mid != "" {
				list = append(list, Mapping{Mid: mid, Track: sl.track})
			}
		}
	}
	return list
}

// Output is one m-line with what was sent on it.
type Output struct {
	Mid    string
	Track  *sfu.Track
	Paused bool
	// Limited tells that a better layer would fit the tile, but not the path.
	Limited bool
	forward.StreamStats
}

// Outputs returns the m-lines on which something plays.
func (s *Subscriber) Outputs(now time.Time) []Output {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Output
	for _, g := range s.groups {
		for _, sl := range g.slots {
			if sl.track != nil {
				list = append(list, Output{
					Mid: sl.transceiver.Mid(), Track: sl.track, Paused: sl.paused, Limited: sl.limited,
					StreamStats: sl.out.Stats(now),
				})
			}
		}
	}
	return list
}

// Available is what the path to the receiver carries, in bits per second.
func (s *Subscriber) Available() uint64 { return s.path.estimator.Target() }

// Close ends the connection.
func (s *Subscriber) Close() error {
	s.Set(nil)
	s.mu.Lock()
	s.lines.Add(-s.counted)
	s.counted = 0
	s.unshare()
	s.mu.Unlock()
	return s.peer.Close()
}

const reportInterval = time.Second

// turn does what has to be done every now and then.
func (s *Subscriber) turn(now time.Time) {
	due := s.path.due.Swap(false)
	s.mu.Lock()
	if due || now.Sub(s.allocated) >= allocateInterval {
		s.allocated = now
		s.allocate(now)
	}
	var streams []*forward.Stream
	if now.Sub(s.reported) >= reportInterval {
		s.reported = now
		for _, g := range s.groups {
			for _, sl := range g.slots {
				if sl.track != nil {
					streams = append(streams, &sl.out)
				}
			}
		}
	}
	s.mu.Unlock()
	s.media.report(streams, now)
	s.path.probe(now, s.best, &s.media, &s.owned)
}

// best is the stream that takes the most, to probe with; nil when there is
// none with a picture.
func (s *Subscriber) best() *forward.Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	var best *slot
	for _, g := range s.groups {
		for _, sl := range g.slots {
			if sl.track != nil && sl.track.Kind == sfu.Video && !sl.paused && (best == nil || sl.choice.Bitrate > best.choice.Bitrate) {
				best = sl
			}
		}
	}
	if best == nil {
		return nil
	}
	return &best.out
}
