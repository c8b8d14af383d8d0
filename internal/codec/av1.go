package codec

// Bits of the aggregation header (RTP Payload Format For AV1 §4.4), and types
// of Open Bitstream Units (AV1 §6.2.2).
const (
	av1Continues = 0x80 // Z
	av1Goes      = 0x40 // Y
	av1New       = 0x08 // N

	obuSequenceHeader = 1
)

// readAV1 reads what the payload tells: enough for streams that come without a
// Dependency Descriptor.
func (r *Reader) readAV1(i *Info, b []byte, marker bool) {
	if len(b) < 2 {
		return
	}
	i.Begin = r.ended
	i.End = marker
	r.ended = marker
	i.Keyframe = b[0]&av1New != 0 && b[0]&av1Continues == 0
	i.Begin = i.Begin || i.Keyframe
	if b[0]&av1Continues != 0 {
		i.Spatial, i.Temporal = r.obuSpatial, r.obuTemporal
	}
	r.readOBUs(i, b)
	r.obuSpatial, r.obuTemporal = i.Spatial, i.Temporal
	i.SpatialLayers, i.TemporalLayers = r.layers, r.temporal
	if i.Keyframe {
		r.sized(i)
	}
}

// readOBUs passes over the OBU elements of a payload.
func (r *Reader) readOBUs(i *Info, b []byte) {
	count := int(b[0] >> 4 & 0x03) // W; 0: each has its length before it
	continues := b[0]&av1Continues != 0
	b = b[1:]
	for n := 1; len(b) > 0; n++ {
		size := len(b)
		if n != count {
			v, width := leb128(b)
			if width == 0 || v > uint64(len(b)-width) {
				return
			}
			b, size = b[width:], int(v)
		}
		if !continues {
			r.readOBU(i, b[:size])
		}
		continues = false
		b = b[size:]
	}
}

// readOBU reads the header of an OBU (AV1 §5.3) and, of a keyframe, what the
// sequence header tells.
func (r *Reader) readOBU(i *Info, b []byte) {
	const hasExtension, hasSize = 0x04, 0x02
	if len(b) == 0 {
		return
	}
	header, typ := b[0], b[0]>>3&0x0f
	b = b[1:]
	if header&hasExtension != 0 {
		if len(b) == 0 {
			return
		}
		i.Temporal, i.Spatial = b[0]>>5, b[0]>>3&0x03
		b = b[1:]
	}
	if typ != obuSequenceHeader || !i.Keyframe {
		return
	}
	if header&hasSize != 0 {
		_, width := leb128(b)
		b = b[width:]
	}
	if s, ok := parseSequenceHeader(b); ok {
		// A sequence header has one size for all layers.
		for k := range r.width {
			r.width[k], r.height[k] = s.width, s.height
		}
		r.layers, r.temporal = s.spatial, s.temporal
	}
}

// leb128 reads a number and how many bytes it has; 0 if it is cut short or
// longer than AV1 allows (§4.10.5).
func leb128(b []byte) (v uint64, size int) {
	const maxSize = 8
	for k := 0; k < len(b) && k < maxSize; k++ {
		v |= uint64(b[k]&0x7f) << (7 * k)
		if b[k]&0x80 == 0 {
			return v, k + 1
		}
	}
	return 0, 0
}

// sequenceHeader is what a sequence header OBU tells of sizes and layers; the
// numbers of layers are 0 where it does not.
type sequenceHeader struct {
	width, height     uint16
	spatial, temporal uint8
}

// parseSequenceHeader reads AV1 §5.5.1 up to the size.
func parseSequenceHeader(obu []byte) (s sequenceHeader, ok bool) {
	b := bits{b: obu}
	b.skip(3 + 1) // seq_profile, still_picture
	if b.flag() { // reduced_still_picture_header
		b.skip(5)
	} else {
		skipOperatingPoints(&b, &s)
	}
	wBits, hBits := int(b.read(4))+1, int(b.read(4))+1
	w, h := b.read(wBits), b.read(hBits)
	if b.short || w == 0xffff || h == 0xffff {
		return s, false
	}
	s.width, s.height = uint16(w+1), uint16(h+1)
	return s, true
}

func skipOperatingPoints(b *bits, s *sequenceHeader) {
	model, delay := false, 0
	if b.flag() { // timing_info_present_flag
		b.skip(32 + 32)
		if b.flag() {
			b.exp()
		}
		if model = b.flag(); model {
			delay = int(b.read(5)) + 1
			b.skip(32 + 5 + 5)
		}
	}
	display := b.flag()
	for k := range int(b.read(5)) + 1 {
		layers := b.read(12)           // operating_point_idc
		if k == 0 && layers != 0xfff { // which is said to keep decoders from choosing
			s.temporal, s.spatial = highest(layers&0xff), highest(layers>>8)
		}
		if b.read(5) > 7 { // seq_level_idx
			b.skip(1)
		}
		if model && b.flag() {
			b.skip(2*delay + 1)
		}
		if display && b.flag() {
			b.skip(4)
		}
	}
}

// highest is the number of the highest bit that is set, counted from 1.
func highest(mask uint32) uint8 {
	n := uint8(0)
	for ; mask != 0; mask >>= 1 {
		n++
	}
	return n
}
