package rtc

import (
	"slices"
	"testing"

	"umbrella/internal/sfu"
)

func TestSameCodec(t *testing.T) {
	of := func(mime, fmtp string) sfu.Codec { return sfu.Codec{MimeType: mime, ClockRate: 90000, Fmtp: fmtp} }
	for name, c := range map[string]struct {
		a, b sfu.Codec
		same bool
	}{
		"a camera's H.265": {of("video/H265", "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST"), codecOf(lastCodec().parameters()), true},
		"H.265 of 10 bits": {of("video/H265", "profile-id=2"), codecOf(lastCodec().parameters()), false},
		"H.265 and H.264":  {of("video/H265", ""), of("video/H264", ""), false},
		"H.264, levels":    {of("video/H264", "packetization-mode=1;profile-level-id=640033"), of("video/H264", "packetization-mode=1;profile-level-id=64001f"), true},
		"H.264, profiles":  {of("video/H264", "packetization-mode=1;profile-level-id=4d0033"), of("video/H264", "packetization-mode=1;profile-level-id=64001f"), false},
		"H.264, modes":     {of("video/H264", "packetization-mode=0;profile-level-id=64001f"), of("video/H264", "packetization-mode=1;profile-level-id=64001f"), false},
	} {
		if got := sameCodec(c.a, c.b); got != c.same {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func lastCodec() codec { return videoCodecs[len(videoCodecs)-1] }

// TestLowerProfiles: a browser that does not list the profile of a track gets it
// under one that it lists.
func TestLowerProfiles(t *testing.T) {
	of := func(profile string) sfu.Codec {
		return sfu.Codec{MimeType: "video/H264", ClockRate: 90000, Fmtp: "packetization-mode=1;profile-level-id=" + profile}
	}
	for _, c := range []struct {
		profile string
		offered []uint8
	}{
		{"640028", []uint8{104, 102, 98}}, {"4d4033", []uint8{102, 98}}, {"42001e", []uint8{100, 98}}, {"42c01e", []uint8{98}}, {"58001e", nil},
	} {
		var offered []uint8
		for _, o := range pictureCodecs(of(c.profile)) {
			offered = append(offered, o.pt)
		}
		if !slices.Equal(offered, c.offered) {
			t.Errorf("%s is offered as %d, want %d", c.profile, offered, c.offered)
		}
		for i := range offered {
			// The browser agrees to those from i on.
			var sl slot
			for _, o := range pictureCodecs(of(c.profile))[i:] {
				sl.negotiated = append(sl.negotiated, o.parameters(), o.retransmission())
			}
			if types, ok := sl.payloadTypes(of(c.profile)); !ok || types.Media != offered[i] || types.RTX != offered[i]+1 {
				t.Errorf("%s leaves as %+v, %t, want %d", c.profile, types, ok, offered[i])
			}
		}
	}
}
