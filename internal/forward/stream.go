package forward

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
)

// Sender protects and sends RTP to one receiver. It must not block: what cannot
// leave is dropped.
type Sender interface {
	// SendRTP takes one packet, which may wait for Flush. header and payload are
	// the stream's again when it returns.
	SendRTP(header *rtp.Header, payload []byte) error
	// Flush sends what waits.
	Flush()
}

// StreamConfig is what was negotiated for one m-line of one receiver.
type StreamConfig struct {
	Sender Sender
	// SSRC of what leaves.
	SSRC uint32
	// RTXSSRC of retransmissions (RFC 4588); 0 where RTX was not negotiated:
	// then they leave as they were.
	RTXSSRC uint32
	// Mid of the m-line, sent with every packet where Extensions.Mid is set.
	Mid        string
	Extensions StreamExtensions
	// Transport counts what leaves on the connection; nil counts nothing.
	Transport *Transport
	// Totals of the node; nil counts for nobody.
	Totals *Totals
}

// Transport is what all streams of one connection have in common: the numbers
// of transport-wide congestion control.
type Transport struct {
	sequence atomic.Uint32
	// Sent is told of each packet that leaves with a number; size is that of
	// the RTP packet, in bytes. Unnumbered is told of those that leave without,
	// on an m-line or to a receiver that has not agreed to numbers. Neither must
	// block; nil is told nothing.
	Sent       func(number uint16, size int, at time.Time)
	Unnumbered func(size int, at time.Time)
}

// StreamExtensions are the ids of header extensions as the receiver knows
// them, 1 to 14; 0 is one that was not negotiated.
type StreamExtensions struct {
	Mid         uint8
	AudioLevel  uint8
	Orientation uint8
	AbsSendTime uint8
	TransportCC uint8
	Dependency  uint8
}

// PayloadTypes are the numbers under which a receiver takes a codec.
type PayloadTypes struct {
	Media uint8
	RTX   uint8 // 0 where it was not negotiated
	// Primary tells that the track is RED (RFC 2198) and the receiver takes only
	// what is in it.
	Primary bool
}

// Stream is one m-line of one receiver. It plays one layer of a source at a
// time; its sequence numbers, timestamps and picture numbers go on from one to
// the next. Safe for concurrent use.
type Stream struct {
	mu  sync.Mutex
	cfg StreamConfig

	source *Source
	types  PayloadTypes
	paused bool

	playing *Layer    // its packets leave
	next    *Layer    // it is to play from its next keyframe on
	joined  [2]*Layer // those whose packets come in
	last    *Layer    // the one that played last: its timestamps still fit
	asked   time.Time // when a keyframe was asked for; zero: it is to be
	// Layers that are wanted of next, or else of playing.
	wantSpatial, wantTemporal uint8

	rewriter rewriter
	selector selector
	pictures pictures
	sent     []sentPacket
	layers   []*Layer // that sentPacket names; the oldest is forgotten
	rtxSeq   uint16

	header  rtp.Header // reused for each packet
	values  [8]byte    // of the header extensions
	mid     []byte
	scratch []byte // a payload that is changed
	again   []byte // a packet to be sent again
	depend  []byte // a Dependency Descriptor that is changed

	catching catching

	stats  StreamStats
	rate   rateMeter
	octets uint32 // of payload, for sender reports
}

// sentPacket is what one number that left stood for.
type sentPacket struct {
	outTime uint32
	out, in uint16
	picture uint16
	tl0     uint8
	layer   uint8 // in Stream.layers, from 1; 0 is an empty entry
	resent  uint8
	marker  bool
	again   uint32 // when it was sent again, in ms; 0: never
}

// StreamStats is what a stream has sent, and what its receiver said of it.
type StreamStats struct {
	Packets          uint64
	Bytes            uint64 // of headers and payload; no retransmissions
	BitsPerSecond    uint64 // in the last full second
	Nacks            uint64 // packets that were asked for again
	Retransmissions  uint64
	KeyframeRequests uint64
	Loss             float64       // share lost, 0 to 1, in the last report
	RoundTrip        time.Duration // 0 when not known
	Jitter           time.Duration // RFC 3550 §6.4.1
	// RID of the layer that plays or is to play, and what leaves of it.
	RID               string
	Spatial, Temporal uint8
}

const (
	audioMemory = 128 // packets that left and can be asked for again
	videoMemory = 512
	maxResends  = 8 // of one packet
	// A packet is not sent again before the last try can have arrived: where the
	// way is full, repeating would keep it so.
	leastResend = 30 * time.Millisecond
	mostResend  = 500 * time.Millisecond

	// waitForKeyframe is how long a stream waits before it asks once more.
	waitForKeyframe = time.Second
)

