package codec

// NAL unit types of H.264 (§7.4.1), and those of RFC 6184 §5.2.
const (
	h264Slice = 1
	h264IDR   = 5
	h264SEI   = 6
	h264SPS   = 7
	h264PPS   = 8
	h264AUD   = 9
	h264StapA = 24
	h264FuA   = 28
)

// readH264 reads the payload structures of RFC 6184 §5.2 that browsers and
// cameras send: single NAL unit, STAP-A, FU-A. H.264 tells of layers only that
// a picture is no reference.
func (r *Reader) readH264(i *Info, b []byte, marker bool) {
	i.End = marker
	switch typ := b[0] & 0x1f; typ {
	case h264StapA:
		for b = b[1:]; len(b) > 2; {
			size := int(b[0])<<8 | int(b[1])
			b = b[2:]
			if size == 0 || size > len(b) {
				break
			}
			r.readH264Unit(i, b[0]&0x1f, b[0]&0x60, b[:size], 1)
			b = b[size:]
		}
	case h264FuA:
		if len(b) < 3 {
			return
		}
		if b[1]&0x80 != 0 { // S
			r.readH264Unit(i, b[1]&0x1f, b[0]&0x60, b, 2)
		} else if t := b[1] & 0x1f; t >= h264Slice && t < h264IDR {
			i.NotReference = b[0]&0x60 == 0
		}
	default:
		r.readH264Unit(i, typ, b[0]&0x60, b, 1)
	}
	if i.Keyframe {
		r.sized(i)
	}
}

// readH264Unit reads a NAL unit that begins in the packet. Its payload stands
// behind skip bytes of header.
func (r *Reader) readH264Unit(i *Info, typ, ref byte, b []byte, skip int) {
	switch {
	case typ >= h264Slice && typ <= h264IDR:
		// first_mb_in_slice is the first code, and a set bit is a zero.
		first := len(b) > skip && b[skip]&0x80 != 0
		i.Begin = i.Begin || first
		i.NotReference = typ != h264IDR && ref == 0
		if typ == h264IDR && first {
			i.Keyframe = true
		}
	case typ == h264SPS:
		i.Begin, i.Keyframe = true, true
		if w, h, ok := h264Size(b[skip:]); ok {
			r.width[0], r.height[0] = w, h
		}
	case typ >= h264SEI && typ <= h264AUD:
		i.Begin = true
	}
}

// h264Size reads the size from a sequence parameter set (H.264 §7.3.2.1.1).
func h264Size(sps []byte) (width, height uint16, ok bool) {
	b := bits{b: sps, escaped: true}
	profile := b.read(8)
	b.skip(16) // constraints, level
	b.exp()    // id
	chroma := uint32(1)
	separate := false
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		if chroma = b.exp(); chroma == 3 {
			separate = b.flag()
		}
		b.exp()   // bit depths
		b.exp()   //
		b.skip(1) // qpprime_y_zero_transform_bypass_flag
		if b.flag() {
			lists := 8
			if chroma == 3 {
				lists = 12
			}
			for k := range lists {
				if b.flag() {
					skipScalingList(&b, k)
				}
			}
		}
	}
	b.exp() // log2_max_frame_num_minus4
	switch b.exp() {
	case 0:
		b.exp()
	case 1:
		b.skip(1)
		b.exp()
		b.exp()
		for n := b.exp(); n > 0 && !b.short; n-- {
			b.exp()
		}
	}
	b.exp()   // max_num_ref_frames
	b.skip(1) // gaps_in_frame_num_value_allowed_flag
	w := (uint64(b.exp()) + 1) * 16
	h := (uint64(b.exp()) + 1) * 16
	unitX, unitY := uint64(1), uint64(1)
	if !separate && (chroma == 1 || chroma == 2) {
		unitX = 2
	}
	if !separate && chroma == 1 {
		unitY = 2
	}
	if !b.flag() { // frame_mbs_only_flag
		h, unitY = 2*h, 2*unitY
		b.skip(1)
	}
	b.skip(1) // direct_8x8_inference_flag
	return cropped(&b, w, h, unitX, unitY)
}

// cropped reads the cropping window at the end of the part that tells sizes.
func cropped(b *bits, w, h, unitX, unitY uint64) (width, height uint16, ok bool) {
	if b.flag() {
		x := unitX * (uint64(b.exp()) + uint64(b.exp()))
		y := unitY * (uint64(b.exp()) + uint64(b.exp()))
		if x >= w || y >= h {
			return 0, 0, false
		}
		w, h = w-x, h-y
	}
	if b.short || w == 0 || h == 0 || w > 0xffff || h > 0xffff {
		return 0, 0, false
	}
	return uint16(w), uint16(h), true
}

// skipScalingList passes a list of H.264 §7.3.2.1.1.1.
func skipScalingList(b *bits, index int) {
	size := 16
	if index >= 6 {
		size = 64
	}
	last, next := int32(8), int32(8)
	for range size {
		if next != 0 {
			code := b.exp()
			delta := int32(code+1) / 2
			if code&1 == 0 {
				delta = -delta
			}
			next = (last + delta) & 0xff
		}
		if next != 0 {
			last = next
		}
	}
}
