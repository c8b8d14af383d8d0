package codec

import (
	"bytes"
	"testing"
)

func TestRewrite(t *testing.T) {
	for _, c := range []struct {
		name, in string
		write    func([]byte, uint16, uint8)
		want     string
	}{
		{"VP8, 15 bits", "90 e0 9234 21 40 | 01ff", RewriteVP8, "90 e0 ffff 77 40 | 01ff"},
		{"VP8, 7 bits", "90 c0 12 21 | 01ff", RewriteVP8, "90 c0 7f 77 | 01ff"},
		{"VP8, TL0PICIDX alone", "90 40 21 | 01", RewriteVP8, "90 40 77 | 01"},
		{"VP8, nothing to write", "10 0102030405", RewriteVP8, "10 0102030405"},
		{"VP8, cut off", "90 e0 9234", RewriteVP8, "90 e0 9234"},
		{"VP9, non-flexible", "ac 8102 13 05 | 00", RewriteVP9, "ac ffff 13 77 | 00"},
		{"VP9, flexible, 7 bits", "f8 05 40 03 05 06 | 00", RewriteVP9, "f8 7f 40 03 05 06 | 00"},
		{"VP9, nothing to write", "48 0102", RewriteVP9, "48 0102"},
		{"VP9, cut off", "ac 8102 13", RewriteVP9, "ac 8102 13"},
	} {
		b := unhex(t, c.in)
		c.write(b, 0xffff, 0x77)
		if !bytes.Equal(b, unhex(t, c.want)) {
			t.Errorf("%s: %x", c.name, b)
		}
	}
}

func TestRewriteDependency(t *testing.T) {
	for in, want := range map[string]string{
		"c1 0001":      "aa c1 fffe",
		"c1 0001 8005": "aa c1 fffe 8005",
		"c1 00":        "aa c1 00",
		"":             "aa",
	} {
		if got := RewriteDependency([]byte{0xaa}, unhex(t, in), 0xfffe); !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("%s: %x", in, got)
		}
	}
}
