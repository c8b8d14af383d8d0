package sfu

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"umbrella/internal/bound"
	"umbrella/internal/forward"
	"umbrella/internal/names"
)

// Errors of Join.
var (
	ErrRoomFull     = errors.New("the room is full")
	ErrLocked       = errors.New("a moderator has locked the room")
	ErrTooManyRooms = errors.New("as many rooms are open on this node as it takes")
	ErrClosed       = errors.New("the node is going down")
	ErrBadName      = errors.New("that name cannot be used")
	ErrAlikeRoom    = errors.New("another room of this node has a name that looks the same: enter its name in the same letters")
	ErrGuestIsIn    = errors.New("this invitation is for one guest, who is in the call")
	ErrTaken        = errors.New("a participant with this id is in the room already")
	ErrTooManyOfOne = errors.New("as many have joined from this address as may")
	ErrRoomsOfOne   = errors.New("as many rooms have been opened from this address as may")
)

// SFU is all rooms of a node. The zero value is ready for use.
type SFU struct {
	// Histories is the memory for the packets that participants publish.
	Histories forward.Histories

	mu     sync.Mutex
	rooms  map[string]*Room
	limit  func(room string) int
	most   int               // rooms; 0 is any number
	named  func(string) bool // rooms that are not among those; nil: none
	closed bool
	// By Entry.Client: participants, and rooms that were opened.
	participants, opened bound.Counter
	guests               map[string]*Participant // by Entry.Guest
	// watcher is told of every room.
	watcher atomic.Pointer[Watcher]
	node    atomic.Pointer[node]
	owners  sync.WaitGroup // of the rooms' goroutines
	refused struct{ rooms, participants, tracks atomic.Uint64 }
}

