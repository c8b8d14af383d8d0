package codec

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// capture is a packet of testdata.
type capture struct {
	sequence            uint16
	marker              bool
	dependency, payload []byte
}

func captured(tb testing.TB, name string) (mimeType string, packets []capture) {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		n, err := strconv.ParseUint(f[0], 10, 16)
		if err != nil {
			tb.Fatal(err)
		}
		packets = append(packets, capture{sequence: uint16(n), marker: f[2] == "1",
			dependency: unhex(tb, f[3]), payload: unhex(tb, f[4])})
	}
	mimeType, _, _ = strings.Cut(name, "-")
	return "video/" + mimeType, packets
}

// TestChromium reads what a browser really sends.
func TestChromium(t *testing.T) {
	for _, c := range []struct {
		name string
		// The layers of the first frames, as spatial.temporal; * begins a keyframe,
		// ^ can be switched to with what is below.
		frames            string
		spatial, temporal uint8 // in the end
		bits              int   // of picture ids
		step              uint16
		sizes             [][2]uint16
	}{
		{"vp8-L1T3", "0.0* 0.2^ 0.1^ 0.2 0.0 0.2 0.1 0.2 0.0 0.2^", 0, 0, 15, 1, nil},
		{"vp8-L1T3-descriptor", "0.0* 0.2 0.1^ 0.2 0.0 0.2 0.1 0.2 0.0 0.2", 1, 3, 16, 2, [][2]uint16{{160, 90}}},
		{"vp9-L3T3_KEY", "0.0* 1.0^ 0.2 1.2 0.1 1.1 0.2 1.2 0.0 1.0 0.0* 1.0^ 2.0^ 0.2 1.2 2.2 0.1 1.1 2.1", 3, 0, 15, 0,
			[][2]uint16{{240, 135}, {480, 270}, {960, 540}}},
		{"av1-L3T3", "0.0* 1.0^ 0.2 1.2 0.1 1.1 0.2 1.2 0.0 1.0 2.0^ 0.2 1.2 2.2 0.1 1.1 2.1", 3, 3, 16, 1,
			[][2]uint16{{240, 135}, {480, 270}, {960, 540}}},
		{"av1-L2T2_KEY_SHIFT", "0.0* 1.0^ 0.0 1.1 0.1 1.0 0.0 1.1 0.1 1.0", 2, 2, 16, 1,
			[][2]uint16{{320, 180}, {640, 360}}},
		{"h264-L1T2", "0.0* 0.1 0.0 0.1 0.0 0.1", 1, 2, 16, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			mime, packets := captured(t, c.name)
			r := NewReader(mime)
			var frames []string
			var i, last Info
			for k, p := range packets {
				last, i = i, r.Read(p.payload, p.dependency, p.marker)
				if !i.HasPictureID || i.PictureIDBits() != c.bits || k > 0 && i.Begin != last.End {
					t.Fatalf("packet %d: %+v after %+v", p.sequence, i, last)
				}
				if d := i.PictureID - last.PictureID; k > 0 && i.Begin && i.Spatial == 0 && d != max(c.step, 1) {
					t.Errorf("packet %d: picture %d follows %d", p.sequence, i.PictureID, last.PictureID)
				}
				if p.marker && !i.End {
					t.Errorf("packet %d ends a picture, but no frame", p.sequence)
				}
				if len(c.sizes) > 0 && [2]uint16{i.Width, i.Height} != c.sizes[i.Spatial] {
					t.Errorf("packet %d: layer %d measures %dx%d", p.sequence, i.Spatial, i.Width, i.Height)
				}
				if n := len(strings.Fields(c.frames)); i.Begin && len(frames) < n {
					frames = append(frames, described(&i))
				}
				// All that any receiver gets can be decoded.
				if i.targets&i.lacks != 0 {
					t.Errorf("packet %d: %x need it, %x lack what it is predicted from", p.sequence, i.targets, i.lacks)
				}
			}
			if got := strings.Join(frames, " "); got != c.frames {
				t.Errorf("frames\n%s, want\n%s", got, c.frames)
			}
			if i.SpatialLayers != c.spatial || i.TemporalLayers != c.temporal {
				t.Errorf("%d spatial and %d temporal layers", i.SpatialLayers, i.TemporalLayers)
			}
		})
	}
}