// Bind tells the stream how it sends. Until then nothing leaves.
func (s *Stream) Bind(cfg StreamConfig) {
	if cfg.Totals == nil {
		cfg.Totals = &Totals{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg = cfg
	s.mid = []byte(cfg.Mid)
	s.hold()
	s.settle()
}

// Unbind stops sending: the connection is gone.
func (s *Stream) Unbind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg = StreamConfig{}
	s.hold()
	s.settle()
}

// Play makes the stream play src in place of what it played. Which layer of it
// is for Aim to say; until then nothing leaves.
func (s *Stream) Play(src *Source, types PayloadTypes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source != src {
		s.silence()
	}
	s.source, s.types = src, types
	s.settle()
}

// Stop makes the stream fall silent.
func (s *Stream) Stop() { s.Play(nil, PayloadTypes{}) }

// Aim chooses what is to leave: a layer, and in it spatial and temporal layers
// up to those numbers. It begins with the layer's next keyframe; what plays
// goes on until then. With nil the stream falls silent.
func (s *Stream) Aim(l *Layer, spatial, temporal uint8) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wantSpatial, s.wantTemporal = spatial, temporal
	switch {
	case l == nil || s.source == nil:
		s.silence()
	case l == s.playing:
		s.next = nil
		s.selector.aim(spatial, temporal)
		if s.selector.wantsKeyframe(l.SpatialLayers()) && time.Since(s.asked) > waitForKeyframe {
			s.ask(l)
		}
	case l != s.next:
		s.next, s.asked = l, time.Time{}
		if s.playing != nil && l.Rate() < s.playing.Rate() {
			// Too much is on its way already: the least of it until then.
			s.selector.aim(s.selector.spatial, 0)
		}
	}
	s.settle()
}

// SetPaused holds the stream, or lets it go on from the next keyframe.
func (s *Stream) SetPaused(paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused != paused {
		s.paused = paused
		s.hold()
		s.settle()
	}
}

// silence stops what plays. The caller holds mu, here and below.
func (s *Stream) silence() {
	s.playing, s.next = nil, nil
	s.catching = catching{}
	s.rewriter.stop()
}

// hold makes what plays, or is to play, begin anew with a keyframe.
func (s *Stream) hold() {
	if s.next == nil {
		s.next = s.playing
	}
	s.playing = nil
	s.catching = catching{}
	s.asked = time.Time{}
	s.rewriter.stop()
}

// flush sends what waits to leave.
func (s *Stream) flush() {
	s.mu.Lock()
	sender := s.cfg.Sender
	s.mu.Unlock()
	if sender != nil {
		sender.Flush()
	}
}

// settle takes packets of just the layers that are needed: none while the
// stream is held, so that nobody sends for it. It asks for the keyframe that
// is waited for, once.
func (s *Stream) settle() {
	want := [2]*Layer{s.playing, s.next}
	if s.paused || s.cfg.Sender == nil {
		want = [2]*Layer{}
	}
	for i, l := range s.joined {
		if l != nil && l != want[0] && l != want[1] {
			l.remove(s)
			s.joined[i] = nil
		}
	}
	for _, l := range want {
		if l == nil || l == s.joined[0] || l == s.joined[1] {
			continue
		}
		l.add(s)
		if s.joined[0] == nil {
			s.joined[0] = l
		} else {
			s.joined[1] = l
		}
	}
	if l := want[1]; l != nil && s.asked.IsZero() {
		if now := time.Now(); s.playing == nil && l.recent(now) {
			s.asked = now // if that does not come it is asked for
			if l.cfg.KeepUnlessAnswered && !l.young(now) {
				l.RequestKeyframe() // whether it comes tells if the group is to be kept
			}
			return
		}
		s.ask(l)
	}
}

func (s *Stream) ask(l *Layer) {
	s.asked = time.Now()
	l.RequestKeyframe()
}

// RequestKeyframe passes on that the receiver has lost the picture (PLI or
// FIR).
func (s *Stream) RequestKeyframe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.KeyframeRequests++
	if s.playing == nil || s.paused {
		return
	}
	if l := s.playing; !s.replay() {
		l.RepairKeyframe()
	}
}

// replay answers a request for a keyframe out of what is kept, where something
// is: cameras send none when they are asked. It reports whether that is all that can be
// done. The caller holds mu.
func (s *Stream) replay() bool {
	l := s.playing
	if l.keepGroup() == 0 {
		return false
	}
	s.startAgain(time.Now())
	return !l.cfg.KeepUnlessAnswered
}

// Stats returns the counts so far.
func (s *Stream) Stats(now time.Time) StreamStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.BitsPerSecond = s.rate.bitsPerSecond(now)
	st.Spatial, st.Temporal = s.selector.spatial, s.selector.temporal
	if s.playing != nil {
		st.RID = s.playing.cfg.RID
	} else if s.next != nil {
		st.RID = s.next.cfg.RID
	}
	return st
}

// PassKeyframeRequest passes on that the receiver, which is another node and
// keeps to the intervals itself, wants a keyframe.
func (s *Stream) PassKeyframeRequest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.KeyframeRequests++
	if l := s.playing; l != nil && !s.paused && !s.replay() {
		l.RequestKeyframe()
	}
}
