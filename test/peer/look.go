package peer

import (
	"context"
	"fmt"
	"strings"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// The functions below are for the condition of Wait, which holds the lock.

// Participants that are in the room, by id.
func (p *Peer) Participants() map[string]*umbrellav1.Participant { return p.participants }

// Streams that play, by mid.
func (p *Peer) Streams() map[string]*umbrellav1.Stream { return p.streams }

// Received is what came in, by mid.
func (p *Peer) Received() map[string]*Received { return p.received }

// Chat so far.
func (p *Peer) Chat() []*umbrellav1.ChatMessage { return p.chat }

// Speakers that were told of last.
func (p *Peer) Speakers() []*umbrellav1.Speaker { return p.speakers }

// Errors so far.
func (p *Peer) Errors() []*umbrellav1.Error { return p.errs }

// Goodbye of the node, or nil.
func (p *Peer) Goodbye() *umbrellav1.Goodbye { return p.goodbye }

// Joined is what the node said at the door.
func (p *Peer) Joined() *umbrellav1.Joined { return p.joined }

// Locked tells whether the room is.
func (p *Peer) Locked() bool { return p.locked }

// Moderator reports whether the node says that one may moderate.
func (p *Peer) Moderator() bool { return p.moderator }

// Invited is the last invitation that was made, or nil.
func (p *Peer) Invited() *umbrellav1.Invited { return p.invited }

// Muted are the own m-lines that a moderator has muted.
func (p *Peer) Muted() []string { return p.muted }

// From counts the packets that are playing from a participant, of each kind of
// media.
func (p *Peer) From(participant string) (audio, video uint64) {
	for mid, s := range p.streams {
		in := p.received[mid]
		if s.ParticipantId != participant || in == nil {
			continue
		}
		if codec, _ := in.Codec.Load().(string); strings.HasPrefix(codec, "audio/") {
			audio += in.Packets.Load()
		} else {
			video += in.Packets.Load()
		}
	}
	return audio, video
}

// ID0 is ID without the lock, for the condition of Wait.
func (p *Peer) ID0() string { return p.joined.GetParticipantId() }

// Gets waits until more sound and pictures of another came in than there are.
func (p *Peer) Gets(ctx context.Context, from *Peer) error {
	id := from.ID()
	p.mu.Lock()
	audio0, video0 := p.From(id)
	p.mu.Unlock()
	if err := p.Wait(ctx, func() bool {
		audio, video := p.From(id)
		return audio > audio0+10 && video > video0+20
	}); err != nil {
		return fmt.Errorf("%s gets nothing of %s: %w", p.Name, from.Name, err)
	}
	return nil
}
