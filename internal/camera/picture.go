package camera

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"umbrella/internal/camera/nal"
)

// picture takes the packets with the picture of one connection.
type picture struct {
	exit *exit
	// learned is told when the parameter sets have changed, ahead of the picture
	// that needs them.
	learned func(nal.Format)
	now     func() time.Time

	mu         sync.Mutex
	packets    nal.Depacketizer
	stream     *nal.Stream
	packetizer nal.Packetizer
	seen       seen
}

// seen is what came on a connection so far.
type seen struct {
	begun, last time.Time // first and last packet
	packets     uint64
	gaps        int    // in their numbers
	next        uint16 // number of the next one
	bytes       uint64
	pictures    uint64
	// The first and the last keyframe, and the times between them.
	firstKey, key time.Time
	keyEvery      time.Duration // the longest
	// What comes a second is told by the longest time between two of the pictures that
	// came, by our clock and by the camera's.
	came     int
	picture  time.Time
	stamp    uint32
	longest  time.Duration
	findings nal.Findings
	report   bool // a sender report came
}

func newPicture(p *plan, e *exit, learned func(nal.Format)) *picture {
	pic := &picture{
		exit: e, learned: learned, now: time.Now,
		packets: nal.Depacketizer{Codec: p.codec, DON: p.don},
		stream:  nal.NewStream(p.codec, p.sets...), packetizer: nal.Packetizer{Codec: p.codec},
	}
	return pic
}

// format tells what the parameter sets say; ok is false while there are none.
func (p *picture) format() (nal.Format, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stream.Format()
}

// seen tells what came so far.
func (p *picture) soFar() seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.seen
	s.findings = p.stream.Findings()
	return s
}

// packet takes one packet of the camera.
func (p *picture) packet(pkt *rtp.Packet) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.seen
	if s.packets == 0 {
		s.begun = now
	} else if pkt.SequenceNumber != s.next {
		s.gaps++
	}
	s.next = pkt.SequenceNumber + 1
	s.packets++
	s.bytes += uint64(len(pkt.Payload))
	s.last = now
	p.packets.Push(pkt.SequenceNumber, pkt.Timestamp, pkt.Marker, pkt.Payload, func(au *nal.AccessUnit) {
		p.unit(au, now)
	})
}

// heldMost is how long a picture is held after its marker, until it is known whether
// the camera's markers are right.
const heldMost = 100 * time.Millisecond

// overdue ends a picture that is held while nothing comes.
func (p *picture) overdue(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.seen.last) >= heldMost {
		p.packets.EndMarked(func(au *nal.AccessUnit) { p.unit(au, p.seen.last) })
	}
}

func (p *picture) unit(au *nal.AccessUnit, now time.Time) {
	pic := p.stream.Take(au)
	if n := p.stream.Findings().Pictures; n > p.seen.came {
		p.seen.pace(n, au.Timestamp, now)
	}
	if pic.Changed {
		if f, ok := p.stream.Format(); ok {
			p.learned(f)
		}
	}
	if len(pic.Units) == 0 {
		return
	}
	p.seen.pictures++
	if pic.Key {
		if p.seen.key.IsZero() {
			p.seen.firstKey = now
		} else {
			p.seen.keyEvery = max(p.seen.keyEvery, now.Sub(p.seen.key))
		}
		p.seen.key = now
	}
	e := p.exit
	e.mu.Lock()
	defer e.mu.Unlock()
	if pic.Gap {
		e.gap()
	}
	ts := e.stamp(au.Timestamp, now)
	p.packetizer.Pack(pic.Units, func(payload []byte, marker bool) { e.send(ts, marker, payload, now) })
}

// control takes what the camera reports of the stream.
func (p *picture) control(pkt rtcp.Packet) {
	if sr, ok := pkt.(*rtcp.SenderReport); ok {
		p.mu.Lock()
		p.seen.report = true
		p.mu.Unlock()
		same := func(ts uint32) (uint32, bool) { return ts, true }
		p.exit.reports(sr.NTPTime, sr.RTPTime, same, 90000, p.now())
	}
}
