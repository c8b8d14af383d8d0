package sound

// pace finds out what clock the timestamps of a decoded sound have. It is to be that
// of its samples (RFC 3551 §4.1, RFC 3640 §3.2.1), and some cameras count AAC in
// 1/8000 or 1/90000 s.
type pace struct {
	rate    uint32 // of the samples, in Hz
	samples int    // of each channel, since the last packet

	begun     bool
	sequence  uint16
	timestamp uint32
	found     uint32 // the clock that the last packets agree on
	times     int    // how many of them
	believed  uint32
}

const (
	// agreement is how many packets in a row have to have another clock.
	agreement = 8
	// A clock within so many parts of another is the same.
	sameClock = 50
)

// clocks are those that are used in place of the right one, in Hz.
var clocks = []uint32{8000, 16000, 22050, 24000, 32000, 44100, 48000, 90000}

// clock tells what clock the timestamps have, in Hz, as a packet comes.
func (p *pace) clock(in *Packet) uint32 {
	if p.believed == 0 {
		p.believed = p.rate
	}
	ticks := int64(int32(in.Timestamp - p.timestamp))
	if p.begun && in.Sequence == p.sequence+1 && p.samples > 0 && ticks > 0 {
		p.seen(uint32(min(ticks*int64(p.rate)/int64(p.samples), 1<<30)))
	}
	p.begun, p.sequence, p.timestamp, p.samples = true, in.Sequence, in.Timestamp, 0
	return p.believed
}

// seen counts a packet that has a clock.
func (p *pace) seen(hz uint32) {
	near := p.rate
	for _, c := range clocks {
		if (max(c, hz)-min(c, hz))*sameClock < c && near != hz {
			near = c
		}
	}
	switch {
	case (max(near, hz)-min(near, hz))*sameClock >= near:
		p.times = 0 // no clock that anybody uses: something is missing
	case near == p.found:
		p.times++
	default:
		p.found, p.times = near, 1
	}
	if p.times >= agreement {
		p.believed = p.found
	}
}
