package codec

import "encoding/binary"

// mandatoryBytes is the size of a Dependency Descriptor that has no more than
// the mandatory fields (Appendix A.8.2).
const mandatoryBytes = 3

const (
	startOfFrame = 0x80
	endOfFrame   = 0x40
	templateMask = 0x3f
)

// descriptors is what must be known to read Dependency Descriptors. Packets
// come late at times, so the structure before the last is kept.
type descriptors struct {
	current, previous, spare *structure

	frames [rememberedFrames]frameTargets
}

// rememberedFrames is how far back a frame can be predicted from and we still
// know who got that one. Encoders hardly look further than two pictures.
const rememberedFrames = 128 // a power of 2

type frameTargets struct {
	number  uint16
	known   bool
	targets grid
}

func (d *descriptors) remember(number uint16, targets grid) {
	d.frames[number%rememberedFrames] = frameTargets{number: number, known: true, targets: targets}
}

// extended is what follows the mandatory fields.
type extended struct {
	structure, active, customDTIs, customDiffs, customChains bool

	mask uint32 // of active decode targets, if active
}

// frame is one frame's definition: that of its template, or its own.
type frame struct {
	dtis  indications
	diffs references
}

// readDependency adds to i what the descriptor dd tells. What cannot be read
// leaves i as it was, but for the mandatory fields.
func (r *Reader) readDependency(i *Info, dd []byte) {
	if r.descriptors == nil {
		r.descriptors = &descriptors{spare: new(structure)}
	}
	d := r.descriptors
	i.Begin, i.End = dd[0]&startOfFrame != 0, dd[0]&endOfFrame != 0
	number := binary.BigEndian.Uint16(dd[1:])
	if !i.HasPictureID {
		i.PictureID, i.HasPictureID, i.LongPictureID, i.bits = number, true, true, 16
	}

	b := bits{b: dd, pos: 8 * mandatoryBytes}
	var x extended
	s := d.current
	if len(dd) > mandatoryBytes {
		x.readFlags(&b)
		if x.structure {
			fresh := d.spare
			fresh.first = number
			if !fresh.read(&b) {
				return
			}
			s = d.take(fresh)
			i.Keyframe = i.Keyframe || i.Begin
		}
	}
	template := int(dd[0] & templateMask)
	if !x.structure {
		s = d.find(template, number)
	}
	if s == nil {
		return
	}
	if x.active {
		x.mask = b.read(s.targets)
	}
	index := s.index(template)
	if index < 0 || b.short {
		return
	}
	t := &s.templates[index]
	f := frame{dtis: t.dtis, diffs: t.diffs}
	custom := x.customDTIs
	if custom {
		f.dtis.read(&b, s.targets)
	}
	if x.customDiffs {
		f.diffs.readCustom(&b)
	}
	if x.customChains {
		b.skip(8 * s.chains)
	}
	if b.short {
		return
	}
	if x.active && int16(number-s.maskFrame) >= 0 {
		s.activate(x.mask, number)
	}
	i.kind = descriptions
	i.Spatial, i.Temporal = t.spatial, t.temporal
	i.SpatialLayers, i.TemporalLayers = s.spatialLayers, s.temporalLayers
	if s.sized {
		i.Width, i.Height = s.width[t.spatial], s.height[t.spatial]
	}
	i.NotReference = i.NotReference || (f.dtis.required|f.dtis.switches)&s.active == 0
	if custom {
		i.targets, i.switches = s.grids(&f.dtis)
	} else {
		i.targets, i.switches = t.targets, t.switches
	}
	i.decodes, i.lacks = d.decodes(&f.diffs, number)
	d.remember(number, i.targets)
	own := cell(i.Spatial, i.Temporal)
	i.SwitchUp = i.switches&own != 0
	i.SpatialSwitch = i.SwitchUp && i.Spatial > 0 && i.decodes&cell(i.Spatial-1, i.Temporal) != 0
}

func (x *extended) readFlags(b *bits) {
	x.structure, x.active = b.flag(), b.flag()
	x.customDTIs, x.customDiffs, x.customChains = b.flag(), b.flag(), b.flag()
}

// decodes returns the choices that had all frames from which one is predicted,
// and those that left one of them out. Of a frame that did not come yet neither
// is said.
func (d *descriptors) decodes(f *references, number uint16) (decodes, lacks grid) {
	decodes = ^grid(0)
	if f.more {
		decodes = 0
	}
	for k := range f.count {
		ref := number - f.diffs[k]
		had := d.frames[ref%rememberedFrames]
		if !had.known || had.number != ref {
			decodes = 0
			continue
		}
		decodes &= had.targets
		lacks |= ^had.targets
	}
	return decodes, lacks
}

// take makes a structure that was read the current one, unless its packet came
// late.
func (d *descriptors) take(s *structure) *structure {
	const late = 1024 // frames; what is older begins anew
	if c := d.current; c != nil {
		switch behind := c.first - s.first; {
		case behind == 0 && c.offset == s.offset:
			return c // the same again
		case behind > 0 && behind < late:
			d.spare, d.previous = d.previous, s
		default:
			d.spare, d.previous, d.current = d.previous, c, s
		}
	} else {
		d.spare, d.current = nil, s
	}
	if d.spare == nil {
		d.spare = new(structure)
	}
	return s
}

// find returns the structure that a frame goes by; nil if it has not come.
func (d *descriptors) find(template int, number uint16) *structure {
	if p := d.previous; p != nil && int16(number-d.current.first) < 0 && p.index(template) >= 0 {
		return p
	}
	return d.current
}
