package codec

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

var mimeTypes = []string{"video/VP8", "video/VP9", "video/H264", "video/H265", "video/AV1"}

// FuzzRead: nothing breaks a Reader, and what it says is possible.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"vp8-L1T3", "vp9-L3T3_KEY", "h264-L1T2", "av1-L3T3"} {
		_, packets := captured(f, name)
		for _, p := range packets[:12] {
			f.Add(p.payload, p.dependency)
		}
	}
	f.Add([]byte{0x78, 0, 1, 0x68, 0, 2, 0x67, 0x42}, []byte{})
	f.Add([]byte{0x60, 0x01, 0, 2, 0x42, 0x01}, []byte{})
	f.Add(unhex(f, "42010101600000030090000003000003005da00280802e1f11965654a4c2fff0169016868080000003008000000c84"), []byte{})
	f.Add(unhex(f, "28 0c 0a0a "+sequence+" | 34 08 00"), []byte{})
	f.Fuzz(func(t *testing.T, payload, dd []byte) {
		before, beforeDD := bytes.Clone(payload), bytes.Clone(dd)
		for _, mime := range mimeTypes {
			r := NewReader(mime)
			for _, marker := range []bool{false, true} {
				i := r.Read(payload, dd, marker)
				if len(payload) == 0 && i != (Info{}) {
					t.Errorf("%s: nothing is %+v", mime, i)
				}
				if i.Spatial > 7 || i.Temporal > 7 || i.Keyframe && i.Lost(1, 1) ||
					i.HasPictureID != (i.PictureIDBits() > 0) || uint32(i.PictureID)>>i.PictureIDBits() != 0 {
					t.Errorf("%s: impossible: %+v", mime, i)
				}
				if s, tt := i.Switch(1, 1, 1, 1); s != 1 || tt != 1 {
					t.Errorf("%s: went to %d/%d", mime, s, tt)
				}
			}
		}
		if !bytes.Equal(before, payload) || !bytes.Equal(beforeDD, dd) {
			t.Error("reading changed the packet")
		}
	})
}

// FuzzDependency feeds descriptors to a Reader that knows a structure.
func FuzzDependency(f *testing.F) {
	_, packets := captured(f, "av1-L3T3")
	for _, p := range packets[:20] {
		f.Add(p.dependency, p.dependency)
	}
	for _, e := range modes(rand.New(rand.NewPCG(1, 1))) {
		a := e.next(true)
		b := e.next(false)
		f.Add(a[0].first, b[0].first)
	}
	known := packets[0].dependency
	f.Fuzz(func(t *testing.T, first, second []byte) {
		r := NewReader("video/AV1")
		for _, dd := range [][]byte{known, first, second} {
			i := r.Read(payloadAV1, dd, false)
			if i.Spatial >= maxSpatial || i.Temporal >= maxTemporal || i.SpatialLayers > maxSpatial {
				t.Errorf("impossible: %+v", i)
			}
			if i.kind == descriptions && i.targets&i.switches != i.switches {
				t.Errorf("a switch to %x at a frame of %x", i.switches, i.targets)
			}
			out := RewriteDependency(nil, dd, 77)
			if len(dd) < mandatoryBytes {
				if !bytes.Equal(out, dd) {
					t.Errorf("%x became %x", dd, out)
				}
				continue
			}
			if len(out) != len(dd) || out[0] != dd[0] || out[1] != 0 || out[2] != 77 {
				t.Errorf("%x became %x", dd, out)
			}
		}
	})
}

func FuzzRewrite(f *testing.F) {
	f.Add(unhex(f, "90 e0 9234 21 40 01ff"), uint16(3), byte(4))
	f.Add(unhex(f, "ac 8102 13 05 00"), uint16(0xffff), byte(4))
	f.Add(unhex(f, "f8 05 40 03 05 06 00"), uint16(70), byte(4))
	f.Fuzz(func(t *testing.T, payload []byte, id uint16, tl0 byte) {
		for _, c := range []struct {
			mime    string
			rewrite func([]byte, uint16, uint8)
		}{{"video/VP8", RewriteVP8}, {"video/VP9", RewriteVP9}} {
			was := NewReader(c.mime).Read(payload, nil, false)
			b := bytes.Clone(payload)
			c.rewrite(b, id, tl0)
			is := NewReader(c.mime).Read(b, nil, false)
			if was.HasPictureID {
				was.PictureID = id & (1<<was.PictureIDBits() - 1)
			}
			if was.HasTL0PICIDX {
				was.TL0PICIDX = tl0
			}
			if is != was {
				t.Errorf("%s: %x reads as %+v, want %+v", c.mime, b, is, was)
			}
		}
	})
}
