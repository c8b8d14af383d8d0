package forward

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/pion/rtp"
)

func packetBytes(tb testing.TB, h rtp.Header, payload []byte) []byte {
	tb.Helper()
	h.Version = 2
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	h := rtp.Header{Marker: true, PayloadType: 96, SequenceNumber: 65535, Timestamp: 1 << 31, SSRC: 7,
		CSRC: []uint32{1, 2}}
	for _, x := range []struct {
		id    uint8
		value []byte
	}{{1, []byte("0")}, {2, []byte{0x80 | 33}}, {3, []byte{1, 2, 3}}, {4, []byte{5}}} {
		if err := h.SetExtension(x.id, x.value); err != nil {
			t.Fatal(err)
		}
	}
	var p Packet
	ids := ExtensionIDs{AudioLevel: 2, Orientation: 4}
	if err := p.parse(packetBytes(t, h, []byte("payload")), ids); err != nil {
		t.Fatal(err)
	}
	want := Packet{SequenceNumber: 65535, Timestamp: 1 << 31, SSRC: 7, PayloadType: 96, Marker: true,
		AudioLevel: 33, HasAudioLevel: true, Orientation: 5, HasOrientation: true}
	payload := p.Payload
	p.Payload = nil
	if !bytes.Equal(payload, []byte("payload")) || !equal(p, want) {
		t.Errorf("got %+v with %q, want %+v", p, payload, want)
	}

	t.Run("two-byte extensions", func(t *testing.T) {
		raw := packetBytes(t, rtp.Header{}, nil)
		raw[0] |= 0x10
		raw = append(raw, 0x10, 0x03, 0, 2, 0 /* padding */, 2, 1, 0x81, 200, 1, 9, 0)
		raw = append(raw, 'x')
		var p Packet
		if err := p.parse(raw, ExtensionIDs{AudioLevel: 2, Orientation: 200}); err != nil {
			t.Fatal(err)
		}
		if p.AudioLevel != 1 || p.Orientation != 9 || string(p.Payload) != "x" {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("padding", func(t *testing.T) {
		raw := append(packetBytes(t, rtp.Header{}, []byte("ab")), 0, 0, 3)
		raw[0] |= 0x20
		if err := p.parse(raw, ids); err != nil || string(p.Payload) != "ab" {
			t.Errorf("got %q, %v", p.Payload, err)
		}
	})
}

func equal(a, b Packet) bool {
	a.Payload, b.Payload = nil, nil
	return a.SequenceNumber == b.SequenceNumber && a.Timestamp == b.Timestamp && a.SSRC == b.SSRC &&
		a.PayloadType == b.PayloadType && a.Marker == b.Marker && a.Keyframe == b.Keyframe &&
		a.AudioLevel == b.AudioLevel && a.HasAudioLevel == b.HasAudioLevel &&
		a.Orientation == b.Orientation && a.HasOrientation == b.HasOrientation
}

func TestParseRefuses(t *testing.T) {
	good := packetBytes(t, rtp.Header{CSRC: []uint32{1}}, nil)
	for name, raw := range map[string][]byte{
		"nothing":            nil,
		"eleven bytes":       good[:11],
		"CSRC cut off":       good[:14],
		"version 1":          append([]byte{0x41}, good[1:]...),
		"extension cut off":  append([]byte{0x91}, append(bytes.Clone(good[1:]), 0xbe, 0xde)...),
		"extension too long": append([]byte{0x91}, append(bytes.Clone(good[1:]), 0xbe, 0xde, 0, 9, 1)...),
		"padding of 0":       append([]byte{0xa1}, append(bytes.Clone(good[1:]), 0)...),
		"padding over all":   append([]byte{0xa1}, append(bytes.Clone(good[1:]), 200)...),
	} {
		var p Packet
		if err := p.parse(raw, ExtensionIDs{}); err == nil {
			t.Errorf("%s: taken as %+v", name, p)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(packetBytes(f, rtp.Header{}, []byte("abc")))
	f.Add([]byte("\x90\x60\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\xbe\xde\x00\x01\x10\x30\x21\x05xyz"))
	f.Add([]byte("\xb0\x60\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x10\x00\x00\x01\x01\x01\x7f\x00xyz\x02\x02"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		var p Packet
		if err := p.parse(raw, ExtensionIDs{AudioLevel: 1, Orientation: 2}); err != nil {
			return
		}
		if len(p.Payload) > len(raw)-12 || p.AudioLevel > 127 {
			t.Errorf("impossible: %+v of %d bytes", p, len(raw))
		}
		if p.SequenceNumber != binary.BigEndian.Uint16(raw[2:]) {
			t.Errorf("sequence number %d", p.SequenceNumber)
		}
		// A library that reads it too reads the same.
		var other rtp.Packet
		if err := other.Unmarshal(bytes.Clone(raw)); err == nil && !bytes.Equal(other.Payload, p.Payload) {
			t.Errorf("payload %x, pion has %x", p.Payload, other.Payload)
		}
		if !bytes.Equal(before, raw) {
			t.Error("the packet was changed")
		}
	})
}

func TestKeyframe(t *testing.T) {
	for _, c := range []struct {
		mime, name string
		payload    []byte
		want       bool
	}{
		{"video/VP8", "key", []byte{0x10, 0x00}, true},
		{"video/VP8", "delta", []byte{0x10, 0x01}, false},
		{"video/VP8", "key, not its start", []byte{0x00, 0x00}, false},
		{"video/VP8", "second partition", []byte{0x11, 0x00}, false},
		{"video/VP8", "key, 15-bit picture id", []byte{0x90, 0x80, 0x81, 0x02, 0x00}, true},
		{"video/VP8", "key, 7-bit picture id, TL0, T", []byte{0x90, 0xe0, 0x01, 0x02, 0x03, 0x00}, true},
		{"video/VP8", "delta, all there is", []byte{0x90, 0xf0, 0x81, 0x02, 0x03, 0x04, 0x01}, false},
		{"video/VP8", "cut off", []byte{0x90, 0x80, 0x81}, false},
		{"video/VP9", "key", []byte{0x08}, true},
		{"video/VP9", "inter", []byte{0x48}, false},
		{"video/VP9", "key, not its start", []byte{0x00}, false},
		{"video/VP9", "key, layer 0", []byte{0xa8, 0x81, 0x02, 0x00}, true},
		{"video/VP9", "key, spatial layer 1", []byte{0xa8, 0x81, 0x02, 0x02}, false},
		{"video/VP9", "cut off", []byte{0xa8, 0x81}, false},
		{"video/H264", "IDR", []byte{0x65, 0x88}, true},
		{"video/H264", "SPS", []byte{0x67, 0x42}, true},
		{"video/H264", "slice", []byte{0x61, 0x9a}, false},
		{"video/H264", "STAP-A with SPS", []byte{0x78, 0, 1, 0x68, 0, 2, 0x67, 0x42}, true},
		{"video/H264", "STAP-A without", []byte{0x78, 0, 1, 0x68, 0, 2, 0x61, 0x42}, false},
		{"video/H264", "STAP-A cut off", []byte{0x78, 0, 9, 0x67}, false},
		{"video/H264", "FU-A start of IDR", []byte{0x7c, 0x85}, true},
		{"video/H264", "FU-A middle of IDR", []byte{0x7c, 0x05}, false},
		{"video/H264", "FU-A start of slice", []byte{0x5c, 0x81}, false},
		{"video/H265", "VPS", []byte{0x40, 0x01}, true},
		{"video/H265", "IDR_W_RADL", []byte{0x26, 0x01}, true},
		{"video/H265", "TRAIL_R", []byte{0x02, 0x01}, false},
		{"video/H265", "AP with SPS", []byte{0x60, 0x01, 0, 2, 0x42, 0x01}, true},
		{"video/H265", "FU start of IDR", []byte{0x62, 0x01, 0x93}, true},
		{"video/H265", "FU middle of IDR", []byte{0x62, 0x01, 0x13}, false},
		{"video/AV1", "new sequence", []byte{0x18, 0x0a}, true},
		{"video/AV1", "going on", []byte{0x10, 0x32}, false},
		{"video/AV1", "cut off", []byte{0x18}, false},
	} {
		if got := keyframeTestFor(c.mime)(c.payload); got != c.want {
			t.Errorf("%s, %s: %v", c.mime, c.name, got)
		}
		if keyframeTestFor(c.mime)(nil) {
			t.Errorf("%s: nothing is a keyframe", c.mime)
		}
	}
	if keyframeTestFor("audio/opus") != nil {
		t.Error("sound has keyframes")
	}
}

func FuzzKeyframe(f *testing.F) {
	f.Add([]byte{0x90, 0xf0, 0x81, 0x02, 0x03, 0x04, 0x01})
	f.Add([]byte{0xa8, 0x81, 0x02, 0x00})
	f.Add([]byte{0x78, 0, 1, 0x68, 0, 2, 0x67, 0x42})
	f.Add([]byte{0x60, 0x01, 0, 2, 0x42, 0x01})
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, mime := range []string{"video/vp8", "video/vp9", "video/h264", "video/h265", "video/av1"} {
			test := keyframeTestFor(mime)
			if test(payload) && len(payload) == 0 {
				t.Errorf("%s: nothing is a keyframe", mime)
			}
		}
	})
}
