package forward

import (
	"sync"
	"sync/atomic"
	"time"
)

// LayerConfig is what a Layer has to know of its encoding.
type LayerConfig struct {
	// MimeType names the codec, such as "video/VP8".
	MimeType string
	// ClockRate of the timestamps, in Hz.
	ClockRate uint32
	// SSRC as it comes in; only shown.
	SSRC uint32
	// Extensions of the packets as they come in.
	Extensions ExtensionIDs
	// Clock is shared by all layers of one publisher; nil where the publisher
	// sends no sender reports.
	Clock *Clock
	// RequestKeyframe asks the publisher for a keyframe. It is called at most
	// twice a second and must not block. nil where none can be asked for.
	RequestKeyframe func()
	// Totals of the node; nil counts for nobody.
	Totals *Totals
	// Pool helps when there are many streams; nil: nobody does.
	Pool *Pool
}

// Layer is one encoding of a track as it comes in. Safe for concurrent use.
type Layer struct {
	cfg      LayerConfig
	keyframe keyframeTest

	// streams are those that play this layer. The slice is never changed, only
	// replaced: Push reads it without a lock.
	streams   atomic.Pointer[[]*Stream]
	streamsMu sync.Mutex

	// pushing guards what is on its way to the streams. The history's packets
	// are only overwritten under it.
	pushing sync.Mutex
	burst   []Packet
	fanout  fanout
	late    *time.Timer // for the rest of the burst

	mu      sync.Mutex // guards all below
	closed  bool
	history history
	stats   LayerStats
	rate    rateMeter
	report  senderReport

	begun        bool
	first        uint32 // sequence numbers with their wraps counted
	highest      uint32
	keyframeTime uint32 // of the last keyframe

	lastRequest time.Time
	requestDue  *time.Timer // a request that was held back

	level    uint8 // loudest since TakeLevel, in -dBov
	hasLevel bool
}

// LayerStats is what a layer has seen so far.
type LayerStats struct {
	SSRC          uint32
	Packets       uint64
	Bytes         uint64 // headers included
	BitsPerSecond uint64 // in the last full second
	// Expected is how many packets the publisher sent, going by their numbers;
	// what Packets is short of it was lost on the way in.
	Expected             uint64
	Keyframes            uint64
	KeyframeRequests     uint64 // that went to the publisher
	KeyframeRequestsHeld uint64 // that one just sent answered too
	Malformed            uint64 // packets that were no RTP
}

// Lost is how many packets are missing so far.
func (s LayerStats) Lost() uint64 { return s.Expected - min(s.Expected, s.Packets) }

// senderReport relates the layer's timestamps to our wall clock.
type senderReport struct {
	known bool
	at    time.Time
	rtp   uint32
}

// keyframeInterval is the least time between two keyframe requests to one
// publisher, whoever asks.
const keyframeInterval = 500 * time.Millisecond

// NewLayer returns a layer that waits for packets.
func NewLayer(cfg LayerConfig) *Layer {
	if cfg.Totals == nil {
		cfg.Totals = &Totals{}
	}
	l := &Layer{cfg: cfg, keyframe: keyframeTestFor(cfg.MimeType)}
	l.streams.Store(&[]*Stream{})
	l.late = time.AfterFunc(time.Hour, func() {
		l.pushing.Lock()
		defer l.pushing.Unlock()
		l.forward()
	})
	l.late.Stop()
	return l
}

const (
	// A burst is the packets of one frame, up to maxBurst of them, or those of
	// burstWait: what is sent together costs the least.
	maxBurst  = 32 // less than minHistorySlots, where they lie
	burstWait = 2 * time.Millisecond
)

// Push takes one RTP packet as it arrived, and sends it to every stream that
// plays the layer: at once if it is sound, and with the rest of its frame if
// it is a picture. raw is the caller's again when Push returns. A packet that
// is not RTP is counted and dropped.
func (l *Layer) Push(raw []byte, now time.Time) {
	var p Packet
	if err := p.parse(raw, l.cfg.Extensions); err != nil {
		l.mu.Lock()
		l.stats.Malformed++
		l.mu.Unlock()
		return
	}
	p.Keyframe = l.keyframe != nil && l.keyframe(p.Payload)
	l.pushing.Lock()
	defer l.pushing.Unlock()
	if n := len(l.burst); n > 0 && l.burst[n-1].Timestamp != p.Timestamp {
		l.forward()
	}
	l.mu.Lock()
	newest := l.highest
	keep := !l.closed && l.count(&p, len(raw), now)
	if keep && len(p.Payload) > 0 {
		p = l.history.put(&p, now).packet
	}
	whole := l.keyframe == nil || p.Marker || l.highest == newest
	l.mu.Unlock()
	if !keep {
		return
	}
	l.burst = append(l.burst, p)
	switch {
	case whole || len(l.burst) == maxBurst:
		l.forward()
	case len(l.burst) == 1:
		l.late.Reset(burstWait)
	}
}

// forward sends the burst on. The caller holds pushing.
func (l *Layer) forward() {
	if len(l.burst) == 0 {
		return
	}
	l.late.Stop()
	l.fanout.run(l.cfg.Pool, l, l.burst, *l.streams.Load())
	l.burst = l.burst[:0]
}

