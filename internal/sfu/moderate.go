package sfu

import "errors"

// Reasons why a moderator's wish is not granted.
var (
	ErrNobody  = errors.New("there is nobody of that id in the room")
	ErrRemote  = errors.New("the participant came in at another node: the moderators there can mute and remove them")
	ErrSetting = errors.New("a camera is removed in the settings")
	ErrNoMute  = errors.New("only people can be muted: they can unmute themselves")
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
	p.Remove()
	return nil
}

// Mute asks whoever brought a participant of this node in to mute its tracks. The
// error is ErrNobody, ErrRemote or ErrNoMute.
func (r *Room) Mute(id string) error {
	p, err := r.own(id)
	if err != nil {
		return err
	}
	if p.Kind != Person {
		return ErrNoMute
	}
	select {
	case p.hushed <- struct{}{}:
	default: // it has been asked
	}
	return nil
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

// SetLocked lets nobody else in at this node, but moderators and cameras, or lets
// people in again. Those of other nodes who were in may come again when the way to
// them was lost meanwhile.
func (r *Room) SetLocked(locked bool) {
	r.mu.Lock()
	if r.locked == locked {
		r.mu.Unlock()
		return
	}
	r.locked, r.known = locked, nil
	if locked {
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
