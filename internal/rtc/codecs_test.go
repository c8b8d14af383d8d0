package rtc

import (
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
