package nal

import (
	"bytes"
	"encoding/binary"
)

// AccessUnit is one picture, with all that came along with it. Units are NAL
// units without start codes; they are valid while the function runs that gets it.
type AccessUnit struct {
	// Timestamp of RTP, in the stream's own clock.
	Timestamp uint32
	Units     [][]byte
	// Broken tells that packets of it, or packets just ahead of it, were lost or
	// could not be read: the picture cannot be trusted.
	Broken bool
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
// numbers. It takes every payload structure of RFC 6184 and RFC 7798, and what
// cameras make of them: start codes within payloads, markers that are missing
// or too many, pictures that end only by the next timestamp. What cannot be
// read is left out, and the picture marked as broken. It is not safe for
// concurrent use.
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
	fragment  int      // where the one begins that is not whole; -1: there is none
	broken    bool
	picture   bool // a slice is among the units
	out       AccessUnit
}

// Push takes the payload of one packet. done is called with each access unit
// that ends with it or ended ahead of it: none, one or two.
func (d *Depacketizer) Push(sequence uint16, timestamp uint32, marker bool, payload []byte, done func(*AccessUnit)) {
	if !d.begun {
		d.begun, d.fragment = true, -1
		d.sequence, d.timestamp = sequence-1, timestamp
	}
	gap := sequence != d.sequence+1
	d.sequence = sequence
	if timestamp != d.timestamp {
		if gap && len(d.units) > 0 {
			d.broken = true // its end may have been lost
		}
		d.finish(done)
		d.timestamp = timestamp
	}
	if gap {
		d.drop()
		if len(d.units) > 0 || !d.begins(payload) {
			d.broken = true
		}
	}
	d.read(payload)
	if marker && d.fragment < 0 {
		// A camera that sets the marker on each NAL unit: the picture is not over
		// before there is a picture.
		if d.picture || d.broken {
			d.finish(done)
		}
	}
}

// Flush ends what came so far, as nothing more will come.
func (d *Depacketizer) Flush(done func(*AccessUnit)) {
	d.finish(done)
	d.begun = false
}

// finish hands out what came.
func (d *Depacketizer) finish(done func(*AccessUnit)) {
	d.drop()
	if len(d.units) > 0 || d.broken {
		d.out.Timestamp, d.out.Broken = d.timestamp, d.broken
		d.out.Units = d.out.Units[:0]
		for _, u := range d.units {
			d.out.Units = append(d.out.Units, d.arena[u[0]:u[1]:u[1]])
		}
		done(&d.out)
	}
	d.units, d.arena, d.broken, d.picture = d.units[:0], d.arena[:0], false, false
	if cap(d.arena) > MaxAccessUnit/4 {
		d.arena = nil // a picture that is seldom so large
	}
}

// drop forgets a fragment that has no end.
func (d *Depacketizer) drop() {
	if d.fragment >= 0 {
		d.arena, d.fragment, d.broken = d.arena[:d.fragment], -1, true
	}
}

// begins tells whether a packet is one with which a picture may begin.
func (d *Depacketizer) begins(b []byte) bool {
	switch d.Codec {
	case H264:
		if len(b) < 2 {
			return false
		}
		switch typ := int(b[0] & 0x1f); {
		case typ >= h264StapA && typ <= h264Mtap24:
			return true
		case typ == h264FuA || typ == h264FuB:
			return b[1]&0x80 != 0 && len(b) > 2 && (!d.Codec.slice(int(b[1]&0x1f)) || b[2]&0x80 != 0)
		default:
			return !d.Codec.slice(typ) || d.Codec.first(b)
		}
	case H265:
		if len(b) < 4 {
			return false
		}
		switch typ := d.Codec.typeOf(b); typ {
		case h265Aggregation:
			return true
		case h265Fragment:
			return b[2]&0x80 != 0 && (!d.Codec.slice(int(b[2]&0x3f)) || b[3]&0x80 != 0)
		default:
			return !d.Codec.slice(typ) || d.Codec.first(b)
		}
	}
	return false
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

// piece takes a part of a unit that is spread over packets.
func (d *Depacketizer) piece(start, end bool, header, b []byte) {
	if start {
		d.drop()
		if !d.room(len(header) + len(b)) {
			return
		}
		d.fragment = len(d.arena)
		d.arena = append(d.arena, header...)
	} else if d.fragment < 0 {
		d.broken = true
		return
	}
	if !d.room(len(b)) {
		return
	}
	d.arena = append(d.arena, b...)
	if end {
		from := d.fragment
		d.fragment = -1
		d.note(from)
	}
}

// whole takes a unit that came in one packet. Some cameras leave start codes in
// it, and then it may be several.
func (d *Depacketizer) whole(b []byte) {
	d.drop()
	if bytes.HasPrefix(b, startCode) || bytes.HasPrefix(b, startCode[1:]) {
		for u := range annexB(b) {
			d.add(u)
		}
		return
	}
	// Parameter sets are short, and what follows them is a picture.
	if typ := d.Codec.typeOf(b); d.Codec.parameters(typ) {
		if at := bytes.Index(b, startCode); at > 0 {
			d.add(b[:at])
			for u := range annexB(b[at:]) {
				d.add(u)
			}
			return
		}
	}
	d.add(b)
}

func (d *Depacketizer) add(b []byte) {
	if len(b) == 0 || !d.room(len(b)) {
		return
	}
	from := len(d.arena)
	d.arena = append(d.arena, b...)
	d.note(from)
}

// note counts what lies in the arena from there on as one unit.
func (d *Depacketizer) note(from int) {
	if len(d.arena) <= from {
		return
	}
	d.units = append(d.units, [2]int{from, len(d.arena)})
	if d.Codec.slice(d.Codec.typeOf(d.arena[from:])) {
		d.picture = true
	}
}

// room sees to it that n bytes and one unit fit.
func (d *Depacketizer) room(n int) bool {
	if len(d.arena)+n > MaxAccessUnit || len(d.units) >= maxUnits {
		d.broken = true
		if d.fragment >= 0 {
			d.arena, d.fragment = d.arena[:d.fragment], -1
		}
		return false
	}
	if d.arena == nil {
		d.arena = make([]byte, 0, max(n, arenaStart))
	}
	return true
}

var startCode = []byte{0, 0, 0, 1}

// annexB yields the units between start codes (Annex B of both codecs).
func annexB(b []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			at := bytes.Index(b, startCode[1:])
			unit := b
			if at >= 0 {
				unit, b = b[:at], b[at+3:]
			} else {
				b = nil
			}
			unit = bytes.TrimRight(unit, "\x00")
			if len(unit) > 0 && !yield(unit) {
				return
			}
		}
	}
}

// parameters tells whether a NAL unit of that type is a parameter set.
func (c Codec) parameters(typ int) bool {
	if c == H264 {
		return typ == h264SPS || typ == h264PPS
	}
	return typ >= h265VPS && typ <= h265PPS
}
