package codec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// encoder makes scalable streams as a browser does, of scalability modes
// LxTy, LxTy_KEY and SxTy (W3C WebRTC-SVC), and describes every frame.
type encoder struct {
	rand              *rand.Rand
	spatial, temporal int
	key               bool // layers are predicted from lower ones in keyframes only
	simulcast         bool // or never

	structure *testStructure
	active    int // spatial layers that are made
	available uint32
	mask      *uint32 // available, when it is to be told
	number    uint16
	phase     int
	newest    [maxSpatial][maxTemporal]int // absolute frame count per layer, -1 for none
	chain     []int                        // newest of each chain
	count     int                          // frames so far
}

// encoded is one frame, with the truth about it.
type encoded struct {
	descriptor []byte // of a packet in the middle
	first      []byte // of the first packet
	refs       []int  // counts of the frames it is predicted from
	count      int
	layer      [2]uint8 // spatial, temporal
	key        bool     // begins a keyframe
	dtis       string
	mask       uint32 // of targets active now
	number     uint16
	lastLayer  bool
}

func (e *encoder) String() string {
	return fmt.Sprintf("L%dT%d key=%v simulcast=%v", e.spatial, e.temporal, e.key, e.simulcast)
}

// target is the number of the decode target of those layers: the best first.
func (e *encoder) target(s, t int) int { return (e.spatial-1-s)*e.temporal + e.temporal - 1 - t }

func (e *encoder) patternTemporal() int {
	return [][]int{{0}, {0, 1}, {0, 2, 1, 2}}[e.temporal-1][e.phase]
}

// dtisOf gives the indications of a frame.
func (e *encoder) dtisOf(s, t int, keyframe bool) string {
	b := []byte(strings.Repeat("-", e.spatial*e.temporal))
	for ts := range e.spatial {
		for tt := range e.temporal {
			at := &b[e.target(ts, tt)]
			switch {
			case s > ts || t > tt || e.simulcast && s != ts || e.key && s != ts && !keyframe:
			case s == ts && t > 0 && t == tt:
				*at = 'D'
			case s == ts || keyframe:
				*at = 'S'
			default:
				*at = 'R'
			}
		}
	}
	return string(b)
}

// picture makes the frames of one picture. refresh are the layers that are to
// be made without what was before in them.
func (e *encoder) picture(keyframe bool, refresh [maxSpatial]bool) (frames []encoded) {
	if keyframe {
		e.phase = 0
		e.active = e.spatial
		e.available = 1<<(e.spatial*e.temporal) - 1
		for s := range e.newest {
			for t := range e.newest[s] {
				e.newest[s][t] = -1
			}
		}
	}
	t := e.patternTemporal()
	e.phase = (e.phase + 1) % max(1, 1<<(e.temporal-1))
	fresh := keyframe
	for s := range e.active {
		f := encoded{count: e.count, number: e.number, layer: [2]uint8{uint8(s), uint8(t)}, key: fresh,
			lastLayer: s == e.active-1}
		d := definition{spatial: s, temporal: t, dtis: e.dtisOf(s, t, keyframe)}
		if !keyframe && !refresh[s] {
			newest := -1
			for lower := range max(t, 1) {
				newest = max(newest, e.newest[s][lower])
			}
			f.refs = append(f.refs, newest)
		}
		if s > 0 && !e.simulcast && (!e.key || keyframe) {
			f.refs = append(f.refs, e.count-1)
		}
		for _, r := range f.refs {
			d.diffs = append(d.diffs, e.count-r)
		}
		e.newest[s][t] = e.count
		for c := range e.spatial {
			diff := e.count - e.chain[c]
			if keyframe && (s == 0 || e.simulcast && c == s) {
				diff = 0
			}
			d.chains = append(d.chains, min(diff, 255))
			if t == 0 && (s == c || s < c && !e.simulcast && (!e.key || keyframe)) {
				e.chain[c] = e.count
			}
		}
		f.dtis = d.dtis
		f.mask = e.available
		e.describe(&f, d, fresh)
		frames = append(frames, f)
		e.count++
		e.number++
		fresh = false
	}
	return frames
}

