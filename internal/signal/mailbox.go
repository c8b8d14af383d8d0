package signal

import (
	"sync"

	"umbrella/internal/sfu"
)

// mailbox takes what a room tells, without ever making it wait, and keeps no
// more than is worth telling: the latest state, and some messages.
type mailbox struct {
	// ring has something when there is mail.
	ring chan struct{}

	mu       sync.Mutex
	speakers []sfu.Speaker
	spoke    bool
	chat     []sfu.ChatMessage
	talks    []talk
}

// talk is how it goes to talk to a participant.
type talk struct {
	to string
	sfu.Talk
}

// maxTalks is how many of them wait; older ones are dropped.
const maxTalks = 8

// talked takes how it goes to talk to a participant.
func (m *mailbox) talked(to string, t sfu.Talk) {
	m.mu.Lock()
	if len(m.talks) == maxTalks {
		m.talks = append(m.talks[:0], m.talks[1:]...)
	}
	m.talks = append(m.talks, talk{to, t})
	m.mu.Unlock()
	m.wake()
}

func (m *mailbox) takeTalks() (list []talk) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list, m.talks = m.talks, nil
	return list
}

// maxMail is how many chat messages wait for a browser that is away; older
// ones are dropped.
const maxMail = 200

func newMailbox() *mailbox { return &mailbox{ring: make(chan struct{}, 1)} }

// RoomChanged implements sfu.Observer.
func (m *mailbox) RoomChanged() { m.wake() }

// Speaking implements sfu.Observer.
func (m *mailbox) Speaking(speakers []sfu.Speaker) {
	m.mu.Lock()
	m.speakers, m.spoke = speakers, true
	m.mu.Unlock()
	m.wake()
}

// Chat implements sfu.Observer.
func (m *mailbox) Chat(c sfu.ChatMessage) {
	m.mu.Lock()
	if len(m.chat) == maxMail {
		m.chat = append(m.chat[:0], m.chat[1:]...)
	}
	m.chat = append(m.chat, c)
	m.mu.Unlock()
	m.wake()
}

func (m *mailbox) wake() {
	select {
	case m.ring <- struct{}{}:
	default:
	}
}

// takeSpeakers returns the speakers if they are others than before.
func (m *mailbox) takeSpeakers() (speakers []sfu.Speaker, changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	changed, m.spoke = m.spoke, false
	return m.speakers, changed
}

func (m *mailbox) takeChat() []sfu.ChatMessage {
	m.mu.Lock()
	defer m.mu.Unlock()
	chat := m.chat
	m.chat = nil
	return chat
}
