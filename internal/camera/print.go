package camera

import (
	"fmt"
	"strings"

	"umbrella/internal/camera/nal"
)

// String tells all of it in lines of text, for a terminal.
func (r *Report) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s", r.URL)
	if r.Trouble != nil {
		line("  cannot be used: %s", r.Trouble.Reason)
		if r.Trouble.Advice != "" {
			line("  what to do: %s", r.Trouble.Advice)
		}
	} else {
		how := map[string]string{"udp": "UDP", "tcp": "TCP"}[r.Transport]
		if r.UDPTrouble != nil {
			how += " (not by UDP: " + r.UDPTrouble.Reason + ")"
		}
		line("  comes by    %s", how)
		r.printVideo(line)
		r.printSound(line)
	}
	for _, n := range r.Notes {
		if r.Trouble != nil && *n == *r.Trouble {
			continue
		}
		line("  mind        %s", n.Reason)
		if n.Advice != "" {
			line("              → %s", n.Advice)
		}
	}
	return b.String()
}

func (r *Report) printVideo(line func(string, ...any)) {
	v := r.Video
	if v == nil {
		line("  picture     none")
		return
	}
	line("  picture     %s", v.Description)
	if v.Bitrate > 0 {
		line("              %.1f pictures a second, %.1f Mbit/s", v.FrameRate, float64(v.Bitrate)/1e6)
	}
	switch {
	case v.KeyframeEvery > 0:
		line("              a keyframe every %.1f s", v.KeyframeEvery.Seconds())
	case v.FirstKeyframe >= 0:
		line("              the first keyframe after %.1f s, no second one yet", v.FirstKeyframe.Seconds())
	}
	switch {
	case !r.Plays:
		if r.Blind != nil {
			line("              browsers will not show it: %s", r.Blind.Reason)
			break
		}
		line("              browsers will not show it")
	case v.Codec == nal.H265:
		line("              some browsers will show it")
	default:
		line("              browsers will show it")
	}
}

func (r *Report) printSound(line func(string, ...any)) {
	s := r.Sound
	if s == nil {
		line("  sound       none that can be played")
		return
	}
	line("  sound       %s, %s", s.Description, s.Work)
	if r.Hears {
		line("              browsers will play it")
	} else {
		line("              browsers will not play it")
	}
}
