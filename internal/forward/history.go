package forward

import (
	"time"
	"unsafe"
)

// history keeps the last packets of a layer, by sequence number: about
// historySpan of them, and those of the group of pictures that is to be kept.
// Its ring grows while the packet it would overwrite is needed, so a slow layer
// takes little and a fast one enough; and it shrinks again (tidy). When the
// account has no more, the oldest packets give way to the new ones.
type history struct {
	account *Account
	bytes   int64 // that are counted in account
	ring    []*slot
	kept    int     // packets in the ring
	free    []*slot // to be used again
	spare   int     // how many of free were not needed since the last tidy
	// newest is the number of the newest packet; what is older than oldest has
	// been looked at, whether it is needed.
	newest, oldest uint16
	newestAt       time.Time // when newest was put
}

// slot is one kept packet. What it points to is used again with it.
type slot struct {
	packet  Packet
	payload []byte
	arrival time.Time
}

const (
	historySpan     = time.Second
	minHistorySlots = 64
	maxHistorySlots = 2048
	maxGroupSlots   = 8192 // where a group of pictures is kept
	// maxFreeSlots are kept to be used again: as many come as go, but for the end
	// of a group, when it all goes.
	maxFreeSlots = 64
	// sweepSteps is how many places are looked at with each packet, and
	// evictSteps when one has to give way.
	sweepSteps = 8
	evictSteps = 64
	// silentAfter is how long after its last packet a layer keeps something, and
	// silentGroupAfter that where a group of pictures is kept: cameras may send a
	// picture now and then only, and are dialled anew after less.
	silentAfter      = 1500 * time.Millisecond
	silentGroupAfter = 10 * time.Second

	// What a packet and a place in the ring take besides the payload, in bytes.
	slotBytes  = int64(unsafe.Sizeof(slot{}))
	placeBytes = int64(unsafe.Sizeof((*slot)(nil)))
)

// put keeps a copy of p and returns it; it lives until it is overwritten, or as
// long as it is needed and may be kept. What belongs to the group is, while that
// lasts. pending is how many of the newest packets are on their way to the
// streams: these do not give way.
func (h *history) put(p *Packet, now time.Time, g *group, pending int) *slot {
	if h.ring == nil {
		h.ring = make([]*slot, minHistorySlots)
		h.count(minHistorySlots * placeBytes)
		h.newest, h.oldest = p.SequenceNumber, p.SequenceNumber
	}
	at := h.at(p.SequenceNumber)
	if s := *at; s != nil && s.packet.SequenceNumber != p.SequenceNumber {
		young := now.Sub(s.arrival) < historySpan && len(h.ring) < maxHistorySlots
		needed := young || g.keeps(s.packet.SequenceNumber) && len(h.ring) < maxGroupSlots
		if needed && h.grow() {
			at = h.at(p.SequenceNumber)
		}
	}
	if *at == nil {
		*at = h.take(int64(len(p.Payload)+len(p.Dependency)), g, pending)
		h.kept++
	} else if was := (*at).packet.SequenceNumber; was != p.SequenceNumber {
		g.lose(was)
	}
	s := *at
	s.arrival = now
	room := cap(s.payload)
	s.payload = append(append(s.payload[:0], p.Payload...), p.Dependency...)
	if more := cap(s.payload) - room; more != 0 {
		h.count(int64(more))
	}
	s.packet = *p
	n := len(p.Payload)
	s.packet.Payload, s.packet.Dependency = s.payload[:n:n], s.payload[n:]
	// What is far behind, or behind for long, is no late packet, but of numbers
	// that begin anew.
	d := int16(p.SequenceNumber - h.newest)
	if d >= 0 || d < -maxGroupSlots || now.Sub(h.newestAt) > historySpan {
		h.newest, h.newestAt = p.SequenceNumber, now
	}
	h.sweep(now, g, sweepSteps)
	return s
}

// sweep gives back what is not needed any more, of the next so many places.
func (h *history) sweep(now time.Time, g *group, steps int) {
	if int(h.newest-h.oldest) >= len(h.ring) {
		h.oldest = h.newest - uint16(len(h.ring)-1)
	}
	for range steps {
		if h.oldest == h.newest {
			return
		}
		if s := *h.at(h.oldest); s != nil {
			if now.Sub(s.arrival) < historySpan || g.keeps(s.packet.SequenceNumber) {
				if s.packet.SequenceNumber == h.oldest {
					return
				}
			} else {
				h.drop(s)
			}
		}
		h.oldest++
	}
}

// drop takes a packet out of the ring.
func (h *history) drop(s *slot) {
	*h.at(s.packet.SequenceNumber) = nil
	h.kept--
	if len(h.free) < maxFreeSlots {
		h.free = append(h.free, s)
	} else {
		h.release(s)
	}
}

