package main

import "testing"

func TestStreamCountsEachPacketOnce(t *testing.T) {
	for _, c := range []struct {
		name             string
		numbers          []uint16
		packets, missing uint64
	}{
		{"in order", []uint16{7, 8, 9}, 3, 0},
		{"two lost", []uint16{7, 8, 11}, 3, 2},
		{"lost and then repaired", []uint16{7, 9, 8}, 3, 0},
		{"repaired twice", []uint16{7, 9, 8, 8}, 3, 0},
		{"the last one twice", []uint16{7, 8, 8}, 2, 0},
		{"older than the first", []uint16{7, 6, 8}, 2, 0},
		{"around the end of the numbers", []uint16{65534, 65535, 0, 2}, 4, 1},
		{"repaired around the end", []uint16{65534, 1, 65535, 0}, 4, 0},
	} {
		s := &stream{codec: "audio/opus"}
		for _, n := range c.numbers {
			s.take(n, false, []byte{1})
		}
		if s.packets != c.packets || s.missing() != c.missing {
			t.Errorf("%s: %d packets, %d missing; want %d and %d", c.name, s.packets, s.missing(), c.packets, c.missing)
		}
	}
	s := &stream{codec: "audio/opus"}
	for n := range 200_000 {
		if n != 70_000 {
			s.take(uint16(n), false, []byte{1})
		}
	}
	if s.packets != 199_999 || s.missing() != 1 {
		t.Errorf("long: %d packets, %d missing", s.packets, s.missing())
	}
}

func TestStreamReadsTheSizeOfKeyframes(t *testing.T) {
	s := &stream{codec: "video/VP8"}
	keyframe := []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02, 0}
	s.take(1, true, keyframe)
	s.take(2, true, []byte{0x10, 1, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00, 0}) // no keyframe
	s.take(3, true, []byte{0x10})
	if s.width != 1280 || s.height != 720 || s.frames != 3 {
		t.Errorf("%d×%d, %d frames", s.width, s.height, s.frames)
	}
}
