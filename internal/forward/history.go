package forward

import "time"

// history keeps the last packets of a layer, by sequence number: about
// historySpan of them, and those of the group of pictures that is to be kept.
// Its ring grows while the packet it would overwrite is needed, so a slow layer
// takes little and a fast one enough.
type history struct {
	ring []*slot
	free []*slot // to be used again
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
	// sweepSteps is how many places are looked at with each packet.
	sweepSteps = 8
)

// put keeps a copy of p and returns it; it lives until it is overwritten, or as
// long as it is needed. What belongs to the group is, while that lasts.
func (h *history) put(p *Packet, now time.Time, g *group) *slot {
	if h.ring == nil {
		h.ring = make([]*slot, minHistorySlots)
		h.newest, h.oldest = p.SequenceNumber, p.SequenceNumber
	}
	at := h.at(p.SequenceNumber)
	if s := *at; s != nil && s.packet.SequenceNumber != p.SequenceNumber {
		young := now.Sub(s.arrival) < historySpan && len(h.ring) < maxHistorySlots
		if young || g.keeps(s.packet.SequenceNumber) && len(h.ring) < maxGroupSlots {
			h.grow()
			at = h.at(p.SequenceNumber)
		}
	}
	if *at == nil {
		*at = h.take()
	}
	s := *at
	s.arrival = now
	s.payload = append(append(s.payload[:0], p.Payload...), p.Dependency...)
	s.packet = *p
	n := len(p.Payload)
	s.packet.Payload, s.packet.Dependency = s.payload[:n:n], s.payload[n:]
	// What is far behind, or behind for long, is no late packet, but of numbers
	// that begin anew.
	d := int16(p.SequenceNumber - h.newest)
	if d >= 0 || d < -maxGroupSlots || now.Sub(h.newestAt) > historySpan {
		h.newest, h.newestAt = p.SequenceNumber, now
	}
	h.sweep(now, g)
	return s
}

// sweep gives back some of what is not needed any more.
func (h *history) sweep(now time.Time, g *group) {
	if int(h.newest-h.oldest) >= len(h.ring) {
		h.oldest = h.newest - uint16(len(h.ring)-1)
	}
	for range sweepSteps {
		if h.oldest == h.newest {
			return
		}
		at := h.at(h.oldest)
		if s := *at; s != nil {
			if now.Sub(s.arrival) < historySpan || g.keeps(s.packet.SequenceNumber) {
				if s.packet.SequenceNumber == h.oldest {
					return
				}
			} else {
				*at = nil
				if len(h.free) < maxFreeSlots {
					h.free = append(h.free, s)
				}
			}
		}
		h.oldest++
	}
}

func (h *history) take() *slot {
	last := len(h.free) - 1
	if last < 0 {
		return &slot{}
	}
	s := h.free[last]
	h.free[last], h.free = nil, h.free[:last]
	return s
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

func (h *history) grow() {
	old := h.ring
	h.ring = make([]*slot, 2*len(old))
	for _, s := range old {
		if s != nil {
			*h.at(s.packet.SequenceNumber) = s
		}
	}
}
