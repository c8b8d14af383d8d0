package forward

import "umbrella/internal/codec"

// selector chooses which packets of one layer leave: those of spatial layers
// up to one number, and of temporal layers up to another. It is a pure state
// machine. The zero value takes the base alone.
type selector struct {
	spatial, temporal         uint8 // what leaves now
	wantSpatial, wantTemporal uint8
	// turns are the last changes of what leaves, the newest at turned-1: late
	// packets go by what left at their place.
	turns  [8]turn
	turned uint32
}

// turn is a change of what leaves, with the packet of that number, and what left
// before it.
type turn struct {
	from              uint16
	spatial, temporal uint8
}

// all is a layer number above every real one.
const all = 255

// aim sets what is wanted. Less is had with the next picture, more as soon as
// the encoding allows it.
func (s *selector) aim(spatial, temporal uint8) {
	s.wantSpatial, s.wantTemporal = spatial, temporal
}

// start begins a run: what was before it is of no interest.
func (s *selector) start() { s.turned = 0 }

// takes tells whether a packet leaves. Packets come in order: for late ones it is
// takesLate.
func (s *selector) takes(i *codec.Info, seq uint16) bool {
	spatial, temporal := i.Switch(s.spatial, s.temporal, s.wantSpatial, s.wantTemporal)
	if spatial != s.spatial || temporal != s.temporal {
		s.turns[s.turned%uint32(len(s.turns))] = turn{seq, s.spatial, s.temporal}
		s.turned++
		s.spatial, s.temporal = spatial, temporal
	}
	return i.InTarget(spatial, temporal)
}

// takesLate tells whether a packet leaves that newer ones came before.
func (s *selector) takesLate(i *codec.Info, seq uint16) bool {
	spatial, temporal := s.spatial, s.temporal
	for k := range min(s.turned, uint32(len(s.turns))) {
		t := &s.turns[(s.turned-1-k)%uint32(len(s.turns))]
		if !newer(t.from, seq) {
			break
		}
		spatial, temporal = t.spatial, t.temporal
	}
	return i.InTarget(spatial, temporal)
}

// marker tells whether a packet that leaves is the last one of its picture.
func (s *selector) marker(p *Packet) bool {
	return p.Marker || p.Info.End && p.Info.SpatialLayers > 1 && p.Info.Spatial == min(s.spatial, p.Info.SpatialLayers-1)
}

// wantsKeyframe tells that other spatial layers are wanted than leave: most
// encodings let them in at a keyframe only, and some let them go only then.
// layers is how many there are.
func (s *selector) wantsKeyframe(layers uint8) bool {
	return layers > 1 && min(s.spatial, layers-1) != min(s.wantSpatial, layers-1)
}

// pictures maps the numbers by which a codec tells pictures apart (VP8's and
// VP9's picture id and TL0PICIDX, the frame number of a Dependency
// Descriptor), so that they go on across layers of a track. It is a pure state
// machine.
type pictures struct {
	begun       bool
	out, outTL0 uint16 // the newest that left
	delta       uint16
	deltaTL0    uint16

	highest uint16 // that came in, in this run
	skips   []uint16
}

// start begins a run whose first picture is id: it becomes the next one.
func (m *pictures) start(id, tl0 uint16) {
	m.highest = id
	m.skips = m.skips[:0]
	if m.begun {
		m.delta, m.deltaTL0 = m.out+1-id, m.outTL0+1-tl0
	}
}

// rewrite returns what leaves in place of id and tl0, whose numbers have that
// many bits.
func (m *pictures) rewrite(id, tl0 uint16, bits int) (outID, outTL0 uint16) {
	delta := m.delta
	if m.newer(id, m.highest, bits) {
		m.highest = id
	}
	for i := len(m.skips) - 1; i >= 0 && m.newer(m.skips[i], id, bits); i-- {
		delta++ // it came before that one was left out
	}
	outID, outTL0 = id+delta, tl0+m.deltaTL0
	if !m.begun || m.newer(outID, m.out, bits) {
		m.begun = true
		m.out, m.outTL0 = outID, outTL0
	}
	mask := uint16(1)<<bits - 1
	return outID & mask, outTL0 & 0xff
}

// skip leaves a picture out, so that the next one closes the gap. Further
// packets of it change nothing.
func (m *pictures) skip(id uint16, bits int) {
	if !m.newer(id, m.highest, bits) {
		return
	}
	m.highest = id
	m.delta--
	if len(m.skips) == maxSkips {
		copy(m.skips, m.skips[1:])
		m.skips = m.skips[:maxSkips-1]
	}
	m.skips = append(m.skips, id)
}

// newer compares numbers of that many bits across the wrap.
func (m *pictures) newer(a, b uint16, bits int) bool {
	shift := 16 - bits
	return int16((a-b)<<shift) > 0
}
