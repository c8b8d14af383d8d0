package backhaul

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// hub is where the trunks of a node meet its rooms: it announces who is here,
// brings those of other nodes into the rooms, and pulls what somebody watches.
type hub struct {
	owner *Backhaul
	bell  chan struct{}
	ended sync.WaitGroup // links

	mu      sync.Mutex
	closing bool
	table   *routing.Table[*umbrellav1.TrunkParticipant]
	links   map[string]*link  // by id in the table
	locals  map[string]string // room of each participant of this node that was announced
	remotes map[routing.Key]*remote
	changed []routing.Key // routes that are to be followed
	// Those for whom there was no room.
	waiting map[routing.Key]bool
	// barred are those whom a locked room keeps out, with its name.
	barred map[routing.Key]string
	flaps  map[string]flap // by id of the link
	doubts map[way]doubt
	chats  recent

	snapshots snapshots

	// Rooms that are to be looked at. Rooms tell of changes that the hub makes
	// itself, holding mu.
	roomsMu sync.Mutex
	rooms   map[string]bool
}

const (
	// settleTime is how long changes are gathered.
	settleTime = 10 * time.Millisecond
	// lookInterval is how often it is looked at what nobody tells of: the sizes
	// of pictures, round-trip times, layers whose patience is over.
	lookInterval = 300 * time.Millisecond
	// lostPatience is how long somebody stays to whom there is no way any more:
	// in most shapes another one is found within a moment.
	lostPatience = 1500 * time.Millisecond
	// maxFollowed is how many routes are followed at a time: a neighbour that
	// comes with thousands must not hold up the others.
	maxFollowed = 50
	// maxOffered is how many participants one neighbour may offer.
	maxOffered = 1000
	// releasePatience is how long a layer still comes when nobody takes it any
	// more: somebody who reloads the page wants it again at once.
	releasePatience = time.Second
)

func newHub(b *Backhaul) *hub {
	table := routing.NewTable(b.id, func(a, b *umbrellav1.TrunkParticipant) bool { return proto.Equal(a, b) })
	table.MaxParticipants = maxOffered
	table.Cost, table.Assured = described, assured
	return &hub{
		owner: b, bell: make(chan struct{}, 1), table: table,
		links: map[string]*link{}, locals: map[string]string{}, remotes: map[routing.Key]*remote{},
		waiting: map[routing.Key]bool{}, barred: map[routing.Key]string{},
		flaps: map[string]flap{}, doubts: map[way]doubt{},
		rooms: map[string]bool{}, snapshots: newSnapshots(),
	}
}

// RoomChanged implements sfu.Watcher.
func (h *hub) RoomChanged(r *sfu.Room) {
	h.look(r)
	h.ring()
}

// look has rooms be looked at with the next turn.
func (h *hub) look(rooms ...*sfu.Room) {
	h.roomsMu.Lock()
	defer h.roomsMu.Unlock()
	for _, r := range rooms {
		h.rooms[r.Name] = true
	}
}

func (h *hub) ring() {
	select {
	case h.bell <- struct{}{}:
	default:
	}
}

func (h *hub) run(ctx context.Context) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		look := false
		select {
		case <-ctx.Done():
			h.leave()
			return
		case <-tick.C:
			look = true
		case <-h.bell:
			select {
			case <-time.After(settleTime):
			case <-ctx.Done():
			}
		}
		h.turn(time.Now(), look)
	}
}

// leave has those of other nodes leave: the node goes down.
func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, r := range h.remotes {
		r.end()
		delete(h.remotes, key)
	}
}

