package nal

import "encoding/binary"

// AccessUnit is one picture, with all that came along with it. Units are NAL
// units without start codes; they are valid while the function runs that gets it.
type AccessUnit struct {
	// Timestamp of RTP, in the stream's own clock.
	Timestamp uint32
	Units     [][]byte
	// Broken tells that packets of it, or packets just ahead of it, were lost or
	// could not be read: the picture cannot be trusted.
	Broken bool
	// Key tells that something of it is of a keyframe, though it may be lost.
	Key bool
}

// MaxAccessUnit bounds the size of one picture, in bytes. A keyframe of 4K at
// the best quality of a camera has less than half of it.
const MaxAccessUnit = 4 << 20

const (
	// maxUnits bounds the NAL units of one picture: cameras send one for each
	// slice, and a slice has at least one macroblock line.
	maxUnits = 512
	// arenaStart is what a picture takes at first, in bytes.
	arenaStart = 16 << 10
)

// Depacketizer makes access units of packets in the order of their sequence
// numbers. It reads every payload structure of RFC 6184 and RFC 7798, and what
// cameras make of them: start codes within payloads, fragments without an end bit,
// markers that are missing or on every slice, pictures that end only by the next
// timestamp. What cannot be read is left out, and the picture marked as broken. It
// is not safe for concurrent use.
type Depacketizer struct {
	Codec Codec
	// DON tells that units of H.265 carry decoding order numbers
	// (sprop-max-don-diff above 0, RFC 7798 §7.1).
	DON bool

	begun     bool
	sequence  uint16
	timestamp uint32
	arena     []byte
	units     [][2]int // where they lie in the arena
	sets      int      // parameter sets that came for this picture
	others    int      // and units that are neither sets nor slices
	fragment  int      // where the one begins that is not whole; -1: there is none
	lost      bool     // packets are missing ahead of the next fragment
	broken    bool
	slices    int // among the units
	key       bool
	markers   markers
	out       AccessUnit
}

// Push reads the payload of one packet. done is called with each access unit
// that ends with it or ended ahead of it: none, one or two.
func (d *Depacketizer) Push(sequence uint16, timestamp uint32, marker bool, payload []byte, done func(*AccessUnit)) {
	if !d.begun {
		d.begun, d.fragment, d.lost = true, -1, true
		d.sequence, d.timestamp = sequence-1, timestamp
	}
	gap := sequence != d.sequence+1
	d.sequence = sequence
	if gap {
		d.drop()
		d.lost = true
	}
	head := d.head(payload)
	switch {
	case !gap && d.continues(head):
		// The picture goes on, whatever the marker or the timestamp says.
		if d.markers.early() {
			d.broken = true // its beginning has been handed out
			d.timestamp = timestamp
		}
	case timestamp != d.timestamp:
		if gap && len(d.units) > 0 && !d.markers.sure() {
			d.broken = true // its end may have been lost
		}
		d.finish(done)
		d.timestamp = timestamp
	case d.slices > 0 && d.markers.split() && d.opens(head):
		d.finish(done)
	}
	if gap && (len(d.units) > 0 || !d.opens(head)) {
		d.broken = true
	}
	if len(payload) > 0 {
		d.markers.more()
	}
	d.read(payload)
	// The picture is not over before there is a picture: some cameras set the
	// marker on each NAL unit.
	if marker && d.fragment < 0 && (d.slices > 0 || d.broken) && d.markers.mark(d.slices, d.key) {
		d.finish(done)
		d.markers.ended = true
	}
}

// EndMarked ends the picture that is held although its marker came, as nothing has
// come since for longer than a camera takes between two packets of one picture.
func (d *Depacketizer) EndMarked(done func(*AccessUnit)) {
	if d.Held() {
		d.finish(done)
		d.markers.ended = true
	}
}

// Held reports whether a picture is held whose marker came.
func (d *Depacketizer) Held() bool { return d.begun && d.markers.last && d.slices > 0 }