// describe writes the descriptors of a frame.
func (e *encoder) describe(f *encoded, d definition, attach bool) {
	x := testDescriptor{number: f.number, targets: e.spatial * e.temporal, mask: e.mask}
	// The template with the most in common; the rest is custom.
	best, score := -1, -1
	for k, t := range e.structure.templates {
		if t.spatial != d.spatial || t.temporal != d.temporal {
			continue
		}
		n := 0
		if t.dtis == d.dtis {
			n++
		}
		if slices.Equal(t.diffs, d.diffs) {
			n++
		}
		if slices.Equal(t.chains, d.chains) {
			n++
		}
		if n > score {
			best, score = k, n
		}
	}
	t := e.structure.templates[best]
	x.template = (e.structure.offset + best) % maxTemplates
	if t.dtis != d.dtis {
		x.dtis = d.dtis
	}
	if !slices.Equal(t.diffs, d.diffs) {
		x.diffs = append([]int{}, d.diffs...)
	}
	if !slices.Equal(t.chains, d.chains) {
		x.chains = d.chains
	}
	f.descriptor = x.bytes()
	x.start = true
	if attach {
		x.structure = e.structure
	}
	f.first = x.bytes()
}

// newStructure finds templates by encoding a while, and leaves some out.
func (e *encoder) newStructure(offset int) {
	s := &testStructure{offset: offset, targets: e.spatial * e.temporal, chains: e.spatial}
	for ts := e.spatial - 1; ts >= 0; ts-- {
		for range e.temporal {
			s.protected = append(s.protected, ts)
		}
	}
	for k := range e.spatial {
		s.sizes = append(s.sizes, [2]int{160 << k, 90 << k})
	}
	for sp := range e.spatial {
		for t := range e.temporal {
			for _, keyframe := range []bool{true, false} {
				if t > 0 && keyframe || e.rand.IntN(8) == 0 && !keyframe && t == 0 {
					continue
				}
				d := definition{spatial: sp, temporal: t, dtis: e.dtisOf(sp, t, keyframe),
					chains: make([]int, e.spatial)}
				for k := range e.rand.IntN(3) {
					d.diffs = append(d.diffs, 1+k*e.spatial)
				}
				for k := range d.chains {
					d.chains[k] = e.rand.IntN(16)
				}
				s.templates = append(s.templates, d)
			}
		}
	}
	e.structure = s
}

func newEncoder(r *rand.Rand, spatial, temporal int, key, simulcast bool) *encoder {
	e := &encoder{rand: r, spatial: spatial, temporal: temporal, key: key, simulcast: simulcast,
		number: uint16(r.Uint32()), chain: make([]int, spatial), active: spatial}
	e.newStructure(r.IntN(maxTemplates))
	return e
}

// next makes the next picture: at times a keyframe, layers left out and taken
// in again, or one of them begun afresh.
func (e *encoder) next(first bool) []encoded {
	var refresh [maxSpatial]bool
	e.mask = nil
	keyframe := first || e.rand.IntN(60) == 0
	if keyframe {
		if !first && e.rand.IntN(2) == 0 {
			e.newStructure((e.structure.offset + len(e.structure.templates)) % maxTemplates)
		}
		return e.picture(true, refresh)
	}
	set := func(active int) {
		e.active = active
		e.available = 0
		for s := range active {
			for t := range e.temporal {
				e.available |= 1 << e.target(s, t)
			}
		}
		e.mask = &e.available
	}
	if e.phase == 0 && e.spatial > 1 {
		switch e.rand.IntN(25) {
		case 0:
			if e.active > 1 {
				set(e.active - 1)
			}
		case 1:
			if e.active < e.spatial && !e.key {
				refresh[e.active] = true
				set(e.active + 1)
			}
		case 2:
			if s := 1 + e.rand.IntN(e.spatial-1); !e.key && s < e.active {
				refresh[s] = true
			}
		}
	}
	return e.picture(false, refresh)
}