// turn makes everything what it should be by now.
func (h *hub) turn(now time.Time, look bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if look && len(h.links) > 0 {
		h.look(h.owner.SFU.Rooms()...)
		h.steady(now)
		for id, l := range h.links {
			if trip := time.Duration(l.roundTrip.Load()); trip > 0 {
				h.table.SetRoundTrip(id, trip)
			}
		}
	}
	h.roomsMu.Lock()
	rooms := h.rooms
	h.rooms = map[string]bool{}
	h.roomsMu.Unlock()
	for room := range rooms {
		h.announce(room)
	}
	if look && len(h.changed) < maxFollowed {
		for key := range h.waiting {
			if h.changed = append(h.changed, key); len(h.changed) == maxFollowed {
				break
			}
		}
	}
	if len(h.changed) == 0 { // what changes meanwhile waits in the table, once
		h.changed = h.table.Changed()
	}
	h.changed = append(h.changed, h.letIn(rooms)...)
	n := min(len(h.changed), maxFollowed)
	for _, key := range h.changed[:n] {
		h.follow(key, now)
	}
	if h.changed = h.changed[n:]; len(h.changed) > 0 {
		h.ring()
	}
	for key, r := range h.remotes {
		if !r.lost.IsZero() && now.Sub(r.lost) >= lostPatience {
			r.end()
			delete(h.remotes, key)
			continue
		}
		r.pull(now)
	}
	for _, l := range h.links {
		l.media.Await(len(l.outputs) > 0)
		for _, o := range l.outputs {
			h.supply(l, o)
		}
		if h.table.HasPending(l.id()) {
			l.ring()
		}
	}
}

// letIn returns whom a room kept out that has changed, and keeps out no more. The
// caller holds mu.
func (h *hub) letIn(changed map[string]bool) (keys []routing.Key) {
	for key, room := range h.barred {
		if !changed[room] {
			continue
		}
		// It may have closed, and another one opened.
		if now := h.owner.SFU.Room(room); now == nil || !now.Locked() {
			delete(h.barred, key)
			keys = append(keys, key)
		}
	}
	return keys
}

// announce tells the table who of this node is in a room: the one of that name
// that is open now. The caller holds mu.
func (h *hub) announce(room string) {
	here := map[string]bool{}
	var list []*sfu.Participant
	if r := h.owner.SFU.Room(room); r != nil {
		list = r.Participants()
	}
	for _, p := range list {
		if p.Origin != "" {
			continue
		}
		key := room + "/" + p.ID
		here[key] = true
		h.locals[key] = room
		h.table.SetLocal(key, room, describe(p, h.owner.Name, h.owner.Snapshot != nil))
	}
	for key, of := range h.locals {
		if of == room && !here[key] {
			delete(h.locals, key)
			h.table.RemoveLocal(key)
		}
	}
}

// local finds a participant of this node by the id that it is announced under.
func (h *hub) local(id string) *sfu.Participant {
	room, own, ok := strings.Cut(id, "/")
	if !ok {
		return nil
	}
	if r := h.owner.SFU.Room(room); r != nil {
		if p := r.Participant(own); p != nil && p.Origin == "" {
			return p
		}
	}
	return nil
}

// takes tells whether a trunk may have a link to one more node. Several that
// are just being made are not counted.
func (h *hub) takes(section string, peer routing.NodeID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	others := 0
	for _, l := range h.links {
		if l.trunk == section && l.peer != peer {
			others++
		}
	}
	return others < maxNodes
}

// up takes a link that is connected.
func (h *hub) up(l *link, rooms []string) {
	h.mu.Lock()
	if h.closing {
		h.mu.Unlock()
		l.end(refuse(umbrellav1.TrunkRefusal_REASON_CLOSED, "the node goes down"))
		return
	}
	h.ended.Add(1)
	l.counted = true
	if old := h.links[l.id()]; old != nil {
		old.end(refuse(umbrellav1.TrunkRefusal_REASON_REPLACED, "the trunk was connected anew"))
		h.forget(old)
	}
	h.links[l.id()] = l
	now := time.Now()
	l.settles = now.Add(h.holdFor(l.id(), now))
	h.table.Up(l.id(), l.peer, func(room string) bool { return len(rooms) == 0 || slices.Contains(rooms, room) }, -1)
	h.table.Hold(l.id())
	h.mu.Unlock()
	h.look(h.owner.SFU.Rooms()...)
	h.ring()
}

// down takes a link that has ended.
func (h *hub) down(l *link) {
	h.mu.Lock()
	if h.links[l.id()] == l {
		h.forget(l)
	}
	counted := l.counted
	h.mu.Unlock()
	if counted {
		h.ended.Done()
	}
	h.ring()
}

