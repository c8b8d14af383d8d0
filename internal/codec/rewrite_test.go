package codec

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestRewrite(t *testing.T) {
	for _, c := range []struct {
		name, in string
		write    func([]byte, uint16, uint8)
		want     string
	}{
		{"VP8, 15 bits", "90 e0 9234 21 40 | 01ff", RewriteVP8, "90 e0 ffff 77 40 | 01ff"},
		{"VP8, 7 bits", "90 c0 12 21 | 01ff", RewriteVP8, "90 c0 7f 77 | 01ff"},
		{"VP8, TL0PICIDX alone", "90 40 21 | 01", RewriteVP8, "90 40 77 | 01"},
		{"VP8, nothing to write", "10 0102030405", RewriteVP8, "10 0102030405"},
		{"VP8, cut off", "90 e0 9234", RewriteVP8, "90 e0 9234"},
		{"VP9, non-flexible", "ac 8102 13 05 | 00", RewriteVP9, "ac ffff 13 77 | 00"},
		{"VP9, flexible, 7 bits", "f8 05 40 03 05 06 | 00", RewriteVP9, "f8 7f 40 03 05 06 | 00"},
		{"VP9, nothing to write", "48 0102", RewriteVP9, "48 0102"},
		{"VP9, cut off", "ac 8102 13", RewriteVP9, "ac 8102 13"},
	} {
		b := unhex(t, c.in)
		c.write(b, 0xffff, 0x77)
		if !bytes.Equal(b, unhex(t, c.want)) {
			t.Errorf("%s: %x", c.name, b)
		}
	}
}

func TestRewriteDependency(t *testing.T) {
	for in, want := range map[string]string{
		"c1 0001":      "aa c1 fffe",
		"c1 0001 8005": "aa c1 fffe 8005",
		"c1 00":        "aa c1 00",
		"":             "aa",
	} {
		if got := RewriteDependency([]byte{0xaa}, unhex(t, in), 0xfffe); !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("%s: %x", in, got)
		}
	}
}

// TestRestrictDependency: who reads what was restricted reads the same of every
// frame that is left, and knows which layers there are.
func TestRestrictDependency(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 3))
		for _, e := range modes(r) {
			in, out := NewReader("video/av1"), NewReader("video/av1")
			s, tt := uint8(r.IntN(3)), uint8(r.IntN(3))
			for n := range 100 {
				for _, f := range e.next(n == 0) {
					a := in.Read(payloadAV1, f.first, false)
					targets := in.Targets(s, tt)
					if !a.InTarget(s, tt) && !a.Keyframe {
						continue
					}
					dd := RestrictDependency(nil, f.first, f.number+5, targets)
					if len(dd) > len(f.first)+5 {
						t.Fatalf("%d bytes became %d", len(f.first), len(dd))
					}
					b := out.Read(payloadAV1, dd, false)
					if b.kind != descriptions || b.PictureID != a.PictureID+5 || b.Spatial != a.Spatial ||
						b.Temporal != a.Temporal || b.Begin != a.Begin || b.Keyframe != a.Keyframe || b.Width != a.Width {
						t.Fatalf("%s: %x was %+v, and %x is %+v", e, f.first, a, dd, b)
					}
					// Whoever asks it for more gets what is there.
					if b.InTarget(s, tt) != a.InTarget(s, tt) || b.InTarget(255, 255) != a.InTarget(s, tt) {
						t.Fatalf("%s: %x of layer %d is not in %d/%d any more", e, dd, f.layer, s, tt)
					}
					layers := 0
					for k := range e.spatial {
						if f.mask>>e.target(k, 0)&1 != 0 {
							layers = k + 1
						}
					}
					if want := min(int(s)+1, layers); int(b.SpatialLayers) != want ||
						int(b.TemporalLayers) != min(int(tt)+1, e.temporal) {
						t.Fatalf("%s: %d/%d layers of %d/%d", e, b.SpatialLayers, b.TemporalLayers, s, tt)
					}
				}
			}
		}
	}
}

func TestRestrictDependencyOfAnother(t *testing.T) {
	e := newEncoder(rand.New(rand.NewPCG(1, 1)), 2, 2, false, false)
	r := NewReader("video/av1")
	f := e.picture(true, [maxSpatial]bool{})[0]
	if (r.Targets(0, 0) != Targets{}) {
		t.Error("targets before the first packet")
	}
	r.Read(payloadAV1, f.first, false)
	targets := r.Targets(0, 0)
	other := (e.structure.offset + len(e.structure.templates)) % maxTemplates
	for _, dd := range [][]byte{nil, {0x80}, {byte(other), 0, 1}, {byte(other), 0, 1, 0x40}, f.first[:20]} {
		want := RewriteDependency(nil, dd, 9)
		if got := RestrictDependency(nil, dd, 9, targets); !bytes.Equal(got, want) {
			t.Errorf("%x became %x", dd, got)
		}
		if got := RestrictDependency(nil, dd, 9, Targets{}); !bytes.Equal(got, want) {
			t.Errorf("without targets: %x became %x", dd, got)
		}
	}
}
