package backhaul

import (
	"google.golang.org/protobuf/proto"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// What other nodes may take of the memory, in bytes. An eighth of what Umbrella
// may use, so that nothing that they say keeps people of this node out: half for
// what is known of their participants, half for showing these.
const (
	budgetShare = 8
	mostBudget  = 32 << 20 // also where there is no limit
	// assured is what each link may have described at any time.
	assured = 64 << 10
	// mostDescribed is what one link may have described.
	mostDescribed = 4 << 20
)

// What one participant, track and layer take, in bytes: what is announced of
// them, besides its strings, and what is shown.
const (
	describedParticipant, describedTrack, describedLayer = 320, 320, 112
	shownParticipant, shownTrack, shownLayer             = 2048, 512, 2048
)

// described is what an announcement takes in memory.
func described(p *umbrellav1.TrunkParticipant) int {
	return costOf(p, describedParticipant, describedTrack, describedLayer) + proto.Size(p)
}

// shown is what a participant takes in a room.
func shown(p *umbrellav1.TrunkParticipant) int {
	return costOf(p, shownParticipant, shownTrack, shownLayer)
}

func costOf(p *umbrellav1.TrunkParticipant, participant, track, layer int) int {
	cost := participant
	for _, t := range p.GetTracks() {
		cost += track + layer*len(t.GetLayers())
	}
	return cost
}

// budget is what other nodes may take for one of the two, in bytes, and whether
// there is memory for more now.
func (h *hub) budget() (each int, ample bool) {
	f, short := h.owner.Memory.State()
	each = mostBudget
	if f.Limit > 0 {
		each = int(min(f.Limit/budgetShare, mostBudget))
	}
	return each / 2, short == nil
}

// bound has the table take as much as there is room for. The caller holds mu.
func (h *hub) bound() {
	each, ample := h.budget()
	h.table.MaxCost = min(mostDescribed, each/2)
	h.table.MaxTotal = each
	if !ample {
		h.table.MaxTotal = 0
	}
}

// affords tells whether there is room for somebody who came by a link and is
// shown already, or nil, to take so much. One link gets half: it must not crowd
// the others out. The caller holds mu.
func (h *hub) affords(r *remote, l *link, cost int) bool {
	if r != nil && cost <= r.cost {
		return true
	}
	each, ample := h.budget()
	all, by := cost, cost
	for _, other := range h.remotes {
		if other == r {
			continue
		}
		all += other.cost
		if other.link == l {
			by += other.cost
		}
	}
	return ample && all <= each && by <= each/2
}