// count keeps the books; it returns false for a packet that was here before.
func (l *Layer) count(p *Packet, size int, now time.Time) bool {
	if !l.begun {
		l.begun = true
		l.first = uint32(p.SequenceNumber)
		l.highest = l.first
	} else if old := l.history.get(p.SequenceNumber); old != nil && old.packet.Timestamp == p.Timestamp {
		return false
	}
	if d := int16(p.SequenceNumber - uint16(l.highest)); d > 0 {
		l.highest += uint32(d)
	}
	if p.Keyframe && (l.stats.Keyframes == 0 || p.Timestamp != l.keyframeTime) {
		l.stats.Keyframes++
		l.keyframeTime = p.Timestamp
	}
	if p.HasAudioLevel && (!l.hasLevel || p.AudioLevel < l.level) {
		l.level, l.hasLevel = p.AudioLevel, true
	}
	l.stats.Packets++
	l.stats.Bytes += uint64(size)
	l.cfg.Totals.ReceivedPackets.Add(1)
	l.cfg.Totals.ReceivedBytes.Add(uint64(size))
	l.rate.add(size, now)
	return true
}

// SetSenderReport takes a sender report of the publisher (RFC 3550 §6.4.1).
func (l *Layer) SetSenderReport(ntp uint64, rtpTime uint32, arrival time.Time) {
	if l.cfg.Clock == nil {
		return
	}
	at := l.cfg.Clock.observe(ntp, arrival)
	l.mu.Lock()
	l.report = senderReport{known: true, at: at, rtp: rtpTime}
	l.mu.Unlock()
}

// timestampAt is the layer's timestamp at a time of our clock; ok is false
// before the first sender report.
func (l *Layer) timestampAt(now time.Time) (ts uint32, ok bool) {
	l.mu.Lock()
	r := l.report
	l.mu.Unlock()
	if !r.known {
		return 0, false
	}
	ticks := now.Sub(r.at).Seconds() * float64(l.cfg.ClockRate)
	return r.rtp + uint32(int64(ticks)), true
}

// RequestKeyframe asks the publisher for a keyframe, now or as soon as half a
// second has passed since the last time.
func (l *Layer) RequestKeyframe() {
	if l.cfg.RequestKeyframe == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	wait := keyframeInterval - time.Since(l.lastRequest)
	switch {
	case wait <= 0:
		l.requestNow()
	case l.requestDue == nil:
		l.stats.KeyframeRequestsHeld++
		l.requestDue = time.AfterFunc(wait, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.requestDue = nil
			if !l.closed {
				l.requestNow()
			}
		})
	default:
		l.stats.KeyframeRequestsHeld++
	}
}

func (l *Layer) requestNow() {
	l.lastRequest = time.Now()
	l.stats.KeyframeRequests++
	l.cfg.Totals.KeyframeRequests.Add(1)
	l.cfg.RequestKeyframe()
}

// TakeLevel returns the loudest audio level since the last call, in -dBov
// (RFC 6464); ok is false when there was none.
func (l *Layer) TakeLevel() (level uint8, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	level, ok = l.level, l.hasLevel
	l.hasLevel = false
	return level, ok
}

// Stats returns the counts so far.
func (l *Layer) Stats(now time.Time) LayerStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := l.stats
	if l.begun {
		st.Expected = uint64(l.highest-l.first) + 1
	}
	st.SSRC = l.cfg.SSRC
	st.BitsPerSecond = l.rate.bitsPerSecond(now)
	return st
}

// Subscribers is how many streams play the layer.
func (l *Layer) Subscribers() int { return len(*l.streams.Load()) }

// Close ends the layer: streams that play it fall silent.
func (l *Layer) Close() {
	l.pushing.Lock()
	l.late.Stop()
	l.burst = nil
	l.pushing.Unlock()
	l.mu.Lock()
	l.closed = true
	if l.requestDue != nil {
		l.requestDue.Stop()
		l.requestDue = nil
	}
	l.history = history{}
	l.mu.Unlock()
	l.streamsMu.Lock()
	l.streams.Store(&[]*Stream{})
	l.streamsMu.Unlock()
}

func (l *Layer) add(s *Stream) {
	l.streamsMu.Lock()
	defer l.streamsMu.Unlock()
	old := *l.streams.Load()
	next := append(make([]*Stream, 0, len(old)+1), old...)
	next = append(next, s)
	l.streams.Store(&next)
}

func (l *Layer) remove(s *Stream) {
	l.streamsMu.Lock()
	defer l.streamsMu.Unlock()
	old := *l.streams.Load()
	next := make([]*Stream, 0, len(old))
	for _, o := range old {
		if o != s {
			next = append(next, o)
		}
	}
	l.streams.Store(&next)
}

// recall copies the packet with that sequence number into p, its payload into
// buf, if it is still kept. It returns buf, which may have grown.
func (l *Layer) recall(seq uint16, p *Packet, buf []byte) ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.history.get(seq)
	if s == nil {
		return buf, false
	}
	buf = append(buf, s.packet.Payload...)
	*p = s.packet
	p.Payload = nil
	return buf, true
}
