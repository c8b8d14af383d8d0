package codec

import "encoding/binary"

// Bits of the VP8 payload descriptor (RFC 7741 §4.2).
const (
	vp8Extended     = 0x80 // X
	vp8NotReference = 0x20 // N
	vp8Start        = 0x10 // S
	vp8Partition    = 0x07 // PID

	vp8PictureID = 0x80 // I
	vp8TL0PICIDX = 0x40 // L
	vp8TID       = 0x20 // T
	vp8KeyIndex  = 0x10 // K
)

// vp8Descriptor is where the parts of a descriptor stand in the payload; 0
// where there is none.
type vp8Descriptor struct {
	flags                 byte
	pictureID, tl0, layer int
	size                  int
}

func parseVP8(b []byte) (d vp8Descriptor, ok bool) {
	if len(b) < 1 {
		return d, false
	}
	n := 1
	if b[0]&vp8Extended != 0 {
		if len(b) < 2 {
			return d, false
		}
		d.flags = b[1]
		n++
		if d.flags&vp8PictureID != 0 {
			if len(b) <= n {
				return d, false
			}
			d.pictureID = n
			n += pictureIDSize(b[n])
		}
		if d.flags&vp8TL0PICIDX != 0 {
			d.tl0 = n
			n++
		}
		if d.flags&(vp8TID|vp8KeyIndex) != 0 {
			d.layer = n
			n++
		}
	}
	d.size = n
	return d, len(b) >= n
}

// pictureIDSize is that of a picture id which begins with the byte b: its
// highest bit tells 15 bits from 7, in VP8 and VP9 alike.
func pictureIDSize(b byte) int {
	if b&0x80 != 0 {
		return 2
	}
	return 1
}

// readPictureID reads the picture id that stands at b.
func (i *Info) readPictureID(b []byte) {
	i.HasPictureID, i.bits = true, 7
	i.PictureID = uint16(b[0] & 0x7f)
	if b[0]&0x80 != 0 {
		i.LongPictureID, i.bits = true, 15
		i.PictureID = i.PictureID<<8 | uint16(b[1])
	}
}

// writePictureID writes id in the form that stands at b.
func writePictureID(b []byte, id uint16) {
	if b[0]&0x80 != 0 {
		binary.BigEndian.PutUint16(b, 0x8000|id)
	} else {
		b[0] = byte(id & 0x7f)
	}
}

func (r *Reader) readVP8(i *Info, b []byte, marker bool) {
	d, ok := parseVP8(b)
	if !ok {
		return
	}
	i.kind = syncFrames
	i.Begin = b[0]&(vp8Start|vp8Partition) == vp8Start
	i.End = marker
	i.NotReference = b[0]&vp8NotReference != 0
	if d.pictureID > 0 {
		i.readPictureID(b[d.pictureID:])
	}
	if d.tl0 > 0 {
		i.TL0PICIDX, i.HasTL0PICIDX = b[d.tl0], true
	}
	if d.flags&vp8TID != 0 {
		i.layered = true
		i.Temporal = b[d.layer] >> 6
		i.SwitchUp = b[d.layer]&0x20 != 0 // Y
	}
	// The frame header (RFC 6386 §9.1): a frame tag of three bytes, whose lowest
	// bit is clear in a keyframe; a start code; width and height with two bits
	// each that only tell how to scale them up.
	f := b[d.size:]
	if !i.Begin || len(f) == 0 || f[0]&0x01 != 0 {
		return
	}
	i.Keyframe = true
	if len(f) >= 10 && f[3] == 0x9d && f[4] == 0x01 && f[5] == 0x2a {
		i.Width = binary.LittleEndian.Uint16(f[6:]) & 0x3fff
		i.Height = binary.LittleEndian.Uint16(f[8:]) & 0x3fff
	}
}

// RewriteVP8 writes a picture id and a TL0PICIDX into a payload, where it has
// them. The picture id keeps its form, and loses the bits above it. A payload
// that is cut short is left as it is.
func RewriteVP8(payload []byte, pictureID uint16, tl0 uint8) {
	d, ok := parseVP8(payload)
	if !ok {
		return
	}
	if d.pictureID > 0 {
		writePictureID(payload[d.pictureID:], pictureID)
	}
	if d.tl0 > 0 {
		payload[d.tl0] = tl0
	}
}
