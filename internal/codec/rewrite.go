package codec

import "encoding/binary"

// RewriteDependency appends the Dependency Descriptor dd to dst, with another
// frame number. What is too short to have one is appended as it is.
func RewriteDependency(dst, dd []byte, frameNumber uint16) []byte {
	n := len(dst)
	dst = append(dst, dd...)
	if len(dd) >= mandatoryBytes {
		binary.BigEndian.PutUint16(dst[n+1:], frameNumber)
	}
	return dst
}

// Targets are the decode targets that a receiver of some layers gets. The zero
// value is all of them.
type Targets struct {
	mask      uint32
	count     uint8 // DtCnt
	offset    uint8 // of the structure that they are of
	templates uint8
}

// Targets returns the decode targets for a receiver which takes spatial layers
// up to one number and temporal layers up to another, as InTarget has it. They
// hold until the next keyframe or until other layers come in.
func (r *Reader) Targets(spatial, temporal uint8) Targets {
	if r.descriptors == nil || r.descriptors.current == nil {
		return Targets{}
	}
	s := r.descriptors.current
	n := s.choice[min(spatial, maxSpatial-1)*maxTemporal+min(temporal, maxTemporal-1)]
	return Targets{
		mask: s.active & s.contained[n], count: uint8(s.targets), offset: uint8(s.offset), templates: uint8(s.count),
	}
}

// RestrictDependency is RewriteDependency for a receiver that does not get all
// layers: it sets active_decode_targets_bitmask to those of t that are active.
// It adds up to five bytes. A descriptor of another structure than that of t
// only gets its number.
func RestrictDependency(dst, dd []byte, frameNumber uint16, t Targets) []byte {
	b := bits{b: dd, pos: 8 * mandatoryBytes}
	var x extended
	if len(dd) > mandatoryBytes {
		x.readFlags(&b)
	}
	if !t.of(dd, &x, &b) {
		return RewriteDependency(dst, dd, frameNumber)
	}
	at := b.pos
	mask := t.mask
	if x.active {
		mask &= b.read(int(t.count))
	}
	if mask == 0 || b.short {
		return RewriteDependency(dst, dd, frameNumber)
	}
	n := len(dst)
	out := bitString{b: append(dst, dd[:mandatoryBytes]...)}
	binary.BigEndian.PutUint16(out.b[n+1:], frameNumber)
	if len(dd) == mandatoryBytes {
		out.write(5, 0)
	}
	rest := bits{b: dd, pos: 8 * mandatoryBytes}
	for rest.pos < at {
		out.write(1, rest.bit())
	}
	out.b[n+mandatoryBytes] |= 0x40 // active_decode_targets_present_flag
	out.write(int(t.count), mask)
	for b.pos < 8*len(dd) {
		out.write(1, b.bit())
	}
	return out.b
}

// of tells whether the descriptor dd, whose flags are x, goes by the structure
// of the targets. It leaves b behind the structure.
func (t *Targets) of(dd []byte, x *extended, b *bits) bool {
	if t.count == 0 || len(dd) < mandatoryBytes || b.short {
		return false
	}
	if x.structure {
		var s structure
		return s.read(b) && s.offset == int(t.offset) && s.targets == int(t.count) && s.count == int(t.templates)
	}
	return (dd[0]&templateMask-t.offset)%maxTemplates < t.templates
}
