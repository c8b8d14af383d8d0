package sfu

import (
	"errors"
	"time"
)

// Reasons why a moderator's wish is not granted.
var (
	ErrNobody   = errors.New("there is nobody of that id or name in the room")
	ErrRemote   = errors.New("the participant came in at another node: only the moderators there can remove them or make them moderators")
	ErrNoWay    = errors.New("there is no way to the node of this participant now: try again when the trunk is back")
	ErrOldNode  = errors.New("a node on the way to this participant is too old to mute: update it, or ask a moderator there")
	ErrSetting  = errors.New("a camera is removed in the settings")
	ErrNoMute   = errors.New("only people can be muted: they can unmute themselves")
	ErrNoPerson = errors.New("only people can moderate")
	ErrOwnRight = errors.New("the participant moderates by an invitation or a password of their own: that ends with the invitation")
)

// RemoveParticipant sends a participant of this node away. The error is ErrNobody,
// ErrRemote or ErrSetting.
func (r *Room) RemoveParticipant(id string) error {
	p, err := r.own(id)
	if err != nil {
		return err
	}
	if p.Kind == Camera {
		return ErrSetting
	}
	r.mu.Lock()
	r.seats.forget(p.seat)
	r.mu.Unlock()
	p.Remove()
	return nil
}

// Mute asks whoever brought a participant in to mute its tracks of some sources: here,
// or at the node that it came in at. by is the id of the moderator. The error is
// ErrNobody, ErrNoMute, or why that node cannot be asked.
func (r *Room) Mute(by, id string, sources Sources) error {
	p := r.Participant(id)
	if p == nil {
		return ErrNobody
	}
	if p.Kind != Person {
		return ErrNoMute
	}
	if p.Origin == "" {
		p.Hush(sources)
		return nil
	}
	w := r.sfu.watcher.Load()
	if w == nil {
		return ErrRemote
	}
	return (*w).Mute(r, by, p, sources)
}

func (r *Room) own(id string) (*Participant, error) {
	p := r.Participant(id)
	switch {
	case p == nil:
		return nil, ErrNobody
	case p.Origin != "":
		return nil, ErrRemote
	}
	return p, nil
}

// SetModerator makes a participant of this node a moderator of this room, or takes that
// back. It lasts as long as the room is open, also for one who comes back with the same
// seat. The error is ErrNobody, ErrRemote, ErrNoPerson or ErrOwnRight.
func (r *Room) SetModerator(id string, moderator bool) error {
	p, err := r.own(id)
	if err != nil {
		return err
	}
	if p.Kind != Person {
		return ErrNoPerson
	}
	if p.ownRight.Load() {
		if moderator {
			return nil
		}
		return ErrOwnRight
	}
	r.mu.Lock()
	if moderator {
		add(&r.seats.moderators, p.seat)
	} else {
		delete(r.seats.moderators, p.seat)
	}
	r.mu.Unlock()
	if p.moderator.Swap(moderator) != moderator {
		p.touched()
	}
	return nil
}

// BecomeModerator makes the participant one in its own right: it has shown that it may.
func (p *Participant) BecomeModerator() {
	p.ownRight.Store(true)
	p.room.mu.Lock()
	add(&p.room.seats.moderators, p.seat)
	p.room.mu.Unlock()
	if !p.moderator.Swap(true) {
		p.touched()
	}
}

// Moderator reports whether the participant may mute and remove others, and lock the
// room.
func (p *Participant) Moderator() bool { return p.moderator.Load() }

// SetModeratorElsewhere notes what another node says of its participant.
func (p *Participant) SetModeratorElsewhere(moderator bool) {
	if p.Origin != "" && p.moderator.Swap(moderator) != moderator {
		p.touched()
	}
}

// Sources is a set of sources of tracks.
type Sources uint8

// SourcesOf returns a set; what is no source is left out.
func SourcesOf[S ~int | ~int32](list ...S) (s Sources) {
	for _, source := range list {
		if source > 0 && source <= S(ScreenAudio) {
			s |= 1 << source
		}
	}
	return s
}

// Has reports whether a source is in the set.
func (s Sources) Has(source Source) bool { return s&(1<<source) != 0 }

// Hush notes which sources a moderator wants muted, for whoever brought p in.
func (p *Participant) Hush(sources Sources) {
	p.mu.Lock()
	p.hushing |= sources
	p.mu.Unlock()
	select {
	case p.hushed <- struct{}{}:
	default: // it has been asked
	}
}

// Hushed has something when a moderator wants tracks of the participant muted: see
// Hushing.
func (p *Participant) Hushed() <-chan struct{} { return p.hushed }

// Hushing returns the sources that moderators want muted, and forgets them.
func (p *Participant) Hushing() Sources {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.hushing
	p.hushing = 0
	return s
}

// SetLocked lets nobody else in at this node, but moderators, cameras and those who were
// in and come back, or lets people in again. Those of other nodes who were in may come
// again when the way to them was lost meanwhile.
func (r *Room) SetLocked(locked bool) {
	r.mu.Lock()
	if r.locked == locked {
		r.mu.Unlock()
		return
	}
	r.locked, r.known, r.seats.kept = locked, nil, nil
	if locked {
		r.seats.lock(r.participants, time.Now())
		r.known = map[string]bool{}
		for _, p := range r.participants {
			if p.Origin != "" {
				r.known[p.ID] = true
			}
		}
	}
	r.mu.Unlock()
	r.changed()
}

// Locked tells whether nobody else is let in.
func (r *Room) Locked() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.locked
}