// release gives up a slot.
func (h *history) release(s *slot) { h.count(-slotBytes - int64(cap(s.payload))) }

// take finds a slot for a packet of size bytes: one that is free, a new one, or
// that of the oldest packet where the account has no more.
func (h *history) take(size int64, g *group, pending int) *slot {
	if last := len(h.free) - 1; last >= 0 {
		s := h.free[last]
		h.free[last], h.free = nil, h.free[:last]
		h.spare = min(h.spare, last)
		return s
	}
	if h.account != nil && !h.account.share.May(slotBytes+size) && h.kept > pending {
		// Two go for one that comes, as long as there is too much.
		if h.kept > pending+1 && h.account.share.Over(0) {
			if s := h.evict(g); s != nil {
				h.release(s)
			}
		}
		if s := h.evict(g); s != nil {
			return s
		}
	}
	h.count(slotBytes)
	return &slot{}
}

// evict takes out the oldest packet, or returns nil when it is not found soon.
func (h *history) evict(g *group) *slot {
	s := h.first(evictSteps)
	if s != nil {
		*h.at(h.oldest) = nil
		h.kept--
		g.lose(s.packet.SequenceNumber)
	}
	return s
}

// first is the oldest packet, or nil when it is not found within so many places. It
// lies where oldest is now.
func (h *history) first(steps int) *slot {
	if int(h.newest-h.oldest) >= len(h.ring) {
		h.oldest = h.newest - uint16(len(h.ring)-1)
	}
	for range steps {
		if s := *h.at(h.oldest); s != nil || h.oldest == h.newest {
			return s
		}
		h.oldest++
	}
	return nil
}

// tidy gives back what is not needed at this moment. Nothing is needed of a layer
// that nobody takes but the group with which the next one to come can begin, and
// nothing of one that is silent. It returns false if nothing is left.
func (h *history) tidy(now time.Time, g *group, taken bool) bool {
	limit := silentAfter
	if g.limit > 0 {
		limit = silentGroupAfter
	}
	if now.Sub(h.newestAt) >= limit || !taken && !g.usable(now) {
		return false
	}
	h.sweep(now, g, len(h.ring))
	share := &h.account.share
	for s := h.first(len(h.ring)); s != nil; s = h.first(len(h.ring)) {
		// What is only there to be sent again goes first, while there is still a
		// little left for the groups of the publisher's other layers.
		past := !g.usable(now) || newer(g.first, s.packet.SequenceNumber)
		if !share.Over(0) && !(past && (!taken || share.Over(share.Used()/8))) {
			break
		}
		h.release(h.evict(g))
	}
	h.spare = min(h.spare, len(h.free))
	for range h.spare {
		last := len(h.free) - 1
		h.release(h.free[last])
		h.free[last], h.free = nil, h.free[:last]
	}
	if len(h.free) == 0 {
		h.free = nil
	}
	h.spare = len(h.free)
	h.shrink()
	return true
}

// reset gives everything back.
func (h *history) reset() {
	h.count(-h.bytes)
	*h = history{account: h.account}
}

// count counts bytes that are kept, or given back.
func (h *history) count(n int64) {
	if h.account != nil {
		h.bytes += n
		h.account.share.Add(n)
	}
}

// get returns the packet with that sequence number, or nil.
func (h *history) get(seq uint16) *slot {
	if h.ring == nil {
		return nil
	}
	if s := *h.at(seq); s != nil && s.packet.SequenceNumber == seq {
		return s
	}
	return nil
}

func (h *history) at(seq uint16) **slot {
	return &h.ring[int(seq)&(len(h.ring)-1)]
}

// grow doubles the ring, if the account has room for that.
func (h *history) grow() bool {
	more := int64(len(h.ring)) * placeBytes
	if h.account != nil && !h.account.share.May(more) {
		return false
	}
	h.count(more)
	h.resize(2 * len(h.ring))
	return true
}

// shrink halves the ring as long as what it keeps fills less than a quarter.
func (h *history) shrink() {
	places := len(h.ring)
	for span := int(h.newest-h.oldest) + 1; places > minHistorySlots && span <= places/4; {
		places /= 2
	}
	// Packets from before the numbers began anew may lie anywhere.
	if places == len(h.ring) || h.kept > places/2 {
		return
	}
	h.count(int64(places-len(h.ring)) * placeBytes)
	h.resize(places)
}

func (h *history) resize(places int) {
	old := h.ring
	h.ring = make([]*slot, places)
	h.kept = 0
	for _, s := range old {
		if s == nil {
			continue
		}
		at := h.at(s.packet.SequenceNumber)
		if *at != nil {
			h.release(*at) // only where numbers began anew
			h.kept--
		}
		*at = s
		h.kept++
	}
}
