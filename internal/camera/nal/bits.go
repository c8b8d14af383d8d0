package nal

// bitReader reads the fields of NAL units. Behind the end it reads zeros, and
// short is true.
type bitReader struct {
	b     []byte
	at    int // bit
	short bool
}

// maxHeader is as much of a slice as its header may take, in bytes; what is
// wanted of it stands at its beginning.
const maxHeader = 64

// newBitReader reads a NAL unit behind its header, without the bytes that keep
// start codes out of it.
func newBitReader(unit []byte, header int) bitReader {
	b := unit[min(header, len(unit)):]
	if len(b) > maxHeader {
		b = b[:maxHeader]
	}
	clean := make([]byte, 0, maxHeader)
	zeros := 0
	for _, v := range b {
		if zeros >= 2 && v == 3 {
			zeros = 0
			continue
		}
		if v == 0 {
			zeros++
		} else {
			zeros = 0
		}
		clean = append(clean, v)
	}
	return bitReader{b: clean}
}

func (r *bitReader) bit() uint32 {
	if r.at >= 8*len(r.b) {
		r.short = true
		return 0
	}
	v := r.b[r.at>>3] >> (7 - r.at&7) & 1
	r.at++
	return uint32(v)
}

func (r *bitReader) read(n int) (v uint32) {
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// exp reads an unsigned Exp-Golomb code (H.264 §9.1).
func (r *bitReader) exp() uint32 {
	zeros := 0
	for r.bit() == 0 {
		if zeros++; zeros > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.read(zeros)
}
