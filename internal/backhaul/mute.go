package backhaul

import (
	"time"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Mute implements sfu.Watcher: it asks the node at which somebody came in.
func (h *hub) Mute(room *sfu.Room, by string, p *sfu.Participant, sources sfu.Sources) error {
	m := &umbrellav1.TrunkMute{
		Room: room.Name,
		From: keyMessage(routing.Key{Origin: h.owner.id, Participant: room.Name + "/" + by}),
	}
	for s := range umbrellav1.TrackSource_name {
		if s > 0 && sources.Has(sfu.Source(s)) {
			m.Sources = append(m.Sources, umbrellav1.TrackSource(s))
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, r := range h.remotes {
		if r.participant == p {
			m.Participant = keyMessage(key)
			return h.passMute(r, m)
		}
	}
	return sfu.ErrNobody
}

// passMute sends a wish on the way to a participant. The caller holds mu.
func (h *hub) passMute(r *remote, m *umbrellav1.TrunkMute) error {
	switch {
	case r.link == nil:
		return sfu.ErrNoWay
	case !r.link.mutes:
		return sfu.ErrOldNode
	}
	r.link.send(&umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Mute{Mute: m}})
	return nil
}

// muted takes a wish that came by a link: of somebody whom the node there has announced
// as a moderator of the room, about somebody who is in it. It mutes those of this node,
// and passes on what is about those of others.
func (h *hub) muted(l *link, m *umbrellav1.TrunkMute) {
	from, known := keyOf(m.GetFrom())
	key, ok := keyOf(m.GetParticipant())
	if !known || !ok || len(m.Sources) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	room, who, offered := h.table.Offered(l.id(), from)
	if h.links[l.id()] != l || !l.chats.take(time.Now()) || !offered || room != m.Room || !who.Moderator {
		return
	}
	if key.Origin == h.owner.id {
		if p := h.local(key.Participant); p != nil && p.Kind == sfu.Person && p.Room().Name == room {
			p.Hush(sfu.SourcesOf(m.Sources...))
			h.owner.Log.Info("moderated by another node", "room", room, "participant", p.ID, "node", l.name)
		}
		return
	}
	if r := h.remotes[key]; r != nil && r.room == room && r.link != l {
		_ = h.passMute(r, m) // where there is no way, the moderator sees that nothing happens
	}
}
