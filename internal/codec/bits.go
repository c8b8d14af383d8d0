package codec

// bits reads a string of bits, the highest of a byte first. Past the end it
// reads zeros and sets short.
type bits struct {
	b     []byte
	pos   int // in bits
	short bool
	// escaped: b is a NAL unit, in which a 3 stands after two zeros that is no
	// part of what it says (H.264 §7.4.1).
	escaped bool
}

func (r *bits) bit() uint32 {
	k := r.pos >> 3
	if r.escaped && r.pos&7 == 0 && k >= 2 && k < len(r.b) && r.b[k] == 3 && r.b[k-1] == 0 && r.b[k-2] == 0 {
		r.pos += 8
		k++
	}
	if k >= len(r.b) {
		r.short = true
		return 0
	}
	v := r.b[k] >> (7 - r.pos&7) & 1
	r.pos++
	return uint32(v)
}

// read reads a number of n bits, at most 32: f(n), u(n).
func (r *bits) read(n int) uint32 {
	v := uint32(0)
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

func (r *bits) flag() bool { return r.bit() != 0 }

func (r *bits) skip(n int) {
	for range n {
		r.bit()
	}
}

// exp reads an Exp-Golomb code: ue(v); also AV1's uvlc.
func (r *bits) exp() uint32 {
	zeros := 0
	for r.bit() == 0 {
		if zeros++; zeros > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return r.read(zeros) + 1<<zeros - 1
}

// nonSymmetric reads a number below n: ns(n).
func (r *bits) nonSymmetric(n uint32) uint32 {
	w := 0
	for x := n; x != 0; x >>= 1 {
		w++
	}
	m := uint32(1)<<w - n
	v := r.read(w - 1)
	if v < m {
		return v
	}
	return v<<1 - m + r.bit()
}
