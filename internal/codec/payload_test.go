package codec

import (
	"encoding/hex"
	"strings"
	"testing"
)

// unhex reads bytes written down in hexadecimal; blanks and what is not hex
// digits, as the bars between fields, are for the eye.
func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "|", "", "-", "").Replace(s))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestVP8(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		marker        bool
		want          Info
	}{
		{"a keyframe with all there is", "90 f0 9234 21 c5 | 10 00 00 9d012a 40 41 b4 80", true,
			Info{Keyframe: true, Begin: true, End: true, HasPictureID: true, LongPictureID: true, PictureID: 0x1234,
				HasTL0PICIDX: true, TL0PICIDX: 0x21, Temporal: 3, Width: 0x140, Height: 0xb4}},
		{"a layer sync", "b0 e0 7f 03 a0 | 01", false,
			Info{Begin: true, NotReference: true, HasPictureID: true, PictureID: 0x7f, HasTL0PICIDX: true, TL0PICIDX: 3,
				Temporal: 2, SwitchUp: true}},
		{"TID without TL0PICIDX", "90 20 40 | 01", false, Info{Begin: true, Temporal: 1}},
		{"KEYIDX alone tells no layer", "90 10 df | 01", false, Info{Begin: true}},
		{"the middle of a frame", "80 80 05 | 00", false, Info{HasPictureID: true, PictureID: 5}},
		{"a start code that is none", "10 | 10 00 00 9d012b 4001 b400", false, Info{Keyframe: true, Begin: true}},
		{"cut off in the descriptor", "90 e0 9234", true, Info{}},
		{"cut off in the picture id", "90 80", false, Info{}},
		{"X alone", "90", true, Info{}},
	} {
		got := NewReader("video/vp8").Read(unhex(t, c.payload), nil, c.marker)
		if bare(got) != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// bare leaves only what is exported.
func bare(i Info) Info {
	i.kind, i.layered, i.bits = 0, false, 0
	i.targets, i.switches, i.decodes, i.lacks = 0, 0, 0, 0
	return i
}

func TestVP9(t *testing.T) {
	// One Reader for all: what the structure told goes on.
	r := NewReader("video/VP9")
	for _, c := range []struct {
		name, payload string
		marker        bool
		want          Info
	}{
		{"a keyframe in non-flexible mode, with a structure of two layers of four pictures",
			"aa 8102 00 05 | 38 0140 00b4 0280 0168 04 00 54 01 34 02 54 01 | 82", false,
			Info{Keyframe: true, Begin: true, HasPictureID: true, LongPictureID: true, PictureID: 0x102,
				HasTL0PICIDX: true, TL0PICIDX: 5, SpatialLayers: 2, TemporalLayers: 3, Width: 320, Height: 180}},
		{"its upper layer", "ac 8102 13 05 | 00", true,
			Info{Begin: true, End: true, Spatial: 1, SpatialSwitch: true, SwitchUp: true, HasPictureID: true,
				LongPictureID: true, PictureID: 0x102, HasTL0PICIDX: true, TL0PICIDX: 5, SpatialLayers: 2, TemporalLayers: 3,
				Width: 640, Height: 360}},
		{"a picture of temporal layer 2, the last packet", "e4 8103 52 05 | 00", false,
			Info{End: true, Spatial: 1, Temporal: 2, SwitchUp: true, HasPictureID: true, LongPictureID: true,
				PictureID: 0x103, HasTL0PICIDX: true, TL0PICIDX: 5, SpatialLayers: 2, TemporalLayers: 3,
				Width: 640, Height: 360}},
		{"flexible mode, three references, 7 bits", "f8 05 40 03 05 06 | 00", false,
			Info{Begin: true, Temporal: 2, HasPictureID: true, PictureID: 5, SpatialLayers: 2,
				TemporalLayers: 3, Width: 320, Height: 180}},
		{"references cut off", "f8 05 40 03 05", false, Info{}},
		{"flexible, inter", "d8 05 02 | 00", false,
			Info{Begin: true, HasPictureID: true, PictureID: 5, SpatialLayers: 2, TemporalLayers: 3, Width: 320, Height: 180}},
		{"a structure cut off changes nothing", "8a 8104 | 38 0140", false,
			Info{Keyframe: true, Begin: true, HasPictureID: true, LongPictureID: true, PictureID: 0x104, SpatialLayers: 2,
				TemporalLayers: 3, Width: 320, Height: 180}},
		{"a keyframe without layers, with its size in the frame", "8c 05 | 824983420077f043760638", true,
			Info{Keyframe: true, Begin: true, End: true, HasPictureID: true, PictureID: 5, Width: 1920, Height: 1080}},
	} {
		got := r.Read(unhex(t, c.payload), nil, c.marker)
		if bare(got) != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Parameter sets are those that ffmpeg writes with libx264 and libx265.
func TestParameterSets(t *testing.T) {
	for _, c := range []struct {
		mime, name, payload string
		w, h                uint16
	}{
		{"video/H264", "interlaced and cropped", "674d4028f403c0227ef011000003000100000300321f162ea0", 1920, 1080},
		{"video/H264", "baseline", "6742c01eda0280bfe5c044000003000400000300c83c58ba80", 640, 360},
		{"video/H264", "4:4:4 with scaling lists, cropped",
			"67f4001e919680d83de2fffc1400140440000003004000000c83c58ba8", 854, 480},
		{"video/H264", "in a STAP-A",
			"78 0019 6742c01eda0280bfe5c044000003000400000300c83c58ba80 0002 68ce", 640, 360},
		{"video/H264", "cut off", "6742c01eda02", 0, 0},
		{"video/H265", "three sub-layers, cropped",
			"42010101600000030090000003000003005da00280802e1f11965654a4c2fff0169016868080000003008000000c84", 1280, 722},
		{"video/H265", "cut off", "4201010160000003009000", 0, 0},
	} {
		got := NewReader(c.mime).Read(unhex(t, c.payload), nil, false)
		if got.Width != c.w || got.Height != c.h || !got.Keyframe || !got.Begin {
			t.Errorf("%s, %s: %+v", c.mime, c.name, got)
		}
	}
}

func TestH264(t *testing.T) {
	r := NewReader("video/h264")
	for _, c := range []struct {
		name, payload string
		want          Info
	}{
		{"SPS", "6742c01eda0280bfe5c044000003000400000300c83c58ba80",
			Info{Keyframe: true, Begin: true, Width: 640, Height: 360}},
		{"PPS", "68ce3c80", Info{Begin: true}},
		{"IDR, whose size is known", "6588", Info{Keyframe: true, Begin: true, Width: 640, Height: 360}},
		{"a slice that is a reference", "419a", Info{Begin: true}},
		{"one that is not", "019a", Info{Begin: true, NotReference: true}},
		{"its second slice", "014a", Info{NotReference: true}},
		{"FU-A of it, not the first", "1c019a", Info{NotReference: true}},
		{"STAP-A of two such", "18 0002 019a 0002 0140", Info{Begin: true, NotReference: true}},
		{"SEI is no picture", "0605", Info{Begin: true}},
		{"an unknown type", "7e80", Info{}},
		{"FU-A without a payload", "7c85", Info{}},
	} {
		if got := r.Read(unhex(t, c.payload), nil, false); bare(got) != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestH265(t *testing.T) {
	r := NewReader("video/h265")
	for _, c := range []struct {
		name, payload string
		want          Info
	}{
		{"TRAIL_N, when the number of layers is not known", "0003 80", Info{Begin: true, Temporal: 2}},
		{"SPS", "42010101600000030090000003000003005da00280802e1f11965654a4c2fff0169016868080000003008000000c84",
			Info{Keyframe: true, Begin: true, Width: 1280, Height: 722, TemporalLayers: 1}},
		{"SPS of three sub-layers", "4201 05 01600000030090000003000003005d0000 " + threeSubLayers,
			Info{Keyframe: true, Begin: true, Width: 64, Height: 48, TemporalLayers: 3}},
		{"CRA", "2a01 80", Info{Keyframe: true, Begin: true, Width: 64, Height: 48, TemporalLayers: 3}},
		{"TSA_R", "0602 80", Info{Begin: true, Temporal: 1, SwitchUp: true, TemporalLayers: 3}},
		{"STSA_N of the highest layer", "0803 80",
			Info{Begin: true, Temporal: 2, SwitchUp: true, NotReference: true, TemporalLayers: 3}},
		{"TRAIL_N of a lower one", "0002 80", Info{Begin: true, Temporal: 1, TemporalLayers: 3}},
		{"FU of TRAIL_N, not the first", "6203 00 80", Info{Temporal: 2, NotReference: true, TemporalLayers: 3}},
		{"AP with SEI and TRAIL_R", "6001 0003 4e0105 0003 020180", Info{Begin: true, TemporalLayers: 3}},
		{"one byte", "42", Info{}},
	} {
		if got := r.Read(unhex(t, c.payload), nil, false); bare(got) != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// threeSubLayers goes on behind the general level of profile_tier_level: no
// levels of sub-layers, id 0, 4:2:0, 64 by 48 without a window.
var threeSubLayers = func() string {
	var w bitWriter
	w.exp(0)
	w.exp(1)
	w.exp(64)
	w.exp(48)
	w.flag(false)
	w.write(8, 0)
	return hex.EncodeToString(w.b)
}()

func TestAV1WithoutDescriptor(t *testing.T) {
	r := NewReader("video/av1")
	for _, c := range []struct {
		name, payload string
		marker        bool
		want          Info
	}{
		{"sequence header and frame", "28 0c 0a0a " + sequence + " | 34 08 00", false,
			Info{Keyframe: true, Begin: true, Spatial: 1, SpatialLayers: 2, TemporalLayers: 3, Width: 960, Height: 540}},
		{"the rest of the frame", "90 00 00", true, Info{End: true, Spatial: 1, SpatialLayers: 2, TemporalLayers: 3}},
		{"a frame of T2", "00 03 344000", true,
			Info{Begin: true, End: true, Temporal: 2, SpatialLayers: 2, TemporalLayers: 3}},
		{"an element longer than the packet", "00 7f 344000", true,
			Info{Begin: true, End: true, SpatialLayers: 2, TemporalLayers: 3}},
		{"a length without an end", "00 ffffffffffffffffffff", true,
			Info{Begin: true, End: true, SpatialLayers: 2, TemporalLayers: 3}},
	} {
		if got := r.Read(unhex(t, c.payload), nil, c.marker); bare(got) != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// sequence is a sequence header of 10 bytes: two operating points, 960 by 540.
var sequence = func() string {
	var w bitWriter
	w.write(3+1+1, 0)
	w.flag(false) // timing_info
	w.flag(false) // initial_display_delay
	w.write(5, 1) // operating points, less one
	for _, layers := range []uint32{0x307, 0x101} {
		w.write(12, layers)
		w.write(5, 4) // level
	}
	w.write(4, 9)
	w.write(4, 9)
	w.write(10, 959)
	w.write(10, 539)
	return hex.EncodeToString(w.b)
}()
