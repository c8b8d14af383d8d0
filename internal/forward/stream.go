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
	// TransportSequence counts the packets of the whole connection for
	// transport-wide congestion control; shared by all its streams.
	TransportSequence *atomic.Uint32
	// Totals of the node; nil counts for nobody.
	Totals *Totals
}

// StreamExtensions are the ids of header extensions as the receiver knows
// them, 1 to 14; 0 is one that was not negotiated.
type StreamExtensions struct {
	Mid         uint8
	AudioLevel  uint8
	Orientation uint8
	AbsSendTime uint8
	TransportCC uint8
}

// PayloadTypes are the numbers under which a receiver takes a codec.
type PayloadTypes struct {
	Media uint8
	RTX   uint8 // 0 where it was not negotiated
}

// Stream is one m-line of one receiver. It plays one layer at a time; its
// sequence numbers and timestamps go on from one to the next. Safe for
// concurrent use.
type Stream struct {
	mu  sync.Mutex
	cfg StreamConfig

	layer   *Layer
	last    *Layer // the one that played last: its timestamps still fit
	types   PayloadTypes
	paused  bool
	waiting bool      // for a keyframe of the layer
	asked   time.Time // when it was asked for

	rewriter rewriter
	sent     []sentPacket
	rtxSeq   uint16

	header  rtp.Header // reused for each packet
	values  [8]byte    // of the header extensions
	mid     []byte
	scratch []byte // a packet to send again

	stats  StreamStats
	rate   rateMeter
	octets uint32 // of payload, for sender reports
}

// sentPacket is what one number that left stood for.
type sentPacket struct {
	valid   bool
	resent  uint8
	out, in uint16
	outTime uint32
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
}

const (
	audioMemory = 128 // packets that left and can be asked for again
	videoMemory = 1024
	maxResends  = 8 // of one packet

	// waitForKeyframe is how long a stream waits before it asks once more.
	waitForKeyframe = time.Second
)

// Bind tells the stream how it sends. Until then nothing leaves.
func (s *Stream) Bind(cfg StreamConfig) {
	if cfg.Totals == nil {
		cfg.Totals = &Totals{}
	}
	s.mu.Lock()
	s.cfg = cfg
	s.mid = []byte(cfg.Mid)
	l := s.restart()
	s.mu.Unlock()
	request(l)
}

// Unbind stops sending: the connection is gone.
func (s *Stream) Unbind() {
	s.mu.Lock()
	s.cfg = StreamConfig{}
	s.mu.Unlock()
}

// Play makes the stream send l from its next keyframe on, in place of what it
// played.
func (s *Stream) Play(l *Layer, types PayloadTypes) {
	s.mu.Lock()
	old := s.layer
	s.layer, s.types = l, types
	ask := s.restart()
	s.mu.Unlock()
	if old != nil && old != l {
		old.remove(s)
	}
	if old != l {
		l.add(s)
	}
	request(ask)
}

// Stop makes the stream fall silent.
func (s *Stream) Stop() {
	s.mu.Lock()
	old := s.layer
	s.layer = nil
	s.rewriter.stop()
	s.mu.Unlock()
	if old != nil {
		old.remove(s)
	}
}

// SetPaused holds the stream, or lets it go on from the next keyframe.
func (s *Stream) SetPaused(paused bool) {
	s.mu.Lock()
	if s.paused == paused {
		s.mu.Unlock()
		return
	}
	s.paused = paused
	ask := s.restart()
	s.mu.Unlock()
	request(ask)
}

// restart waits for a keyframe, and returns the layer to ask for it.
func (s *Stream) restart() *Layer {
	s.rewriter.stop()
	s.waiting = true
	if s.layer == nil || s.paused || s.cfg.Sender == nil {
		return nil
	}
	s.asked = time.Now()
	return s.layer
}

func request(l *Layer) {
	if l != nil {
		l.RequestKeyframe()
	}
}

// RequestKeyframe passes on what the receiver asks for (PLI or FIR).
func (s *Stream) RequestKeyframe() {
	s.mu.Lock()
	s.stats.KeyframeRequests++
	l := s.layer
	if s.paused {
		l = nil
	}
	s.mu.Unlock()
	request(l)
}

// send takes a burst of the layer l; it is only valid during the call. What
// leaves may wait for flush.
func (s *Stream) send(l *Layer, burst []Packet, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.layer != l || s.paused || s.cfg.Sender == nil {
		return
	}
	packets, bytes := 0, 0
	for i := range burst {
		if n := s.packet(l, &burst[i], now); n > 0 {
			packets++
			bytes += n
		}
	}
	if packets == 0 {
		return
	}
	s.stats.Packets += uint64(packets)
	s.stats.Bytes += uint64(bytes)
	s.rate.add(bytes, now)
	s.cfg.Totals.SentPackets.Add(uint64(packets))
	s.cfg.Totals.SentBytes.Add(uint64(bytes))
}

