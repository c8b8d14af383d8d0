package sfu

import (
	"fmt"
	"slices"
	"time"

	"umbrella/internal/names"
)

// seats are those of a room. A seat is a secret that a browser makes up and keeps: by
// it, a participant who reloads the page, or whose browser crashed, slept or changed its
// network, is known to be who was in before. The room's lock guards them.
type seats struct {
	lately     map[string]time.Time // who has left, and when
	kept       map[string]bool      // who may enter although the room is locked
	moderators map[string]bool      // who was made a moderator in the room
}

const (
	// lateTime is how long somebody counts as in who has left: a room may be locked just
	// while a page is loaded anew.
	lateTime = 20 * time.Second
	// maxSeats bounds each of the lists.
	maxSeats = 4096
)

// left notes who has left. Who was removed has no seat any more.
func (s *seats) left(p *Participant, now time.Time) {
	if p.seat == "" {
		return
	}
	select {
	case <-p.removed:
		s.forget(p.seat)
		return
	default:
	}
	for seat, at := range s.lately {
		if now.Sub(at) > lateTime {
			delete(s.lately, seat)
		}
	}
	if len(s.lately) >= maxSeats {
		return
	}
	if s.lately == nil {
		s.lately = map[string]time.Time{}
	}
	s.lately[p.seat] = now
}

// forget takes back all that a seat was good for.
func (s *seats) forget(seat string) {
	delete(s.lately, seat)
	delete(s.kept, seat)
	delete(s.moderators, seat)
}

// lock keeps the seats of those who are in, or were just now.
func (s *seats) lock(in []*Participant, now time.Time) {
	s.kept = nil
	for _, p := range in {
		s.keep(p.seat)
	}
	for seat, at := range s.lately {
		if now.Sub(at) <= lateTime {
			s.keep(seat)
		}
	}
}

func (s *seats) keep(seat string) { add(&s.kept, seat) }

func add(to *map[string]bool, seat string) {
	if seat == "" || len(*to) >= maxSeats {
		return
	}
	if *to == nil {
		*to = map[string]bool{}
	}
	(*to)[seat] = true
}

func (s *seats) wasIn(seat string) bool { return s.kept[seat] }

func (s *seats) moderates(seat string) bool { return s.moderators[seat] }

// sits reports whether the participant came with that seat.
func (p *Participant) sits(seat string) bool { return seat != "" && p.seat == seat }

// Seat is the secret that the participant came with; mostly of a browser.
func (p *Participant) Seat() string { return p.seat }

// Guest is the id of the invitation for one guest that the participant came by; mostly
// empty.
func (p *Participant) Guest() string { return p.guest }

// distinct returns the name that a participant has in the room: with a number behind it
// if somebody or something else is called the same, or so that it looks the same. Nobody
// can be taken for another. The caller holds mu.
func (r *Room) distinct(p *Participant) string {
	// Whoever comes from another node is shown with that node's name, and a player has
	// nothing to show.
	if p.Name == "" || p.Origin != "" || p.Kind == Camera || p.Kind == Stream && p.ViewOnly {
		return p.Name
	}
	taken := names.Looks{}
	for _, other := range r.participants {
		if other.Name != "" && !other.sits(p.seat) {
			taken.Add(other.look)
		}
	}
	name := p.Name
	for n := 2; taken.Have(names.LookOf(name)); n++ {
		name = numbered(p.Name, n)
	}
	return name
}

// numbered returns "Ada (2)", shortened where that would be too long for a name.
func numbered(name string, n int) string {
	text := []rune(name)
	for ; len(text) > 0; text = slices.Delete(text, len(text)-1, len(text)) {
		if longer, err := names.Person(fmt.Sprintf("%s (%d)", string(text), n)); err == nil {
			return longer
		}
	}
	return fmt.Sprintf("(%d)", n)
}
