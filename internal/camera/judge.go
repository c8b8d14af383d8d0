package camera

import "time"

const (
	// slowest is how long a camera may take for a picture. It is the time after which
	// RTSP sessions end (RFC 2326 §12.37).
	slowest = 60 * time.Second
	// pacedBy is how many pictures tell how fast a camera is, and pauses how many of the
	// longest times between them it may take for the next one.
	pacedBy = 3
	pauses  = 4

	// tornAfter is how long a whole keyframe may take where packets get lost, and
	// tornIn is how many pictures have one with parts missing, before UDP is given up.
	tornAfter = 8 * time.Second
	tornIn    = 10
	tornKeys  = 2
)

// pace notes the next picture.
func (s *seen) pace(n int, timestamp uint32, now time.Time) {
	if s.came > 0 {
		said := time.Duration(int32(timestamp-s.stamp)) * time.Second / 90000
		s.longest = max(s.longest, now.Sub(s.picture), said)
	}
	s.came, s.picture, s.stamp = n, now, timestamp
}

// patience is how long nothing may come before the camera is dialled anew, where stall
// is what a fast one has: cameras for time lapse send a picture in 7 to 10 s
// (bluenviron/mediamtx#176, bluenviron/gortsplib#968).
func (s seen) patience(stall time.Duration) time.Duration {
	if s.came < pacedBy {
		return max(stall, slowest)
	}
	return min(max(stall, pauses*s.longest), max(stall, slowest))
}

// keyframeWait is how long a keyframe may take before it is told: keyframeWait, and
// with a slow camera as long as so many pictures take.
func (s seen) keyframeWait() time.Duration {
	const pictures = 60
	return max(keyframeWait, pictures*min(s.longest, slowest))
}

// torn reports whether what comes by UDP has too many parts missing to be of use: most
// keyframes are broken, there is none at all, or one picture in ten is broken. Buffers on
// the way are too small for keyframes, or a firewall drops fragments of large datagrams.
func (s seen) torn(now time.Time) bool {
	f := &s.findings
	switch {
	case f.BrokenKeyframes >= tornKeys && f.BrokenKeyframes > f.Keyframes:
		return true
	case f.Keyframes == 0 && s.gaps > 0 && now.Sub(s.begun) >= tornAfter:
		return true
	}
	return f.Broken >= lossyFrom && f.Broken*tornIn > f.Pictures
}
