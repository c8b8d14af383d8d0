package nal

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// packed is one packet as a camera would send it.
type packed struct {
	timestamp uint32
	marker    bool
	payload   []byte
}

// way is one in which cameras pack pictures.
type way func(list [][][]byte) []packed

func single(list [][][]byte) (out []packed) {
	for i, au := range list {
		for k, u := range au {
			out = append(out, packed{uint32(i) * frame, k == len(au)-1, u})
		}
	}
	return out
}

// each calls f for each picture with a function that adds a packet.
func each(list [][][]byte, f func(au [][]byte, add func([]byte))) (out []packed) {
	for i, au := range list {
		f(au, func(b []byte) { out = append(out, packed{uint32(i) * frame, false, b}) })
		out[len(out)-1].marker = true
	}
	return out
}

func aggregated(head []byte, between, size int) way {
	return func(list [][][]byte) []packed {
		return each(list, func(au [][]byte, add func([]byte)) {
			b := bytes.Clone(head)
			for _, u := range au {
				b = binary.BigEndian.AppendUint16(b, uint16(len(u)))
				b = append(b, make([]byte, between)...)
				b = append(b, u...)
			}
			add(append(b, make([]byte, size)...))
		})
	}
}

func fragmented(typ byte, don int, size int) way {
	return func(list [][][]byte) []packed {
		return each(list, func(au [][]byte, add func([]byte)) {
			for _, u := range au {
				if len(u) <= size {
					add(u)
					continue
				}
				head, body, flags := u[0], u[1:], byte(0x80)
				for len(body) > 0 {
					n := min(size, len(body))
					if n == len(body) {
						flags |= 0x40
					}
					b := []byte{head&0xe0 | typ, flags | head&0x1f}
					if flags&0x80 != 0 {
						b = append(b, make([]byte, don)...)
					}
					add(append(b, body[:n]...))
					body, flags = body[n:], 0
				}
			}
		})
	}
}

func changed(w way, f func(p []packed)) way {
	return func(list [][][]byte) []packed {
		p := w(list)
		f(p)
		return p
	}
}

func TestEveryPackingGivesThePicturesBack(t *testing.T) {
	ways := map[string]way{
		"single":           single,
		"STAP-A":           aggregated([]byte{0x78}, 0, 0),
		"STAP-A, padded":   aggregated([]byte{0x78}, 0, 7),
		"STAP-B":           aggregated([]byte{0x79, 0, 0}, 0, 0),
		"MTAP16":           aggregated([]byte{0x7a, 0, 0}, 3, 0),
		"MTAP24":           aggregated([]byte{0x7b, 0, 0}, 4, 0),
		"FU-A":             fragmented(28, 0, 100),
		"FU-A, over MTU":   fragmented(28, 0, 9000),
		"FU-B":             fragmented(29, 2, 100),
		"no markers":       changed(single, func(p []packed) { clearMarkers(p) }),
		"FU-A, no markers": changed(fragmented(28, 0, 100), func(p []packed) { clearMarkers(p) }),
		"start codes": changed(single, func(p []packed) {
			for i := range p {
				p[i].payload = append([]byte{0, 0, 0, 1}, p[i].payload...)
			}
		}),
		"start codes in one": func(list [][][]byte) []packed {
			return each(list, func(au [][]byte, add func([]byte)) {
				var b []byte
				for _, u := range au {
					b = append(append(b, 0, 0, 0, 1), u...)
				}
				add(b)
			})
		},
		"markers on parameter sets": changed(single, func(p []packed) {
			for i := range p {
				p[i].marker = p[i].marker || !H264.slice(H264.typeOf(p[i].payload))
			}
		}),
	}
	list := clip(t, H264, "main.h264")
	for name, way := range ways {
		t.Run(name, func(t *testing.T) { compare(t, H264, list, way(list)) })
	}
}

func clearMarkers(p []packed) {
	for i := range p {
		p[i].marker = false
	}
}

func TestH265Packings(t *testing.T) {
	list := clip(t, H265, "main.h265")
	for name, way := range map[string]way{
		"single":      single,
		"aggregation": aggregated([]byte{48 << 1, 1}, 0, 0),
		"our own": func(list [][][]byte) []packed {
			p := Packetizer{Codec: H265}
			return each(list, func(au [][]byte, add func([]byte)) {
				p.Pack(au, func(b []byte, _ bool) { add(bytes.Clone(b)) })
			})
		},
	} {
		t.Run(name, func(t *testing.T) { compare(t, H265, list, way(list)) })
	}
}

func TestH265DecodingOrderNumbers(t *testing.T) {
	d := Depacketizer{Codec: H265, DON: true}
	unit := []byte{1 << 1, 1, 0x80, 5, 6, 7}
	for name, payload := range map[string][][]byte{
		"single":      {{1 << 1, 1, 0, 9, 0x80, 5, 6, 7}},
		"aggregation": {{48 << 1, 1, 0, 9, 0, 6, 1 << 1, 1, 0x80, 5, 6, 7}},
		"fragments":   {{49 << 1, 1, 0x81, 0, 9, 0x80, 5}, {49 << 1, 1, 0x41, 6, 7}},
	} {
		t.Run(name, func(t *testing.T) {
			var got [][]byte
			d.Flush(func(*AccessUnit) {})
			for i, b := range payload {
				d.Push(uint16(i), 0, i == len(payload)-1, b, func(au *AccessUnit) {
					for _, u := range au.Units {
						got = append(got, bytes.Clone(u))
					}
				})
			}
			if len(got) != 1 || !bytes.Equal(got[0], unit) {
				t.Errorf("got %x", got)
			}
		})
	}
}

