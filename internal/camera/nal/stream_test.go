package nal

import (
	"bytes"
	"slices"
	"testing"
)

// play sends a clip through a Stream and returns what is left of it.
func play(t *testing.T, c Codec, name string, s *Stream) (kept []uint32, keys int) {
	t.Helper()
	list := clip(t, c, name)
	times := stamp(c, list)
	for i, units := range list {
		p := s.Take(&AccessUnit{Timestamp: times[i], Units: units})
		if len(p.Units) == 0 {
			continue
		}
		kept = append(kept, times[i])
		if !p.Key {
			continue
		}
		keys++
		if typ := c.typeOf(p.Units[0]); !c.parameters(typ) {
			t.Errorf("a keyframe begins with type %d", typ)
		}
	}
	return kept, keys
}

func TestStreams(t *testing.T) {
	for _, c := range []struct {
		name          string
		codec         Codec
		fmtp          string
		profile       string
		width, height uint16
		pictures      int // that are left
		keys          int
		bidirected    bool
		keyframesOnly bool
	}{
		{"main.h264", H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640015", "High", 320, 180, 40, 2, false, false},
		{"sub.h264", H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d400c", "Main", 160, 90, 40, 2, false, false},
		{"bframes.h264", H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64000a", "High", 160, 90, 16, 2, true, false},
		{"main.h265", H265, "level-id=30;profile-id=1;tier-flag=0;tx-mode=SRST", "Main", 160, 90, 20, 2, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewStream(c.codec)
			kept, keys := play(t, c.codec, c.name, s)
			f, ok := s.Format()
			if !ok || f.Fmtp != c.fmtp || f.Profile != c.profile || f.Width != c.width || f.Height != c.height || f.Refusal != "" {
				t.Errorf("format %+v", f)
			}
			if f.FrameRate != 10 {
				t.Errorf("%v Hz", f.FrameRate)
			}
			if len(kept) != c.pictures || keys != c.keys {
				t.Errorf("%d pictures and %d keyframes are left", len(kept), keys)
			}
			for i := range kept[1:] {
				if kept[i+1] <= kept[i] {
					t.Errorf("picture %d goes back in time", i+1)
				}
			}
			found := s.Findings()
			if found.Bidirected > 0 != c.bidirected || found.KeyframesOnly != c.keyframesOnly {
				t.Errorf("found %+v", found)
			}
		})
	}
}

func TestReferencedBFramesLeaveKeyframes(t *testing.T) {
	for name, c := range map[string]Codec{"pyramid.h264": H264, "bframes.h265": H265} {
		t.Run(name, func(t *testing.T) {
			s := NewStream(c)
			play(t, c, name, s)
			if f := s.Findings(); !f.KeyframesOnly || f.Bidirected == 0 {
				t.Fatalf("found %+v", f)
			}
			kept, keys := play(t, c, name, s)
			if len(kept) != keys || keys == 0 {
				t.Errorf("%d pictures and %d keyframes are left", len(kept), keys)
			}
		})
	}
}

func TestReorderingIsForgottenWhenItEnds(t *testing.T) {
	s := NewStream(H264)
	play(t, H264, "pyramid.h264", s)
	for range 8 {
		play(t, H264, "sub.h264", s)
	}
	if s.Findings().KeyframesOnly {
		t.Error("still keyframes only")
	}
}

func TestClocksThatAreSetAreNoBFrames(t *testing.T) {
	s := NewStream(H264)
	list := clip(t, H264, "main.h264")
	for i, units := range list {
		// Each goes back.
		if p := s.Take(&AccessUnit{Timestamp: uint32(-i * frame), Units: units}); len(p.Units) == 0 {
			t.Fatalf("picture %d is left out", i)
		}
	}
}

func TestParameterSetsOutOfBand(t *testing.T) {
	for name, c := range map[string]Codec{"main.h264": H264, "main.h265": H265} {
		t.Run(name, func(t *testing.T) {
			known := NewStream(c)
			list := clip(t, c, name)
			known.Take(&AccessUnit{Units: list[0]})
			sets := known.Keys()
			s := NewStream(c, sets...)
			if _, ok := s.Format(); !ok {
				t.Fatal("no format")
			}
			for i, units := range list {
				var bare [][]byte
				for _, u := range units {
					if c.slice(c.typeOf(u)) {
						bare = append(bare, u)
					}
				}
				p := s.Take(&AccessUnit{Units: bare})
				if p.Changed {
					t.Error("the parameter sets have changed")
				}
				if i > 0 {
					continue
				}
				if !p.Key || len(p.Units) != len(sets)+len(bare) {
					t.Fatalf("%d units", len(p.Units))
				}
				for k, set := range sets {
					if !bytes.Equal(p.Units[k], set) {
						t.Errorf("parameter set %d differs", k)
					}
				}
			}
			if s.Findings().InBand {
				t.Error("parameter sets came in band")
			}
		})
	}
}

func TestNothingBeforeParameterSetsAndKeyframe(t *testing.T) {
	list := clip(t, H264, "sub.h264")
	s := NewStream(H264)
	if p := s.Take(&AccessUnit{Units: list[1]}); len(p.Units) != 0 {
		t.Error("a picture before the first keyframe")
	}
	var bare [][]byte
	for _, u := range list[0] {
		if H264.slice(H264.typeOf(u)) {
			bare = append(bare, u)
		}
	}
	if p := s.Take(&AccessUnit{Units: bare}); len(p.Units) != 0 {
		t.Error("a keyframe without parameter sets")
	}
	if p := s.Take(&AccessUnit{Units: list[0]}); !p.Key || !p.Changed {
		t.Error("no keyframe")
	}
}

func TestLostPictures(t *testing.T) {
	list := clip(t, H264, "main.h264")
	s := NewStream(H264)
	for i, units := range list {
		p := s.Take(&AccessUnit{Timestamp: uint32(i) * frame, Units: units, Broken: i == 5 || i == 20})
		want := i != 5 && i < 20 // the second keyframe is lost, and there is no third
		if got := len(p.Units) > 0; got != want {
			t.Errorf("picture %d: sent %t", i, got)
		}
	}
	if p := s.Take(&AccessUnit{Units: list[0]}); !p.Gap || !p.Key {
		t.Errorf("the keyframe behind the gap: %+v", p)
	}
	if f := s.Findings(); f.Broken != 2 {
		t.Errorf("%d broken", f.Broken)
	}
}

func TestResolutionChange(t *testing.T) {
	s := NewStream(H264)
	play(t, H264, "main.h264", s)
	list := clip(t, H264, "sub.h264")
	p := s.Take(&AccessUnit{Units: list[0]})
	f, _ := s.Format()
	if !p.Changed || !p.Key || f.Width != 160 || f.Profile != "Main" {
		t.Errorf("%+v, %+v", p.Changed, f)
	}
	n := 0
	for _, u := range p.Units {
		if H264.parameters(H264.typeOf(u)) {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d parameter sets", n)
	}
}

func TestRefusals(t *testing.T) {
	for profile, refused := range map[byte]bool{66: false, 77: false, 88: true, 100: false, 110: true, 122: true, 244: true} {
		s := NewStream(H264, []byte{0x67, profile, 0, 30, 0x80})
		if f, ok := s.Format(); !ok || f.Refusal != "" != refused {
			t.Errorf("profile %d: %+v", profile, f)
		}
	}
}

func TestPacketsHoldTheirSize(t *testing.T) {
	for name, c := range map[string]Codec{"main.h264": H264, "main.h265": H265} {
		p := Packetizer{Codec: c}
		big := bytes.Repeat([]byte{0x55}, 100_000)
		first := clip(t, c, name)[0]
		big[0], big[1] = first[len(first)-1][0], first[len(first)-1][1]
		units := append(first[:len(first):len(first)], big)
		var got [][]byte
		d := Depacketizer{Codec: c}
		seq, markers := uint16(0), 0
		p.Pack(units, func(b []byte, marker bool) {
			if len(b) > MaxPayload {
				t.Errorf("%s: %d bytes", name, len(b))
			}
			if marker {
				markers++
			}
			d.Push(seq, 0, marker, b, func(au *AccessUnit) {
				for _, u := range au.Units {
					got = append(got, bytes.Clone(u))
				}
			})
			seq++
		})
		if markers != 1 || len(got) != len(units) {
			t.Fatalf("%s: %d markers, %d units", name, markers, len(got))
		}
		for i := range units {
			if !bytes.Equal(got[i], units[i]) {
				t.Errorf("%s: unit %d differs", name, i)
			}
		}
	}
}

// A packet of noise may look like a parameter set. It counts with a keyframe only,
// and is forgotten with any other picture.
func TestNoiseDoesNotSpoilParameterSets(t *testing.T) {
	list := clip(t, H264, "main.h264")
	other := NewStream(H264)
	other.Take(&AccessUnit{Units: clip(t, H264, "sub.h264")[0]})
	wrong := other.Keys()
	s := NewStream(H264)
	s.Take(&AccessUnit{Units: list[0]})
	was, sets := s.format, s.Keys()
	same := func(when string) {
		t.Helper()
		if s.format != was || !slices.EqualFunc(s.Keys(), sets, bytes.Equal) {
			t.Errorf("%s: another format, %+v", when, s.format)
		}
	}
	s.Take(&AccessUnit{Units: wrong})
	same("parameter sets alone")
	s.Take(&AccessUnit{Units: list[1]})
	s.Take(&AccessUnit{Units: list[0]})
	same("a picture came first")
	if s.Take(&AccessUnit{Units: append([][]byte{{0x67, 3, 0, 0x1f, 0x80, 0x80}}, list[0]...)}); s.format != was || !slices.EqualFunc(s.Keys(), sets, bytes.Equal) {
		t.Error("a profile that there is not is believed")
	}
	s.Take(&AccessUnit{Units: wrong})
	if p := s.Take(&AccessUnit{Units: clip(t, H264, "sub.h264")[0]}); !p.Changed || s.format == was {
		t.Error("those of another stream do not count at its keyframe")
	}
}