// Flush ends what came so far, as nothing more will come.
func (d *Depacketizer) Flush(done func(*AccessUnit)) {
	d.finish(done)
	d.begun, d.markers = false, markers{}
}

// finish hands out what came.
func (d *Depacketizer) finish(done func(*AccessUnit)) {
	d.complete()
	d.markers.learn(d.slices, d.key && !d.broken)
	if len(d.units) > 0 || d.broken {
		d.out.Timestamp, d.out.Broken, d.out.Key = d.timestamp, d.broken, d.key
		d.out.Units = d.out.Units[:0]
		for _, u := range d.units {
			d.out.Units = append(d.out.Units, d.arena[u[0]:u[1]:u[1]])
		}
		done(&d.out)
	}
	d.units, d.arena, d.broken = d.units[:0], d.arena[:0], false
	d.slices, d.sets, d.others, d.key = 0, 0, 0, false
	if cap(d.arena) > MaxAccessUnit/4 {
		d.arena = nil // a picture that is seldom so large
	}
}

func (d *Depacketizer) read(b []byte) {
	if d.Codec == H265 {
		d.readH265(b)
	} else {
		d.readH264(b)
	}
}

func (d *Depacketizer) readH264(b []byte) {
	if len(b) == 0 {
		return
	}
	switch typ := b[0] & 0x1f; typ {
	case h264StapA:
		d.aggregate(b[1:], 0)
	case h264StapB:
		d.aggregate(skip(b, 3), 0)
	case h264Mtap16:
		d.aggregate(skip(b, 3), 3)
	case h264Mtap24:
		d.aggregate(skip(b, 3), 4)
	case h264FuA, h264FuB:
		head := 2
		if len(b) < head {
			d.broken = true
			return
		}
		start, end := b[1]&0x80 != 0, b[1]&0x40 != 0
		if typ == h264FuB && start {
			head += 2 // DON
		}
		if len(b) < head {
			d.broken = true
			return
		}
		d.piece(start, end, []byte{b[0]&0xe0 | b[1]&0x1f}, b[head:])
	default:
		d.whole(b)
	}
}

func (d *Depacketizer) readH265(b []byte) {
	if len(b) < 2 {
		d.broken = d.broken || len(b) > 0
		return
	}
	don := 0
	if d.DON {
		don = 2
	}
	switch d.Codec.typeOf(b) {
	case h265Aggregation:
		d.aggregateH265(skip(b, 2+don))
	case h265Fragment:
		if len(b) < 3 {
			d.broken = true
			return
		}
		start, end := b[2]&0x80 != 0, b[2]&0x40 != 0
		head := 3
		if start {
			head += don
		}
		if len(b) < head {
			d.broken = true
			return
		}
		d.piece(start, end, []byte{b[0]&0x81 | b[2]&0x3f<<1, b[1]}, b[head:])
	default:
		if don > 0 && len(b) > 4 {
			// The number stands between header and payload.
			d.whole(append([]byte{b[0], b[1]}, b[4:]...))
			return
		}
		d.whole(b)
	}
}

// skip is b without its first n bytes.
func skip(b []byte, n int) []byte { return b[min(n, len(b)):] }

// aggregate reads units with their sizes ahead of them, and a few bytes between
// size and unit.
func (d *Depacketizer) aggregate(b []byte, between int) {
	if len(b) == 0 {
		d.broken = true
	}
	for len(b) > 2 {
		size := int(binary.BigEndian.Uint16(b))
		b = b[2:]
		if size == 0 {
			return // padding
		}
		if len(b) < between+size {
			d.broken = true
			return
		}
		d.whole(b[between : between+size])
		b = b[between+size:]
	}
}

func (d *Depacketizer) aggregateH265(b []byte) {
	between := 0 // DOND ahead of the size, but for the first
	for len(b) > between+2 {
		b = b[between:]
		size := int(binary.BigEndian.Uint16(b))
		b = b[2:]
		if size == 0 || size > len(b) {
			d.broken = d.broken || size > 0
			return
		}
		d.whole(b[:size])
		b = b[size:]
		if d.DON {
			between = 1
		}
	}
}
