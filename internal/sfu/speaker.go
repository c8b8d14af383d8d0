package sfu

import (
	"cmp"
	"slices"
	"time"
)

// Speaker is somebody who speaks.
type Speaker struct {
	ParticipantID string
	// Level is 0 (just audible) to 127 (as loud as can be).
	Level uint8
}

const (
	// speakerInterval is how often levels are looked at.
	speakerInterval = 200 * time.Millisecond
	// speakerHold is how many of those somebody stays a speaker in silence, so
	// that a pause between words does not count.
	speakerHold = 4
	// audible is the level from which on it is speech rather than noise:
	// -45 dBov.
	audible = 127 - 45
)

// speakerDetector makes a list of who speaks out of levels, steady enough to
// be shown: pure, told of each interval by hear and turn.
type speakerDetector struct {
	heard map[string]*voice
	told  []Speaker
}

type voice struct {
	now    uint8 // in this interval
	level  uint8 // smoothed
	silent int   // intervals since it was audible
}

// hear notes a level of the present interval, in -dBov as in RFC 6464.
func (d *speakerDetector) hear(id string, dBov uint8) {
	if d.heard == nil {
		d.heard = map[string]*voice{}
	}
	v := d.heard[id]
	if v == nil {
		v = &voice{silent: speakerHold}
		d.heard[id] = v
	}
	v.now = max(v.now, 127-min(dBov, 127))
}

// turn ends the interval. It returns who speaks, loudest first, and whether
// that is to be told: somebody began, ended, or is much louder than before.
func (d *speakerDetector) turn() (speakers []Speaker, changed bool) {
	for id, v := range d.heard {
		v.level = uint8((int(v.level) + int(v.now)) / 2)
		if v.now >= audible {
			v.silent = 0
			v.level = max(v.level, audible)
		} else {
			v.silent++
		}
		v.now = 0
		if v.silent >= speakerHold {
			delete(d.heard, id)
			continue
		}
		speakers = append(speakers, Speaker{ParticipantID: id, Level: v.level})
	}
	slices.SortFunc(speakers, func(a, b Speaker) int {
		return cmp.Or(cmp.Compare(b.Level, a.Level), cmp.Compare(a.ParticipantID, b.ParticipantID))
	})
	changed = !slices.EqualFunc(speakers, d.told, func(a, b Speaker) bool {
		return a.ParticipantID == b.ParticipantID && a.Level/16 == b.Level/16
	})
	if changed {
		d.told = speakers
	}
	return speakers, changed
}
