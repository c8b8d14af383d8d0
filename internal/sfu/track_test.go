package sfu

import (
	"errors"
	"net/netip"
	"testing"

	"umbrella/internal/forward"
)

func publish(p *Participant) (*Track, error) {
	return p.Publish(Publication{Kind: Audio, Media: &forward.Source{}})
}

// One who publishes too much is told, and may go on when something of it has ended.
func TestTracksOfAParticipant(t *testing.T) {
	s := &SFU{}
	defer close5(t, s)
	p := join(t, s, Entry{Room: "r", Name: "Ada"})
	defer p.Leave()
	var all []*Track
	for range MaxTracks {
		track, err := publish(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, track)
	}
	was := p.State().Version
	for range 2 {
		if _, err := publish(p); !errors.Is(err, ErrTracksOfOne) {
			t.Errorf("one too many: %v", err)
		}
	}
	if st := p.State(); st.Refusal != ErrTracksOfOne || st.Version != was+1 || len(st.Tracks) != MaxTracks {
		t.Errorf("told: %+v", st)
	}
	all[3].Close()
	all[3].Close()
	if _, err := publish(p); err != nil || p.State().Refusal != nil {
		t.Errorf("after one has ended: %v", err)
	}
}

// One address, or one other node, cannot take all tracks of a room; cameras of the
// settings always have a place.
func TestTracksOfARoom(t *testing.T) {
	s := &SFU{}
	defer close5(t, s)
	one, other := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	var all, ofOne []*Participant
	in := func(e Entry) *Participant {
		e.Room, e.Name = "r", "x"
		p := join(t, s, e)
		all = append(all, p)
		if e.Client == one {
			ofOne = append(ofOne, p)
		}
		return p
	}
	fill := func(e Entry) (n int) {
		for {
			p := in(e)
			for range MaxTracks {
				if _, err := publish(p); errors.Is(err, ErrTracksOfRoom) {
					return n
				} else if err != nil {
					t.Fatal(err)
				}
				n++
			}
		}
	}
	if n := fill(Entry{Client: one}); n != leastTracksOfRoom/2 {
		t.Errorf("one address has %d of %d tracks", n, leastTracksOfRoom)
	}
	if n := fill(Entry{Origin: "node"}); n != leastTracksOfRoom/4 {
		t.Errorf("another node has %d of the rest", n)
	}
	person := in(Entry{Client: other})
	for range tracksOfPerson {
		if _, err := publish(person); err != nil {
			t.Errorf("somebody of another address: %v", err)
		}
	}
	camera := in(Entry{Kind: Camera})
	if _, err := publish(camera); err != nil {
		t.Errorf("a camera: %v", err)
	}
	late := in(Entry{Client: one})
	if err := late.MayPublish(); !errors.Is(err, ErrTracksOfRoom) {
		t.Errorf("one more of an address that has its half: %v", err)
	}
	for _, p := range ofOne { // the first that came
		if p != late && late.MayPublish() != nil {
			p.Leave()
		}
	}
	if n := late.share.Used(); n < leastTracksOfRoom/8 {
		t.Errorf("the address has %d tracks when it may have one more", n)
	}
	if _, err := publish(late); err != nil {
		t.Errorf("when others have ended: %v", err)
	}
	room := late.Room()
	for _, p := range all {
		p.Leave()
	}
	if n := room.tracks.Pool.Used(); n != 0 {
		t.Errorf("an empty room has %d tracks", n)
	}
}

// A room is full of people of one address, with a camera and a microphone each, before
// it has no place for their tracks.
func TestTracksOfAFullRoom(t *testing.T) {
	const most = 240
	s := &SFU{}
	defer close5(t, s)
	s.SetLimit(func(string) int { return most })
	for range most {
		p := join(t, s, Entry{Room: "r", Name: "x", Kind: Person, Client: netip.MustParsePrefix("192.0.2.1/32")})
		defer p.Leave()
		for range 2 {
			if _, err := publish(p); err != nil {
				t.Fatal(err)
			}
		}
	}
}
