package forward

import (
	"sync/atomic"
	"time"
)

// answers learns whether a publisher sends a keyframe when it is asked for one. The
// layer's mu guards all but does.
type answers struct {
	does    atomic.Bool
	request time.Time // the last one that was judged, or waits for that
	waits   bool
	inARow  int
}

const (
	// answerTime is how long a keyframe may take after it was asked for.
	answerTime = 1500 * time.Millisecond
	// answersNeeded is how many requests in a row have to be answered: the keyframe
	// that a publisher sends every so often may come by chance.
	answersNeeded = 2
)

// packet looks at a packet of a picture; keyframe is the first packet of one, and
// request is when the publisher was last asked.
func (a *answers) packet(keyframe bool, request, now time.Time) {
	if request.After(a.request) && !a.waits {
		a.request, a.waits = request, true
	}
	if !a.waits {
		return
	}
	switch late := now.Sub(a.request) > answerTime; {
	case keyframe && !late:
		a.inARow++
	case late:
		a.inARow = 0
	default:
		return
	}
	a.waits, a.request = false, request
	a.does.Store(a.inARow >= answersNeeded)
}

// keepGroup is how many bytes are kept of the present group of pictures for those who
// come; 0: a second at most.
func (l *Layer) keepGroup() int {
	if l.answers.does.Load() {
		return 0
	}
	return l.cfg.KeepGroup
}
