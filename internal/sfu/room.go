package sfu

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"sync"
	"time"

	"umbrella/internal/bound"
	"umbrella/internal/names"
)

// Observer is told what happens in a room. The calls come from goroutines of
// others, under their locks: an Observer notes what it is told and returns.
type Observer interface {
	// RoomChanged says that Participants or something in them is not what it
	// was: somebody came or left, a track, its state or a quality changed.
	RoomChanged()
	// Speaking names those who speak now, loudest first.
	Speaking(speakers []Speaker)
	// Chat brings a message, one's own too.
	Chat(m ChatMessage)
}

// ChatMessage was said to the whole room.
type ChatMessage struct {
	ID            string
	ParticipantID string
	Name          string
	Text          string
	SentAt        time.Time
}

// Room is where participants see and hear each other.
type Room struct {
	Name     string
	OpenedAt time.Time

	sfu     *SFU
	release func() // ends that it counts for the client that has opened it

	mu           sync.Mutex
	locked       bool
	known        map[string]bool // ids of those of other nodes who were in when it was locked
	seats        seats
	participants []*Participant // in the order in which they came
	speakers     speakerDetector
	said         chatLog

	loudest loudest
	tracks  bound.Shares[publisher]

	stopped chan struct{}
}

// publisher is what shares the tracks of a room: a client, or another node.
type publisher struct {
	client netip.Prefix
	node   string
}

func newRoom(s *SFU, name string) *Room {
	return &Room{Name: name, OpenedAt: time.Now(), sfu: s, release: func() {}, stopped: make(chan struct{})}
}

// Participants returns those in the room, in the order in which they came.
func (r *Room) Participants() []*Participant {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.participants)
}

// Participant returns the one with that id, or nil.
func (r *Room) Participant(id string) *Participant {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.participants {
		if p.ID == id {
			return p
		}
	}
	return nil
}

func (r *Room) add(p *Participant, limit int) error {
	r.mu.Lock()
	if r.seats.moderates(p.seat) {
		p.moderator.Store(true)
	}
	if r.locked && !p.Moderator() && p.Kind != Camera && !(p.Origin != "" && r.known[p.ID]) && !r.seats.wasIn(p.seat) {
		r.mu.Unlock()
		return ErrLocked
	}
	if limit > 0 && r.here(p.seat) >= limit {
		r.mu.Unlock()
		return ErrRoomFull
	}
	for _, other := range r.participants {
		if other.ID == p.ID {
			r.mu.Unlock()
			return ErrTaken
		}
	}
	p.Name = r.distinct(p)
	p.look = names.LookOf(p.Name)
	if r.locked {
		r.seats.keep(p.seat)
	}
	r.participants = append(r.participants, p)
	if p.Kind == Person && p.Origin == "" {
		p.earlier = slices.Clone(r.said.messages)
	}
	r.mu.Unlock()
	r.changed()
	return nil
}

// here is how many came in at this node: another node's people must not keep
// them out, nor whoever comes back itself. The caller holds mu.
func (r *Room) here(seat string) (n int) {
	for _, p := range r.participants {
		if p.Origin == "" && !p.sits(seat) {
			n++
		}
	}
	return n
}

// remove returns how many are left.
func (r *Room) remove(p *Participant) int {
	r.mu.Lock()
	if i := slices.Index(r.participants, p); i >= 0 {
		// A new slice: the old one's tail would keep p alive.
		r.participants = slices.Concat(r.participants[:i], r.participants[i+1:])
	}
	left := len(r.participants)
	if !slices.ContainsFunc(r.participants, func(p *Participant) bool { return p.Kind == Person }) {
		r.said.clear() // a camera keeps the room open, but reads no chat
	}
	r.seats.left(p, time.Now())
	r.mu.Unlock()
	r.loudest.forget(p)
	r.changed()
	return left
}

// changed tells everyone to look again.
func (r *Room) changed() {
	for _, p := range r.Participants() {
		if p.observer != nil {
			p.observer.RoomChanged()
		}
	}
	if w := r.sfu.watcher.Load(); w != nil {
		(*w).RoomChanged(r)
	}
}

func (r *Room) chat(from *Participant, text string) {
	m := ChatMessage{
		ID: rand.Text()[:16], ParticipantID: from.ID, Name: from.Name,
		Text: text, SentAt: time.Now(),
	}
	r.Deliver(m)
	if w := r.sfu.watcher.Load(); w != nil {
		(*w).Chat(r, m)
	}
}

// Deliver gives everyone in the room a message, which may have been said on
// another node, and keeps it for people who come later.
func (r *Room) Deliver(m ChatMessage) {
	r.mu.Lock()
	r.said.add(m)
	participants := slices.Clone(r.participants)
	r.mu.Unlock()
	for _, p := range participants {
		if p.observer != nil {
			p.observer.Chat(m)
		}
	}
}

func (r *Room) stop() { close(r.stopped) }

// run listens for who speaks until the room closes.
func (r *Room) run() {
	tick := time.NewTicker(speakerInterval)
	defer tick.Stop()
	for {
		select {
		case <-r.stopped:
			return
		case <-tick.C:
			r.listen()
		}
	}
}

func (r *Room) listen() {
	participants := r.Participants()
	r.mu.Lock()
	for _, p := range participants {
		if level, ok := p.takeLevel(); ok {
			r.speakers.hear(p.ID, level)
		}
	}
	speakers, changed := r.speakers.turn()
	r.mu.Unlock()
	if !changed {
		return
	}
	for _, p := range participants {
		p.speaking.Store(slices.ContainsFunc(speakers, func(s Speaker) bool { return s.ParticipantID == p.ID }))
		if p.observer != nil {
			p.observer.Speaking(speakers)
		}
	}
}

// Speakers returns who speaks now, loudest first.
func (r *Room) Speakers() []Speaker {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.speakers.told)
}
