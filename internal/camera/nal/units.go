package nal

import "bytes"

// maxOthers bounds the parameter sets of one picture, and its other units that are
// no slices; maxOther bounds the bytes of each. Cameras have no use for more, and there are some that send their
// own data as SEI without end: what is more is left out.
const (
	maxOthers = 64
	maxOther  = 64 << 10
)

// piece adds a part of a unit that is spread over packets. Without losses the next
// beginning ends a unit as well as the end bit does, and its end the next beginning.
func (d *Depacketizer) piece(start, end bool, header, b []byte) {
	d.key = d.key || d.Codec.key(d.Codec.typeOf(header))
	if start {
		d.complete()
		d.lost = false
	}
	if d.fragment < 0 {
		if d.lost {
			d.broken = true
			return
		}
		if !d.room(len(header) + len(b)) {
			return
		}
		d.fragment = len(d.arena)
		d.arena = append(d.arena, header...)
	}
	if !d.room(len(b)) {
		return
	}
	d.arena = append(d.arena, b...)
	if end {
		d.complete()
	}
}

// complete ends a fragment.
func (d *Depacketizer) complete() {
	if d.fragment >= 0 {
		from := d.fragment
		d.fragment = -1
		d.note(from)
	}
}

// drop forgets a fragment whose end is lost.
func (d *Depacketizer) drop() {
	if d.fragment >= 0 {
		d.arena, d.fragment, d.broken = d.arena[:d.fragment], -1, true
	}
}

// whole adds a unit that came in one packet.
func (d *Depacketizer) whole(b []byte) {
	d.complete()
	d.lost = false
	if len(b) == 0 || !d.room(len(b)) {
		return
	}
	from := len(d.arena)
	d.arena = append(d.arena, b...)
	d.note(from)
}

// note counts what lies in the arena from there on as units. Where it has start
// codes in it, which no unit can have (H.264 and H.265 §7.4.1), it is several. Seen
// with payloads of every structure: the Amatek NVR has parameter sets and
// picture in one FU-A (bluenviron/gortsplib#989).
func (d *Depacketizer) note(from int) {
	for {
		length, next := d.Codec.cut(d.arena[from:])
		d.unit(from, from+length)
		if next < 0 {
			return
		}
		from += next
	}
}

// cut returns the length of the unit at the beginning of b, and where the next one
// begins; -1: there is none.
func (c Codec) cut(b []byte) (length, next int) {
	for at := 0; ; {
		n := bytes.Index(b[at:], startCode)
		if n < 0 {
			return len(b), -1
		}
		at += n + len(startCode)
		if c.plausible(b[at:]) || len(b) == at {
			return len(bytes.TrimRight(b[:at-len(startCode)], "\x00")), at
		}
	}
}

// plausible reports whether a unit can begin so. An encoder that lets start codes
// into its data is to blame for the picture, but not for units of noise.
func (c Codec) plausible(b []byte) bool {
	typ := c.typeOf(b)
	switch {
	case typ < 0 || b[0]&forbidden != 0:
		return false
	case c == H264:
		return typ >= h264Slice && typ <= h264Auxiliary
	}
	return typ <= h265SuffixSEI && b[1]&7 != 0 // nuh_temporal_id_plus1
}

const (
	forbidden     = 0x80 // forbidden_zero_bit
	h264Auxiliary = 19
	h265SuffixSEI = 40
)

// unit counts what lies between two places in the arena as one unit.
func (d *Depacketizer) unit(from, to int) {
	u := d.arena[from:to]
	typ := d.Codec.typeOf(u)
	switch slice := d.Codec.slice(typ); {
	case len(u) <= d.Codec.header():
		return
	case u[0]&forbidden != 0:
		// It says of itself that it has errors (RFC 6184 §5.3).
		d.broken = d.broken || slice
		return
	case slice:
		d.slices++
		d.key = d.key || d.Codec.key(typ)
	default:
		n := &d.others
		if d.Codec.parameters(typ) {
			n = &d.sets
		}
		if *n++; *n > maxOthers || len(u) > maxOther {
			if to == len(d.arena) {
				d.arena = d.arena[:from]
			}
			return
		}
	}
	if len(d.units) >= maxUnits {
		d.broken = true
		return
	}
	d.units = append(d.units, [2]int{from, to})
}

// room sees to it that n bytes and one unit fit.
func (d *Depacketizer) room(n int) bool {
	if len(d.arena)+n > MaxAccessUnit || len(d.units) >= maxUnits {
		d.broken = true
		if d.fragment >= 0 {
			d.arena, d.fragment = d.arena[:d.fragment], -1
			d.lost = true
		}
		return false
	}
	if d.arena == nil {
		d.arena = make([]byte, 0, max(n, arenaStart))
	}
	return true
}

var startCode = []byte{0, 0, 1}

// parameters tells whether a NAL unit of that type is a parameter set.
func (c Codec) parameters(typ int) bool {
	if c == H264 {
		return typ == h264SPS || typ == h264PPS
	}
	return typ >= h265VPS && typ <= h265PPS
}
