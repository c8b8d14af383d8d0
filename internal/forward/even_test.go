package forward

import (
	"slices"
	"testing"
)

func TestEven(t *testing.T) {
	for _, c := range []struct{ name, have, want string }{
		{"alike", "999", "999"},
		{"a byte longer towards the end", "5566", "6666"},
		{"a byte shorter towards the end", "6655", "6665"},
		{"to and fro", "565656", "666666"},
		{"the last is short anyway", "9991", "9991"},
		{"far apart", "1919", "1919"},
		{"padding alone is not padded", "0505", "0505"},
		{"one", "5", "5"},
		{"none", "", ""},
	} {
		// A step within 4..9 is small, others are more than may be padded.
		size := func(c rune) int {
			switch {
			case c == '0':
				return 0
			case c < '4':
				return 100
			}
			return 1000 + int(c-'0')
		}
		burst := make([]Packet, 0, len(c.have))
		for _, r := range c.have {
			burst = append(burst, Packet{Payload: make([]byte, size(r)), pad: 7})
		}
		even(burst)
		var got, want []int
		for i, r := range c.want {
			want = append(want, size(r))
			got = append(got, len(burst[i].Payload)+int(burst[i].pad))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
	}
}