// Limits are those of the node's rooms. Of what each room has a bound of, that room is
// told of that is the nearest to it.
func (s *SFU) Limits() []bound.Limit {
	fullest := func(of func(*Room) (used, most int64)) (used, most int64) {
		for i, r := range s.Rooms() {
			u, m := of(r)
			if i == 0 || m > 0 && (most == 0 || u*most > used*m) {
				used, most = u, m
			}
		}
		return used, most
	}
	tracks := func(r *Room) (int64, int64) { return r.tracks.Pool.Used(), r.tracks.Pool.Most() }
	people := func(r *Room) (int64, int64) {
		s.mu.Lock()
		limit := s.limit
		s.mu.Unlock()
		most := 0
		if limit != nil {
			most = limit(r.Name)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		return int64(r.here("")), int64(most)
	}
	used := func(of func(*Room) (int64, int64)) func() int64 {
		return func() int64 { n, _ := fullest(of); return n }
	}
	most := func(of func(*Room) (int64, int64)) func() int64 {
		return func() int64 { _, n := fullest(of); return n }
	}
	return []bound.Limit{
		s.Histories.Pool.Limit("history", "Packets kept to be sent again, and for those who come", "bytes"),
		{
			Name: "rooms", Description: "Rooms that are open",
			Used: func() int64 { return int64(len(s.Rooms())) },
			Most: func() int64 { s.mu.Lock(); defer s.mu.Unlock(); return int64(s.most) }, Refused: s.refused.rooms.Load,
		},
		{
			Name: "room_participants", Description: "Participants of the fullest room", Used: used(people), Most: most(people),
			Refused: s.refused.participants.Load,
		},
		{
			Name: "room_tracks", Description: fmt.Sprintf("Tracks of the fullest room, %d of one participant", MaxTracks), Used: used(tracks), Most: most(tracks),
			Refused: s.refused.tracks.Load,
		},
	}
}

// SetLimit sets how many participants of this node a room takes: 0 is any number.
// It counts for those who join from now on. Those of other nodes are not counted.
func (s *SFU) SetLimit(limit func(room string) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
}

// SetMaxRooms sets how many rooms may be open at once: 0 is any number. One client
// may open a quarter of them, at least one, and the clients of a /48 of IPv6 half. It
// counts for people and programs that open one from now on, not for cameras and
// trunks, and not for rooms that named tells of.
func (s *SFU) SetMaxRooms(most int, named func(room string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most, s.named = most, named
}

const (
	// maxOfClient is how many participants one client may be at once, those
	// included whose browsers are away: as many as it may have WebSockets.
	maxOfClient = 256
	// roomShare of all rooms are for one client.
	roomShare = 4
)

// Watcher is told what happens in all rooms, as an Observer is of one.
type Watcher interface {
	// RoomChanged says that a room or somebody in it is not what it was.
	RoomChanged(r *Room)
	// Chat brings a message that was said on this node.
	Chat(r *Room, m ChatMessage)
	// Mute asks the node at which p came in to mute its tracks of some sources, for the
	// moderator of this node with the id by.
	Mute(r *Room, by string, p *Participant, sources Sources) error
}

// SetWatcher sets the one Watcher that there is.
func (s *SFU) SetWatcher(w Watcher) { s.watcher.Store(&w) }

// Entry is somebody who wants to come in.
type Entry struct {
	Room string
	// ID within the room: the section of a camera, StreamID or RemoteID. One is made
	// up when it is empty.
	ID       string
	Name     string
	Kind     Kind
	ViewOnly bool
	// Address is where the signalling comes from, for the status page.
	Address string
	// Client is who is behind it, as bound.Origin has it, and may be only so many
	// people and programs.
	Client   netip.Prefix
	Observer Observer
	// Node and Origin are those of Participant. The limit of a room is that of
	// the node at which somebody comes in.
	Node, Origin string
	// Moderator: may mute and remove others, and enter a locked room.
	Moderator bool
	// Seat is a secret by which a browser shows that it was in the room before; empty:
	// it shows nothing. See seats.
	Seat string
	// Guest is the id of an invitation for one guest, who is one participant at a time;
	// empty: it is not one of those.
	Guest string
	// JoinedAt is now when it is zero.
	JoinedAt time.Time
}

// Join brings somebody into a room, which opens with its first participant and
// closes with its last.
func (s *SFU) Join(e Entry) (*Participant, error) {
	name, err := cleanName(e.Name, e.ViewOnly)
	if err != nil {
		return nil, err
	}
	if e.ID, err = e.id(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if other := s.guests[e.Guest]; e.Guest != "" && other != nil && !other.sits(e.Seat) && !(other.ID == e.ID && other.room.Name == e.Room) {
		return nil, ErrGuestIsIn
	}
	guest := e.Kind != Camera && e.Origin == ""
	release := func() {}
	if guest {
		var ok bool
		if release, ok = s.participants.Add(e.Client, maxOfClient, 0); !ok {
			return nil, ErrTooManyOfOne
		}
	}
	p, err := s.join(e, name, guest)
	if err != nil {
		release()
		return nil, err
	}
	p.release = release
	if e.Guest != "" {
		if s.guests == nil {
			s.guests = map[string]*Participant{}
		}
		s.guests[e.Guest] = p
	}
	return p, nil
}

// join brings somebody into a room, whom the caller has counted. The caller holds mu.
func (s *SFU) join(e Entry, name string, guest bool) (*Participant, error) {
	r := s.rooms[e.Room]
	if r == nil {
		r = newRoom(s, e.Room)
		if guest && (s.named == nil || !s.named(e.Room)) {
			if err := s.open(r, e.Client); err != nil {
				s.refused.rooms.Add(1)
				return nil, err
			}
		}
	}
	limit := 0
	if s.limit != nil {
		limit = s.limit(e.Room)
	}
	r.tracks.Pool.SetMost(int64(max(leastTracksOfRoom, tracksOfPerson*limit)))
	if e.Origin != "" {
		limit = 0
	}
	if e.JoinedAt.IsZero() {
		e.JoinedAt = time.Now()
	}
	p := &Participant{
		removed: make(chan struct{}), hushed: make(chan struct{}, 1), seat: e.Seat, guest: e.Guest,
		ID: e.ID, Name: name, Kind: e.Kind, ViewOnly: e.ViewOnly, Address: e.Address,
		JoinedAt: e.JoinedAt, Node: e.Node, Origin: e.Origin, room: r, observer: e.Observer,
		history: s.Histories.Account(),
	}
	p.unshare = func() {}
	if e.Kind != Camera || e.Origin != "" {
		p.share, p.unshare = r.tracks.Of(publisher{e.Client, e.Origin})
	}
	p.moderator.Store(e.Moderator)
	p.ownRight.Store(e.Moderator)
	if err := r.add(p, limit); err != nil {
		p.unshare()
		if errors.Is(err, ErrRoomFull) {
			s.refused.participants.Add(1)
		}
		if s.rooms[e.Room] == nil {
			r.release()
		}
		return nil, err
	}
	if s.rooms == nil {
		s.rooms = map[string]*Room{}
	}
	if s.rooms[e.Room] == nil {
		s.rooms[e.Room] = r
		s.owners.Go(r.run)
	}
	return p, nil
}

// open counts a room for the client that opens it, or says why that may not.
func (s *SFU) open(r *Room, by netip.Prefix) error {
	// A name of ASCII alone is what people type: one that was opened to look like it is
	// no reason to keep them out.
	for name := range s.rooms {
		if !names.IsASCII(r.Name) && names.RoomsAlike(name, r.Name) {
			return ErrAlikeRoom
		}
	}
	mostOfOne := 0
	if s.most > 0 {
		if len(s.rooms) >= s.most {
			return ErrTooManyRooms
		}
		mostOfOne = max(s.most/roomShare, 1)
	}
	release, ok := s.opened.Add(by, mostOfOne, s.most)
	if !ok {
		return ErrRoomsOfOne
	}
	r.release = release
	return nil
}

// leave takes p out of its room, and closes the room behind the last one.
func (s *SFU) leave(p *Participant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.release()
	if s.guests[p.guest] == p {
		delete(s.guests, p.guest)
	}
	r := p.room
	if r.remove(p) == 0 && s.rooms[r.Name] == r {
		delete(s.rooms, r.Name)
		r.stop()
		r.release()
	}
}

// Rooms returns the rooms that are open, by name.
func (s *SFU) Rooms() []*Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	rooms := make([]*Room, 0, len(s.rooms))
	for _, r := range s.rooms {
		rooms = append(rooms, r)
	}
	slices.SortFunc(rooms, func(a, b *Room) int { return strings.Compare(a.Name, b.Name) })
	return rooms
}

// Room returns an open room, or nil.
func (s *SFU) Room(name string) *Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rooms[name]
}

// Close lets nobody in any more and waits until the rooms, which whoever
// joined has to leave, have ended.
func (s *SFU) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.owners.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("closing rooms: %w", ctx.Err())
	}
}

// cleanName returns the one spelling of a name; only a viewer may have none. The error
// is an ErrBadName.
func cleanName(name string, viewOnly bool) (string, error) {
	spelling, err := names.Person(name)
	if errors.Is(err, names.ErrEmpty) && viewOnly {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadName, err)
	}
	return spelling, nil
}
