package codec

// bitWriter writes what bits reads.
type bitWriter struct{ bitString }

func (w *bitWriter) flag(v bool) {
	if v {
		w.write(1, 1)
	} else {
		w.write(1, 0)
	}
}

func (w *bitWriter) exp(v uint32) {
	n := 0
	for (v+1)>>(n+1) != 0 {
		n++
	}
	w.write(n, 0)
	w.write(n+1, v+1)
}

func (w *bitWriter) nonSymmetric(n, v uint32) {
	if n == 1 {
		return
	}
	bits := 0
	for n>>bits != 0 {
		bits++
	}
	m := uint32(1)<<bits - n
	if v < m {
		w.write(bits-1, v)
	} else {
		w.write(bits, v+m)
	}
}

// definition is what a template or a frame says: indications as the letters of
// Table A.1.
type definition struct {
	spatial, temporal int
	dtis              string
	diffs, chains     []int
}

// testStructure is a template_dependency_structure to be written.
type testStructure struct {
	offset    int
	templates []definition
	targets   int
	protected []int // decode_target_protected_by
	chains    int
	sizes     [][2]int
}

func (w *bitWriter) dtis(letters string) {
	for _, l := range letters {
		w.write(2, map[rune]uint32{'-': 0, 'D': 1, 'S': 2, 'R': 3}[l])
	}
}

func (w *bitWriter) structure(s *testStructure) {
	w.write(6, uint32(s.offset))
	w.write(5, uint32(s.targets-1))
	for k, t := range s.templates {
		next := uint32(3)
		if k+1 < len(s.templates) {
			n := s.templates[k+1]
			switch {
			case n.spatial != t.spatial:
				next = 2
			case n.temporal != t.temporal:
				next = 1
			default:
				next = 0
			}
		}
		w.write(2, next)
	}
	for _, t := range s.templates {
		w.dtis(t.dtis)
	}
	for _, t := range s.templates {
		for _, d := range t.diffs {
			w.write(1, 1)
			w.write(4, uint32(d-1))
		}
		w.write(1, 0)
	}
	w.nonSymmetric(uint32(s.targets)+1, uint32(s.chains))
	if s.chains > 0 {
		for _, c := range s.protected {
			w.nonSymmetric(uint32(s.chains), uint32(c))
		}
		for _, t := range s.templates {
			for _, c := range t.chains {
				w.write(4, uint32(c))
			}
		}
	}
	w.flag(len(s.sizes) > 0)
	for _, x := range s.sizes {
		w.write(16, uint32(x[0]-1))
		w.write(16, uint32(x[1]-1))
	}
}

// testDescriptor is a Dependency Descriptor to be written.
type testDescriptor struct {
	start, end bool
	template   int
	number     uint16
	structure  *testStructure // if attached
	mask       *uint32        // active decode targets, if present
	targets    int
	dtis       string // custom; "" for none
	diffs      []int  // custom; nil for none
	chains     []int  // custom; nil for none
}

func (d *testDescriptor) bytes() []byte {
	var w bitWriter
	w.flag(d.start)
	w.flag(d.end)
	w.write(6, uint32(d.template))
	w.write(16, uint32(d.number))
	if d.structure == nil && d.mask == nil && d.dtis == "" && d.diffs == nil && d.chains == nil {
		return w.b
	}
	w.flag(d.structure != nil)
	w.flag(d.mask != nil)
	w.flag(d.dtis != "")
	w.flag(d.diffs != nil)
	w.flag(d.chains != nil)
	if d.structure != nil {
		w.structure(d.structure)
	}
	if d.mask != nil {
		w.write(d.targets, *d.mask)
	}
	w.dtis(d.dtis)
	if d.diffs != nil {
		for _, x := range d.diffs {
			size := 1
			for (x-1)>>(4*size) != 0 {
				size++
			}
			w.write(2, uint32(size))
			w.write(4*size, uint32(x-1))
		}
		w.write(2, 0)
	}
	for _, c := range d.chains {
		w.write(8, uint32(c))
	}
	return w.b
}

// bitString appends numbers bit by bit to b, and pads its last byte with zeros.
type bitString struct {
	b    []byte
	free int // bits of the last byte
}

// write appends the lowest n bits of v.
func (s *bitString) write(n int, v uint32) {
	for n--; n >= 0; n-- {
		if s.free == 0 {
			s.b, s.free = append(s.b, 0), 8
		}
		s.free--
		s.b[len(s.b)-1] |= byte(v>>n&1) << s.free
	}
}
