package sfu

import (
	"sync"
	"time"
)

// loudest chooses whose sound is forwarded in a room: nobody follows more than
// a few who speak at once, and the rest is noise that costs bandwidth. It is
// asked for each packet, so that nobody loses a first syllable.
type loudest struct {
	mu   sync.Mutex
	open []seat
}

// seat is one whose sound is forwarded.
type seat struct {
	who   *Participant
	level float64 // above silence, in dB; falls by itself
	at    time.Time
}

// MaxVoices is how many are heard at a time.
const MaxVoices = 5

const (
	// fade is how fast somebody's level falls who says nothing louder, in dB a
	// second: a pause between words is not silence.
	fade = 30
	// louderBy is what a further one has to be louder by than the quietest, in
	// dB, so that two of them do not take turns.
	louderBy = 3
	// voiceGone is when one from whom nothing comes gives his place up.
	voiceGone = 500 * time.Millisecond
)

func (v *seat) loudness(now time.Time) float64 {
	if now.Sub(v.at) > voiceGone {
		return -1
	}
	return v.level - fade*now.Sub(v.at).Seconds()
}

// pass tells whether a packet of somebody's sound is to be forwarded. level is
// that of RFC 6464: 0 the loudest, 127 silence.
func (l *loudest) pass(who *Participant, level uint8, now time.Time) bool {
	loud := float64(127 - min(level, 127))
	l.mu.Lock()
	defer l.mu.Unlock()
	quietest, least := -1, 0.0
	for i := range l.open {
		v := &l.open[i]
		if v.who == who {
			*v = seat{who, max(loud, v.loudness(now)), now}
			return true
		}
		if is := v.loudness(now); quietest < 0 || is < least {
			quietest, least = i, is
		}
	}
	if len(l.open) < MaxVoices {
		l.open = append(l.open, seat{who, loud, now})
		return true
	}
	if least >= 0 && loud <= least+louderBy {
		return false
	}
	l.open[quietest] = seat{who, loud, now}
	return true
}

// forget gives up the place of one who left.
func (l *loudest) forget(who *Participant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.open {
		if l.open[i].who == who {
			l.open[i] = l.open[len(l.open)-1]
			l.open[len(l.open)-1] = seat{}
			l.open = l.open[:len(l.open)-1]
			return
		}
	}
}

// PassSound tells whether a packet of the participant's sound with that level
// (RFC 6464) is to be forwarded: it is, if it is among the loudest of the room.
func (p *Participant) PassSound(level uint8, now time.Time) bool {
	return p.room.loudest.pass(p, level, now)
}
