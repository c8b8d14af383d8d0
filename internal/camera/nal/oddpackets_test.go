package nal

import (
	"bytes"
	"slices"
	"testing"
)

// fragments packs one unit of either codec in pieces of that size.
func fragments(c Codec, u []byte, size int) (out [][]byte) {
	n := c.header()
	body := u[n:]
	for flags := byte(0x80); len(body) > 0; flags = 0 {
		k := min(size, len(body))
		if k == len(body) {
			flags |= 0x40
		}
		head := []byte{u[0]&0xe0 | h264FuA, flags | u[0]&0x1f}
		if c == H265 {
			head = []byte{u[0]&0x81 | h265Fragment<<1, u[1], flags | u[0]>>1&0x3f}
		}
		out = append(out, append(head, body[:k]...))
		body = body[k:]
	}
	return out
}

// pieces is a way that packs units that are made of each picture.
func pieces(c Codec, of func(au [][]byte) [][]byte) way {
	return func(list [][][]byte) []packed {
		return each(list, func(au [][]byte, add func([]byte)) {
			for _, u := range of(au) {
				for _, b := range fragments(c, u, 300) {
					add(b)
				}
			}
		})
	}
}

func joined(code []byte) func(au [][]byte) [][]byte {
	return func(au [][]byte) [][]byte { return [][]byte{bytes.Join(au, code)} }
}

func led(c Codec, code []byte) func(au [][]byte) [][]byte {
	return func(au [][]byte) [][]byte {
		var out [][]byte
		for _, u := range au {
			// The header of the fragment is that of the unit, which follows in full.
			out = append(out, append(append(bytes.Clone(u[:c.header()]), code...), u...))
		}
		return out
	}
}

// Start codes stand within payloads of every structure: Amatek's NVR sends parameter
// sets and picture as one FU-A (bluenviron/gortsplib#989).
func TestStartCodesInsidePackets(t *testing.T) {
	four, three := []byte{0, 0, 0, 1}, []byte{0, 0, 1}
	for c, name := range map[Codec]string{H264: "main.h264", H265: "main.h265"} {
		list := clip(t, c, name)
		aggregate := []byte{0x78}
		if c == H265 {
			aggregate = []byte{h265Aggregation << 1, 1}
		}
		within := func(w way, code []byte) way {
			return func(list [][][]byte) []packed {
				var merged [][][]byte
				for _, au := range list {
					merged = append(merged, [][]byte{bytes.Join(au, code)})
				}
				return w(merged)
			}
		}
		for what, w := range map[string]way{
			"one unit in fragments":             pieces(c, joined(four)),
			"one unit in fragments, short code": pieces(c, joined(three)),
			"a code behind the header":          pieces(c, led(c, four)),
			"one packet":                        within(single, four),
			"one packet, short code":            within(single, three),
			"aggregated":                        within(aggregated(aggregate, 0, 0), four),
		} {
			t.Run(c.String()+" "+what, func(t *testing.T) { compare(t, c, list, w(list)) })
		}
	}
}

// A byte sequence of noise in a picture is no start code.
func TestStartCodesAreFollowedByUnits(t *testing.T) {
	for c, u := range map[Codec][]byte{
		H264: {0x65, 0x88, 0x80, 0, 0, 1, 0xff, 7, 0, 0, 1, 0, 3},
		H265: {19 << 1, 1, 0x80, 0, 0, 1, 0xff, 7, 0, 0, 1, 2, 0},
	} {
		compare(t, c, [][][]byte{{u}}, []packed{{0, true, u}})
	}
}

// Fragments without an end bit, or without a start bit, are as good where no packet is
// missing: the next packet tells.
func TestFragmentsWithoutBits(t *testing.T) {
	for c, name := range map[Codec]string{H264: "main.h264", H265: "main.h265"} {
		list, flags := clip(t, c, name), c.header()
		for what, mask := range map[string]byte{"no end": ^byte(0x40), "no start": ^byte(0x80)} {
			w := changed(pieces(c, func(au [][]byte) [][]byte { return au }), func(p []packed) {
				first := p[0].timestamp
				for _, q := range p {
					if q.timestamp != first { // a stream may begin in the middle of a unit
						q.payload[flags] &= mask
					}
				}
			})
			t.Run(c.String()+" "+what, func(t *testing.T) { compare(t, c, list, w(list)) })
		}
	}
}

