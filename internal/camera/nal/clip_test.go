package nal

import (
	"bytes"
	"os"
	"testing"
)

// clip reads a file of Annex B and returns its access units.
func clip(t testing.TB, c Codec, name string) [][][]byte {
	t.Helper()
	data, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var list [][][]byte
	var au [][]byte
	slice := false
	for u := range annexB(data) {
		typ := c.typeOf(u)
		if slice && (!c.slice(typ) || c.first(u)) {
			list, au, slice = append(list, au), nil, false
		}
		au = append(au, u)
		slice = slice || c.slice(typ)
	}
	return append(list, au)
}

const frame = 9000 // 10 Hz

// stamp gives the timestamps of pictures in decoding order, with those of
// B-frames in the order in which they are shown.
func stamp(c Codec, list [][][]byte) []uint32 {
	s := sets{codec: c}
	times := make([]uint32, len(list))
	group := uint32(0)
	var o order // counts the wraps
	for i, au := range list {
		for _, u := range au {
			typ := c.typeOf(u)
			if c.parameters(typ) {
				s.take(u)
			}
			if !c.slice(typ) || !c.first(u) {
				continue
			}
			info := readH264Slice
			step := uint32(2)
			if c == H265 {
				info, step = readH265Slice, 1
			}
			head := info(u, &s)
			if head.key && head.order == 0 {
				group = uint32(i)
				o = order{}
			}
			if head.sequential {
				times[i] = uint32(i) * frame
				continue
			}
			n := o.count(&head)
			if !head.notReference || !o.counted {
				o.reference, o.counted = n, true
			}
			times[i] = (group + 3 + uint32(n)/step) * frame
		}
	}
	return times
}

// annexB yields the units between start codes (Annex B of both codecs).
func annexB(b []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			unit := b
			if at := bytes.Index(b, startCode); at >= 0 {
				unit, b = b[:at], b[at+len(startCode):]
			} else {
				b = nil
			}
			unit = bytes.TrimRight(unit, "\x00")
			if len(unit) > 0 && !yield(unit) {
				return
			}
		}
	}
}
