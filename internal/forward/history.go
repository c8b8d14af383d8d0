package forward

import "time"

// history keeps the last packets of a layer, by sequence number, for as many
// as hold about historySpan of them. It is a ring that grows while the packet
// it would overwrite is younger than that, so a slow layer takes little and a
// fast one enough.
type history struct {
	slots []slot
}

// slot is one kept packet. The memory of what it points to is used again.
type slot struct {
	used    bool
	packet  Packet
	payload []byte
	arrival time.Time
}

const (
	historySpan     = time.Second
	minHistorySlots = 64
	maxHistorySlots = 2048
	maxGroupSlots   = 8192 // where a group of pictures is kept
)

// put keeps a copy of p and returns it; it lives until it is overwritten. What
// belongs to the group is not, while that lasts.
func (h *history) put(p *Packet, now time.Time, g *group) *slot {
	if h.slots == nil {
		h.slots = make([]slot, minHistorySlots)
	}
	s := h.at(p.SequenceNumber)
	if s.used && s.packet.SequenceNumber != p.SequenceNumber {
		young := now.Sub(s.arrival) < historySpan && len(h.slots) < maxHistorySlots
		if young || g.keeps(s.packet.SequenceNumber) && len(h.slots) < maxGroupSlots {
			h.grow()
			s = h.at(p.SequenceNumber)
		}
	}
	s.used = true
	s.arrival = now
	s.payload = append(append(s.payload[:0], p.Payload...), p.Dependency...)
	s.packet = *p
	n := len(p.Payload)
	s.packet.Payload, s.packet.Dependency = s.payload[:n:n], s.payload[n:]
	return s
}

// get returns the packet with that sequence number, or nil.
func (h *history) get(seq uint16) *slot {
	if h.slots == nil {
		return nil
	}
	if s := h.at(seq); s.used && s.packet.SequenceNumber == seq {
		return s
	}
	return nil
}

func (h *history) at(seq uint16) *slot {
	return &h.slots[int(seq)&(len(h.slots)-1)]
}

func (h *history) grow() {
	old := h.slots
	h.slots = make([]slot, 2*len(old))
	for i := range old {
		if old[i].used {
			*h.at(old[i].packet.SequenceNumber) = old[i]
		}
	}
}
