package camera

import (
	"fmt"
	"time"

	"umbrella/internal/camera/nal"
)

const (
	adviceBFrames = "set B-frames to 0 in the camera, or its profile to Baseline"
	adviceGroup   = "set the keyframe interval (GOP, I-frame interval) to 2 seconds in the camera"
	adviceCodec   = "set the stream to H.264 in the camera"

	// longGroup is from when on a keyframe interval is told.
	longGroup = 15 * time.Second
	// A picture in lossy is a loss that is told, from so many on.
	lossy     = 100
	lossyFrom = 10
)

// notes tells what is not as it should be with a picture that comes.
func (s seen) notes(f nal.Format, udp bool, now time.Time) (list []*Trouble) {
	found := &s.findings
	switch {
	case found.KeyframesOnly:
		list = append(list, trouble("the camera sends B-frames that other pictures need, so that only keyframes can be shown", adviceBFrames))
	case found.LeftOut > 0:
		list = append(list, trouble("the camera sends B-frames, which browsers cannot show: they are left out", adviceBFrames))
	}
	if t := refusal(f); t != nil {
		list = append(list, t)
	}
	if f.Codec == nal.H265 && f.Refusal == "" {
		list = append(list, trouble("the camera sends H.265, which not every browser plays", adviceCodec))
	}
	if f.Interlaced {
		list = append(list, trouble("the camera sends interlaced pictures, which browsers show with stripes", "set the camera to progressive pictures"))
	}
	switch since := now.Sub(latest(s.key, s.begun)); {
	case since >= s.keyframeWait():
		list = append(list, errNoKeyframe)
	case s.keyEvery >= longGroup:
		list = append(list, trouble(fmt.Sprintf("the camera sends a keyframe only every %.0f seconds", s.keyEvery.Round(5*time.Second).Seconds()), adviceGroup))
	}
	if found.Broken >= lossyFrom && found.Broken*lossy > found.Pictures {
		advice := "check the network to the camera, or choose a lower bitrate in it"
		if udp {
			advice = "set transport to tcp, or check the network to the camera"
		}
		list = append(list, trouble("parts of the picture get lost on the way", advice))
	}
	return list
}

// refusal tells why no browser plays a format; nil where they do.
func refusal(f nal.Format) *Trouble {
	if f.Refusal == "" {
		return nil
	}
	return trouble(f.Refusal, "choose the profile Main or High of H.264 in the camera")
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
