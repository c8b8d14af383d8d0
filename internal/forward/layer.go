package forward

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"umbrella/internal/clock"
	"umbrella/internal/codec"
	"umbrella/internal/crash"
)

// LayerConfig is what a Layer has to know of its encoding.
type LayerConfig struct {
	// MimeType names the codec, such as "video/VP8".
	MimeType string
	// ClockRate of the timestamps, in Hz.
	ClockRate uint32
	// SSRC as it comes in, and RID (RFC 8852) of a simulcast encoding; only
	// shown.
	SSRC uint32
	RID  string
	// Extensions of the packets as they come in.
	Extensions ExtensionIDs
	// Clock is shared by all layers of one publisher; nil where the publisher
	// sends no sender reports.
	Clock *Clock
	// RequestKeyframe asks the publisher for a keyframe. It is called at most
	// twice a second and must not block. nil where none can be asked for.
	RequestKeyframe func()
	// Demand is told when the layer is wanted by a first stream, or was left by
	// the last one. It must not block.
	Demand func()
	// Totals of the node; nil counts for nobody.
	Totals *Totals
	// Account bounds what is kept of the publisher's packets; nil does not, and has
	// nothing given back by the clock.
	Account *Account
	// Pool helps when there are many streams; nil: nobody does.
	Pool *Pool
	// KeepGroup is how many bytes are kept of the present group of pictures, a
	// keyframe and all that builds on it, for those who come while it lasts: for
	// publishers who cannot be asked for a keyframe. 0 keeps a second at most; more
	// than MaxKeepGroup is no use.
	KeepGroup int
	// KeepUnlessAnswered keeps the group only until the publisher has shown that it
	// sends a keyframe when it is asked for one: OBS does not, others do.
	KeepUnlessAnswered bool
	// Patient says that the layer may take long to come, as that of a camera that
	// is connected when somebody watches: it stays wanted unless its track has
	// another one that can be had.
	Patient bool
	// Pass tells, by its level (RFC 6464), whether a packet of sound is to be
	// forwarded; nil: always. It must not block.
	Pass func(level uint8, now time.Time) bool
	// Ticked says that Tick is called every 20 ms or so. Without it the layer wakes
	// by itself when the rest of a picture does not come.
	Ticked bool
	// Hint is what is known of the layer before anything of it has come.
	Hint Scale
}

// Layer is one encoding of a track as it comes in. Safe for concurrent use.
type Layer struct {
	cfg   LayerConfig
	mime  string // in small letters
	video bool
	// numbered: payloads have picture ids; gapless: without a gap.
	numbered, gapless bool

	// streams are those that play this layer. The slice is never changed, only
	// replaced: Push reads it without a lock.
	streams   atomic.Pointer[[]*Stream]
	streamsMu sync.Mutex

	// pushing guards what is on its way to the streams. The history's packets
	// are only overwritten under it.
	pushing sync.Mutex
	burst   []Packet
	fanout  fanout
	wait    *time.Timer // for the rest of the burst
	waits   atomic.Bool // for Tick
	reader  *codec.Reader
	held    bool // the last packet of sound was not forwarded
	group   group
	groupAt atomic.Int64 // when the group began, ns since 1970; 0: it is not whole
	behind  atomic.Bool  // some stream has not caught up with the group
	catchUp *time.Timer  // for those

	mu      sync.Mutex // guards all below
	closed  bool
	history history
	stats   LayerStats
	rate    rateMeter
	scale   scale
	report  senderReport

	begun        bool
	first        uint32 // sequence numbers with their wraps counted
	highest      uint32
	keyframeTime uint32 // of the last keyframe

	answers answers

	lastRequest time.Time
	requestDue  *time.Timer // a request that was held back
	dueAt       time.Time

	// Whether a stream takes it, since when, and when the last one left.
	wanted              bool
	wantedSince, leftAt time.Time
	starved             bool // nothing came while it was wanted the last time

	level    uint8 // loudest since TakeLevel, in -dBov
	hasLevel bool
	leveled  bool // the last packet had a level
}

