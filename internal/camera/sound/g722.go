package sound

// G722 encodes sound at 16 kHz with 64 kbit/s (ITU-T G.722, mode 1). The zero
// value is not ready: see NewG722. It is not safe for concurrent use.
//
// The names of its parts are those of the Recommendation's functional blocks.
type G722 struct {
	history   [2 * qmfTaps]int32 // the last samples, the newest last
	low, high band
}

// NewG722 returns an encoder at its start.
func NewG722() *G722 {
	return &G722{low: band{det: 32}, high: band{det: 8}}
}

const qmfTaps = 12

// Coefficients of the transmit quadrature mirror filter, table 11: every other
// one, as it is symmetric.
func qmf() [qmfTaps]int32 {
	return [qmfTaps]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}
}

// Encode appends one byte for each two samples to dst. An odd sample at the end
// is left out.
func (g *G722) Encode(dst []byte, samples []int16) []byte {
	taps := qmf()
	for ; len(samples) >= 2; samples = samples[2:] {
		copy(g.history[:], g.history[2:])
		g.history[2*qmfTaps-2], g.history[2*qmfTaps-1] = int32(samples[0]), int32(samples[1])
		var even, odd int32
		for i := range qmfTaps {
			even += g.history[2*i] * taps[i]
			odd += g.history[2*i+1] * taps[qmfTaps-1-i]
		}
		dst = append(dst, g.encodeHigh((odd-even)>>14)<<6|g.encodeLow((even+odd)>>14))
	}
	return dst
}

// band is one half of the spectrum: an adaptive predictor with two poles and
// six zeros, and an adaptive quantizer.
type band struct {
	nb, det int32 // logarithmic and linear scale factor

	s, sz int32    // what is predicted, and the zeros' share in it
	r     [3]int32 // reconstructed signal
	p     [3]int32 // partially reconstructed signal
	a     [3]int32 // pole coefficients, from 1
	d     [7]int32 // quantized differences
	b     [7]int32 // zero coefficients, from 1
}

// Decision levels and codes of the lower band, tables 14 and 15.
var (
	lowLevels = [...]int32{
		0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858,
		940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
	}
	// Quantized differences for the code without its two lowest bits, table 18.
	lowOutputs = [16]int32{
		0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
	}
	highOutputs = [4]int32{-7408, -1616, 7408, 1616}
	// How the scale factor goes on, tables 16 and 21.
	lowSteps    = [8]int32{-60, -30, 58, 172, 334, 538, 1198, 3042}
	lowStepFor  = [16]uint8{0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0}
	highStepFor = [4]int32{798, -214, 798, -214}
	// Inverse logarithm, table 17: 2048 times a power of two.
	inverseLog = [32]int32{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}
)

func (g *G722) encodeLow(x int32) byte {
	l := &g.low
	e := saturate(x - l.s)
	size := e
	if e < 0 {
		size = -e - 1
	}
	level := 1
	for level < len(lowLevels) && size >= lowLevels[level]*l.det>>12 {
		level++
	}
	// Codes count down from the largest difference of each sign; the smallest
	// two negative ones have codes of their own.
	var code byte
	switch {
	case e >= 0:
		code = byte(62 - level)
	case level <= 2:
		code = byte(64 - level)
	default:
		code = byte(34 - level)
	}
	difference := l.det * lowOutputs[code>>2] >> 15
	l.scale(lowSteps[lowStepFor[code>>2]], 18432, 8)
	l.adapt(difference)
	return code
}

func (g *G722) encodeHigh(x int32) byte {
	h := &g.high
	e := saturate(x - h.s)
	size := e
	if e < 0 {
		size = -e - 1
	}
	code := byte(3)
	if size >= 564*h.det>>12 {
		code = 2
	}
	if e < 0 {
		code -= 2
	}
	difference := h.det * highOutputs[code] >> 15
	h.scale(highStepFor[code], 22528, 10)
	h.adapt(difference)
	return code
}

// scale is LOGSCL and SCALEL, or LOGSCH and SCALEH.
func (b *band) scale(step, most, shift int32) {
	b.nb = min(max(b.nb*127>>7+step, 0), most)
	v := inverseLog[b.nb>>6&31]
	if n := shift - b.nb>>11; n >= 0 {
		v >>= n
	} else {
		v <<= -n
	}
	b.det = v << 2
}

// adapt makes the next prediction of a quantized difference (block 4).
func (b *band) adapt(difference int32) {
	b.d[0] = difference
	b.r[0] = saturate(b.s + difference)
	b.p[0] = saturate(b.sz + difference)

	// UPPOL2
	same01, same02 := b.p[0]>>15 == b.p[1]>>15, b.p[0]>>15 == b.p[2]>>15
	w := saturate(b.a[1] << 2)
	if same01 {
		w = -w
	}
	w = min(w, 32767) >> 7
	if same02 {
		w += 128
	} else {
		w -= 128
	}
	a2 := min(max(w+b.a[2]*32512>>15, -12288), 12288)
	// UPPOL1
	w = -192
	if same01 {
		w = 192
	}
	limit := saturate(15360 - a2)
	a1 := min(max(saturate(w+b.a[1]*32640>>15), -limit), limit)
	// UPZERO
	step := int32(128)
	if difference == 0 {
		step = 0
	}
	for i := 1; i < 7; i++ {
		w := -step
		if b.d[i]>>15 == difference>>15 {
			w = step
		}
		b.b[i] = saturate(w + b.b[i]*32640>>15)
	}
	// DELAYA
	copy(b.d[1:], b.d[:6])
	copy(b.r[1:], b.r[:2])
	copy(b.p[1:], b.p[:2])
	b.a[1], b.a[2] = a1, a2
	// FILTEP and FILTEZ
	poles := saturate(a1*saturate(2*b.r[1])>>15 + a2*saturate(2*b.r[2])>>15)
	b.sz = 0
	for i := 6; i > 0; i-- {
		b.sz += b.b[i] * saturate(2*b.d[i]) >> 15
	}
	b.sz = saturate(b.sz)
	// PREDIC
	b.s = saturate(poles + b.sz)
}

func saturate(v int32) int32 { return min(max(v, -32768), 32767) }
