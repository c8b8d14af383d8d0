package codec

import "encoding/binary"

// Bits of the VP9 payload descriptor (RFC 9628 §4.2).
const (
	vp9PictureID = 0x80 // I
	vp9Predicted = 0x40 // P, from another picture
	vp9Layers    = 0x20 // L
	vp9Flexible  = 0x10 // F
	vp9Begin     = 0x08 // B
	vp9End       = 0x04 // E
	vp9Structure = 0x02 // V

	maxReferences = 3 // P_DIFFs of one frame
)

// vp9Descriptor is where the parts of a descriptor stand in the payload; 0
// where there is none.
type vp9Descriptor struct {
	pictureID, layer, tl0, structure int
	size                             int
}

// parseVP9 finds the parts up to the scalability structure, whose size only
// reading it can tell: then size is where it begins.
func parseVP9(b []byte) (d vp9Descriptor, ok bool) {
	if len(b) < 1 {
		return d, false
	}
	n := 1
	if b[0]&vp9PictureID != 0 {
		if len(b) <= n {
			return d, false
		}
		d.pictureID = n
		n += pictureIDSize(b[n])
	}
	if b[0]&vp9Layers != 0 {
		d.layer = n
		n++
		if b[0]&vp9Flexible == 0 {
			d.tl0 = n
			n++
		}
	}
	if b[0]&vp9Flexible != 0 && b[0]&vp9Predicted != 0 {
		for range maxReferences {
			if len(b) <= n {
				return d, false
			}
			n++
			if b[n-1]&0x01 == 0 { // N: another follows
				break
			}
		}
	}
	if b[0]&vp9Structure != 0 {
		d.structure = n
	}
	d.size = n
	return d, len(b) >= n
}

func (r *Reader) readVP9(i *Info, b []byte, marker bool) {
	d, ok := parseVP9(b)
	if !ok {
		return
	}
	i.kind = upPoints
	i.Begin = b[0]&vp9Begin != 0
	i.End = b[0]&vp9End != 0 || marker
	if d.pictureID > 0 {
		i.readPictureID(b[d.pictureID:])
	}
	if d.layer > 0 {
		l := b[d.layer]
		i.Temporal = l >> 5
		i.SwitchUp = l&0x10 != 0 // U
		i.Spatial = l >> 1 & 0x07
	}
	if d.tl0 > 0 {
		i.TL0PICIDX, i.HasTL0PICIDX = b[d.tl0], true
	}
	fresh := i.Begin && b[0]&vp9Predicted == 0
	i.Keyframe = fresh && i.Spatial == 0
	i.SpatialSwitch = fresh && i.Spatial > 0
	size := d.size
	if d.structure > 0 {
		size += r.readVP9Structure(b[d.structure:])
	}
	if i.Keyframe {
		if d.structure == 0 {
			r.layers, r.temporal = 0, 0
			if w, h, ok := vp9Size(b[size:]); ok {
				r.width[0], r.height[0] = w, h
			}
		}
	}
	i.SpatialLayers, i.TemporalLayers = r.layers, r.temporal
	r.sized(i)
}

// readVP9Structure reads a scalability structure (RFC 9628 §4.2.1) and returns
// its size; 0 if it is cut short.
func (r *Reader) readVP9Structure(b []byte) int {
	if len(b) < 1 {
		return 0
	}
	layers := int(b[0]>>5) + 1
	sizes, group := b[0]&0x10 != 0, b[0]&0x08 != 0 // Y, G
	n := 1
	at := n
	if sizes {
		n += 4 * layers
	}
	temporal := uint8(0)
	if group {
		if len(b) <= n {
			return 0
		}
		pictures := int(b[n])
		n++
		for range pictures {
			if len(b) <= n {
				return 0
			}
			temporal = max(temporal, b[n]>>5+1)
			n += 1 + int(b[n]>>2&0x03) // R
		}
	}
	if len(b) < n {
		return 0
	}
	for s := 0; sizes && s < min(layers, maxSpatial); s++ {
		r.width[s] = binary.BigEndian.Uint16(b[at+4*s:])
		r.height[s] = binary.BigEndian.Uint16(b[at+4*s+2:])
	}
	r.layers, r.temporal = uint8(layers), temporal
	return n
}

// vp9Size reads the size from the uncompressed header of a keyframe (VP9
// Bitstream Specification §6.2).
func vp9Size(frame []byte) (width, height uint16, ok bool) {
	const syncCode = 0x498342
	b := bits{b: frame}
	if b.read(2) != 2 { // frame_marker
		return 0, 0, false
	}
	profile := b.read(1) | b.read(1)<<1
	if profile == 3 {
		b.read(1)
	}
	if b.read(2) != 0 { // show_existing_frame, frame_type
		return 0, 0, false
	}
	b.read(2) // show_frame, error_resilient_mode
	if b.read(24) != syncCode {
		return 0, 0, false
	}
	if profile >= 2 {
		b.read(1) // twelve bits, not ten
	}
	const rgb = 7
	if b.read(3) != rgb {
		b.read(1) // color_range
		if profile&1 != 0 {
			b.read(3) // subsampling, reserved
		}
	} else if profile&1 != 0 {
		b.read(1)
	}
	w, h := b.read(16), b.read(16)
	if b.short || w == 0xffff || h == 0xffff {
		return 0, 0, false
	}
	return uint16(w + 1), uint16(h + 1), true
}

// RewriteVP9 writes a picture id and a TL0PICIDX into a payload, where it has
// them. The picture id keeps its form, and loses the bits above it. A payload
// that is cut short is left as it is.
func RewriteVP9(payload []byte, pictureID uint16, tl0 uint8) {
	d, ok := parseVP9(payload)
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
