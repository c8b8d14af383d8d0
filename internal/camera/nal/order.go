package nal

// order finds out whether pictures come in the order in which they are to be
// shown, by what the pictures say of it and by their timestamps.
type order struct {
	begun     bool
	timestamp uint32 // the newest
	highest   int64  // picture order count
	reference int64  // that of the last picture that others need
	counted   bool   // reference and highest are known
	misplaced int    // pictures that others need, out of their order
	since     int    // pictures since the last of those
}

// verdict on a picture.
type verdict int

const (
	inOrder    verdict = iota
	leaveOut           // it comes too late to be shown, and nothing needs it
	outOfOrder         // pictures come too late which others need
)

const (
	// patience is how many pictures may be misplaced before it counts: a camera
	// whose clock is set does it once.
	patience = 3
	// within how many pictures.
	patienceFor = 250
	// farBack is how far timestamps go back for B-frames at the most, in 1/90000
	// s; beyond that the camera began anew.
	farBack = 90000
)

func (o *order) reset() { o.counted = false }

// opens tells whether pictures after a keyframe may be shown before it.
func (o *order) opens(c Codec, info *sliceInfo) bool {
	return c == H265 && info.hasOrder && info.order != 0
}

func (o *order) take(timestamp uint32, info *sliceInfo) verdict {
	late := o.late(timestamp, info)
	if o.since++; o.since > patienceFor {
		o.misplaced = 0
	}
	switch {
	case late && info.notReference:
		return leaveOut
	case late:
		o.misplaced++
		o.since = 0
	}
	if o.misplaced >= patience {
		return outOfOrder
	}
	return inOrder
}

// late tells whether a picture is to be shown before one that has come already.
// Timestamps are asked only where pictures do not tell: cameras set their clocks.
func (o *order) late(timestamp uint32, info *sliceInfo) (late bool) {
	switch {
	case info.sequential:
	case info.hasOrder:
		n := o.count(info)
		late = o.counted && n < o.highest
		if !o.counted || n > o.highest {
			o.highest = n
		}
		if !info.notReference || !o.counted {
			o.reference = n
		}
		o.counted = true
	default:
		back := int32(timestamp - o.timestamp)
		late = o.begun && back < 0 && back > -farBack
	}
	if !late {
		o.timestamp, o.begun = timestamp, true
	}
	return late
}

// count gives the picture order count with its wraps (H.264 §8.2.1.1, H.265
// §8.3.1).
func (o *order) count(info *sliceInfo) int64 {
	if !o.counted {
		return int64(info.order)
	}
	size := int64(1) << info.orderBits
	n := o.reference - o.reference&(size-1) + int64(info.order)
	switch {
	case n-o.reference >= size/2:
		n -= size
	case o.reference-n > size/2:
		n += size
	}
	return n
}
