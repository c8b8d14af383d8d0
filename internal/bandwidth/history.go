package bandwidth

// historySize is how many packets are remembered until a report on them comes:
// a power of two, one second at 20 Mbit/s. What is reported later than that is
// not counted.
const historySize = 2048

// What is known of a packet.
const (
	unused = iota
	inFlight
	missing
	arrived
)

// record is one packet that was sent. Hundreds of receivers have a ring of
// these each, so it is kept to eight bytes.
type record struct {
	at   uint32 // the low bits of the time of sending, in µs
	size uint16
	high uint8 // the high bits of the number, to tell it from those that share its place
	fate uint8
}

// history remembers the packets sent last, by their transport-wide number.
type history struct {
	ring   []record // of historySize, from the first packet on
	newest uint16
	begun  bool
}

// add notes a packet. Numbers may come a little out of order, as several
// goroutines send.
func (h *history) add(number uint16, size int, at int64) {
	if h.ring == nil {
		h.ring = make([]record, historySize)
	}
	h.ring[number%historySize] = record{
		at: uint32(at), size: uint16(min(max(size, 0), 1<<16-1)), high: uint8(number >> 8), fate: inFlight,
	}
	if !h.begun || int16(number-h.newest) > 0 {
		h.newest, h.begun = number, true
	}
}

// find gives what is known of a packet, or nil when it is not remembered or
// was never sent.
func (h *history) find(number uint16) *record {
	if h.ring == nil {
		return nil
	}
	r := &h.ring[number%historySize]
	if r.fate == unused || r.high != uint8(number>>8) {
		return nil
	}
	return r
}

// sentAt gives the time a packet was sent at, in µs, if that is no longer ago
// than half an hour.
func (r *record) sentAt(now int64) int64 {
	return now - int64(int32(uint32(now)-r.at))
}
