package forward

import (
	"time"

	"umbrella/internal/clock"
)

// DefaultKeepGroup, in bytes, holds 10 s of pictures at 3 Mbit/s. MaxKeepGroup
// is the most that can be kept, as the packets are counted, too.
const (
	DefaultKeepGroup = 4 << 20
	MaxKeepGroup     = 8 << 20
)

// group is the present group of pictures of a layer: the packets from its last
// keyframe on, as far as all of them are kept. The layer's pushing guards it.
type group struct {
	live    bool
	first   uint16    // sequence number
	time    uint32    // timestamp of the keyframe
	at      time.Time // when the keyframe came
	bytes   int
	limit   int
	missing int // packets that have not come, and may when they are asked for again
	// over: the group is too large to be kept. large: the one before was.
	over, large bool
}

// maxMissing is how many packets may be missing: more do not come again.
const maxMissing = 64

// add takes a packet that is newer than all before it; newest is the number of
// the one before.
func (g *group) add(p *Packet, newest uint32, limit int, now time.Time) {
	g.limit = limit
	switch {
	case p.Info.Keyframe && (!g.live || p.Timestamp != g.time):
		*g = group{live: true, first: p.SequenceNumber, time: p.Timestamp, at: now, limit: limit, large: g.over}
	default:
		g.missing += int(p.SequenceNumber - uint16(newest) - 1)
		if g.missing > maxMissing {
			g.live = false // without what is missing the rest is worth little
		}
	}
	g.take(p)
}

// take counts a packet of the group.
func (g *group) take(p *Packet) {
	g.bytes += len(p.Payload)
	if g.live && g.limit > 0 && (g.bytes > g.limit || p.SequenceNumber-g.first >= maxGroupSlots) {
		g.live, g.over = false, true
	}
}

// repair takes a packet that comes late.
func (g *group) repair(p *Packet) {
	if !g.live || g.missing == 0 || newer(g.first, p.SequenceNumber) {
		return
	}
	g.missing--
	g.take(p)
}

// whole tells that a stream can begin with the group.
func (g *group) whole() bool { return g.live && g.missing == 0 }

// GroupTooLarge tells that the present group of pictures, or the one before, was
// too large to be kept: who comes waits for the next keyframe.
func (l *Layer) GroupTooLarge() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.group.over || l.group.large
}

// recent tells that a stream that begins need not wait for another keyframe.
func (l *Layer) recent(now time.Time) bool {
	at := l.groupAt.Load()
	return at != 0 && (l.keepGroup() > 0 || l.young(now))
}

// young reports whether the group would be kept of any publisher.
func (l *Layer) young(now time.Time) bool {
	return clock.Nano(now)-l.groupAt.Load() < int64(maxAge*time.Second)
}

// usable reports whether a stream that comes now could begin with the group, once it
// is whole.
func (g *group) usable(now time.Time) bool {
	return g.live && (g.limit > 0 || now.Sub(g.at) < maxAge*time.Second)
}

// lose notes that a packet is not kept any more: without its beginning, a group is
// worth nothing.
func (g *group) lose(seq uint16) {
	if g.live && !newer(g.first, seq) {
		g.live, g.over = false, g.limit > 0
	}
}

// keeps tells whether a packet of the history is to stay.
func (g *group) keeps(seq uint16) bool {
	return g.live && g.limit > 0 && !newer(g.first, seq)
}

const (
	// maxAge bounds, in seconds, how old the keyframe of a group may be that
	// nobody asked to be kept: what has happened since is shown in a moment.
	maxAge = 1
	// catchUpTime is how long, in seconds of the stream's own time, the group
	// takes to play: its pictures come as fast as they can be decoded.
	catchUpTime = 0.2
	// What leaves at a time of what a stream has missed: 40 Mbit/s, no more at
	// once than sockets hold.
	catchUpPackets  = 48
	catchUpInterval = 10 * time.Millisecond
	// groupMemory is how many packets that left can be asked for again, where a
	// whole group leaves within a moment.
	groupMemory = 4096
	// againAfter is how often a receiver that has lost the picture gets the group
	// once more.
	againAfter = 2 * time.Second
)

// catching is a stream that began with the present group and has not come to
// its end yet.
type catching struct {
	on    bool
	next  uint16 // number of the packet that is to leave
	until uint32 // timestamp from which on pictures leave at their pace
	span  uint32 // before it, from the keyframe on
	began time.Time
}

// squeeze is the timestamp with which a picture of the group leaves: all of
// them lie within catchUpTime before the present.
func (c *catching) squeeze(ts, clockRate uint32) uint32 {
	most := uint64(float64(clockRate) * catchUpTime)
	before := c.until - ts
	if int32(before) <= 0 || uint64(c.span) <= most {
		return ts
	}
	return c.until - uint32(uint64(before)*most/uint64(c.span))
}

// startBehind begins with the group that there is, if the stream shows nothing
// yet: it need not wait for the next keyframe. It is called while the layer's
// pushing is held.
func (s *Stream) startBehind(l *Layer, now time.Time) bool {
	g := &l.group
	if !l.video || !g.whole() || s.playing != nil {
		return false
	}
	first, newest := l.history.get(g.first), l.history.get(uint16(l.highest))
	if first == nil || newest == nil {
		return false
	}
	span := newest.packet.Timestamp - g.time
	if g.limit == 0 && span > maxAge*l.cfg.ClockRate {
		return false
	}
	s.catching = catching{on: true, next: g.first, until: newest.packet.Timestamp, span: span, began: now}
	p := first.packet
	p.Timestamp = s.catching.squeeze(p.Timestamp, l.cfg.ClockRate)
	on := s.catching
	s.last = nil // its timestamps begin anew
	s.begin(l, &p, now)
	s.catching = on
	return true
}

// startAgain gives a receiver that has lost the picture the group once more.
func (s *Stream) startAgain(now time.Time) {
	if now.Sub(s.catching.began) < againAfter {
		return
	}
	began := s.catching.began
	s.hold()
	s.settle()
	s.catching.began = began
}

// catchUp sends some of what the stream has missed. It is called while the
// layer's pushing is held.
func (s *Stream) catchUp(l *Layer, now time.Time) {
	c := &s.catching
	for range catchUpPackets {
		if newer(c.next, uint16(l.highest)) {
			c.on = false
			return
		}
		if l.group.live && newer(l.group.first, c.next) {
			// There is a new group by now: nobody needs the rest of the old one.
			s.hold()
			s.settle()
			return
		}
		if kept := l.history.get(c.next); kept != nil { // else it was lost
			p := kept.packet
			p.Timestamp = c.squeeze(p.Timestamp, l.cfg.ClockRate)
			s.forward(l, &p, now)
		}
		c.next++
	}
	if newer(c.next, uint16(l.highest)) {
		c.on = false
		return
	}
	l.behind.Store(true)
}