// packet sends one packet on; it returns its size, 0 when it does not leave.
func (s *Stream) packet(l *Layer, p *Packet, now time.Time) int {
	if s.waiting {
		if len(p.Payload) == 0 {
			return 0
		}
		if l.keyframe != nil && !p.Keyframe {
			if now.Sub(s.asked) >= waitForKeyframe {
				s.asked = now
				l.RequestKeyframe()
			}
			return 0
		}
		s.begin(l, p, now)
	}
	if len(p.Payload) == 0 {
		s.rewriter.skip(p.SequenceNumber)
		return 0
	}
	seq, ts, ok := s.rewriter.rewrite(p.SequenceNumber, p.Timestamp, now)
	if !ok {
		return 0
	}
	s.sent[int(seq)&(len(s.sent)-1)] = sentPacket{valid: true, out: seq, in: p.SequenceNumber, outTime: ts}
	s.octets += uint32(len(p.Payload))
	h := s.head(p, s.types.Media, s.cfg.SSRC, seq, ts, now)
	// What cannot be sent is lost like any packet on the way.
	_ = s.cfg.Sender.SendRTP(h, p.Payload)
	return h.MarshalSize() + len(p.Payload)
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

// begin starts a run at p.
func (s *Stream) begin(l *Layer, p *Packet, now time.Time) {
	s.waiting = false
	if s.sent == nil {
		n := videoMemory
		if l.keyframe == nil {
			n = audioMemory
		}
		s.sent = make([]sentPacket, n)
	}
	if s.last != l {
		clear(s.sent) // their numbers are another layer's
	}
	s.rewriter.clockRate = l.cfg.ClockRate
	s.rewriter.start(p.SequenceNumber, p.Timestamp, now, s.last == l)
	s.last = l
}

// head fills in the stream's header for a packet to leave now.
func (s *Stream) head(p *Packet, payloadType uint8, ssrc uint32, seq uint16, ts uint32, now time.Time) *rtp.Header {
	h := &s.header
	*h = rtp.Header{
		Version: 2, Marker: p.Marker, PayloadType: payloadType,
		SequenceNumber: seq, Timestamp: ts, SSRC: ssrc,
		Extensions: h.Extensions[:0],
	}
	ids := &s.cfg.Extensions
	// An id out of range is the only error, and ids come from a negotiation.
	if ids.Mid != 0 && len(s.mid) > 0 {
		_ = h.SetExtension(ids.Mid, s.mid)
	}
	if ids.AudioLevel != 0 && p.HasAudioLevel {
		s.values[0] = p.AudioLevel
		_ = h.SetExtension(ids.AudioLevel, s.values[0:1])
	}
	if ids.Orientation != 0 && p.HasOrientation {
		s.values[1] = p.Orientation
		_ = h.SetExtension(ids.Orientation, s.values[1:2])
	}
	if ids.AbsSendTime != 0 {
		t := toNTP(now) >> 14 // 6.18 fixed point seconds
		s.values[2], s.values[3], s.values[4] = byte(t>>16), byte(t>>8), byte(t)
		_ = h.SetExtension(ids.AbsSendTime, s.values[2:5])
	}
	if ids.TransportCC != 0 && s.cfg.TransportSequence != nil {
		n := s.cfg.TransportSequence.Add(1)
		s.values[5], s.values[6] = byte(n>>8), byte(n)
		_ = h.SetExtension(ids.TransportCC, s.values[5:7])
	}
	return h
}

// Resend answers a NACK (RFC 4585 §6.2.1) for one sequence number from the
// layer's history. It returns false when the packet is no longer there, or was
// asked for too often.
func (s *Stream) Resend(seq uint16, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Nacks++
	if s.layer == nil || s.last != s.layer || s.paused || s.cfg.Sender == nil || len(s.sent) == 0 {
		return false
	}
	s.cfg.Totals.Nacks.Add(1)
	e := &s.sent[int(seq)&(len(s.sent)-1)]
	if !e.valid || e.out != seq || e.resent >= maxResends {
		return false
	}
	var p Packet
	// RFC 4588 §4: the original number stands before the payload.
	s.scratch = append(s.scratch[:0], byte(seq>>8), byte(seq))
	var ok bool
	if s.scratch, ok = s.layer.recall(e.in, &p, s.scratch); !ok {
		return false
	}
	e.resent++
	s.stats.Retransmissions++
	s.cfg.Totals.Retransmissions.Add(1)
	if s.cfg.RTXSSRC == 0 || s.types.RTX == 0 {
		h := s.head(&p, s.types.Media, s.cfg.SSRC, seq, e.outTime, now)
		return s.cfg.Sender.SendRTP(h, s.scratch[2:]) == nil
	}
	s.rtxSeq++
	h := s.head(&p, s.types.RTX, s.cfg.RTXSSRC, s.rtxSeq, e.outTime, now)
	return s.cfg.Sender.SendRTP(h, s.scratch) == nil
}

// Stats returns the counts so far.
func (s *Stream) Stats(now time.Time) StreamStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.BitsPerSecond = s.rate.bitsPerSecond(now)
	return st
}
