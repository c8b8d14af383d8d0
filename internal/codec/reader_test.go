package codec

import (
	"testing"
)

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
		{"video/VP8", "descriptor only", []byte{0x90, 0x80, 0x81, 0x02}, false},
		{"video/VP9", "key", []byte{0x08}, true},
		{"video/VP9", "inter", []byte{0x48}, false},
		{"video/VP9", "key, not its start", []byte{0x00}, false},
		{"video/VP9", "key, layer 0", []byte{0xa8, 0x81, 0x02, 0x00, 0x00}, true},
		{"video/VP9", "key, spatial layer 1", []byte{0xa8, 0x81, 0x02, 0x02, 0x00}, false},
		{"video/VP9", "cut off", []byte{0xa8, 0x81}, false},
		{"video/VP9", "cut off before TL0PICIDX", []byte{0xa8, 0x81, 0x02, 0x00}, false},
		{"video/H264", "IDR", []byte{0x65, 0x88}, true},
		{"video/H264", "second slice of an IDR", []byte{0x65, 0x48}, false},
		{"video/H264", "SPS", []byte{0x67, 0x42}, true},
		{"video/H264", "slice", []byte{0x61, 0x9a}, false},
		{"video/H264", "STAP-A with SPS", []byte{0x78, 0, 1, 0x68, 0, 2, 0x67, 0x42}, true},
		{"video/H264", "STAP-A without", []byte{0x78, 0, 1, 0x68, 0, 2, 0x61, 0x42}, false},
		{"video/H264", "STAP-A cut off", []byte{0x78, 0, 9, 0x67}, false},
		{"video/H264", "FU-A start of IDR", []byte{0x7c, 0x85, 0x88}, true},
		{"video/H264", "FU-A start of the second slice of an IDR", []byte{0x7c, 0x85, 0x48}, false},
		{"video/H264", "FU-A middle of IDR", []byte{0x7c, 0x05, 0x88}, false},
		{"video/H264", "FU-A start of slice", []byte{0x5c, 0x81, 0x9a}, false},
		{"video/H265", "VPS", []byte{0x40, 0x01}, true},
		{"video/H265", "IDR_W_RADL", []byte{0x26, 0x01, 0xaf}, true},
		{"video/H265", "second slice of IDR_W_RADL", []byte{0x26, 0x01, 0x2f}, false},
		{"video/H265", "TRAIL_R", []byte{0x02, 0x01, 0xd0}, false},
		{"video/H265", "AP with SPS", []byte{0x60, 0x01, 0, 2, 0x42, 0x01}, true},
		{"video/H265", "FU start of IDR", []byte{0x62, 0x01, 0x93, 0xaf}, true},
		{"video/H265", "FU middle of IDR", []byte{0x62, 0x01, 0x13, 0xaf}, false},
		{"video/AV1", "new sequence", []byte{0x18, 0x0a}, true},
		{"video/AV1", "going on", []byte{0x10, 0x32}, false},
		{"video/AV1", "cut off", []byte{0x18}, false},
	} {
		if got := NewReader(c.mime).Read(c.payload, nil, false); got.Keyframe != c.want {
			t.Errorf("%s, %s: %v", c.mime, c.name, got.Keyframe)
		}
		if got := NewReader(c.mime).Read(nil, nil, true); got != (Info{}) {
			t.Errorf("%s: nothing is %+v", c.mime, got)
		}
	}
}
