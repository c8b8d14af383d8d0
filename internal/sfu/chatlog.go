package sfu

import "slices"

// What a room keeps of its chat for people who come later.
const (
	maxLogged      = 50       // messages
	maxLoggedBytes = 32 << 10 // of their texts, names and ids together
)

// chatLog is the last messages of a room, oldest first. It is kept in memory only, and
// is gone when the last person leaves.
type chatLog struct {
	messages []ChatMessage
	bytes    int
}

func sizeOf(m ChatMessage) int { return len(m.ID) + len(m.ParticipantID) + len(m.Name) + len(m.Text) }

// add keeps a message, and drops the oldest ones where there are too many.
func (l *chatLog) add(m ChatMessage) {
	l.messages = append(l.messages, m)
	l.bytes += sizeOf(m)
	drop := 0
	for len(l.messages)-drop > maxLogged || l.bytes > maxLoggedBytes {
		l.bytes -= sizeOf(l.messages[drop])
		drop++
	}
	l.messages = slices.Delete(l.messages, 0, drop)
}

func (l *chatLog) clear() { *l = chatLog{} }

// TakeEarlierChat returns what was said in the room before the participant came, oldest
// first: at most the last 50 messages and 32 KiB. Each of them is either here or comes to
// the Observer. It returns them once, and nil from then on.
func (p *Participant) TakeEarlierChat() []ChatMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	earlier := p.earlier
	p.earlier = nil
	return earlier
}
