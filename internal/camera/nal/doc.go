// Package nal takes H.264 and H.265 out of the RTP packets of cameras, whatever
// way they were packed, and packs them anew as browsers expect them.
//
// It has no I/O and no clock. A [Depacketizer] makes access units of packets, a
// [Stream] knows the parameter sets and finds out what browsers could not show,
// and a [Packetizer] makes packets of access units.
package nal

// Codec is one of the two.
type Codec int

// Codecs.
const (
	H264 Codec = iota + 1
	H265
)

// String returns the name that people use.
func (c Codec) String() string {
	switch c {
	case H264:
		return "H.264"
	case H265:
		return "H.265"
	}
	return "unknown"
}

// MimeType is that of the RTP payload format.
func (c Codec) MimeType() string {
	if c == H265 {
		return "video/H265"
	}
	return "video/H264"
}

// NAL unit types of H.264 (§7.4.1), and those of RFC 6184 §5.2.
const (
	h264Slice     = 1
	h264IDR       = 5
	h264SPS       = 7
	h264PPS       = 8
	h264AUD       = 9
	h264LastVCL   = 5
	h264StapA     = 24
	h264StapB     = 25
	h264Mtap16    = 26
	h264Mtap24    = 27
	h264FuA       = 28
	h264FuB       = 29
	h264Reference = 0x60 // nal_ref_idc
)

// NAL unit types of H.265 (§7.4.2.2), and those of RFC 7798 §4.4.
const (
	h265LastVCL     = 31
	h265FirstIRAP   = 16
	h265LastIRAP    = 23
	h265VPS         = 32
	h265SPS         = 33
	h265PPS         = 34
	h265Aggregation = 48
	h265Fragment    = 49
)

// typeOf is the type of a NAL unit; -1 if it is too short to have one.
func (c Codec) typeOf(unit []byte) int {
	switch {
	case c == H264 && len(unit) >= 1:
		return int(unit[0] & 0x1f)
	case c == H265 && len(unit) >= 2:
		return int(unit[0] >> 1 & 0x3f)
	}
	return -1
}

// slice tells whether a NAL unit of that type has a part of the picture.
func (c Codec) slice(typ int) bool {
	if c == H264 {
		return typ >= h264Slice && typ <= h264LastVCL
	}
	return typ >= 0 && typ <= h265LastVCL
}

// key tells whether a NAL unit of that type belongs to a picture with which a
// decoder can start.
func (c Codec) key(typ int) bool {
	if c == H264 {
		return typ == h264IDR
	}
	return typ >= h265FirstIRAP && typ <= h265LastIRAP
}

// first tells whether a slice is the first of its picture.
func (c Codec) first(unit []byte) bool {
	if c == H264 {
		// first_mb_in_slice is the first code, and a set bit is a zero.
		return len(unit) > 1 && unit[1]&0x80 != 0
	}
	return len(unit) > 2 && unit[2]&0x80 != 0
}
