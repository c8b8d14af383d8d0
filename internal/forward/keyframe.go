package forward

import "strings"

// A keyframeTest tells whether a payload starts a picture with which a decoder
// can begin.
type keyframeTest func(payload []byte) bool

// keyframeTestFor returns the test for a codec by its MIME type; nil means that
// every packet will do, as with audio.
func keyframeTestFor(mimeType string) keyframeTest {
	switch strings.ToLower(mimeType) {
	case "video/vp8":
		return vp8Keyframe
	case "video/vp9":
		return vp9Keyframe
	case "video/h264":
		return h264Keyframe
	case "video/h265":
		return h265Keyframe
	case "video/av1":
		return av1Keyframe
	}
	return nil
}

// vp8Keyframe reads the payload descriptor of RFC 7741 §4.2 and the first
// octet of the frame header, whose lowest bit is clear in a keyframe.
func vp8Keyframe(b []byte) bool {
	if len(b) < 1 {
		return false
	}
	start := b[0]&0x10 != 0 && b[0]&0x07 == 0 // S, and partition 0
	n := 1
	if b[0]&0x80 != 0 { // X
		if len(b) < 2 {
			return false
		}
		flags := b[1]
		n++
		if flags&0x80 != 0 { // I: picture id of 7 or 15 bits
			if len(b) <= n {
				return false
			}
			if b[n]&0x80 != 0 {
				n++
			}
			n++
		}
		if flags&0x40 != 0 { // L: TL0PICIDX
			n++
		}
		if flags&0x30 != 0 { // T or K
			n++
		}
	}
	return start && len(b) > n && b[n]&0x01 == 0
}

// vp9Keyframe reads the payload descriptor of RFC 9628 §4.2: the beginning of
// a frame that is not predicted from another picture, on the base spatial
// layer.
func vp9Keyframe(b []byte) bool {
	if len(b) < 1 {
		return false
	}
	const (
		pictureID  = 0x80
		predicted  = 0x40
		layers     = 0x20
		frameStart = 0x08
	)
	if b[0]&predicted != 0 || b[0]&frameStart == 0 {
		return false
	}
	n := 1
	if b[0]&pictureID != 0 {
		if len(b) <= n {
			return false
		}
		if b[n]&0x80 != 0 {
			n++
		}
		n++
	}
	if b[0]&layers != 0 {
		if len(b) <= n {
			return false
		}
		spatial := b[n] >> 1 & 0x07
		return spatial == 0
	}
	return true
}

// h264Keyframe looks for a sequence parameter set or the start of an IDR slice
// in the payload structures of RFC 6184 §5.2: single NAL unit, STAP-A, FU-A.
func h264Keyframe(b []byte) bool {
	const (
		idr   = 5
		sps   = 7
		stapA = 24
		fuA   = 28
	)
	if len(b) < 1 {
		return false
	}
	switch typ := b[0] & 0x1f; typ {
	case idr, sps:
		return true
	case stapA:
		for b = b[1:]; len(b) > 2; {
			size := int(b[0])<<8 | int(b[1])
			b = b[2:]
			if size == 0 || size > len(b) {
				return false
			}
			if t := b[0] & 0x1f; t == idr || t == sps {
				return true
			}
			b = b[size:]
		}
	case fuA:
		return len(b) > 1 && b[1]&0x80 != 0 && b[1]&0x1f == idr
	}
	return false
}

// h265Keyframe looks for a parameter set or the start of an IRAP slice in the
// payload structures of RFC 7798 §4.4: single NAL unit, aggregation packet,
// fragmentation unit.
func h265Keyframe(b []byte) bool {
	const (
		aggregation = 48
		fragment    = 49
	)
	if len(b) < 2 {
		return false
	}
	switch typ := b[0] >> 1 & 0x3f; typ {
	case aggregation:
		for b = b[2:]; len(b) > 2; {
			size := int(b[0])<<8 | int(b[1])
			b = b[2:]
			if size == 0 || size > len(b) {
				return false
			}
			if h265Start(b[0] >> 1 & 0x3f) {
				return true
			}
			b = b[size:]
		}
	case fragment:
		return len(b) > 2 && b[2]&0x80 != 0 && h265Start(b[2]&0x3f)
	default:
		return h265Start(typ)
	}
	return false
}

// h265Start is true of the NAL unit types with which decoding can start: IRAP
// pictures (16 to 21), and VPS and SPS (32, 33), which come before them.
func h265Start(typ byte) bool {
	return typ >= 16 && typ <= 21 || typ == 32 || typ == 33
}

// av1Keyframe reads the aggregation header of the AV1 RTP payload format §4.4:
// its N bit marks the first packet of a coded video sequence.
func av1Keyframe(b []byte) bool {
	return len(b) > 1 && b[0]&0x08 != 0
}
