package sound

import "math"

// Resampler brings sound from one rate to another, by a windowed sinc that is
// kept as one set of coefficients for each phase. It is not safe for concurrent
// use.
type Resampler struct {
	up, down int       // the ratio, in lowest terms
	phases   [][]int16 // coefficients, as parts of 1<<coefficientBits
	phase    int
	history  []int16 // samples that the next ones are made of
}

const (
	// crossings of zero on each side of the sinc: 32 leave a transition of a
	// tenth of the band.
	crossings       = 16
	coefficientBits = 14
	// cutoff is where the filter begins to fall, as a part of the lower Nyquist
	// frequency.
	cutoff = 0.92
	// maxCoefficients bounds what odd ratios take.
	maxCoefficients = 1 << 17
)

// NewResampler returns a Resampler between two rates in Hz. ok is false where
// they have so little in common that it would take much memory.
func NewResampler(from, to int) (r *Resampler, ok bool) {
	g := divisor(from, to)
	r = &Resampler{up: to / g, down: from / g}
	if r.up == r.down {
		return r, true
	}
	// The sinc is as wide as the lower of the rates needs.
	width := crossings * max(1, float64(from)/float64(to))
	taps := 2 * int(math.Ceil(width))
	if r.up*taps > maxCoefficients {
		return nil, false
	}
	band := cutoff * min(1, float64(to)/float64(from))
	for p := range r.up {
		r.phases = append(r.phases, kernel(taps, float64(p)/float64(r.up), width, band))
	}
	r.history = make([]int16, taps-1)
	return r, true
}

// kernel makes the coefficients for samples that lie that far behind the
// middle of the input samples.
func kernel(taps int, offset, width, band float64) []int16 {
	raw := make([]float64, taps)
	sum := 0.0
	for i := range raw {
		x := float64(i-taps/2+1) - offset
		v := band
		if x != 0 {
			v = math.Sin(math.Pi*x*band) / (math.Pi * x)
		}
		if math.Abs(x) >= width {
			v = 0
		}
		raw[i] = v * (0.42 + 0.5*math.Cos(math.Pi*x/width) + 0.08*math.Cos(2*math.Pi*x/width)) // Blackman
		sum += raw[i]
	}
	k := make([]int16, taps)
	for i, v := range raw {
		k[i] = int16(math.Round(v / sum * (1 << coefficientBits)))
	}
	return k
}

// Run appends what comes of further samples to dst.
func (r *Resampler) Run(dst, samples []int16) []int16 {
	if r.up == r.down {
		return append(dst, samples...)
	}
	r.history = append(r.history, samples...)
	taps := len(r.phases[0])
	at := 0
	for at+taps <= len(r.history) {
		sum := int64(1) << (coefficientBits - 1)
		for i, c := range r.phases[r.phase] {
			sum += int64(c) * int64(r.history[at+i])
		}
		dst = append(dst, int16(min(max(sum>>coefficientBits, math.MinInt16), math.MaxInt16)))
		r.phase += r.down
		at += r.phase / r.up
		r.phase %= r.up
	}
	at = min(at, len(r.history))
	r.history = r.history[:copy(r.history, r.history[at:])]
	return dst
}

func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
