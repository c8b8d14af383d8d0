package rtc

import (
	"strings"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// TalkTo says to whom the sound of an m-line goes, in place of the room.
type TalkTo struct {
	// Loudspeaker plays it; nil where there is none.
	Loudspeaker sfu.Loudspeaker
	// Tell is told how it goes. It must not block.
	Tell func(sfu.Talk)
}

// talking is what is said on an m-line to one participant.
type talking struct {
	to    sfu.Loudspeaker
	media *forward.Source
	stop  func()
}

// talk has what comes in played, if it is not yet. The caller holds mu.
func (b *Publisher) talk(in *input, to *TalkTo) {
	if in.talking != nil && in.talking.to != to.Loudspeaker {
		b.hush(in)
	}
	switch {
	case in.talking != nil:
	case to.Loudspeaker == nil:
		to.Tell(sfu.Talk{Problem: "there is nobody of that id who takes sound"})
		return
	case !strings.EqualFold(in.codec.MimeType, sfu.LoudspeakerCodec):
		to.Tell(sfu.Talk{Problem: "what is said has to come as " + sfu.LoudspeakerCodec})
		return
	default:
		in.talking = &talking{to: to.Loudspeaker, media: &forward.Source{}}
		in.talking.stop = to.Loudspeaker.Play(in.talking.media, to.Tell)
	}
	for _, e := range in.encodings {
		if e.layer.Load() == nil {
			l := e.make()
			in.talking.media.Add(l)
			e.layer.Store(l)
		}
	}
}

// hush ends what talk began. The caller holds mu.
func (b *Publisher) hush(in *input) {
	if in.talking == nil {
		return
	}
	for _, e := range in.encodings {
		e.layer.Store(nil)
	}
	in.talking.stop()
	in.talking.media.Close()
	in.talking = nil
}