func compare(t *testing.T, c Codec, list [][][]byte, packets []packed) {
	t.Helper()
	d := Depacketizer{Codec: c}
	n := 0
	done := func(au *AccessUnit) {
		if n >= len(list) {
			t.Fatal("more pictures than there were")
		}
		if au.Broken {
			t.Errorf("picture %d is broken", n)
		}
		if want := uint32(n) * frame; au.Timestamp != want {
			t.Errorf("picture %d has timestamp %d, not %d", n, au.Timestamp, want)
		}
		if len(au.Units) != len(list[n]) {
			t.Fatalf("picture %d has %d units, not %d", n, len(au.Units), len(list[n]))
		}
		for i, u := range au.Units {
			if !bytes.Equal(u, list[n][i]) {
				t.Fatalf("unit %d of picture %d differs", i, n)
			}
		}
		n++
	}
	for i, p := range packets {
		d.Push(uint16(65530+i), p.timestamp, p.marker, p.payload, done)
	}
	d.Flush(done)
	if n != len(list) {
		t.Errorf("%d pictures of %d", n, len(list))
	}
}

func TestLossBreaksThePictureThatItHit(t *testing.T) {
	list := clip(t, H264, "main.h264")
	packets := fragmented(28, 0, 200)(list)
	of := func(i int) int { return int(packets[i].timestamp / frame) }
	// Nobody can know of one behind the last.
	for lost := 1; lost < len(packets)-1; lost++ {
		d := Depacketizer{Codec: H264}
		whole, broken := map[int]bool{}, map[int]bool{}
		done := func(au *AccessUnit) {
			if n := int(au.Timestamp / frame); au.Broken {
				broken[n] = true
			} else {
				whole[n] = true
			}
		}
		for i, p := range packets {
			if i != lost {
				d.Push(uint16(i), p.timestamp, p.marker, p.payload, done)
			}
		}
		d.Flush(done)
		hit := of(lost)
		for n := range list {
			switch {
			case n == hit && whole[n] && H264.typeOf(packets[lost].payload) != h264AUD:
				t.Fatalf("packet %d is missing, and picture %d is said to be whole", lost, n)
			case n != hit && n != hit+1 && !whole[n]:
				t.Fatalf("packet %d of picture %d is missing, and picture %d with it", lost, hit, n)
			}
		}
	}
}

func TestPicturesAreBounded(t *testing.T) {
	d := Depacketizer{Codec: H264}
	piece := make([]byte, 60000)
	piece[0], piece[1] = 0x7c, 0x85
	most := 0
	done := func(au *AccessUnit) {
		sum := 0
		for _, u := range au.Units {
			sum += len(u)
		}
		most = max(most, sum)
		if !au.Broken {
			t.Error("a picture without end counts as whole")
		}
	}
	for i := range 1000 {
		d.Push(uint16(i), 0, false, piece, done)
		piece[1] = 0x05
	}
	for i := range 100000 {
		d.Push(uint16(1000+i), 0, false, []byte{0x41, 0}, done)
	}
	d.Flush(done)
	if most > MaxAccessUnit || cap(d.arena) > 2*MaxAccessUnit || cap(d.units) > 2*maxUnits {
		t.Errorf("a picture of %d bytes", most)
	}
}

func FuzzDepacketizer(f *testing.F) {
	seed := func(c byte, packets []packed) {
		var b []byte
		for _, p := range packets[:min(len(packets), 12)] {
			b = append(b, byte(p.timestamp>>12), byte(len(p.payload)>>8), byte(len(p.payload)))
			b = append(b, p.payload...)
		}
		f.Add(c, b)
	}
	seed(0, fragmented(28, 0, 100)(clip(f, H264, "bframes.h264")))
	seed(0, aggregated([]byte{0x7a, 0, 0}, 3, 0)(clip(f, H264, "sub.h264")))
	seed(1, single(clip(f, H265, "main.h265")))
	seed(3, aggregated([]byte{48 << 1, 1, 0, 0}, 0, 0)(clip(f, H265, "bframes.h265")))
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		c := H264
		if kind&1 != 0 {
			c = H265
		}
		d := Depacketizer{Codec: c, DON: kind&2 != 0}
		s := NewStream(c)
		p := Packetizer{Codec: c}
		done := func(au *AccessUnit) {
			pic := s.Take(au)
			last := false
			p.Pack(pic.Units, func(payload []byte, marker bool) {
				if len(payload) == 0 || len(payload) > MaxPayload {
					t.Fatalf("a payload of %d bytes", len(payload))
				}
				if last {
					t.Fatal("packets behind the marker")
				}
				last = marker
			})
			if len(pic.Units) > 0 && !last {
				t.Fatal("no marker")
			}
		}
		seq := uint16(0)
		for len(b) > 3 {
			n := min(int(b[1])<<8|int(b[2]), len(b)-3)
			seq += 1 + uint16(b[0]&1)
			d.Push(seq, uint32(b[0]>>2)<<12, b[0]&2 != 0, b[3:3+n], done)
			b = b[3+n:]
		}
		d.Flush(done)
		s.Format()
	})
}
