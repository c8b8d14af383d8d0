package sfu

import (
	"crypto/rand"
	"errors"
	"fmt"
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

// Errors of Publish.
var (
	ErrLeft = errors.New("the participant has left the room")
	// ErrTracksOfOne and ErrTracksOfRoom pass when other tracks end.
	ErrTracksOfOne  = fmt.Errorf("a participant publishes %d tracks at most", MaxTracks)
	ErrTracksOfRoom = errors.New("the room has as many tracks as it takes of this address, or of all: there is a place again when others end")
)

const (
	// MaxTracks bounds the tracks of one participant. A browser has five: camera,
	// microphone, screen, its sound, and a microphone for a camera's loudspeaker. A
	// program has two, a camera two.
	MaxTracks = 8
	// leastTracksOfRoom bounds the tracks of a room that has few or any number of
	// participants; others have tracksOfPerson for each. One client, or another node,
	// may have a half of them: so a room that is full of people of one address, with a
	// camera and a microphone each, has places for all.
	leastTracksOfRoom = 512
	tracksOfPerson    = 4
)

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
	if err := p.mayPublish(); err != nil {
		news := err != ErrLeft && err != p.refusal
		p.refusal = err
		p.mu.Unlock()
		if news {
			p.room.sfu.refused.tracks.Add(1)
			p.touched()
		}
		return nil, err
	}
	p.refusal = nil
	if p.share != nil {
		p.share.Add(1)
	}
	p.tracks = append(slices.Clone(p.tracks), t)
	p.mu.Unlock()
	p.touched()
	return t, nil
}

// MayPublish is why the participant may publish no other track now, or nil.
func (p *Participant) MayPublish() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mayPublish()
}

// mayPublish is MayPublish for a caller that holds mu.
func (p *Participant) mayPublish() error {
	switch {
	case p.left:
		return ErrLeft
	case len(p.tracks) >= MaxTracks:
		return ErrTracksOfOne
	case p.share != nil && !p.share.May(1):
		return ErrTracksOfRoom
	}
	return nil
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

// end ends the track once, and gives its place back.

func (t *Track) end() bool {
	if t.ended.Swap(true) {
		return false
	}
	t.Media.Close()
	if t.owner.share != nil {
		t.owner.share.Add(-1)
	}
	return true
}
