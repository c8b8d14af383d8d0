package backhaul

import (
	"time"
	"unicode/utf8"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/clock"
	"umbrella/internal/names"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// recent remembers which messages were here, to pass each on once.
type recent struct {
	seen map[string]bool
	list []string // in a ring
	next int
}

// maxRecent is how many are remembered: minutes of the liveliest talk.
const maxRecent = 4096

// add returns false for one that was here.
func (r *recent) add(id string) bool {
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	if r.seen[id] {
		return false
	}
	if len(r.list) < maxRecent {
		r.list = append(r.list, id)
	} else {
		delete(r.seen, r.list[r.next])
		r.list[r.next] = id
		r.next = (r.next + 1) % maxRecent
	}
	r.seen[id] = true
	return true
}

// Chat implements sfu.Watcher: what was said here goes to all nodes.
func (h *hub) Chat(room *sfu.Room, m sfu.ChatMessage) {
	c := &umbrellav1.TrunkChat{
		Room: room.Name,
		From: keyMessage(routing.Key{Origin: h.owner.id, Participant: room.Name + "/" + m.ParticipantID}),
		Message: &umbrellav1.ChatMessage{
			Id: m.ID, Text: m.Text, SentAtMs: clock.Milli(m.SentAt),
		},
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.announce(room.Name) // whoever has just come is known before it is heard
	h.chats.add(chatID(c))
	h.pass(c, nil)
}

func chatID(c *umbrellav1.TrunkChat) string { return c.From.Origin + "/" + c.Message.Id }

// pass sends a message to all links but the one that it came by. The caller
// holds mu.
func (h *hub) pass(c *umbrellav1.TrunkChat, from *link) {
	for id, l := range h.links {
		if l != from && h.table.Carries(id, c.Room) {
			l.send(&umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Chat{Chat: c}})
		}
	}
}

// What is taken of a message of another node (see sfu).
const (
	maxChatText = 2000 // characters
	// chatPerSecond is how many a link may bring; more are dropped.
	chatPerSecond = 50
)

// heard takes a message that came by a link: from somebody whom the node there
// offers, in the room and by the name that it says.
func (h *hub) heard(l *link, c *umbrellav1.TrunkChat) {
	key, ok := keyOf(c.GetFrom())
	m := c.GetMessage()
	if !ok || m == nil || key.Origin == h.owner.id || m.Id == "" || len(m.Id) > maxID ||
		m.Text == "" || !utf8.ValidString(m.Text) || utf8.RuneCountInString(m.Text) > maxChatText {
		return
	}
	m.SentAtMs += l.behind
	h.mu.Lock()
	room, who, ok := h.table.Offered(l.id(), key)
	if !l.chats.take(time.Now()) || h.links[l.id()] != l || !ok || room != c.Room || !h.chats.add(chatID(c)) {
		h.mu.Unlock()
		return
	}
	h.pass(c, l)
	in := h.remotes[key] != nil
	h.mu.Unlock()
	if room := h.owner.SFU.Room(c.Room); room != nil && (in || !room.Locked()) {
		room.Deliver(sfu.ChatMessage{
			ID: localID(m.Id, key.Origin), ParticipantID: localID(key.Participant, key.Origin), Name: nameOf(who),
			Text: m.Text, SentAt: moment(m.SentAtMs),
		})
	}
}

// nameOf is the name of a participant that another node says, in its one spelling.
func nameOf(p *umbrellav1.TrunkParticipant) string {
	name, err := names.Person(p.Name)
	if err != nil {
		return cut(p.Name)
	}
	return name
}

// perSecond counts what comes in one second.
type perSecond struct {
	begin time.Time
	n     int
}

func (p *perSecond) take(now time.Time) bool {
	if now.Sub(p.begin) >= time.Second {
		p.begin, p.n = now, 0
	}
	p.n++
	return p.n <= chatPerSecond
}