// LayerStats is what a layer has seen so far.
type LayerStats struct {
	SSRC          uint32
	RID           string
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

// NewLayer returns a layer that waits for packets.
func NewLayer(cfg LayerConfig) *Layer {
	if cfg.Totals == nil {
		cfg.Totals = &Totals{}
	}
	mime := strings.ToLower(cfg.MimeType)
	l := &Layer{
		cfg: cfg, mime: mime, video: strings.HasPrefix(mime, "video/"), gapless: mime == "video/vp8",
		numbered: mime == "video/vp8" || mime == "video/vp9",
		reader:   codec.NewReader(cfg.MimeType),
	}
	l.scale = scale{
		width: cfg.Hint.Width, height: cfg.Hint.Height, spatial: cfg.Hint.Spatial, temporal: cfg.Hint.Temporal,
	}
	l.history.account = cfg.Account
	l.streams.Store(&[]*Stream{})
	l.wait = time.AfterFunc(time.Hour, func() {
		l.pushing.Lock()
		defer l.pushing.Unlock()
		l.forward()
	})
	l.wait.Stop()
	l.catchUp = time.AfterFunc(time.Hour, func() {
		l.pushing.Lock()
		defer l.pushing.Unlock()
		l.spread(nil)
	})
	l.catchUp.Stop()
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
	l.pushing.Lock()
	defer l.pushing.Unlock()
	if err := l.read(&p, raw); err != nil {
		if errors.Is(err, crash.ErrPanic) {
			l.reader = codec.NewReader(l.cfg.MimeType) // it may be half changed
		}
		l.mu.Lock()
		l.stats.Malformed++
		l.mu.Unlock()
		return
	}
	if n := len(l.burst); n > 0 && l.burst[n-1].Timestamp != p.Timestamp {
		l.forward()
	}
	l.mu.Lock()
	newest := l.highest
	keep := !l.closed && l.count(&p, len(raw), now) && l.keep(&p, newest, now)
	whole := !l.video || p.Marker || p.late
	l.mu.Unlock()
	if !keep {
		return
	}
	if l.cfg.Pass != nil && p.HasAudioLevel {
		if !l.cfg.Pass(p.AudioLevel, now) {
			l.held = true
			return
		}
		p.resumed, l.held = l.held, false
	}
	l.burst = append(l.burst, p)
	switch {
	case whole || len(l.burst) == maxBurst:
		l.forward()
	case len(l.burst) > 1:
	case l.cfg.Ticked:
		l.waits.Store(true)
	default:
		l.wait.Reset(burstWait)
	}
}

// keep puts a packet into the history, and into the group of pictures. It returns
// false for one that is of no use to anybody: nobody takes the layer, and who comes
// later could not begin with it. newest is the number of the newest packet before it.
// The caller holds pushing and mu.
func (l *Layer) keep(p *Packet, newest uint32, now time.Time) bool {
	late := l.highest == newest && l.stats.Packets > 1
	if len(*l.streams.Load()) == 0 && !(l.video && (p.Info.Keyframe || l.group.usable(now))) {
		l.group.live = false
		l.groupAt.Store(0)
		return false
	}
	if l.history.ring == nil && l.cfg.Account != nil {
		l.cfg.Account.histories.watch(l)
	}
	*p = l.history.put(p, now, &l.group, len(l.burst)).packet
	p.late = late
	if !l.video {
		return true
	}
	was := l.group.first
	if late {
		l.group.repair(p)
	} else {
		if l.cfg.KeepUnlessAnswered {
			l.answers.packet(p.Info.Keyframe && p.Timestamp != l.group.time, l.lastRequest, now)
		}
		l.group.add(p, newest, l.keepGroup(), now)
	}
	switch {
	case !l.group.whole():
		l.groupAt.Store(0)
	case was != l.group.first || l.groupAt.Load() == 0:
		l.groupAt.Store(clock.Nano(now))
	}
	return true
}

// tidy gives back what the history does not need at this moment.
func (l *Layer) tidy(now time.Time) {
	l.pushing.Lock()
	defer l.pushing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.history.tidy(now, &l.group, len(*l.streams.Load()) > 0) {
		l.clear()
	}
	if !l.group.whole() {
		l.groupAt.Store(0)
	}
}

// clear drops all packets that are kept. The caller holds pushing and mu.
func (l *Layer) clear() {
	l.history.reset()
	l.group = group{over: l.group.over, large: l.group.large}
	l.groupAt.Store(0)
	if l.cfg.Account != nil {
		l.cfg.Account.histories.unwatch(l)
	}
}

// read parses a packet and has codec say what it knows of its picture. The caller
// holds pushing.
func (l *Layer) read(p *Packet, raw []byte) (err error) {
	defer crash.Catch(crash.Media, "", &err)
	if err := p.parse(raw, l.cfg.Extensions); err != nil {
		return err
	}
	if l.video && len(p.Payload) > 0 {
		p.Info = l.reader.Read(p.Payload, p.Dependency, p.Marker)
	}
	return nil
}

// Tick sends on what waits for the rest of its picture, which may be lost. A
// timer for each picture would wake a processor each time.
func (l *Layer) Tick() {
	if !l.waits.Swap(false) {
		return
	}
	l.pushing.Lock()
	defer l.pushing.Unlock()
	l.forward()
}

// forward sends the burst on. The caller holds pushing.
func (l *Layer) forward() {
	if len(l.burst) == 0 {
		return
	}
	if l.cfg.Ticked {
		l.waits.Store(false)
	} else {
		l.wait.Stop()
	}
	if l.video {
		even(l.burst)
	}
	l.spread(l.burst)
	l.burst = l.burst[:0]
}

// spread gives all streams a burst, and those that are behind what they lack.
// The caller holds pushing.
func (l *Layer) spread(burst []Packet) {
	l.behind.Store(false)
	l.fanout.run(l.cfg.Pool, l, burst, *l.streams.Load())
	if l.behind.Load() {
		l.catchUp.Reset(catchUpInterval)
	}
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
	if p.Info.Keyframe && (l.stats.Keyframes == 0 || p.Timestamp != l.keyframeTime) {
		l.stats.Keyframes++
		l.keyframeTime = p.Timestamp
	}
	if p.HasAudioLevel && (!l.hasLevel || p.AudioLevel < l.level) {
		l.level, l.hasLevel = p.AudioLevel, true
	}
	l.leveled = p.HasAudioLevel
	l.stats.Packets++
	l.stats.Bytes += uint64(size)
	l.cfg.Totals.ReceivedPackets.Add(1)
	l.cfg.Totals.ReceivedBytes.Add(uint64(size))
	l.rate.add(size, now)
	l.scale.add(p, size, now)
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

// timeOf is when, on our clock, a timestamp of the layer was taken; ok is false
// before the first sender report.
func (l *Layer) timeOf(ts uint32) (at time.Time, ok bool) {
	l.mu.Lock()
	r := l.report
	l.mu.Unlock()
	if !r.known {
		return time.Time{}, false
	}
	ticks := float64(int32(ts-r.rtp)) / float64(l.cfg.ClockRate)
	return r.at.Add(time.Duration(ticks * float64(time.Second))), true
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

// TakeLevel returns the loudest audio level since the last call, in -dBov
// (RFC 6464); ok is false when there was none.
func (l *Layer) TakeLevel() (level uint8, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	level, ok = l.level, l.hasLevel
	l.hasLevel = false
	return level, ok
}

// Contends tells that Pass decides which packets of the layer are forwarded: they
// come with levels.
func (l *Layer) Contends() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cfg.Pass != nil && l.leveled
}

// Stats returns the counts so far.
func (l *Layer) Stats(now time.Time) LayerStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := l.stats
	if l.begun {
		st.Expected = uint64(l.highest-l.first) + 1
	}
	st.SSRC, st.RID = l.cfg.SSRC, l.cfg.RID
	st.BitsPerSecond = l.rate.bitsPerSecond(now)
	return st
}

// RID of the layer; empty where there is no simulcast.
func (l *Layer) RID() string { return l.cfg.RID }

// Subscribers is how many streams play the layer.
func (l *Layer) Subscribers() int { return len(*l.streams.Load()) }

// Forget drops the packets that are kept: the source has stopped for now, and
// what it sent last is of no use to who comes later.
func (l *Layer) Forget() {
	l.pushing.Lock()
	defer l.pushing.Unlock()
	l.forward()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
}

// Close ends the layer: streams that play it fall silent.
func (l *Layer) Close() {
	// Held to the end: those that catch up read the history under it alone.
	l.pushing.Lock()
	defer l.pushing.Unlock()
	l.wait.Stop()
	l.catchUp.Stop()
	l.burst = nil
	l.groupAt.Store(0)
	l.mu.Lock()
	l.closed = true
	if l.requestDue != nil {
		l.requestDue.Stop()
		l.requestDue = nil
	}
	l.clear()
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
	if len(old) == 0 {
		l.taken(time.Now())
	}
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
	if len(next) == 0 && len(old) > 0 {
		l.left(time.Now())
	}
}

// recall copies the packet with that sequence number into p, and what it points
// to into buf, if it is still kept. It returns buf, which may have grown.
func (l *Layer) recall(seq uint16, p *Packet, buf []byte) ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.history.get(seq)
	if s == nil {
		return buf, false
	}
	*p = s.packet
	n := len(p.Payload)
	buf = append(append(buf, p.Payload...), p.Dependency...)
	p.Payload, p.Dependency = buf[:n], buf[n:]
	return buf, true
}
