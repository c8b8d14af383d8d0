package rtsp

import (
	"slices"
	"testing"

	"github.com/pion/rtcp"
)

// Reports with faults do not spoil the rest of a compound packet: SDES without an end,
// reports that are cut off, lengths that are wrong.
func TestControlsWithFaults(t *testing.T) {
	sr, err := (&rtcp.SenderReport{SSRC: 5, NTPTime: 1 << 32, RTPTime: 7}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		b    []byte
		want int
	}{
		"good":                   {sr, 1},
		"SDES without an end":    {append(slices.Clone(sr), 0x81, 202, 0, 2, 0, 0, 0, 5, 1, 2, 'a', 'b'), 1},
		"SDES first":             {append([]byte{0x81, 202, 0, 2, 0, 0, 0, 5, 1, 20, 'a', 'b'}, sr...), 1},
		"a length too large":     {append(slices.Clone(sr), 0x81, 202, 0xff, 0xff, 1, 2), 1},
		"cut off":                {sr[:10], 0},
		"another version":        {append([]byte{0x40, 200, 0, 0}, sr...), 0},
		"nothing":                {nil, 0},
		"unknown, and then good": {append([]byte{0x80, 250, 0, 0}, sr...), 1},
		"too many in one":        {slices.Repeat(sr, 100), 16},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			for _, list := range Controls(c.b) {
				for _, p := range list {
					if is, ok := p.(*rtcp.SenderReport); ok && is.SSRC == 5 {
						n++
					}
				}
			}
			if n != c.want {
				t.Errorf("%d reports, not %d", n, c.want)
			}
		})
	}
}

func FuzzControls(f *testing.F) {
	sr, _ := (&rtcp.SenderReport{SSRC: 5}).Marshal()
	f.Add(sr)
	f.Add([]byte{0x81, 202, 0, 2, 0, 0, 0, 5, 1, 20, 'a', 'b'})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		for range Controls(b) {
			n++
		}
		if n > len(b) {
			t.Errorf("%d of %d bytes", n, len(b))
		}
	})
}
