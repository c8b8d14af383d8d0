package sfu

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"umbrella/internal/bound"
	"umbrella/internal/forward"
	"umbrella/internal/names"
)

// Kind says what a participant is.
type Kind int

// Kinds of participants.
const (
	Person Kind = iota + 1 // somebody with a browser
	Camera                 // a security camera
	Stream                 // a program that publishes over WHIP or watches over WHEP
)

// Quality says how well a participant and the node reach each other.
type Quality int

// Qualities, from the best.
const (
	QualityUnknown Quality = iota
	Good
	Fair
	Poor
	Lost // its connection is gone; it may come back
)

// Participant is somebody or something in a room. The exported fields do not
// change.
type Participant struct {
	ID       string
	Name     string
	Kind     Kind
	ViewOnly bool
	Address  string
	JoinedAt time.Time
	// Node is what people call the node at which the participant came in, and
	// Origin that node's id; both are empty for this node.
	Node, Origin string

	look      names.Look
	seat      string
	guest     string
	ownRight  atomic.Bool // to moderate, by an invitation or a password
	moderator atomic.Bool

	room     *Room
	release  func() // ends that it counts for its client
	observer Observer
	clock    forward.Clock
	history  *forward.Account
	share    *bound.Share // of the room's tracks; nil for a camera of the settings
	unshare  func()
	speaking atomic.Bool

	removal sync.Once
	removed chan struct{}
	hushed  chan struct{}

	mu      sync.Mutex
	hushing Sources // that a moderator wants muted
	left    bool
	quality Quality
	notice  string
	// loudspeaker is where the participant can be talked to; mostly nil.
	loudspeaker Loudspeaker
	version     uint64
	tracks      []*Track
	refusal     error // why the last track was not published; nil after one that was
	earlier     []ChatMessage
}

// Room is where the participant is, or was.
func (p *Participant) Room() *Room { return p.room }

// Clock relates the wall clock of what the participant publishes to ours.
func (p *Participant) Clock() *forward.Clock { return &p.clock }

// History bounds how much is kept of what the participant publishes.
func (p *Participant) History() *forward.Account { return p.history }

// Speaking tells whether the participant is one of those who speak now.
func (p *Participant) Speaking() bool { return p.speaking.Load() }

// State is a participant at one moment.
type State struct {
	*Participant
	// Version grows with each change of the tracks or their state.
	Version uint64
	Quality Quality
	// Notice is why there is nothing to see of the participant now, in words;
	// mostly empty.
	Notice string
	// Loudspeaker is where the participant can be talked to; mostly nil.
	Loudspeaker Loudspeaker
	Tracks      []*Track
	// Refusal is why a track is not published that the participant sends:
	// ErrTracksOfOne, ErrTracksOfRoom; mostly nil.
	Refusal error
}

// State returns what is to be known of the participant now.
func (p *Participant) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return State{Participant: p, Version: p.version, Quality: p.quality, Notice: p.notice, Loudspeaker: p.loudspeaker, Tracks: slices.Clone(p.tracks), Refusal: p.refusal}
}

// SetNotice tells the room why there is nothing to see of the participant now.
func (p *Participant) SetNotice(words string) {
	p.mu.Lock()
	same := p.notice == words
	p.notice = words
	p.mu.Unlock()
	if !same {
		p.touched()
	}
}

// SetQuality tells the room how well the participant is connected.
func (p *Participant) SetQuality(q Quality) {
	p.mu.Lock()
	same := p.quality == q
	p.quality = q
	p.mu.Unlock()
	if !same {
		p.room.changed()
	}
}

// ErrBadText is returned for a chat message that cannot be sent.
var ErrBadText = errors.New("a message has 1 to 2000 characters")

const maxText = 2000 // characters

// Say sends a chat message to the room.
func (p *Participant) Say(text string) error {
	text = strings.TrimSpace(text)
	if text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxText {
		return ErrBadText
	}
	p.room.chat(p, text)
	return nil
}

// Remove asks whoever brought the participant in to send it away, and to say so.
// Once is enough, more does nothing.
func (p *Participant) Remove() { p.removal.Do(func() { close(p.removed) }) }

// Removed is closed by Remove.
func (p *Participant) Removed() <-chan struct{} { return p.removed }

// Leave takes the participant out of its room; its tracks end. Once is enough,
// more does nothing.
func (p *Participant) Leave() {
	p.mu.Lock()
	if p.left {
		p.mu.Unlock()
		return
	}
	p.left = true
	tracks := p.tracks
	p.tracks = nil
	p.version++
	p.mu.Unlock()
	for _, t := range tracks {
		t.end()
	}
	p.unshare()
	p.room.sfu.leave(p)
}

func (p *Participant) takeLevel() (level uint8, ok bool) {
	p.mu.Lock()
	tracks := p.tracks
	p.mu.Unlock()
	for _, t := range tracks {
		if t.Kind != Audio || t.Muted() {
			continue
		}
		if l, had := t.Media.TakeLevel(); had && (!ok || l < level) {
			level, ok = l, true
		}
	}
	return level, ok
}

func (p *Participant) touched() {
	p.mu.Lock()
	p.version++
	left := p.left
	p.mu.Unlock()
	if !left {
		p.room.changed()
	}
}
