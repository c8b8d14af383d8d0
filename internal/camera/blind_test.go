package camera

import (
	"strings"
	"testing"
	"time"
)

// GStreamer's and other encoders make High 4:2:2, High 10 and Main 10 of what they are
// given: the reason why browsers show nothing stands wherever somebody looks.
func TestPicturesThatNoBrowserShows(t *testing.T) {
	h265 := strings.Replace(strings.Replace(goodSDP, "H264", "H265", 1), "packetization-mode=1", "x=1", 1)
	for clip, c := range map[string]struct{ name, reason, sdp string }{
		"high422.h264": {"H.264 High 4:2:2", "browsers do not play H.264 with more than 4:2:0 of color", goodSDP},
		"high10.h264":  {"H.264 High 10", "browsers do not play H.264 with 10 bits a color", goodSDP},
		"main10.h265":  {"H.265 Main 10", "browsers play H.265 only with 8 bits a color", h265},
	} {
		t.Run(clip, func(t *testing.T) {
			t.Parallel()
			f := &film{pictures: units(t, clip), size: 60_000, every: 20 * time.Millisecond}
			cam := startLoose(t, &looseCamera{send: f.send(), sdp: c.sdp})
			r := (&Probe{URL: cam.url("stream"), Most: 2 * time.Second}).Run(t.Context())
			if r.Plays || r.Blind == nil || r.Blind.Reason != c.reason || !strings.HasPrefix(r.Video.Description, c.name) ||
				!strings.Contains(r.String(), "browsers will not show it: "+c.reason) {
				t.Errorf("%+v\n%s", r.Blind, r)
			}
			cfg := settings(cam.url("stream"))
			cfg.OnDemand = true
			n := startNode(t, cfg)
			until(t, "the reason, while nobody watches", func() bool {
				s := n.state()
				return s.Phase == Idle && s.Streams[0].Blind != nil && s.Streams[0].Blind.Reason == c.reason &&
					strings.HasPrefix(s.Streams[0].Video, c.name) && s.notice() == c.reason
			})
		})
	}
}