// forget takes a link out. The caller holds mu.
func (h *hub) forget(l *link) {
	delete(h.links, l.id())
	h.fell(l.id(), time.Now())
	h.table.Down(l.id())
	for _, o := range l.outputs {
		h.stop(l, o)
	}
	l.endSnapshots()
}

// endTrunk ends the links of a trunk.
func (h *hub) endTrunk(section string, why *Refusal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.links {
		if l.trunk == section {
			l.end(why)
		}
	}
}

// close ends all links, lets none come up any more, and returns when they have
// told the other ends.
func (h *hub) close() {
	h.mu.Lock()
	h.closing = true
	for _, l := range h.links {
		l.end(refuse(umbrellav1.TrunkRefusal_REASON_CLOSED, "the node goes down"))
	}
	h.mu.Unlock()
	h.ended.Wait()
}

// id of a link in the table.
func (l *link) id() string { return l.trunk + "/" + string(l.peer) }

// maxUpdate is how many keys one message carries.
const maxUpdate = 200

// pending returns what is to be told to a link, or nil; before a message, only what
// has to be told for the other end to know who says it.
func (h *hub) pending(l *link, before *umbrellav1.TrunkChat) *umbrellav1.TrunkUpdate {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.links[l.id()] != l {
		return nil
	}
	if key, ok := keyOf(before.GetFrom()); ok && h.table.Told(l.id(), key) {
		return nil
	}
	offers, withdrawn := h.table.Pending(l.id(), maxUpdate)
	if len(offers) == 0 && len(withdrawn) == 0 {
		return nil
	}
	u := &umbrellav1.TrunkUpdate{}
	for _, k := range withdrawn {
		u.Withdrawals = append(u.Withdrawals, keyMessage(k))
	}
	for _, o := range offers {
		a := &umbrellav1.TrunkAnnouncement{
			Key: keyMessage(o.Key), Room: o.Room, RoundTripUs: uint32(min(o.RTT.Microseconds(), 1<<32-1)), Participant: o.Info,
		}
		for _, n := range o.Path {
			a.Path = append(a.Path, string(n))
		}
		u.Announcements = append(u.Announcements, a)
	}
	return u
}

func keyMessage(k routing.Key) *umbrellav1.TrunkKey {
	return &umbrellav1.TrunkKey{Origin: string(k.Origin), ParticipantId: k.Participant}
}

// keyOf reads a key that came from outside.
func keyOf(k *umbrellav1.TrunkKey) (routing.Key, bool) {
	id, err := routing.ParseNodeID(k.GetOrigin())
	if err != nil || k.ParticipantId == "" || len(k.ParticipantId) > maxID {
		return routing.Key{}, false
	}
	return routing.Key{Origin: id, Participant: k.ParticipantId}, true
}

// receive takes a message of a link. A refusal ends the link.
func (h *hub) receive(l *link, m *umbrellav1.TrunkMessage) *Refusal {
	switch m := m.Message.(type) {
	case *umbrellav1.TrunkMessage_Update:
		h.update(l, m.Update)
	case *umbrellav1.TrunkMessage_Pull:
		return h.pulled(l, m.Pull)
	case *umbrellav1.TrunkMessage_Release:
		h.released(l, m.Release.GetSsrc())
	case *umbrellav1.TrunkMessage_Chat:
		h.heard(l, m.Chat)
	case *umbrellav1.TrunkMessage_SnapshotRequest:
		return h.snapshotAsked(l, m.SnapshotRequest)
	case *umbrellav1.TrunkMessage_SnapshotPart:
		h.snapshotCame(l, m.SnapshotPart)
		return nil
	case *umbrellav1.TrunkMessage_Mute:
		h.muted(l, m.Mute)
	default:
		return errProtocol
	}
	h.ring()
	return nil
}

// update applies what the other end can supply. What is not as it should be is
// left out: routes are others' as well.
func (h *hub) update(l *link, u *umbrellav1.TrunkUpdate) {
	for _, a := range u.Announcements {
		if p := a.GetParticipant(); p != nil {
			p.JoinedAtMs += l.behind
		}
	}
	offers, withdrawn, err := routesOf(u)
	if err != nil {
		l.end(errProtocol)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.links[l.id()] == l {
		h.bound()
		h.table.Apply(l.id(), offers, withdrawn)
	}
}
