package sfu

import (
	"crypto/rand"
	"errors"
	"slices"
	"sync/atomic"

	"umbrella/internal/forward"
)

// TrackKind is sound or picture.
type TrackKind int

// Kinds of tracks.
const (
	Audio TrackKind = iota + 1
	Video
)

// Source says what a track shows or lets hear.
type Source int

// Sources of tracks.
const (
	SourceUnknown Source = iota
	Microphone
	CameraPicture
	Screen
	ScreenAudio
)

// Codec of a track, as SDP has it.
type Codec struct {
	MimeType  string // such as "video/VP8"
	ClockRate uint32 // in Hz
	Channels  uint16 // of sound
	Fmtp      string // format parameters, such as "profile-level-id=42e01f"
}

// Track is one published source of sound or picture. The exported fields do
// not change.
type Track struct {
	ID     string
	Kind   TrackKind
	Source Source
	Codec  Codec
	// Mid of the m-line that it was published on, for its publisher.
	Mid string
	// Media is what it sends.
	Media *forward.Source

	owner *Participant
	muted atomic.Bool
	ended atomic.Bool
}

// Publication is a track to be.
type Publication struct {
	// ID of the track; one is made up when it is empty.
	ID     string
	Kind   TrackKind
	Source Source
	Codec  Codec
	Mid    string
	Muted  bool
	// Media has the layers that its publisher pushes to. The track closes it when
	// it ends.
	Media *forward.Source
}

// ErrLeft is returned to one who publishes after it left.
var ErrLeft = errors.New("the participant has left the room")

// Publish adds a track that everyone else in the room can subscribe to.
func (p *Participant) Publish(pub Publication) (*Track, error) {
	if pub.ID == "" {
		pub.ID = rand.Text()[:16]
	}
	t := &Track{
		ID: pub.ID, Kind: pub.Kind, Source: pub.Source, Codec: pub.Codec,
		Mid: pub.Mid, Media: pub.Media, owner: p,
	}
	t.muted.Store(pub.Muted)
	p.mu.Lock()
	if p.left {
		p.mu.Unlock()
		return nil, ErrLeft
	}
	p.tracks = append(slices.Clone(p.tracks), t)
	p.mu.Unlock()
	p.touched()
	return t, nil
}

// Participant who published the track.
func (t *Track) Participant() *Participant { return t.owner }

// Muted tells that the track carries silence, or no picture, for now.
func (t *Track) Muted() bool { return t.muted.Load() }

// SetMuted tells the room.
func (t *Track) SetMuted(muted bool) {
	if t.muted.Swap(muted) != muted {
		t.owner.touched()
	}
}

// Close takes the track back. Once is enough, more does nothing.
func (t *Track) Close() {
	p := t.owner
	p.mu.Lock()
	p.tracks = slices.DeleteFunc(slices.Clone(p.tracks), func(o *Track) bool { return o == t })
	p.mu.Unlock()
	if t.end() {
		p.touched()
	}
}

func (t *Track) end() bool {
	if t.ended.Swap(true) {
		return false
	}
	t.Media.Close()
	return true
}
