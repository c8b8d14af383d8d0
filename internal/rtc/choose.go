package rtc

import (
	"cmp"
	"errors"
	"slices"

	"github.com/pion/webrtc/v4"

	"umbrella/internal/sfu"
)

// maxLines bounds the m-lines of each kind, sound and pictures, that are offered to
// one receiver. Browsers become slow with more than a hundred in all.
const maxLines = 64

// Why a track is left out.
var (
	ErrLinesOfOne = errors.New("a connection has places for 64 sounds and 64 pictures: what is pinned, who speaks and screens come first")
	ErrLines      = errors.New("the node has no place for more streams now")
)

// LeftOut is the tracks that no m-line can carry now, and why; nil for nothing.
func (s *Subscriber) LeftOut() ([]*sfu.Track, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leftOut, s.why
}

// choose keeps of the wishes those for which there are m-lines, the most important
// ones first, and notes which are left out. The caller holds mu.
func (s *Subscriber) choose(wishes []Wish) []Wish {
	s.leftOut, s.why = nil, nil
	if s.fixed {
		return wishes
	}
	for _, kind := range []sfu.TrackKind{sfu.Audio, sfu.Video} {
		var list []Wish
		for _, w := range wishes {
			if w.Track.Kind == kind && len(codecsFor(w.Track)) > 0 {
				list = append(list, w)
			}
		}
		most, why := s.places(kind)
		if len(list) <= most {
			continue
		}
		s.rank(list)
		for _, w := range list[most:] {
			s.leaveOut(w.Track, why)
		}
	}
	if s.leftOut == nil {
		return wishes
	}
	return slices.DeleteFunc(slices.Clone(wishes), func(w Wish) bool { return slices.Contains(s.leftOut, w.Track) })
}

func (s *Subscriber) leaveOut(t *sfu.Track, why error) {
	s.leftOut, s.why = append(s.leftOut, t), why
}

// places is how many m-lines of a kind there can be, and why no more.
func (s *Subscriber) places(kind sfu.TrackKind) (int, error) {
	have := s.have(rtpKind(kind))
	if more := s.lines.Left(); have+int(min(more, maxLines)) < maxLines {
		return have + int(more), ErrLines
	}
	return maxLines, ErrLinesOfOne
}

// rank sorts wishes of one kind, the most important first; of two that are the same,
// the one that plays already.
func (s *Subscriber) rank(list []Wish) {
	playing := map[*sfu.Track]bool{}
	for _, g := range s.groups {
		for _, sl := range g.slots {
			if sl.track != nil {
				playing[sl.track] = true
			}
		}
	}
	class := func(w Wish) int {
		switch {
		case w.Track.Muted() || w.Paused:
			return 4
		case w.Pinned:
			return 0
		case w.Track.Participant().Speaking():
			return 1
		case w.Track.Source == sfu.Screen || w.Track.Source == sfu.ScreenAudio:
			return 2
		}
		return 3
	}
	order := func(w Wish) int {
		if playing[w.Track] {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b Wish) int {
		return cmp.Or(cmp.Compare(class(a), class(b)), cmp.Compare(order(a), order(b)))
	})
}

// mayAdd reports whether there can be one more m-line of a kind.
func (s *Subscriber) mayAdd(kind webrtc.RTPCodecType) bool {
	return s.have(kind) < maxLines && s.lines.May(1)
}

// have is how many m-lines of a kind there are.
func (s *Subscriber) have(kind webrtc.RTPCodecType) (n int) {
	for _, g := range s.groups {
		for _, sl := range g.slots {
			if sl.kind == kind {
				n++
			}
		}
	}
	return n
}

func rtpKind(k sfu.TrackKind) webrtc.RTPCodecType {
	if k == sfu.Video {
		return webrtc.RTPCodecTypeVideo
	}
	return webrtc.RTPCodecTypeAudio
}

// codecsFor are those that an m-line is offered with on which t is to play.
func codecsFor(t *sfu.Track) []codec {
	if t.Kind == sfu.Video {
		return pictureCodecs(t.Codec)
	}
	return soundCodecs(t.Codec)
}

// reuse finds an m-line for a track where there can be no more of them: one that is
// idle, whatever it plays in step with, in another codec if need be. That codec is told
// by the next offer.
func (s *Subscriber) reuse(t *sfu.Track, bundle string) *slot {
	var other *slot
	var its *group
	for _, g := range s.groups {
		if sl := g.idle(t); sl != nil {
			g.bundle = bundle
			return sl
		}
		for _, sl := range g.slots {
			if sl.track == nil && sl.kind == rtpKind(t.Kind) && (other == nil || g.bundle == "") {
				other, its = sl, g
			}
		}
	}
	if other == nil || s.fixed {
		return nil
	}
	if err := other.prefer(codecsFor(t)); err != nil {
		s.log.Warn("an m-line cannot have another codec", "error", err)
		return nil
	}
	its.bundle = bundle
	s.unsaid = true
	return other
}
