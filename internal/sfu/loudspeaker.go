package sfu

import "umbrella/internal/forward"

// Loudspeaker plays what people say to a participant, such as a camera at the
// door. What is said to it is not heard in the room.
type Loudspeaker interface {
	// Play plays media, which is G.711 µ-law of 8 kHz (LoudspeakerCodec), until
	// stop is called. tell is told how it goes, by another goroutine; it must not
	// block. Neither Play nor stop waits.
	Play(media *forward.Source, tell func(Talk)) (stop func())
}

// LoudspeakerCodec is what a Loudspeaker plays.
const LoudspeakerCodec = "audio/PCMU"

// Talk tells how it goes to talk to somebody.
type Talk struct {
	// Live: what is said is played from now on.
	Live bool
	// Problem is why it is not, or not any more, in words.
	Problem string
}

// SetLoudspeaker tells the room that the participant can be talked to, or, with
// nil, that it cannot.
func (p *Participant) SetLoudspeaker(l Loudspeaker) {
	p.mu.Lock()
	same := p.loudspeaker == l
	p.loudspeaker = l
	p.mu.Unlock()
	if !same {
		p.touched()
	}
}