// live555 sets the marker on each slice of a picture where its source is a camera of
// several slices.
func TestMarkerOnEachSlice(t *testing.T) {
	list := clip(t, H264, "main.h264") // with two slices a picture
	marked := changed(single, func(p []packed) {
		for i := range p {
			p[i].marker = H264.slice(H264.typeOf(p[i].payload))
		}
	})
	t.Run("one timestamp", func(t *testing.T) { compare(t, H264, list, marked(list)) })
	t.Run("fragments", func(t *testing.T) {
		compare(t, H264, list, changed(fragmented(28, 0, 300), func(p []packed) {
			for i := range p {
				b := p[i].payload
				p[i].marker = b[0]&0x1f == 28 && b[1]&0x40 != 0 || H264.slice(H264.typeOf(b))
			}
		})(list))
	})
	t.Run("a timestamp for each slice", func(t *testing.T) {
		p := marked(list)
		for i := range p {
			if i > 0 && H264.slice(H264.typeOf(p[i].payload)) && !H264.first(p[i].payload) {
				p[i].timestamp += 7
			}
		}
		compare(t, H264, list, p)
	})
	t.Run("one timestamp for all", func(t *testing.T) {
		n := 0
		d := Depacketizer{Codec: H264}
		done := func(au *AccessUnit) {
			if au.Broken || len(au.Units) != len(list[n]) {
				t.Fatalf("picture %d: broken %t, %d units of %d", n, au.Broken, len(au.Units), len(list[n]))
			}
			n++
		}
		for i, p := range marked(list) {
			d.Push(uint16(i), 0, p.marker, p.payload, done)
		}
		d.Flush(done)
		if n != len(list) {
			t.Errorf("%d pictures of %d", n, len(list))
		}
	})
}

// Where the markers are right, a picture does not wait for the next one.
func TestMarkersThatAreRightEndThePicture(t *testing.T) {
	for name, c := range map[string]Codec{"main.h264": H264, "sub.h264": H264, "main.h265": H265} {
		list := clip(t, c, name)
		d := Depacketizer{Codec: c}
		late := 0
		for i, p := range single(list) {
			n := 0
			d.Push(uint16(i), p.timestamp, p.marker, p.payload, func(au *AccessUnit) {
				if n++; au.Timestamp != p.timestamp {
					late++
				}
			})
			if p.timestamp > 0 && p.marker && n == 0 {
				t.Fatalf("%s: packet %d is held", name, i)
			}
		}
		if late > 1 {
			t.Errorf("%s: %d pictures came with the next one", name, late)
		}
	}
}

// A first keyframe that nothing follows for seconds is not held for so long.
func TestHeldPicturesEnd(t *testing.T) {
	au := clip(t, H264, "sub.h264")[0]
	d := Depacketizer{Codec: H264}
	count := func(n *int) func(*AccessUnit) { return func(*AccessUnit) { *n++ } }
	n := 0
	for i, p := range single([][][]byte{au}) {
		d.Push(uint16(i), p.timestamp, p.marker, p.payload, count(&n))
	}
	if !d.Held() || n != 0 {
		t.Fatalf("%d pictures", n)
	}
	d.EndMarked(count(&n))
	if d.Held() || n != 1 {
		t.Errorf("%d pictures", n)
	}
	// It was not over: what follows is no picture of its own.
	d.Push(uint16(len(au)), 0, true, []byte{0x65, 0x08, 0, 0}, func(*AccessUnit) { t.Error("a picture of one slice") })
	d.Flush(func(au *AccessUnit) {
		if !au.Broken {
			t.Error("half a picture counts as whole")
		}
	})
}

// Cameras send delimiters and data of their own without end, empty units, and units
// with the forbidden bit.
func TestUnitsThatAreNoPicture(t *testing.T) {
	list := clip(t, H264, "sub.h264")
	for what, more := range map[string][]byte{
		"delimiters": {0x09, 0x10}, "SEI": {0x06, 5, 2, 0, 0, 0x80}, "filler": {0x0c, 0xff, 0x80},
		"nothing": {}, "one byte": {0}, "an empty aggregation": {0x78, 0, 0}, "reserved": {0x1f, 1, 2},
	} {
		t.Run(what, func(t *testing.T) {
			d, s := Depacketizer{Codec: H264}, NewStream(H264)
			n, seq := 0, uint16(0)
			done := func(au *AccessUnit) {
				if p := s.Take(au); len(p.Units) > 0 {
					n++
				}
			}
			for i, au := range list {
				for range 3 * maxUnits {
					d.Push(seq, uint32(i)*frame, false, more, done)
					seq++
				}
				for k, u := range au {
					d.Push(seq, uint32(i)*frame, k == len(au)-1, u, done)
					seq++
				}
			}
			d.Flush(done)
			if n != len(list) {
				t.Errorf("%d pictures of %d", n, len(list))
			}
		})
	}
	t.Run("forbidden", func(t *testing.T) {
		d := Depacketizer{Codec: H264}
		bad := slices.Clone(list[1][0])
		bad[0] |= forbidden
		d.Push(0, 0, true, bad, func(au *AccessUnit) {
			if !au.Broken || len(au.Units) > 0 {
				t.Errorf("%+v", au)
			}
		})
	})
}

// Parameter sets come late: behind the first keyframe, and with other pictures only.
func TestParameterSetsThatComeLate(t *testing.T) {
	list := clip(t, H264, "sub.h264")
	var sets [][]byte
	s := NewStream(H264)
	n := 0
	for i, au := range list {
		var units [][]byte
		for _, u := range au {
			if H264.parameters(H264.typeOf(u)) {
				sets = append(sets, u)
				continue
			}
			units = append(units, u)
		}
		if i == 2 {
			units = append(slices.Clone(sets), units...)
		}
		if p := s.Take(&AccessUnit{Timestamp: uint32(i) * frame, Units: units}); len(p.Units) > 0 {
			n++
		}
	}
	if _, ok := s.Format(); !ok || n != 20 {
		t.Errorf("%d pictures", n)
	}
}
