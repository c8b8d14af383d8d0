package nal

import (
	"bytes"
	"encoding/binary"
)

// markers tells whether the marker of RTP ends a picture, as it is to (RFC 6184
// §5.1). live555 with a camera of several slices a picture sets it on each of them.
// Until a camera has shown that its markers are right, the picture ends with the
// next packet.
type markers struct {
	right, wrong bool
	last         bool // the last packet had one
	count        int  // on slices of this picture
	ended        bool // the last picture was handed out by its marker alone
}

// mark counts a marker behind so many slices of a picture; it reports whether it ends
// the picture.
func (m *markers) mark(slices int, key bool) bool {
	m.last = true
	m.count++
	m.right = m.right || !m.wrong && slices > 1 && m.count == 1
	return m.right || !m.wrong && !key
}

// more counts a packet.
func (m *markers) more() { m.last, m.ended = false, false }

// split reports whether a picture may be over without a new timestamp.
func (m *markers) split() bool { return m.last || m.wrong }

// sure reports whether the picture is over, as far as is known.
func (m *markers) sure() bool { return m.last && !m.wrong }

// early notes that a picture goes on; it reports whether that is too late.
func (m *markers) early() bool {
	if m.last || m.ended {
		m.right, m.wrong = false, true
	}
	return m.ended
}

// learn notes the end of a picture with so many slices. Keyframes are those with the
// most slices: where one has its only marker at its end, markers are right.
func (m *markers) learn(slices int, key bool) {
	if m.last && m.count == 1 && !m.wrong && slices > 0 && key {
		m.right = true
	}
	m.last, m.count = false, 0
}

// continues reports whether a packet, by the beginning of its first unit, belongs
// to the picture of the packet ahead of it, of which none is missing.
func (d *Depacketizer) continues(head []byte) bool {
	return (d.slices > 0 || d.markers.ended) && d.Codec.slice(d.Codec.typeOf(head)) && len(head) > d.Codec.header() && !d.Codec.first(head)
}

// opens reports whether a packet, by the beginning of its first unit, is one with
// which a picture begins.
func (d *Depacketizer) opens(head []byte) bool {
	typ := d.Codec.typeOf(head)
	switch {
	case typ < 0:
		return false
	case d.Codec.slice(typ):
		return d.Codec.first(head)
	case d.Codec == H264:
		return typ >= h264SEI && typ <= h264AUD
	}
	return typ >= h265VPS && typ <= h265AUD || typ == h265PrefixSEI
}

const (
	h264SEI       = 6
	h265AUD       = 35
	h265PrefixSEI = 39
)

// header is the size of that of a NAL unit, in bytes.
func (c Codec) header() int {
	if c == H265 {
		return 2
	}
	return 1
}

// head returns the beginning of the first unit of a packet: its header, and at least
// one byte more if there is one. It is nil where a fragment goes on, or nothing can
// be read.
func (d *Depacketizer) head(b []byte) []byte {
	if d.Codec == H265 {
		b = d.headH265(b)
	} else {
		b = d.headH264(b)
	}
	if at := bytes.Index(b[:min(len(b), 6)], startCode); at >= 0 && d.Codec.plausible(b[at+len(startCode):]) {
		b = b[at+len(startCode):]
	}
	return b
}

func (d *Depacketizer) headH264(b []byte) []byte {
	if len(b) < 2 {
		return nil
	}
	size := 2 // of what stands ahead of the unit
	switch b[0] & 0x1f {
	default:
		return b
	case h264FuA, h264FuB:
		if b[0]&0x1f == h264FuB {
			size += 2
		}
		if b[1]&0x80 == 0 {
			return nil
		}
		return append([]byte{b[0]&0xe0 | b[1]&0x1f}, skip(b[:min(len(b), 8)], size)...)
	case h264StapA:
		size = 1
	case h264StapB, h264Mtap16, h264Mtap24:
		size = 3
	}
	between := map[byte]int{h264Mtap16: 3, h264Mtap24: 4}[b[0]&0x1f]
	return skip(sized(skip(b, size), between), between)
}

func (d *Depacketizer) headH265(b []byte) []byte {
	don := 0
	if d.DON {
		don = 2
	}
	switch typ := d.Codec.typeOf(b); {
	case typ < 0:
		return nil
	case typ == h265Aggregation:
		return sized(skip(b, 2+don), 0)
	case typ == h265Fragment:
		if len(b) < 3 || b[2]&0x80 == 0 {
			return nil
		}
		return append([]byte{b[0]&0x81 | b[2]&0x3f<<1, b[1]}, skip(b[:min(len(b), 10)], 3+don)...)
	}
	if d.DON {
		return append([]byte{b[0], b[1]}, skip(b[:min(len(b), 10)], 4)...)
	}
	return b
}

// sized returns what follows a size of 16 bits, as far as it says, with so many
// bytes that do not count.
func sized(b []byte, more int) []byte {
	if len(b) < 2 {
		return nil
	}
	n := int(binary.BigEndian.Uint16(b)) + more
	return b[2:min(len(b), 2+n)]
}
