package codec

// NAL unit types of H.265 (§7.4.2.2), and those of RFC 7798 §4.4.
const (
	h265TSA         = 2 // and 3, the referenced form
	h265STSA        = 4 // and 5
	h265LastLeading = 9
	h265FirstIRAP   = 16
	h265LastIRAP    = 21
	h265VPS         = 32
	h265SPS         = 33
	h265PrefixSEI   = 39
	h265Aggregation = 48
	h265Fragment    = 49
)

// readH265 reads the payload structures of RFC 7798 §4.4: single NAL unit,
// aggregation packet, fragmentation unit.
func (r *Reader) readH265(i *Info, b []byte, marker bool) {
	i.End = marker
	if len(b) < 2 {
		return
	}
	i.kind = syncFrames
	if t := b[1] & 0x07; t > 0 {
		i.Temporal = t - 1
	}
	switch typ := b[0] >> 1 & 0x3f; typ {
	case h265Aggregation:
		for b = b[2:]; len(b) > 2; {
			size := int(b[0])<<8 | int(b[1])
			b = b[2:]
			if size == 0 || size > len(b) {
				break
			}
			r.readH265Unit(i, b[0]>>1&0x3f, b[:size], 2)
			b = b[size:]
		}
	case h265Fragment:
		if len(b) < 4 {
			return
		}
		if b[2]&0x80 != 0 { // S
			r.readH265Unit(i, b[2]&0x3f, b, 3)
		} else {
			i.h265Reference(b[2]&0x3f, r.temporal)
		}
	default:
		r.readH265Unit(i, typ, b, 2)
	}
	i.TemporalLayers = r.temporal
	if i.Keyframe {
		r.sized(i)
	}
}

// readH265Unit reads a NAL unit that begins in the packet. Its payload stands
// behind skip bytes of header.
func (r *Reader) readH265Unit(i *Info, typ byte, b []byte, skip int) {
	switch {
	case typ < h265VPS:
		// first_slice_segment_in_pic_flag
		first := len(b) > skip && b[skip]&0x80 != 0
		i.Begin = i.Begin || first
		if first && typ >= h265FirstIRAP && typ <= h265LastIRAP {
			i.Keyframe = true
		}
		i.SwitchUp = typ >= h265TSA && typ <= h265STSA+1
		i.h265Reference(typ, r.temporal)
	case typ == h265VPS:
		i.Begin, i.Keyframe = true, true
	case typ == h265SPS:
		i.Begin, i.Keyframe = true, true
		if w, h, layers, ok := h265Size(b[min(skip, len(b)):]); ok {
			r.width[0], r.height[0], r.temporal = w, h, layers
		}
	case typ <= h265PrefixSEI:
		i.Begin = true
	}
}

// h265Reference tells pictures from which nothing is predicted. Even types up
// to 14 are no reference to their own temporal layer: so to nobody, in the
// highest.
func (i *Info) h265Reference(typ byte, layers uint8) {
	const lastNonReference = 14
	i.NotReference = typ <= lastNonReference && typ&1 == 0 && layers > 0 && i.Temporal == layers-1
}

// h265Size reads the size, and how many temporal layers there are, from a
// sequence parameter set (H.265 §7.3.2.2.1).
func h265Size(sps []byte) (width, height uint16, layers uint8, ok bool) {
	b := bits{b: sps, escaped: true}
	b.skip(4)
	sub := int(b.read(3)) // sps_max_sub_layers_minus1
	b.skip(1)
	b.skip(88 + 8) // profile_tier_level, of the whole
	var profiles, levels int
	for range sub {
		profiles += int(b.bit())
		levels += int(b.bit())
	}
	if sub > 0 {
		b.skip(2 * (8 - sub))
	}
	b.skip(88*profiles + 8*levels)
	b.exp() // id
	chroma := b.exp()
	separate := chroma == 3 && b.flag()
	w, h := uint64(b.exp()), uint64(b.exp())
	unitX, unitY := uint64(1), uint64(1)
	if !separate && (chroma == 1 || chroma == 2) {
		unitX = 2
	}
	if !separate && chroma == 1 {
		unitY = 2
	}
	width, height, ok = cropped(&b, w, h, unitX, unitY)
	return width, height, uint8(sub) + 1, ok
}
