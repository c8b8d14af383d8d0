package rtc

import (
	"cmp"
	"slices"
	"time"

	"umbrella/internal/bandwidth"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// soundRate is the least that is kept free for a sound track that may be heard,
// in bit/s: somebody who begins to speak must not wait for a picture to give way.
const soundRate = 48_000

// sounds finds out how much of a path is to be kept free for sound. It is used
// again each time.
type sounds struct {
	list  []sound
	heard map[*sfu.Room]int
}

// sound is one sound track.
type sound struct {
	request int       // its index
	room    *sfu.Room // for whose few places it contends; nil: it is always passed on
	rate    uint64    // in the last second, in bit/s
}

func (s *sounds) begin() { s.list = s.list[:0] }

// add notes a track whose layer is l, or nil, for the request with that index.
// One that is muted, or from which nothing comes and which contends for no place,
// takes nothing.
func (s *sounds) add(request int, t *sfu.Track, l *forward.Layer, now time.Time) {
	if l == nil || t.Muted() {
		return
	}
	is := sound{request: request, rate: l.Stats(now).BitsPerSecond}
	if l.Contends() {
		is.room = t.Participant().Room()
	} else if is.rate == 0 {
		return
	}
	s.list = append(s.list, is)
}

// reserve sets what each of the requests takes. Of those who contend, it is as
// many as are heard at a time, counted as those who send the most.
func (s *sounds) reserve(requests []bandwidth.Request) {
	slices.SortStableFunc(s.list, func(a, b sound) int { return cmp.Compare(b.rate, a.rate) })
	if s.heard == nil {
		s.heard = map[*sfu.Room]int{}
	}
	clear(s.heard)
	for _, is := range s.list {
		if is.room != nil {
			if s.heard[is.room] == sfu.MaxVoices {
				continue
			}
			s.heard[is.room]++
		}
		requests[is.request].Options[0].Bitrate = max(is.rate, soundRate)
	}
}
