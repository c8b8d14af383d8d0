package codec

const (
	maxTemplates = 64
	maxTargets   = 32
	maxDiffs     = 12
)

// structure is a template dependency structure (Appendix A.8.2), and what
// follows from it for the layers that a receiver can choose.
type structure struct {
	first     uint16 // number of the frame that brought it
	offset    int    // template_id_offset
	count     int    // of templates
	targets   int    // DtCnt
	chains    int    // chain_cnt
	templates [maxTemplates]template

	targetSpatial, targetTemporal [maxTargets]uint8

	sized         bool
	width, height [maxSpatial]uint16

	// What is available now. choice is the decode target for each cell.
	active                        uint32
	maskFrame                     uint16 // number of the frame that told
	choice                        [maxSpatial * maxTemporal]uint8
	spatialLayers, temporalLayers uint8
}

type template struct {
	spatial, temporal uint8
	dtis              indications
	diffs             references
	targets, switches grid
}

// indications are decode target indications (Table A.1), a bit for each target.
// What is neither required nor a switch, but present, is discardable.
type indications struct{ present, switches, required uint32 }

func (d *indications) read(b *bits, targets int) {
	*d = indications{}
	for k := range targets {
		bit := uint32(1) << k
		switch b.read(2) {
		case 1:
			d.present |= bit
		case 2:
			d.present |= bit
			d.switches |= bit
		case 3:
			d.present |= bit
			d.required |= bit
		}
	}
}

// references tell from which frames one is predicted, as differences of frame
// numbers. more: there were too many to keep.
type references struct {
	diffs [maxDiffs]uint16
	count uint8
	more  bool
}

func (f *references) add(diff uint16) {
	if f.count == maxDiffs {
		f.more = true
		return
	}
	f.diffs[f.count] = diff
	f.count++
}

func (f *references) readTemplate(b *bits) {
	*f = references{}
	for b.flag() {
		f.add(uint16(b.read(4)) + 1)
	}
}

func (f *references) readCustom(b *bits) {
	*f = references{}
	for {
		size := int(b.read(2))
		if size == 0 {
			return
		}
		f.add(uint16(b.read(4*size)) + 1)
	}
}

// read reads template_dependency_structure(); false if it is cut short, or has
// more layers than there are in AV1.
func (s *structure) read(b *bits) bool {
	s.offset = int(b.read(6))
	s.targets = int(b.read(5)) + 1
	maxSpatialID, ok := s.readLayers(b)
	if !ok {
		return false
	}
	for k := range s.count {
		s.templates[k].dtis.read(b, s.targets)
	}
	for k := range s.count {
		s.templates[k].diffs.readTemplate(b)
	}
	if s.chains = int(b.nonSymmetric(uint32(s.targets) + 1)); s.chains > 0 {
		for range s.targets {
			b.nonSymmetric(uint32(s.chains)) // decode_target_protected_by
		}
		b.skip(4 * s.chains * s.count)
	}
	s.width, s.height = [maxSpatial]uint16{}, [maxSpatial]uint16{}
	if s.sized = b.flag(); s.sized {
		for k := range maxSpatialID + 1 {
			// 65536 does not fit, nor is there such a picture.
			s.width[k] = uint16(min(b.read(16)+1, 0xffff))
			s.height[k] = uint16(min(b.read(16)+1, 0xffff))
		}
	}
	if b.short {
		return false
	}
	s.describeTargets()
	s.active = 0
	s.activate(1<<s.targets-1, s.first)
	return true
}

// readLayers reads template_layers().
func (s *structure) readLayers(b *bits) (maxSpatialID uint8, ok bool) {
	const (
		nextTemporal = 1
		nextSpatial  = 2
		last         = 3
	)
	var spatial, temporal uint8
	for s.count = 0; s.count < maxTemplates; {
		s.templates[s.count] = template{spatial: spatial, temporal: temporal}
		s.count++
		switch b.read(2) {
		case nextTemporal:
			temporal++
		case nextSpatial:
			spatial, temporal = spatial+1, 0
		case last:
			return spatial, true
		}
		if spatial >= maxSpatial || temporal >= maxTemporal {
			return 0, false
		}
	}
	return 0, false
}

// describeTargets is decode_target_layers().
func (s *structure) describeTargets() {
	s.targetSpatial, s.targetTemporal = [maxTargets]uint8{}, [maxTargets]uint8{}
	for k := range s.count {
		t := &s.templates[k]
		for n := range s.targets {
			if t.dtis.present>>n&1 != 0 {
				s.targetSpatial[n] = max(s.targetSpatial[n], t.spatial)
				s.targetTemporal[n] = max(s.targetTemporal[n], t.temporal)
			}
		}
	}
}

// activate sets which targets are available from the frame of that number on.
// None is no news.
func (s *structure) activate(mask uint32, number uint16) {
	s.maskFrame = number
	if mask &= 1<<s.targets - 1; mask == 0 || mask == s.active {
		return
	}
	s.active = mask
	s.spatialLayers, s.temporalLayers = 0, 0
	for n := range s.targets {
		if mask>>n&1 != 0 {
			s.spatialLayers = max(s.spatialLayers, s.targetSpatial[n]+1)
			s.temporalLayers = max(s.temporalLayers, s.targetTemporal[n]+1)
		}
	}
	for k := range s.choice {
		s.choice[k] = s.choose(uint8(k/maxTemporal), uint8(k%maxTemporal))
	}
	for k := range s.count {
		t := &s.templates[k]
		t.targets, t.switches = s.grids(&t.dtis)
	}
}

// choose returns the available target that is the best within those layers: of
// the highest spatial layer, then of the highest temporal one. If there is none
// within, it is the least of all.
func (s *structure) choose(spatial, temporal uint8) uint8 {
	best, least := -1, -1
	rank := func(n int) int { return int(s.targetSpatial[n])*maxTemporal + int(s.targetTemporal[n]) }
	for n := range s.targets {
		if s.active>>n&1 == 0 {
			continue
		}
		if least < 0 || rank(n) < rank(least) {
			least = n
		}
		if s.targetSpatial[n] <= spatial && s.targetTemporal[n] <= temporal && (best < 0 || rank(n) > rank(best)) {
			best = n
		}
	}
	if best < 0 {
		best = least
	}
	return uint8(best)
}

// grids tells for each choice whether it needs a frame with those indications,
// and whether it can be made there.
func (s *structure) grids(d *indications) (targets, switches grid) {
	for k, n := range s.choice {
		targets |= grid(d.present>>n&1) << k
		switches |= grid(d.switches>>n&1) << k
	}
	return targets, switches
}

// index is the place of a template by its id; -1 if the structure has none.
func (s *structure) index(id int) int {
	n := (id + maxTemplates - s.offset) % maxTemplates
	if n >= s.count {
		return -1
	}
	return n
}