func described(i *Info) string {
	s := fmt.Sprintf("%d.%d", i.Spatial, i.Temporal)
	up := false
	if i.Temporal > 0 {
		_, to := i.Switch(i.Spatial, i.Temporal-1, i.Spatial, i.Temporal)
		up = to == i.Temporal && i.kind == syncFrames
		if i.kind == descriptions {
			_, to = i.Switch(0, 0, 0, 2)
			up = to == 2 && i.Spatial == 0 && i.SwitchUp
		}
	}
	switch {
	case i.Keyframe:
		return s + "*"
	case i.SpatialSwitch || up:
		return s + "^"
	}
	return s
}

// TestSwitchInChromiumsStreams: from the least to all, without a keyframe where
// the encoder allows it.
func TestSwitchInChromiumsStreams(t *testing.T) {
	for _, c := range []struct {
		name                     string
		from, want               [2]uint8
		begin, spatial, temporal int // from which packet on; frames until it is had, -1 for never
	}{
		{"vp8-L1T3", [2]uint8{0, 0}, [2]uint8{255, 255}, 1, 0, 8}, // T1, then T2, at a frame with Y
		{"vp8-L1T3-descriptor", [2]uint8{0, 0}, [2]uint8{255, 255}, 1, 0, 1},
		{"vp8-L1T3-descriptor", [2]uint8{0, 3}, [2]uint8{0, 0}, 1, 0, 3},
		{"h264-L1T2", [2]uint8{0, 0}, [2]uint8{0, 1}, 1, 0, 1},
		{"vp9-L3T3_KEY", [2]uint8{0, 0}, [2]uint8{0, 2}, 13, 0, 9},  // the next picture of T0 has U
		{"vp9-L3T3_KEY", [2]uint8{2, 2}, [2]uint8{0, 2}, 13, 0, 0},  // down at once
		{"vp9-L3T3_KEY", [2]uint8{0, 2}, [2]uint8{2, 2}, 13, -1, 0}, // up at a keyframe only
		{"av1-L3T3", [2]uint8{0, 0}, [2]uint8{0, 2}, 2, 0, 2},       // T1
		{"av1-L3T3", [2]uint8{0, 2}, [2]uint8{2, 2}, 13, -1, 0},
		{"av1-L3T3", [2]uint8{1, 2}, [2]uint8{2, 2}, 5, 5, 0},            // the layer begins there
		{"av1-L3T3", [2]uint8{2, 2}, [2]uint8{0, 0}, 13, 2, 8},           // T1, then T0
		{"av1-L2T2_KEY_SHIFT", [2]uint8{1, 1}, [2]uint8{0, 1}, 2, 0, 0},  // just behind the keyframe
		{"av1-L2T2_KEY_SHIFT", [2]uint8{1, 1}, [2]uint8{0, 1}, 4, -1, 0}, // what is below was not sent
		{"av1-L2T2_KEY_SHIFT", [2]uint8{1, 0}, [2]uint8{1, 1}, 2, 0, 3},
	} {
		mime, packets := captured(t, c.name)
		r := NewReader(mime)
		s, tt := c.from[0], c.from[1]
		gotS, gotT, frames := -1, -1, 0
		for k, p := range packets {
			i := r.Read(p.payload, p.dependency, p.marker)
			if k < c.begin || i.Keyframe {
				continue
			}
			s, tt = i.Switch(s, tt, c.want[0], c.want[1])
			if same(s, c.want[0], maxSpatial) && gotS < 0 {
				gotS = frames
			}
			if same(tt, c.want[1], 3) && gotT < 0 {
				gotT = frames
			}
			if i.Begin {
				frames++
			}
		}
		if gotS != c.spatial && c.want[0] != 255 || gotT != c.temporal {
			t.Errorf("%s from %v to %v: spatial after %d frames, temporal after %d", c.name, c.from, c.want, gotS, gotT)
		}
	}
}

// same takes what is above the layers that there are for the highest.
func same(got, want, layers uint8) bool { return min(got, layers-1) == min(want, layers-1) }
