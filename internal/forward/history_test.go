package forward

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestHistoryGrowsToASecond(t *testing.T) {
	var h history
	now := t0
	for seq := range uint16(5000) {
		now = now.Add(2 * time.Millisecond) // 500 packets a second
		h.put(&Packet{SequenceNumber: seq, Payload: []byte{1}}, now, &group{}, 0)
	}
	if n := len(h.ring); n != 512 {
		t.Errorf("%d places for 500 packets a second", n)
	}
	if h.get(4999) == nil || h.get(4999-499) == nil || h.get(4999-600) != nil {
		t.Error("not the last second is kept")
	}
	for seq := range uint16(60000) {
		h.put(&Packet{SequenceNumber: seq, Payload: []byte{1}}, now, &group{}, 0)
	}
	if n := len(h.ring); n != maxHistorySlots {
		t.Errorf("%d places in a flood", n)
	}
}

// The packets of a group are kept until the next one, and no longer.
func TestHistoryGivesBack(t *testing.T) {
	var h history
	now := t0
	g := group{live: true, limit: 1 << 20, first: 60000}
	seq := uint16(60000)
	put := func(n int) {
		for range n {
			now = now.Add(5 * time.Millisecond) // 200 packets a second
			h.put(&Packet{SequenceNumber: seq, Payload: []byte{1}}, now, &g, 0)
			seq++
		}
	}
	put(2000)
	if n := h.kept; n != 2000 || h.get(60000) == nil {
		t.Fatalf("%d packets of the group are kept", n)
	}
	g.first = seq
	put(400)
	if n := h.kept; n != 400 || h.get(g.first) == nil {
		t.Errorf("%d packets are kept with the next group", n)
	}
	g.live = false
	put(400)
	if n := h.kept; n < 200 || n > 210 {
		t.Errorf("%d packets are kept without a group", n)
	}
	// A source that begins anew, somewhere.
	for range 20 {
		seq = uint16(rand.Uint32())
		put(1200)
	}
	for _, back := range []uint16{1, 100, 1200, 2400, maxGroupSlots, maxGroupSlots + 1} {
		seq -= back
		put(1200)
	}
	if n := h.kept; n > 3*200 {
		t.Errorf("%d packets are kept where numbers jump", n)
	}
	if h.get(seq-1) == nil || h.get(seq-190) == nil {
		t.Error("the last second is not there")
	}
}
